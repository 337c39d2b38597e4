"""Stories of newsletters' issues for the replay tests, with a scripted activity."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from digital_cs.messages.enrollment import WAKE_SIGNAL
from digital_cs.messages.newsletter_issue import (
    ADVANCE_ISSUE,
    ISSUE_WORKFLOW,
    AdvanceIssue,
    IssueReply,
    IssueRun,
)
from digital_cs.temporal.worker import build_worker

MOMENT = 0.1
WEEKS = timedelta(days=20).total_seconds()
RUN = IssueRun("letter/2026-12-01")


@dataclass
class Replies:
    """Replies in order; after the last one the issue is over."""

    lines: list[IssueReply] = field(default_factory=list)
    asked: int = 0

    @activity.defn(name=ADVANCE_ISSUE)
    async def advance(self, request: AdvanceIssue) -> IssueReply:
        self.asked += 1
        return self.lines.pop(0) if self.lines else IssueReply(ended=True)

    async def was_asked(self, times: int) -> None:
        async with asyncio.timeout(30):
            while self.asked < times:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def under_way(client: Client, replies: Replies) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """One issue on a worker of its own, started awake."""
    queue = f"issues-{uuid.uuid4().hex}"
    async with build_worker(client, queue, [replies.advance], concurrency=4, fail_fast=True):
        yield await client.start_workflow(
            ISSUE_WORKFLOW, RUN, id=queue, task_queue=queue, start_signal=WAKE_SIGNAL
        )


async def issue(client: Client) -> WorkflowHistory:
    """It opens, is woken while it is written, rests without a moment while it is sent, and ends."""
    due = "until the next thing is due"
    replies = Replies(
        [IssueReply(sleep_seconds=MOMENT, label=due), IssueReply(sleep_seconds=WEEKS, label=due),
         IssueReply(label="until somebody acts")]
    )  # fmt: skip
    async with under_way(client, replies) as handle:
        for times in (2, 3):
            await replies.was_asked(times)
            await asyncio.sleep(0.5)  # the rest has begun when the wake comes
            await handle.signal(WAKE_SIGNAL)
        await handle.result()
        return await handle.fetch_history()


async def issue_continued(client: Client) -> WorkflowHistory:
    """The first of two runs: it ends by continuing as new."""
    rests = [IssueReply(sleep_seconds=MOMENT, label="x") for _ in range(4)]
    async with under_way(client, Replies(rests)) as handle:
        await handle.result()
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        return await first.fetch_history()
