"""A collector on a test's own database, messages for it, and what it left there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.clock import Clock
from digital_cs.ingest.events.collector import Collector
from digital_cs.ingest.events.incoming import Track
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool as pools

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass
class StandingClock:
    """A clock that moves when it is told to."""

    at: datetime = NOON
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.at).total_seconds()


@contextlib.asynccontextmanager
async def collecting(
    database: str, clock: Clock, *, oldest_days: int = 400
) -> AsyncIterator[Collector]:
    """A collector with a pool of its own, as each process of the API has one."""
    async with pools.opened(database, 4) as pool:
        collector = Collector(pool, clock, Entries(pool, clock, "UTC"), oldest_days=oldest_days)
        async with collector.collecting():
            yield collector


def track(
    id: str, name: str = "report_exported", *, account: str | None = "acme",
    user: str | None = "ann", anonymous: str | None = None, at: datetime | None = NOON,
    value: float | None = None, properties: bytes = b"{}",
) -> Track:  # fmt: skip
    """An event; of Ann in Acme at noon, unless said otherwise."""
    return Track(id, at, "track", name, user, anonymous, account, value, properties)


async def rows(connection: AsyncConnection[Any], query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a query returns."""
    return await (await connection.execute(query, values)).fetchall()


async def differences(connection: AsyncConnection[Any]) -> list[tuple[Any, ...]]:
    """Where usage by day is not what the raw events come to; nothing is the right answer."""
    return await rows(
        connection,
        "with raw as (select account_id, name as event, day, count(*) as n,"
        "   count(distinct coalesce(user_id, anonymous_id)) as users,"
        "   coalesce(sum(value), 0) as value, min(at) as first_at, max(at) as last_at"
        "   from product_events where account_id is not null group by 1, 2, 3)"
        " select * from raw full join usage_days u using (account_id, event, day)"
        "  where (raw.n, raw.users, raw.value, raw.first_at, raw.last_at) is distinct from"
        "        (u.n, u.users, u.value, u.first_at, u.last_at)",
    )
