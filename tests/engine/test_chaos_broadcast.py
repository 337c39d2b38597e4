"""A short storm over a broadcast: nobody is missed, nobody gets it twice, its end is its end."""

from __future__ import annotations

import os
import random

import pytest

from tests import rig
from tests.chaos.bulk import BulkPlan, BulkStorm


async def test_a_broadcast_in_a_short_storm_misses_nobody_and_reaches_nobody_twice_P13_P14(
    capfd: pytest.CaptureFixture[str],
) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    with capfd.disabled():
        print(f"short storm over a broadcast with seed {seed}; CHAOS_SEED={seed} does it again")
    plan = BulkPlan(
        seed=seed, recipients=400, per_minute=2400.0, kills=2, between=(0.5, 1.5),
        servers_too=False, refuses_for=1.5, set_size=20, patience=60.0,
    )  # fmt: skip
    with rig.servers() as servers:
        damage = await BulkStorm(plan, servers).run()
        logs = {
            path.name: path.read_text(errors="replace")[-4000:]
            for path in (servers.folder / "logs").glob("bulk-*.log")
        }
    assert damage.faults.total() == 3
    assert damage.states.total() == 400
    assert damage.holds, (damage, logs)
