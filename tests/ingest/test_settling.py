"""The settler: each day once, a little at a time, and never in the way of who loads the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.clock import FastClock
from digital_cs.ingest.events import settling
from digital_cs.ingest.events.settling import UsageSettler
from digital_cs.store.database import pool as pools
from digital_cs.store.product import usage_settling

Connection = AsyncConnection[Any]

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)

ROWS = (
    "insert into usage_days (account_id, event, day, n) select 'a-' || k, 'seen', day, 1"
    " from generate_series(1, %s) k, unnest(%s::date[]) day"
)


def at(moment: datetime) -> FastClock:
    return FastClock(moment, datetime.now(UTC), 1.0)


async def settled(connection: Connection) -> int:
    cursor = await connection.execute("select count(*) from usage_days_settled")
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_a_day_is_settled_when_two_more_are_over(
    database: str, connection: Connection
) -> None:
    days = [NOON.date() - timedelta(days=n) for n in range(4)]
    await connection.execute(ROWS, (2, days))
    async with pools.opened(database, 2) as pool:
        settler = UsageSettler(pool, at(NOON))
        assert await settler.turn()
        assert await settled(connection) == 2

        await connection.execute(ROWS, (1, [days[3] - timedelta(days=1)]))
        assert await settler.turn()
        assert await settled(connection) == 2  # what came late has time until tomorrow

        assert await UsageSettler(pool, at(NOON + timedelta(days=1))).turn()
        assert await settled(connection) == 5


async def test_a_day_is_not_settled_the_moment_it_may_be(
    database: str, connection: Connection
) -> None:
    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    await connection.execute(ROWS, (1, [NOON.date() - timedelta(days=3)]))
    async with pools.opened(database, 2) as pool:
        await UsageSettler(pool, at(midnight)).turn()
        assert await settled(connection) == 0
        await UsageSettler(pool, at(midnight + usage_settling.MARGIN)).turn()
        assert await settled(connection) == 1


async def test_much_is_settled_over_several_turns_and_goes_on_where_it_was(
    database: str, connection: Connection
) -> None:
    await connection.execute(ROWS, (settling.BATCH * 2 + 5, [NOON.date() - timedelta(days=9)]))
    async with pools.opened(database, 2) as pool:
        settler = UsageSettler(pool, at(NOON))
        assert not await settler.turn(most_batches=1)
        assert await settled(connection) == settling.BATCH
        assert await settler.turn()
        assert await settled(connection) == settling.BATCH * 2 + 5


async def test_the_settler_gives_way_to_who_loads_the_past(
    database: str, connection: Connection
) -> None:
    await connection.execute(ROWS, (1, [NOON.date() - timedelta(days=9)]))
    async with pools.opened(database, 2) as pool:
        settler = UsageSettler(pool, at(NOON))
        async with connection.transaction():
            await usage_settling.hold(connection)
            assert not await settler.turn()
        assert await settler.turn()
    assert await settled(connection) == 1
