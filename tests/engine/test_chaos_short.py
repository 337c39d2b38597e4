"""A short storm: whatever is killed or refuses, nothing is lost and nothing is sent twice."""

from __future__ import annotations

import os
import random

import pytest

from tests import rig
from tests.chaos.storm import Plan, Storm


async def test_a_short_storm_loses_nothing_and_sends_nothing_twice_P13_P14(
    capfd: pytest.CaptureFixture[str],
) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    with capfd.disabled():
        print(f"short storm with seed {seed}; CHAOS_SEED={seed} does it again")
    plan = Plan(seed=seed, enrollments=40, touches=3, faults=5, wait=6.0, between=(1.0, 2.0),
                patience=90.0)  # fmt: skip
    with rig.servers() as servers:
        damage = await Storm(plan, servers).run()
        logs = {
            path.name: path.read_text(errors="replace")[-4000:]
            for path in (servers.folder / "logs").glob("worker-*.log")
        }
    assert sum(damage.faults.values()) == plan.faults
    assert sum(damage.states.values()) == plan.enrollments * plan.touches
    assert damage.holds, (damage, logs)
