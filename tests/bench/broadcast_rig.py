"""What bench-broadcast is made of: an audience, processes that are watched, and a bare loop."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from activities.mass_writing import MassWriter
from digital_cs import logs
from digital_cs.bootstrap_broadcasts import sender_of
from digital_cs.config import Settings
from digital_cs.domain.sending.broadcast import BroadcastPlan
from digital_cs.domain.sending.policy import Damage, Policy
from digital_cs.rendering.context import AccountView, ContactView, ProgramView
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.stack.children import Child
from tests import rig
from tests.bench.fast_sink import FastSink

EMAIL = "renewal-90"
"""A long one of the playbook: three places for names, a date and a link that is tracked."""

POLICY = Policy(holdout=0, damage=Damage(program_a_day=None))
"""The playbook's rules, all in force; but the drips of a bench may go to every account."""

_TICKS = os.sysconf("SC_CLK_TCK")
_ACCOUNTS = """
insert into accounts (id, name, stage, zone, country, traits, created_at, updated_at)
select %(cohort)s || '-' || n, 'Company ' || n, 'active', 'Europe/Berlin', 'DE',
       jsonb_build_object('plan', 'growth', 'seats', n %% 40, 'renewal_on', '2026-09-01',
                          'cohort', %(cohort)s), %(now)s, %(now)s
  from generate_series(1, %(count)s) n
"""
_CONTACTS = """
insert into contacts (id, email, first_name, full_name, active, traits, created_at, updated_at)
select %(cohort)s || '-' || n || '-c', 'ada' || n || '@' || %(cohort)s || n %% 5000 || '.test',
       'Ada', 'Ada ' || n || ' of Company', true, '{}', %(now)s, %(now)s
  from generate_series(1, %(count)s) n
"""
_MEMBERSHIPS = """
insert into memberships (contact_id, account_id, joined_at, roles)
select %(cohort)s || '-' || n || '-c', %(cohort)s || '-' || n, %(now)s, '{champion}'
  from generate_series(1, %(count)s) n
"""


def populate(url: str, cohort: str, count: int) -> None:
    """So many accounts with one champion each, who can be told from others by their cohort."""
    values = {"cohort": cohort, "count": count, "now": rig.MONDAY}
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (_ACCOUNTS, _CONTACTS, _MEMBERSHIPS):
            connection.execute(statement, values)
        for table in ("accounts", "contacts", "memberships"):
            connection.execute(f"analyze {table}")


def plan_for(cohort: str) -> BroadcastPlan:
    """A broadcast to a cohort that may go at any hour."""
    return BroadcastPlan.model_validate(
        {
            "email": EMAIL, "topic": "newsletter", "audience": {"trait": "cohort", "is": cohort},
            "send_window": {"days": "every day", "hours": "00:00-24:00", "holidays": "ignore"},
        }
    )  # fmt: skip


def ready_made(settings: Settings) -> bytes:
    """One message as the broadcast sends it."""
    writer = MassWriter(
        EmailLibrary(settings.content_dir).get(EMAIL), ProgramView("Bench", "bench"),
        sender_of(settings), Signer(*settings.link_keys()), LinkSigner(*settings.link_keys()),
        kind="marketing",
    )  # fmt: skip
    traits = {"plan": "growth", "seats": 7, "renewal_on": "2026-09-01"}
    return writer.write(
        key="bench/1", account=AccountView("a-1", "Company 1", "growth", "active", traits),
        contact_id="a-1-c", contact=ContactView("Ada", "Ada 1 of Company", "champion", ""),
        address="ada1@company1.test", now=datetime.now(UTC),
    ).payload  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """CPU seconds by part, and the most memory of its own that each had, in bytes."""

    cpu: Mapping[str, float]
    memory: Mapping[str, int]

    def a_message(self, messages: int) -> dict[str, float]:
        """Microseconds of CPU for each of so many messages."""
        return {part: seconds / messages * 1e6 for part, seconds in self.cpu.items()}


