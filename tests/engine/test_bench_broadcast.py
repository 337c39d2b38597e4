"""The bench of broadcasts on a few recipients: what it counts is right, whatever it takes."""

from __future__ import annotations

import pytest

from digital_cs.store.database import pool as pools
from digital_cs.store.sending import policies
from tests import rig
from tests.bench import broadcast
from tests.bench.broadcast_rig import POLICY, ready_made
from tests.bench.fast_sink import fast_sink
from tests.engine.house import House


async def test_a_broadcast_of_the_bench_arrives_once_each_beside_drips_that_are_in_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "PROCESSES", 1)
    monkeypatch.setattr(broadcast, "CONNECTIONS", 2)
    bench = broadcast.Bench(house)
    async with pools.opened(bench.url, 1) as pool, pool.connection() as connection:
        await policies.publish(connection, POLICY, rig.MONDAY)
    with fast_sink(house.folder / f"{house.name}-first") as sink:
        bench.message.write_bytes(ready_made(bench.settings("first", sink)))

    sent = await bench.round("relay, 5 ms", 300, 2)

    assert sent.accepted == 300
    assert sent.wrong == 0
    assert len(sent.late) == 2
    assert all(late < 60 for late in sent.late)
    assert sent.ratio > 0
    assert sent.spent.cpu["workers"] > 0
    assert sent.peak > 0
