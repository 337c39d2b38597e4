"""Rates for sets: a set takes what there is room for, and leaves the first place to a message."""

from __future__ import annotations

import asyncio
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.sending import rates

Connection = AsyncConnection[Any]

FLEET = {"fleet": 600.0}


async def _take(connection: Connection, wanted: int) -> int:
    """Take as many of a set as there is room for."""
    async with connection.transaction():
        found = await rates.room(connection, FLEET)
        taken = min(found["fleet"].messages, wanted)
        if taken:
            await rates.spend(connection, FLEET, {"fleet": taken})
    return taken


async def test_after_a_lull_a_burst_of_a_second_goes_and_then_as_fast_as_the_rate(
    connection: Connection,
) -> None:
    await rates.meet(connection, FLEET)
    assert await _take(connection, 100) == 11  # what is in hand, and a second's worth
    loop = asyncio.get_running_loop()
    began, taken = loop.time(), 0
    while loop.time() - began < 1.0:
        taken += await _take(connection, 100)
        await asyncio.sleep(0.05)
    assert 8 <= taken <= 12


async def test_workers_side_by_side_share_it(connection: Connection, other: Connection) -> None:
    await rates.meet(connection, FLEET)
    taken = await asyncio.gather(*(_take(each, 8) for each in (connection, other)))
    assert sum(taken) == 11


async def test_what_nobody_has_met_is_told_and_room_says_how_long_to_wait(
    connection: Connection,
) -> None:
    async with connection.transaction():
        assert await rates.room(connection, FLEET) == {}
    await rates.meet(connection, FLEET)
    await _take(connection, 11)
    async with connection.transaction():
        found = (await rates.room(connection, FLEET))["fleet"]
    assert found.messages == 0
    assert 0.0 < found.wait <= 0.1


async def test_nothing_of_a_set_goes_while_a_message_waits_for_its_slot(
    connection: Connection,
) -> None:
    """Single messages come before a bulk send."""
    await rates.meet(connection, FLEET)
    await connection.execute(
        "update rates set last_slot = clock_timestamp() + interval '0.3 seconds'"
    )
    async with connection.transaction():
        found = (await rates.room(connection, FLEET))["fleet"]
    assert found.messages == 0
    assert 0.2 < found.wait <= 0.3
    await asyncio.sleep(0.35)
    assert await _take(connection, 100) == 11
