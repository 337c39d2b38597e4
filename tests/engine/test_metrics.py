"""The engine's own numbers move with what happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from digital_cs.background import end
from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.temporal import keeper
from tests import rig
from tests.engine.everything import Travelled, counters
from tests.engine.house import House, Visit, until


def value(name: str, **labels: str) -> float:
    """What Prometheus would be given now; 0 for what was never counted."""
    return REGISTRY.get_sample_value(f"digital_cs_{name}", labels) or 0.0


@pytest.fixture
async def visit(house: House) -> AsyncIterator[Visit]:
    async with house.at_work() as visit:
        yield visit


async def sent_under(visit: Visit, mode: FaultMode) -> str:
    """One message to a mail server that misbehaves; the program's name."""
    name = f"metrics-{mode.value.replace('_', '-')}"
    await visit.publish(rig.drip(name, 1, "1 day"))
    Faults(mode=mode).write(visit.house.mail)
    try:
        await visit.ended(*await visit.enroll(name, *await visit.people(1, name)))
    finally:
        Faults(mode=FaultMode.NONE).write(visit.house.mail)
    return name


async def test_a_run_is_counted(travelled: Travelled) -> None:
    before, now = travelled.counted_before, counters()

    def moved(name: str, **labels: str) -> float:
        key = (f"digital_cs_{name}", tuple(sorted(labels.items())))
        return now.get(key, 0.0) - before.get(key, 0.0)

    assert moved("messages_total", program="everything", state="accepted") == 8
    assert moved("messages_total", program="side", state="accepted") == 2
    assert moved("advances_total") >= 6 * 2
    started = sum(moved("relayed_total", kind=kind) for kind in ("start", "wake"))
    assert started >= 6 + 3  # each once; then the event, the task, leaving a program
    assert moved("lateness_seconds_count") >= 6


async def test_a_refusal_for_good_is_counted_as_failed(visit: Visit) -> None:
    program = await sent_under(visit, FaultMode.REFUSE_5XX)
    assert value("messages_total", program=program, state="failed") == 1


async def test_a_lost_answer_is_counted_as_unknown(visit: Visit) -> None:
    program = await sent_under(visit, FaultMode.DROP_AFTER_DATA)
    assert value("messages_total", program=program, state="unknown") == 1


async def test_what_is_due_late_or_not_relayed_shows(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody relays here and nobody works: the keeper alone looks and measures."""
    monkeypatch.setattr(keeper, "GAUGES_SECONDS", 0.1)
    async with house.engine() as visit:
        await visit.publish(rig.drip("measured", 1, "1 day"))
        ids = await visit.enroll("measured", *await visit.people(3, "measured"))
        long_ago = visit.now - timedelta(days=365)
        await visit.tell("update enrollments set wake_at = %s where id = %s", long_ago, ids[0])
        await visit.tell("update enrollments set wake_at = %s where id = %s", visit.now, ids[1])
        later = visit.now + timedelta(days=365)
        await visit.tell("update enrollments set wake_at = %s where id = %s", later, ids[2])
        keeping = asyncio.create_task(visit.engine.keeper.run())

        async def measured() -> bool:
            return (value("due"), value("late"), value("relay_waiting")) == (2, 1, 3)

        try:
            await until(measured)
            assert value("relay_lag_seconds") > 0
        finally:
            await end(keeping)
