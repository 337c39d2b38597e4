"""A far side for the enrollment workflow: an activity that says what a script tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from digital_cs.messages.enrollment import (
    ADVANCE_ACTIVITY,
    ENROLLMENT_WORKFLOW,
    AdvanceReply,
    AdvanceRequest,
    EnrollmentRun,
)
from digital_cs.temporal.worker import build_worker

ENDED = AdvanceReply(ended=True)
Line = AdvanceReply | Exception | Callable[[], Awaitable[AdvanceReply]]


def rest(span: timedelta | None, label: str = "", next_label: str = "") -> AdvanceReply:
    """Rest for a span, or until woken."""
    return AdvanceReply(False, span.total_seconds() if span else None, label, next_label)


@dataclass
class Script:
    """Replies in order, and what was asked. A line may also be an error, or a reply to wait for."""

    lines: Sequence[Line]
    asked: list[AdvanceRequest] = field(default_factory=list)

    @activity.defn(name=ADVANCE_ACTIVITY)
    async def advance(self, request: AdvanceRequest) -> AdvanceReply:
        """The next line; after the last one: ended."""
        self.asked.append(request)
        line = self.lines[len(self.asked) - 1] if len(self.asked) <= len(self.lines) else ENDED
        if isinstance(line, Exception):
            raise type(line)(*line.args)
        return line if isinstance(line, AdvanceReply) else await line()

    async def was_asked(self, times: int) -> None:
        """Wait until it was asked so often."""
        async with asyncio.timeout(30):
            while len(self.asked) < times:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def played(
    client: Client, script: Script, label: str = "enter the program", **start: Any
) -> AsyncIterator[WorkflowHandle[Any, None]]:
    """One enrollment's workflow under way on a worker of its own."""
    queue = f"scripted-{uuid.uuid4().hex}"
    async with build_worker(client, queue, [script.advance], concurrency=4, fail_fast=True):
        yield await client.start_workflow(
            ENROLLMENT_WORKFLOW, EnrollmentRun("welcome:acme:1", label=label), id=queue,
            task_queue=queue, **start,
        )  # fmt: skip


def of_type(history: WorkflowHistory, kind: EventType.ValueType) -> list[HistoryEvent]:
    """The events of one type, in order."""
    return [event for event in history.events if event.event_type == kind]


def timers(history: WorkflowHistory) -> list[timedelta]:
    """How long each timer was to run."""
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        for event in of_type(history, EventType.EVENT_TYPE_TIMER_STARTED)
    ]


def lasted(history: WorkflowHistory) -> timedelta:
    """From the first event to the last, by the server's clock."""

    def at(event: HistoryEvent) -> datetime:
        return event.event_time.ToDatetime()

    return at(history.events[-1]) - at(history.events[0])
