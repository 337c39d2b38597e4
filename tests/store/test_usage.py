"""Sums of events, and adding them to usage by day."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, date, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.database import packing
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.product import usage_sums
from digital_cs.store.product.usage_sums import Sums, user_key

Connection = AsyncConnection[Any]

DAY = "2026-03-04"
TODAY = date(2026, 3, 4)
WEIRD = ('a"b', "c\\d", "{e,f}", "null", "g;h", " ", "ż\u2028")


def moment(hour: int) -> int:
    return packing.moment_of(datetime(2026, 3, 4, hour, tzinfo=UTC))


def sums(*events: tuple[str, str, int, str | None], value: float | None = None) -> Sums:
    found = Sums()
    for account, event, hour, user in events:
        found.count((account, event, DAY), moment(hour), user, value)
    return found


async def kept(connection: Connection) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(
        "select account_id, event, n, users, value, extract(hour from first_at)::int,"
        " extract(hour from last_at)::int, user_keys from usage_days order by 1, 2"
    )
    return await cursor.fetchall()


async def test_sums_are_added_and_users_are_counted_once(connection: Connection) -> None:
    await usage_sums.add(connection, sums(("acme", "seen", 9, "ann"), value=2.5), {}, TODAY)
    await usage_sums.add(
        connection,
        sums(("acme", "seen", 8, "bob"), ("acme", "seen", 12, "ann"), ("acme", "seen", 10, None)),
        {},
        TODAY,
    )
    keys = sorted([user_key("ann"), user_key("bob")])
    assert await kept(connection) == [("acme", "seen", 4, 2, 2.5, 8, 12, keys)]


async def test_a_user_counts_under_the_contact_that_they_are(connection: Connection) -> None:
    known_as = {"browser": "ann"}
    await usage_sums.add(connection, sums(("acme", "seen", 9, "browser")), known_as, TODAY)
    await usage_sums.add(connection, sums(("acme", "seen", 9, "ann")), known_as, TODAY)
    assert await kept(connection) == [("acme", "seen", 2, 1, 0.0, 9, 9, [user_key("ann")])]


async def test_a_renamed_user_is_counted_once_also_where_both_names_were(
    connection: Connection,
) -> None:
    await usage_sums.add(connection, sums(
        ("acme", "both", 9, "browser"), ("acme", "both", 9, "ann"), ("acme", "old", 9, "browser"),
        ("acme", "other", 9, "bob"), ("beta", "old", 9, "browser"),
    ), {}, TODAY)  # fmt: skip
    changed = await usage_sums.rename_user(connection, ["acme"], "browser", "ann")
    assert changed == [("acme", "both"), ("acme", "old")]
    assert [(row[0], row[1], row[3], row[7]) for row in await kept(connection)] == [
        ("acme", "both", 1, [user_key("ann")]), ("acme", "old", 1, [user_key("ann")]),
        ("acme", "other", 1, [user_key("bob")]), ("beta", "old", 1, [user_key("browser")]),
    ]  # fmt: skip


async def test_any_text_is_kept_as_it_is(connection: Connection) -> None:
    found = sums(*((account, event, 9, event) for account in WEIRD for event in WEIRD))
    await usage_sums.add(connection, found, {}, TODAY)
    rows = await kept(connection)
    assert {(row[0], row[1]) for row in rows} == {(a, e) for a in WEIRD for e in WEIRD}
    assert all(row[7] == [user_key(row[1])] for row in rows)


async def test_many_who_add_to_the_same_keys_lose_nothing(
    database: str, connection: Connection
) -> None:
    @again_after_deadlock
    async def add(own: Connection, found: Sums) -> None:
        async with own.transaction():
            await usage_sums.add(own, found, {}, TODAY)

    async def one(seed: int) -> None:
        dice = random.Random(seed)
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            for _ in range(10):
                await add(own, sums(*(
                    (f"account-{dice.randrange(5)}", f"event-{dice.randrange(4)}", 9,
                     f"user-{dice.randrange(6)}")
                    for _ in range(40)
                )))  # fmt: skip

    await asyncio.gather(*(one(seed) for seed in range(5)))
    rows = await kept(connection)
    assert sum(row[2] for row in rows) == 5 * 10 * 40
    assert all(row[3] == len(row[7]) <= 6 for row in rows)