@dataclass
class Sent:
    """One broadcast, from the word to start to its end."""

    way: str
    recipients: int
    seconds: float
    spent: Spent
    peak: int
    bare: list[float] = field(default_factory=list)
    library: float = 0.0
    bare_spent: Spent = field(default_factory=lambda: Spent({}, {}))
    accepted: int = 0
    wrong: int = 0
    late: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.recipients / self.seconds

    @property
    def ratio(self) -> float:
        return self.rate / statistics.mean(self.bare)

    @property
    def over_library(self) -> float:
        return self.rate / self.library


class Watch:
    """Reads from /proc what processes and all they start spend, from now until `spent`."""

    def __init__(self, parts: Mapping[str, Sequence[int]]) -> None:
        self._parts = parts
        self._most: dict[str, int] = {}
        self._before = {part: _cpu(pids) for part, pids in parts.items()}
        self._task = asyncio.create_task(self._sample())

    async def _sample(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(0.5)

    def _look(self) -> None:
        for part, pids in self._parts.items():
            memory = sum(_status(pid, "RssAnon") for pid in _family(pids))
            self._most[part] = max(self._most.get(part, 0), memory)

    def spent(self) -> Spent:
        """What was spent since the beginning."""
        self._task.cancel()
        self._look()
        cpu = {part: _cpu(pids) - self._before[part] for part, pids in self._parts.items()}
        return Spent(cpu, dict(self._most))


def _cpu(pids: Sequence[int]) -> float:
    """CPU seconds of these and all below them, those that ended included."""
    ticks = 0
    for pid in _family(pids):
        fields = _stat(pid)
        if fields is not None:
            ticks += sum(int(each) for each in fields[11:15])
    return ticks / _TICKS


def _family(pids: Sequence[int]) -> list[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))) is not None:
            parents.setdefault(int(fields[1]), []).append(int(name))
    found = [*pids]
    for pid in found:
        found += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # it ended meanwhile


def _status(pid: int, name: str) -> int:
    """A number of bytes of a process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def peak(pids: Sequence[int]) -> int:
    """The most memory that one of these ever had, in bytes."""
    return max(_status(pid, "VmHWM") for pid in pids)


@contextmanager
def workers(settings: Settings, folder: Path, queue: str, processes: int) -> Iterator[list[int]]:
    """Worker processes as an operator starts them; yields their ids once they all work."""
    environment = {**os.environ, **rig.environment(settings), "LOG_LEVEL": "info"}
    children = [
        Child(
            f"{queue} {number}",
            [sys.executable, "-m", "digital_cs", "worker", "--queue", queue],
            log=folder / "logs" / f"{settings.task_queue}-{queue}-{number}.log", env=environment,
            cwd=folder,
        )
        for number in range(processes)
    ]  # fmt: skip
    try:
        for child in children:
            child.start()
        for child in children:
            log = child.log
            child.wait_ready(
                lambda log=log: log.exists() and logs.WORKER_STARTED in log.read_text(), 60
            )
        yield [child.pid for child in children if child.pid is not None]
    finally:
        for child in children:
            child.stop()


async def bare_loop(
    sink: FastSink, message: Path, messages: int, processes: int, connections: int, at_once: int,
    *, client: str = "bulk",
) -> tuple[float, Spent]:  # fmt: skip
    """Messages a second of bare loops in so many processes, each with so many connections."""
    watch = Watch({"sink": sink.pids})
    start = time.time() + 2.0
    command = [
        sys.executable, "-m", "tests.bench.bare_mail", str(sink.port), str(message),
        "--messages", str(messages // processes), "--connections", str(connections),
        "--at-once", str(at_once), "--start", str(start), "--client", client,
    ]  # fmt: skip
    running = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        for _ in range(processes)
    ]
    found = [json.loads((await each.communicate())[0]) for each in running]
    spent = watch.spent()
    sent = sum(each["messages"] for each in found)
    assert sink.taken().messages == sent
    cpu = {"loop": sum(each["cpu"] for each in found), **spent.cpu}
    seconds = max(each["ended"] for each in found) - start
    return sent / seconds, Spent(cpu, spent.memory)
