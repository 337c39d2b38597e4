"""A database as a demo may leave it, made by hand."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.rules.trigger_words import USAGE_UP_TO
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.database import pool as pools
from digital_cs.store.migrate import migrate
from digital_cs.store.product import usage
from digital_cs.store.product.usage import UsageRecord

ORIGIN = datetime(2026, 3, 2, tzinfo=UTC)
NOW = ORIGIN + timedelta(days=90)

_numbers = itertools.count(1)


def day(number: float) -> datetime:
    """A moment of the demo, in days from its first."""
    return ORIGIN + timedelta(days=number)


class StoppedClock:
    """Business time that a test sets."""

    speed = 1.0

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def seconds_until(self, moment: datetime) -> float:
        return max((moment - self.at).total_seconds(), 0.0)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(ORIGIN)


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """An empty, migrated database of its own."""
    url = postgres.createdb(f"demo_{next(_numbers)}")
    migrate(url)
    return url


@pytest.fixture
async def pool(url: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with pools.opened(url, 4) as opened:
        yield opened


@pytest.fixture
async def connection(pool: AsyncConnectionPool[Any]) -> AsyncIterator[AsyncConnection[Any]]:
    async with pool.connection() as opened:
        yield opened


class Scene:
    """Writes rows as the engine would have."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection

    async def account(self, id: str, name: str, *people: tuple[str, str]) -> None:
        await self._insert(
            "accounts", id=id, name=name, created_at=day(0), updated_at=day(0)
        )  # fmt: skip
        for number, (full_name, role) in enumerate(people, start=1):
            contact = f"{id}-p{number}"
            await self._insert(
                "contacts", id=contact, full_name=full_name, email=f"{contact}@shop.example",
                created_at=day(0), updated_at=day(0),
            )  # fmt: skip
            await self._insert(
                "memberships", contact_id=contact, account_id=id, roles=[role], joined_at=day(0),
                source="crm",
            )  # fmt: skip

    async def program(self, id: str, name: str) -> None:
        await self._insert("programs", id=id, state="running", version=1, changed_at=day(0))
        await self._insert(
            "program_versions", program_id=id, number=1, content_hash=id, first_step="one",
            spec=Jsonb({"name": name}), published_at=day(0),
        )  # fmt: skip

    async def enrollment(self, program: str, account: str, started: float, **more: Any) -> str:
        id = f"{program}:{account}:1"
        await self._insert(
            "enrollments", id=id, program_id=program, version=1, account_id=account, nth=1,
            **{"source": "event", "started_at": day(started), "step": "one", "visit": 1,
               "entered_at": day(started), "touched_at": day(started), **more},
        )  # fmt: skip
        return id

    async def message(
        self, enrollment: str, at: float, step: str, contact: int, state: str = "accepted",
        **more: Any,
    ) -> None:  # fmt: skip
        program, account, _ = enrollment.split(":")
        number = next(_numbers)
        await self._insert(
            "messages", key=f"{enrollment}/{number}", enrollment_id=enrollment,
            program_id=program, version=1, step=step, account_id=account,
            contact_id=f"{account}-p{contact}", email=step, kind="marketing", priority="normal",
            state=state, due_at=day(at), settled_at=day(at), zone="Europe/Berlin", attempts=1,
            **{"message_id": f"<{number}@lantern.example>", "claimed_at": day(at),
               "visit": number, **more},
        )  # fmt: skip

    async def decision(
        self, enrollment: str, at: float, step: str, verdict: str, reason: str, words: str,
        **more: Any,
    ) -> None:  # fmt: skip
        program, account, _ = enrollment.split(":")
        await self._insert(
            "decisions", at=day(at), enrollment_id=enrollment, account_id=account,
            program_id=program, version=1, step=step, verdict=verdict, reason=reason, words=words,
            **{"visit": 1, **more},
        )  # fmt: skip

    async def task(self, enrollment: str, opened: float, title: str, **more: Any) -> str:
        program, account, _ = enrollment.split(":")
        key = f"{enrollment}/{next(_numbers)}"
        await self._insert(
            "tasks", key=key, enrollment_id=enrollment, program_id=program, account_id=account,
            step="task", visit=1, title=title, opened_at=day(opened), due_at=day(opened + 3),
            **{"note": "", "assign_to": "csm", "state": "open", **more},
        )  # fmt: skip
        return key

    async def reply(self, account: str, contact: int, opened: float, said: str) -> str:
        """Somebody of the account wrote back, and nobody has looked yet."""
        key = f"reply:{next(_numbers)}"
        await self._insert(
            "tasks", key=key, kind="reply", account_id=account, contact_id=f"{account}-p{contact}",
            title="Answer: Re: Welcome", note=f"{said}\n\nAda", assign_to="csm", state="open",
            opened_at=day(opened), due_at=day(opened + 1),
        )  # fmt: skip
        return key

    async def noticed(self, trigger: str, name: str, account: str, at: float, last: float) -> None:
        """A trigger fired for an account that was active last on some day."""
        await self._insert(
            "triggers", id=trigger, version=1, content_hash=trigger, spec=Jsonb({"name": name}),
            state="running", changed_at=day(0),
        )  # fmt: skip
        await self._insert(
            "trigger_firings", trigger_id=trigger, version=1, account_id=account, at=day(at),
            words=f"Nothing was heard for 14 days: last active on {day(last):%-d %B %Y}.",
            figures=Jsonb({USAGE_UP_TO: f"{day(at - 1):%-d %B %Y}"}),
        )  # fmt: skip
        await usage.save_usage(
            self.connection, [UsageRecord(account, day(last).date(), "email_sent", 1)], day(at)
        )

    async def _insert(self, table: str, **values: Any) -> None:
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        await self.connection.execute(
            f"insert into {table} ({names}) values ({marks})", list(values.values())
        )


@pytest.fixture
def scene(connection: AsyncConnection[Any]) -> Scene:
    return Scene(connection)
