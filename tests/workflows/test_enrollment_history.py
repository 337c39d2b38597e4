"""What a real server keeps of an enrollment: its story in words, and never too much of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory

from digital_cs.messages.converter import CONVERTER
from digital_cs.messages.enrollment import WAKE_SIGNAL, AdvanceReply, EnrollmentRun
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.temporal.client import quiet_runtime
from tests.workflows.scripted import ENDED, Line, Script, played, rest
from tests.workflows.short_history import short_history_server

MOMENT = timedelta(seconds=0.02)


async def connected(server: TemporalServer) -> Client:
    return await Client.connect(
        server.address, data_converter=CONVERTER, runtime=quiet_runtime()
    )  # fmt: skip


@pytest.fixture(scope="module")
async def forgetful(server_dir: Path) -> AsyncIterator[Client]:
    """A client of a server that soon suggests to continue as new."""
    with short_history_server(server_dir / "forgetful") as server:
        yield await connected(server)


async def summaries(history: WorkflowHistory) -> list[tuple[str, str]]:
    """What the Temporal UI shows beside each timer and activity, in order."""
    names = {
        EventType.EVENT_TYPE_TIMER_STARTED: "timer",
        EventType.EVENT_TYPE_MARKER_RECORDED: "activity",
    }
    found = []
    for event in history.events:
        if event.event_type in names:
            words = await CONVERTER.decode([event.user_metadata.summary], [str])
            found.append((names[event.event_type], words[0]))
    return found


async def test_the_history_tells_the_story_in_words(temporal_server: TemporalServer) -> None:
    script = Script(
        [rest(MOMENT, "wait 3 days", "send welcome-2"), rest(MOMENT, "until 09:00", "go on"), ENDED]
    )
    async with played(await connected(temporal_server), script) as handle:
        await handle.result()
        told = await summaries(await handle.fetch_history())
    assert told == [
        ("activity", "enter the program"),
        ("timer", "wait 3 days"),
        ("activity", "send welcome-2"),
        ("timer", "until 09:00"),
        ("activity", "go on"),
    ]


async def test_a_wake_while_the_last_step_is_done_only_asks_once_more(
    temporal_server: TemporalServer,
) -> None:
    underway, go_on = asyncio.Event(), asyncio.Event()

    async def last() -> AdvanceReply:
        underway.set()
        await go_on.wait()
        return ENDED

    script = Script([last])
    async with played(await connected(temporal_server), script) as handle:
        await underway.wait()
        await handle.signal(WAKE_SIGNAL)
        go_on.set()
        await handle.result()
        assert (await handle.describe()).status == WorkflowExecutionStatus.COMPLETED
    assert len(script.asked) == 2


async def test_a_wake_sent_with_the_start_finds_its_state(temporal_server: TemporalServer) -> None:
    script = Script([ENDED])
    client = await connected(temporal_server)
    async with played(client, script, start_signal=WAKE_SIGNAL) as handle:
        await handle.result()
    assert len(script.asked) == 1


async def runs_of(handle: WorkflowHandle[object, None], client: Client) -> list[WorkflowHistory]:
    """The histories of all runs, the first one first."""
    run_id: str | None = handle.first_execution_run_id
    found = []
    while run_id:
        history = await client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
        found.append(history)
        last = history.events[-1].workflow_execution_continued_as_new_event_attributes
        run_id = last.new_execution_run_id
    return found


async def test_a_long_history_is_continued_as_new_and_keeps_its_story(forgetful: Client) -> None:
    touches = 5
    lines: list[Line] = [rest(MOMENT, f"wait {n}", f"send {n}") for n in range(1, touches)]
    script = Script([*lines, ENDED])
    async with played(forgetful, script) as handle:
        await handle.result()
        runs = await runs_of(handle, forgetful)
    assert len(script.asked) == touches  # a new run goes on where the old one stopped
    assert len(runs) > 1
    story = [words for run in runs for kind, words in await summaries(run) if kind == "activity"]
    assert story == ["enter the program", *(f"send {n}" for n in range(1, touches))]
    started = runs[1].events[0].workflow_execution_started_event_attributes
    [again] = await CONVERTER.decode(started.input.payloads, [EnrollmentRun])
    assert again.enrollment_id == "welcome:acme:1"
    assert again.label == (await summaries(runs[1]))[0][1]


async def test_no_wake_is_lost_over_a_continue_as_new(forgetful: Client) -> None:
    """Wakes come all the time, so some come while it continues; each is answered by asking."""
    unheard = 0

    async def look() -> AdvanceReply:
        nonlocal unheard
        unheard = 0
        return rest(None)

    script = Script([look] * 500)
    async with played(forgetful, script) as handle:
        await script.was_asked(1)
        latest = forgetful.get_workflow_handle(handle.id)
        for _ in range(25):
            unheard += 1
            await latest.signal(WAKE_SIGNAL)
        async with asyncio.timeout(20):
            while unheard:
                await asyncio.sleep(0.02)
        await latest.terminate()
        assert len(await runs_of(handle, forgetful)) > 1
