"""An engine at work on the servers that all tests share, with a database and a sink of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from temporalio.client import WorkflowHandle

from digital_cs.bootstrap import Engine, open_engine
from digital_cs.channels.sink_folder import read_index
from digital_cs.config import Settings
from digital_cs.domain.programs.program import Program
from digital_cs.ingest.people.intake import Intake
from digital_cs.ingest.rules.entries import Entries
from digital_cs.messages.enrollment import workflow_id
from digital_cs.store.programs.enrollments import enroll
from tests import rig

DAY_A_SECOND = 86_400.0
"""Clock speed of most tests. A real timer of the server takes up to a second."""


@dataclass
class House(rig.Servers):
    """Servers, and a name that keeps its workflows apart from those of others."""

    name: str
    database_url: str

    def settings(self, **overrides: Any) -> Settings:
        """Settings for an engine of this house; asking again makes a new clock."""
        mine = {
            "database_url": self.database_url, "task_queue": self.name, "workspace": self.name,
            "clock_speed": DAY_A_SECOND, "smtp_timeout": 3.0, "touch_timeout": 8.0,
            "webhooks_to_private_networks": True, "mail_domain": f"{self.name}.test",
        }  # fmt: skip
        return super().settings(**{**mine, **overrides})

    @contextlib.asynccontextmanager
    async def engine(self, **overrides: Any) -> AsyncIterator[Visit]:
        """An engine that does nothing by itself: for tests that turn its wheels by hand."""
        async with open_engine(self.settings(**overrides)) as engine:
            yield Visit(self, engine)

    @contextlib.asynccontextmanager
    async def at_work(self, **overrides: Any) -> AsyncIterator[Visit]:
        """An engine that runs, and is stopped in order at the end."""
        async with self.engine(**overrides) as visit, running(visit.engine):
            yield visit

    def mails(self, to: str | None = None) -> list[EmailMessage]:
        """What the sink has, in order of arrival; for one recipient only, if asked."""
        return [
            message_from_bytes((self.mail / entry.file).read_bytes(), policy=policy.default)
            for entry in read_index(self.mail)
            if to is None or entry.to == to
        ]


@contextlib.asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[None]:
    """Run an engine meanwhile. Raises what broke it."""
    stop = asyncio.Event()
    work = asyncio.create_task(engine.run(stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await work


@dataclass
class Visit:
    """One engine and the questions that tests ask it."""

    house: House
    engine: Engine

    @property
    def now(self) -> datetime:
        return self.engine.clock.now()

    @property
    def intake(self) -> Intake:
        """Where facts come in."""
        engine = self.engine
        zone = engine.settings.workspace_zone
        return Intake(engine.pool, engine.clock, Entries(engine.pool, engine.clock, zone))

    async def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        async with self.engine.pool.connection() as connection:
            rows: list[tuple[Any, ...]] = await (await connection.execute(query, values)).fetchall()
            return rows

    async def tell(self, statement: str, *values: Any) -> None:
        """Run a statement."""
        async with self.engine.pool.connection() as connection:
            await connection.execute(statement, values)

    async def publish(self, *programs: Program) -> None:
        async with self.engine.pool.connection() as connection:
            for program in programs:
                await rig.publish(connection, program, self.now)

    async def people(self, count: int, prefix: str) -> list[str]:
        async with self.engine.pool.connection() as connection:
            return await rig.people(connection, count, self.now, prefix)

    async def enroll(self, program: str, *accounts: str) -> list[str]:
        """Put accounts in; ids of the enrollments."""
        async with self.engine.pool.connection() as connection:
            done = await enroll(
                connection, program, accounts, source="test", now=self.now, again="never"
            )
        assert sorted(done.enrolled) == sorted(accounts), done
        return [f"{program}:{account}:1" for account in accounts]

    def workflow(self, enrollment: str) -> WorkflowHandle[Any, Any]:
        """The workflow of an enrollment."""
        return self.engine.client.get_workflow_handle(workflow_id(self.house.name, enrollment))

    async def ended(self, *enrollments: str, within: float = 40.0) -> None:
        """Wait until these enrollments are over."""

        async def over() -> bool:
            open_ones = "select 1 from enrollments where id = any(%s) and ended_at is null"
            return not await self.ask(open_ones, list(enrollments))

        await until(over, within)

    async def sees(self, query: str, *values: Any, within: float = 30.0) -> list[tuple[Any, ...]]:
        """Wait until a query finds something, and give it."""
        found: list[tuple[Any, ...]] = []

        async def there() -> bool:
            found[:] = await self.ask(query, *values)
            return bool(found)

        await until(there, within)
        return found


async def until(holds: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    """Wait for something to become true; fails when it does not within these seconds."""
    last = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < last, f"it did not happen within {within:g} s"
        await asyncio.sleep(0.05)
