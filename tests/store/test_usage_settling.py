"""Settling: where usage lies makes no difference to anybody who reads it or adds to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.store.database import packing
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.product import usage_settling, usage_sums
from digital_cs.store.product.usage import UsageRecord, save_usage
from digital_cs.store.product.usage_settling import BEGINNING, Key
from digital_cs.store.product.usage_sums import Sums, user_key

Connection = AsyncConnection[Any]

TODAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
LONG_AGO = TODAY - timedelta(days=20)
A_DAY = timedelta(days=1)


def sums(*events: tuple[str, date, str]) -> Sums:
    found = Sums()
    for account, day, user in events:
        moment = packing.moment_of(datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
        found.count((account, "seen", day.isoformat()), moment, user, 1.5)
    return found


async def add(connection: Connection, *events: tuple[str, date, str]) -> None:
    async with connection.transaction():
        await usage_sums.add(connection, sums(*events), {}, TODAY)


async def settle(connection: Connection, after: Key = BEGINNING, most: int = 1000) -> int:
    async with connection.transaction():
        found = await usage_settling.settle(connection, TODAY, after, most)
    assert found is not None
    return found[0]


async def rows(connection: Connection, table: str = "usage_days") -> list[tuple[Any, ...]]:
    cursor = await connection.execute(
        f"select account_id, day, n, users, value, user_keys from {table} order by 1, 2"
    )
    return await cursor.fetchall()


@pytest.fixture
async def other(database: str) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


async def test_days_that_are_over_move_and_read_the_same(connection: Connection) -> None:
    days = [TODAY - n * A_DAY for n in range(5)]
    await add(connection, *(("acme", day, "ann") for day in days))
    before = await rows(connection)

    assert await settle(connection) == 2
    assert await rows(connection) == before
    assert [row[1] for row in await rows(connection, "usage_days_open")] == days[2::-1]
    assert [row[1] for row in await rows(connection, "usage_days_settled")] == days[:2:-1]
    assert await settle(connection) == 0


async def test_a_few_at_a_time_come_to_the_same(connection: Connection) -> None:
    await add(connection, *((f"a-{n}", LONG_AGO, "ann") for n in range(25)))
    before = await rows(connection)
    after: Key | None = BEGINNING
    moved = []
    while after is not None:
        found = await usage_settling.settle(connection, TODAY, after, 10)
        assert found is not None
        moved.append(found[0])
        after = found[1]
    assert moved == [10, 10, 5]
    assert await rows(connection, "usage_days_settled") == before


async def test_late_events_are_added_to_days_that_are_settled(connection: Connection) -> None:
    await add(connection, ("acme", LONG_AGO, "ann"))
    await settle(connection)
    await add(
        connection, ("acme", LONG_AGO, "bob"), ("acme", LONG_AGO, "ann"),
        ("acme", LONG_AGO + A_DAY, "ann"), ("acme", TODAY, "ann"),
    )  # fmt: skip
    both = sorted([user_key("ann"), user_key("bob")])
    assert await rows(connection) == [
        ("acme", LONG_AGO, 3, 2, 4.5, both),
        ("acme", LONG_AGO + A_DAY, 1, 1, 1.5, [user_key("ann")]),
        ("acme", TODAY, 1, 1, 1.5, [user_key("ann")]),
    ]
    assert len(await rows(connection, "usage_days_settled")) == 1


async def test_a_load_replaces_settled_days_and_a_repeated_one_changes_nothing(
    connection: Connection,
) -> None:
    await save_accounts(connection, [AccountRecord("acme", "Acme")], NOW)
    load = [UsageRecord("acme", LONG_AGO + n * A_DAY, "seen", n + 1) for n in range(3)]
    await save_usage(connection, load, NOW)
    await settle(connection)
    other = [*load[:2], UsageRecord("acme", load[2].day, "seen", 9, 4, 2.0)]

    assert (await save_usage(connection, load, NOW)).changed == ()
    assert (await save_usage(connection, other, NOW)).changed == (other[2],)
    assert [row[2:5] for row in await rows(connection)] == [(1, 0, 0.0), (2, 0, 0.0), (9, 4, 2.0)]
    assert await rows(connection, "usage_days_open") == []


async def test_a_user_is_renamed_on_settled_days_too(connection: Connection) -> None:
    await add(connection, ("acme", LONG_AGO, "browser"), ("acme", LONG_AGO, "ann"))
    await settle(connection)
    await usage_sums.rename_user(connection, ["acme"], "browser", "ann")
    assert [row[3] for row in await rows(connection)] == [1]


async def test_nothing_settles_while_somebody_writes_to_days_that_are_over(
    connection: Connection, other: Connection
) -> None:
    await add(connection, ("acme", LONG_AGO, "ann"))
    async with other.transaction():
        await usage_sums.add(other, sums(("beta", LONG_AGO, "ann")), {}, TODAY)
        assert await usage_settling.settle(connection, TODAY, BEGINNING, 10) is None
    assert await settle(connection) == 2


async def test_what_is_in_both_places_is_put_together(connection: Connection) -> None:
    await add(connection, ("acme", LONG_AGO, "ann"))
    await settle(connection)
    # As by a server whose clock is days behind.
    ahead = LONG_AGO - A_DAY
    await usage_sums.add(connection, sums(("acme", LONG_AGO, "bob")), {}, ahead)
    assert sum(row[2] for row in await rows(connection)) == 2
    await settle(connection)
    both = sorted([user_key("ann"), user_key("bob")])
    assert await rows(connection) == [("acme", LONG_AGO, 2, 2, 3.0, both)]


async def test_settling_while_late_events_come_in_loses_nothing_and_doubles_nothing(
    database: str, connection: Connection
) -> None:
    @again_after_deadlock
    async def late(own: Connection, found: Sums) -> None:
        async with own.transaction():
            await usage_sums.add(own, found, {}, TODAY)

    async def one(seed: int) -> None:
        dice = random.Random(seed)
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            for _ in range(15):
                await late(own, sums(*(
                    (f"a-{dice.randrange(8)}", TODAY - dice.randrange(6) * A_DAY,
                     f"user-{dice.randrange(6)}")
                    for _ in range(20)
                )))  # fmt: skip

    async def settling(writers: asyncio.Future[Any]) -> None:
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            while not writers.done():
                async with own.transaction():
                    await usage_settling.settle(own, TODAY, BEGINNING, 5)
                await asyncio.sleep(0)

    writers = asyncio.gather(*(one(seed) for seed in range(4)))
    await asyncio.gather(writers, settling(writers))
    await settle(connection)

    found = await rows(connection)
    assert sum(row[2] for row in found) == 4 * 15 * 20
    assert len({row[:2] for row in found}) == len(found)
    assert all(row[3] == len(row[5]) <= 6 for row in found)
    assert {row[1] for row in await rows(connection, "usage_days_settled")} == {
        TODAY - n * A_DAY for n in range(3, 6)
    }
