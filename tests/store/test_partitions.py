"""Day partitions: made when needed, dropped when old, and never counted a second time."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from digital_cs.store.product import partitions

Connection = AsyncConnection[Any]

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
TODAY = NOW.date()


async def made(connection: Connection) -> list[str]:
    cursor = await connection.execute(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'product_events'::regclass order by 1"
    )
    return [row[0] for row in await cursor.fetchall()]


async def ensure(connection: Connection, *days: date, now: datetime = NOW) -> set[date]:
    async with connection.transaction():
        return await partitions.ensure(connection, days, now)


async def drop(connection: Connection, keep_days: int, now: datetime) -> list[date]:
    async with connection.transaction():
        return await partitions.drop_old(connection, keep_days, now)


async def keep_event(connection: Connection, id: str, day: date) -> None:
    await connection.execute(
        "insert into product_events (id, day, at, received_at, kind, name, source)"
        " values (%s, %s, %s, %s, 'track', 'seen', 'web')",
        (id, day, datetime.combine(day, datetime.min.time(), UTC), NOW),
    )


async def test_a_partition_is_made_once_also_by_many_at_the_same_moment(
    database: str, connection: Connection
) -> None:
    days = [TODAY - timedelta(days=n) for n in range(3)]

    async def one() -> None:
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            await ensure(own, *days)

    await asyncio.gather(*(one() for _ in range(5)))
    assert await made(connection) == [
        "product_events_20260302", "product_events_20260303", "product_events_20260304",
    ]  # fmt: skip
    await keep_event(connection, "1", TODAY)


async def test_making_one_does_not_wait_for_those_who_write(
    database: str, connection: Connection
) -> None:
    await ensure(connection, TODAY)
    async with (
        await AsyncConnection.connect(database, autocommit=True) as writing,
        writing.transaction(),
    ):
        await keep_event(writing, "1", TODAY)
        await connection.execute("set lock_timeout = '5s'")
        assert await ensure(connection, TODAY - timedelta(days=1)) == set()


async def test_a_day_is_dropped_when_it_is_old_and_got_nothing_for_as_long(
    connection: Connection,
) -> None:
    old, late, young = (TODAY - timedelta(days=days) for days in (100, 95, 89))
    long_ago = NOW - timedelta(days=94)
    await ensure(connection, old, late, young, now=long_ago)
    await partitions.received(connection, [late], NOW - timedelta(days=3))
    assert await drop(connection, 90, NOW) == [old]
    assert await drop(connection, 90, NOW) == []
    assert await made(connection) == [partitions.partition_of(late), partitions.partition_of(young)]
    # The day is remembered: its events would be counted a second time.
    assert await ensure(connection, old, TODAY) == {old}
    assert await partitions.dropped(connection, [old, late, TODAY]) == {old}
    assert partitions.partition_of(old) not in await made(connection)


async def test_dropping_gives_way_to_whoever_writes_for_long(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "DROP_PATIENCE", "50ms")
    old = TODAY - timedelta(days=100)
    await ensure(connection, old, now=NOW - timedelta(days=99))
    async with await AsyncConnection.connect(database, autocommit=True) as writing:
        async with writing.transaction():
            await keep_event(writing, "1", old)
            with pytest.raises(LockNotAvailable):
                await drop(connection, 90, NOW)
        assert await drop(connection, 90, NOW) == [old]
