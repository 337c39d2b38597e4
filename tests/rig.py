"""A whole engine on throwaway servers, for benches, chaos and end-to-end tests."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from digital_cs.catalog.programs import program_hash, program_to_json
from digital_cs.config import Settings, load_settings
from digital_cs.domain.programs.program import Program
from digital_cs.domain.programs.program_graph import compile_program
from digital_cs.domain.sending.policy import OPEN
from digital_cs.messages.search_attributes import DECLARED
from digital_cs.stack.children import Child
from digital_cs.stack.ports import free_port
from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.store.migrate import migrate
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.product import milestone_definitions
from digital_cs.store.programs import programs
from digital_cs.store.sending import policies

ROOT = Path(__file__).resolve().parent.parent
MAIL_DOMAIN = "company.test"
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class Servers:
    """Running servers and where they keep what they got."""

    folder: Path
    postgres: PostgresServer
    temporal: TemporalServer
    sink: Child
    mail: Path
    smtp_port: int

    def settings(self, **overrides: Any) -> Settings:
        """Settings for an engine on these servers; nothing comes from the environment."""
        values: dict[str, Any] = {
            "database_url": self.postgres.url, "temporal_address": self.temporal.address,
            "smtp_host": "127.0.0.1", "smtp_port": self.smtp_port, "smtp_tls": "none",
            "content_dir": ROOT / "content", "state_dir": self.folder,
            "clock_origin": MONDAY, "clock_started": datetime.now(UTC), "log_level": "error",
            "content_links": "off",
        }  # fmt: skip
        return load_settings(**{**values, **overrides})


def environment(settings: Settings) -> dict[str, str]:
    """These settings as the environment of another process of ours, which agrees on the clock."""
    values = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is not None:
            shown = value.get_secret_value() if isinstance(value, SecretStr) else value
            values[name.upper()] = shown.isoformat() if isinstance(shown, datetime) else str(shown)
    return values


def without_limits(url: str) -> None:
    """Put a policy in force that limits nothing: how much is another question than whether."""

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into policies (version, content_hash, spec, published_at)"
            " values (1, %s, %s, %s)",
            (policies.policy_hash(OPEN), Jsonb(policies.policy_to_json(OPEN)), MONDAY),
        )


def start_sink(folder: Path, mail: Path, port: int) -> Child:
    """The sink in a process of its own; returns when it listens."""
    ready = folder / f"sink-{port}.port"
    ready.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "digital_cs.channels.sink", "--folder", str(mail),
            "--port", str(port), "--port-file", str(ready)]  # fmt: skip
    child = Child("sink", argv, log=folder / "logs" / "sink.log")
    child.start()
    child.wait_ready(ready.exists, 20)
    return child


@contextlib.contextmanager
def servers(
    *, in_memory: bool = False, durable: bool = True, settings: Mapping[str, str] | None = None
) -> Iterator[Servers]:
    """Postgres (with these settings), Temporal and the sink on a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-rig-", dir="/tmp"))
    folder.chmod(0o711)
    mail = Path(tempfile.mkdtemp(prefix="dcs-mail-", dir=_quick_folder(folder)))
    postgres = PostgresServer(folder, durable=durable, settings=settings)
    temporal = TemporalServer(folder, ui=False, search_attributes=DECLARED, in_memory=in_memory)
    port = free_port()
    sink: Child | None = None
    try:
        postgres.start()
        temporal.start()
        sink = start_sink(folder, mail, port)
        migrate(postgres.url)
        without_limits(postgres.url)
        yield Servers(folder, postgres, temporal, sink, mail, port)
    finally:
        if sink is not None:
            sink.stop()
        temporal.stop()
        postgres.stop()
        shutil.rmtree(mail, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _quick_folder(otherwise: Path) -> Path:
    """Memory where the system offers it: a bench of ours is not a bench of this disk."""
    shm = Path("/dev/shm")
    return shm if shm.is_dir() else otherwise


def program(id: str, steps: list[dict[str, Any]], **parts: Any) -> Program:
    """A program that may send at any hour, unless said otherwise."""
    return Program.model_validate(
        {
            "program": id, "name": id, "owner": "maya",
            "send_window": {"days": "every day", "hours": "00:00-24:00", "holidays": "ignore"},
            "steps": steps, **parts,
        }
    )  # fmt: skip


def drip(id: str, touches: int, wait: str) -> Program:
    """So many sends with the same wait between them."""
    steps: list[dict[str, Any]] = []
    for number in range(touches):
        if number:
            steps.append({"wait": wait})
        steps.append({"send": "welcome-trial-1", "id": f"touch-{number + 1}",
                      "useful_for": "30 days"})  # fmt: skip
    return program(id, steps)


async def publish(connection: AsyncConnection[Any], wanted: Program, at: datetime) -> None:
    """Publish a program without a file."""
    graph, complaints = compile_program(wanted)
    assert not complaints, complaints
    await programs.publish(connection, graph, program_to_json(wanted), program_hash(wanted), at)
    await milestone_definitions.refresh(connection, at)


async def people(
    connection: AsyncConnection[Any], count: int, at: datetime, prefix: str = "acct"
) -> list[str]:
    """So many accounts with one champion each; returns their ids."""
    ids = [f"{prefix}-{number:05d}" for number in range(count)]
    await save_accounts(
        connection,
        [AccountRecord(id, f"Company {id}", stage="trial", traits={"plan": "trial", "seats": 5})
         for id in ids],
        at,
    )  # fmt: skip
    await save_contacts(
        connection,
        [ContactRecord(f"{id}-c1", id, f"{id}@{MAIL_DOMAIN}", "Ada", f"Ada of {id}", ("champion",))
         for id in ids],
        at,
    )  # fmt: skip
    return ids


async def usage_complete(connection: AsyncConnection[Any], day: date | None) -> None:
    """Say that the usage of all is here up to this UTC day; None: nobody can say."""
    await connection.execute(
        "insert into sources (name, kind, feeds, complete_through)"
        " values ('feed', 'csv', '{usage}', (%s::date + 1)::timestamp at time zone 'UTC')"
        " on conflict (name) do update set complete_through = excluded.complete_through",
        (day,),
    )


def say(text: str) -> None:
    """A line for people, on standard error: the last line of standard output is JSON."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
