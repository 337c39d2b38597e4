"""Turns of a broadcast: a slow one leaves room for others, and what is in hand is settled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from digital_cs.channels.sink import FaultMode
from digital_cs.domain.sending.broadcast import places
from digital_cs.domain.sending.policy import Rates
from digital_cs.messages.broadcast import ChunkRequest
from tests.activities.broadcast_house import BroadcastHouse, build, opened


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[BroadcastHouse]:
    async with opened(database, tmp_path) as ready:
        yield ready


async def test_a_chunk_whose_turn_is_over_is_left_and_gone_on_with_at_its_next(
    house: BroadcastHouse,
) -> None:
    await house.people(60)
    await house.start()
    await house.look()
    short, _, lines = build(house.pool, house.clock, house.library, house.sink.port, turn=0.0)
    reply = await house.environment.run(short.send_chunk, ChunkRequest("spring", 0))
    assert (reply.handed_over, reply.rest_seconds) == (20, 0.0)
    assert await house.states() == Counter(accepted=20, planned=40)

    assert (await house.until_rest()).ended
    assert await house.states() == Counter(accepted=60)
    for line in lines:
        await line.close()


async def test_a_worker_that_is_told_to_stop_settles_what_it_has_in_hand(
    house: BroadcastHouse,
) -> None:
    """P14: nothing is unknown only because Temporal was away, or a worker was replaced."""
    await house.people(20)
    await house.start()
    await house.look()
    house.misbehave(FaultMode.DELAY, seconds=0.05)
    sending = asyncio.create_task(house.chunk(0))
    while not (await house.states())["claimed"]:
        await asyncio.sleep(0.01)
    sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled()
    assert await house.states() == Counter(accepted=20)


@pytest.mark.parametrize(
    ("rates", "per_minute", "expected"),
    [
        (Rates(), None, 50),
        (Rates(), 60.0, 1),
        (Rates(fleet=600.0), 60_000.0, 1),
        (Rates(), 12_000.0, 10),
        (Rates(), 10_000_000.0, 50),
        (Rates(domains={"example.com": 60.0}), 60.0, 50),
    ],
)
def test_a_slow_broadcast_takes_no_more_places_than_it_can_use(
    rates: Rates, per_minute: float | None, expected: int
) -> None:
    """Where a domain is slow, the others are looked for in all places."""
    assert places(rates, per_minute, 10.0, 200, 50) == expected
