"""The enrollment workflow: sleeps as told, wakes at once, never gives up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from digital_cs.messages.converter import CONVERTER
from digital_cs.messages.enrollment import WAKE_SIGNAL, AdvanceReply, AdvanceRequest
from tests.workflows.scripted import ENDED, Script, lasted, of_type, played, rest, timers

DAY = timedelta(days=1)


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server whose clock jumps. One a test: it has one clock for all workflows."""
    server = Path(sys.executable).parent / "temporal-test-server"
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(server), data_converter=CONVERTER
    )
    async with environment:
        yield environment


async def test_it_sleeps_exactly_as_long_as_it_is_told(skipping: WorkflowEnvironment) -> None:
    script = Script([rest(3 * DAY), rest(timedelta(seconds=0.25)), ENDED])
    async with played(skipping.client, script) as handle:
        await handle.result()
        history = await handle.fetch_history()
    assert timers(history) == [3 * DAY, timedelta(seconds=0.25)]
    assert 3 * DAY <= lasted(history) < 3 * DAY + timedelta(minutes=1)
    assert script.asked == [AdvanceRequest("welcome:acme:1")] * 3


async def test_a_wake_in_the_middle_of_a_wait_takes_effect_at_once_P6(
    skipping: WorkflowEnvironment,
) -> None:
    script = Script([rest(30 * DAY), ENDED])
    async with played(skipping.client, script) as handle:
        await script.was_asked(1)
        await skipping.sleep(10 * DAY)
        assert len(script.asked) == 1
        await handle.signal(WAKE_SIGNAL)
        await handle.result()
        history = await handle.fetch_history()
    assert len(script.asked) == 2
    assert lasted(history) < 11 * DAY
    assert not of_type(history, EventType.EVENT_TYPE_TIMER_FIRED)


async def test_without_a_moment_it_waits_until_it_is_woken(skipping: WorkflowEnvironment) -> None:
    script = Script([rest(None, "wait until somebody resumes it"), ENDED])
    async with played(skipping.client, script) as handle:
        await script.was_asked(1)
        await skipping.sleep(400 * DAY)
        assert len(script.asked) == 1
        await handle.signal(WAKE_SIGNAL)
        await handle.result()
        history = await handle.fetch_history()
    assert len(script.asked) == 2
    assert timers(history) == []


async def test_a_wake_during_the_activity_is_not_lost(skipping: WorkflowEnvironment) -> None:
    underway, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AdvanceReply:
        underway.set()
        await go_on.wait()
        return rest(30 * DAY)

    script = Script([slow, ENDED])
    async with played(skipping.client, script) as handle:
        await underway.wait()
        await handle.signal(WAKE_SIGNAL)
        go_on.set()
        await handle.result()
        history = await handle.fetch_history()
    assert len(script.asked) == 2
    assert lasted(history) < DAY


async def test_a_fault_is_tried_again_for_ever_and_never_ends_the_enrollment_P12(
    skipping: WorkflowEnvironment,
) -> None:
    faults = 12
    script = Script([RuntimeError("down")] * faults + [ENDED])
    async with played(skipping.client, script) as handle:
        await handle.result()
        history = await handle.fetch_history()
    assert len(script.asked) == faults + 1
    assert max(timers(history)) == timedelta(seconds=30)
    assert len(timers(history)) >= faults - 4  # the longer waits do not hold a worker
