"""Stories of reviews for the replay tests: a case and the digests, with scripted activities."""

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

from digital_cs.messages.content_review import (
    ADVANCE_REVIEW_ACTIVITY,
    DIGEST_WORKFLOW,
    REVIEW_WORKFLOW,
    SEND_DIGESTS_ACTIVITY,
    WAKE_REVIEW_SIGNAL,
    AdvanceReview,
    AdvanceReviewReply,
    DigestRun,
    ReviewRun,
    SendDigests,
    SendDigestsReply,
)
from digital_cs.temporal.worker import build_worker

MOMENT = 0.1
DAYS = timedelta(days=5).total_seconds()
ENDED = AdvanceReviewReply(ended=True)


@dataclass
class Replies:
    """Replies in order, an error among them is raised; after the last one it is over."""

    case: list[AdvanceReviewReply | Exception] = field(default_factory=list)
    digests: list[SendDigestsReply] = field(default_factory=list)
    asked: int = 0

    @activity.defn(name=ADVANCE_REVIEW_ACTIVITY)
    async def advance(self, request: AdvanceReview) -> AdvanceReviewReply:
        self.asked += 1
        line = self.case.pop(0) if self.case else ENDED
        if isinstance(line, Exception):
            raise line
        return line

    @activity.defn(name=SEND_DIGESTS_ACTIVITY)
    async def send(self, request: SendDigests) -> SendDigestsReply:
        self.asked += 1
        return self.digests.pop(0) if self.digests else SendDigestsReply(DAYS)

    async def was_asked(self, times: int) -> None:
        async with asyncio.timeout(30):
            while self.asked < times:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def under_way(
    client: Client, replies: Replies, workflow: str, run: Any, **start: Any
) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """One workflow of reviews on a worker of its own."""
    queue = f"reviews-{uuid.uuid4().hex}"
    async with build_worker(
        client, queue, [replies.advance, replies.send], concurrency=4, fail_fast=True
    ):
        yield await client.start_workflow(workflow, run, id=queue, task_queue=queue, **start)


async def case(client: Client) -> WorkflowHistory:
    """Started awake; in line, woken when told, rests, is woken by a review, and ends."""
    in_line = AdvanceReviewReply(label="in line for the next digest")
    asked = "until somebody is to be asked"
    replies = Replies([in_line, AdvanceReviewReply(sleep_seconds=MOMENT, label=asked), in_line,
                       AdvanceReviewReply(sleep_seconds=DAYS, label=asked)])  # fmt: skip
    run = ReviewRun("r-0a1b2c3d4e5f")
    async with under_way(
        client, replies, REVIEW_WORKFLOW, run, start_signal=WAKE_REVIEW_SIGNAL
    ) as handle:
        for times in (1, 3, 4):
            await replies.was_asked(times)
            await asyncio.sleep(0.5)  # the rest has begun when the wake comes
            await handle.signal(WAKE_REVIEW_SIGNAL)
        await handle.result()
        return await handle.fetch_history()


async def case_retried(client: Client) -> WorkflowHistory:
    """Faults, until the waits between tries become timers; then it goes on."""
    faults: list[AdvanceReviewReply | Exception] = [ConnectionError("away") for _ in range(5)]
    replies = Replies([AdvanceReviewReply(sleep_seconds=MOMENT, label="x"), *faults])
    run = ReviewRun("r-0a1b2c3d4e5f")
    async with under_way(client, replies, REVIEW_WORKFLOW, run) as handle:
        await handle.result()
        return await handle.fetch_history()


async def case_continued(client: Client) -> WorkflowHistory:
    """The first of two runs: it ends by continuing as new."""
    rests = [AdvanceReviewReply(sleep_seconds=MOMENT, label="x") for _ in range(3)]
    run = ReviewRun("r-0a1b2c3d4e5f")
    async with under_way(client, Replies([*rests]), REVIEW_WORKFLOW, run) as handle:
        await handle.result()
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        return await first.fetch_history()


async def digests(client: Client) -> WorkflowHistory:
    """Sends, rests till the next morning, is woken for what cannot wait, and rests again."""
    replies = Replies(digests=[SendDigestsReply(MOMENT, 2), SendDigestsReply(DAYS)])
    async with under_way(client, replies, DIGEST_WORKFLOW, DigestRun()) as handle:
        await replies.was_asked(2)
        await asyncio.sleep(0.5)  # the rest has begun when the wake comes
        await handle.signal(WAKE_REVIEW_SIGNAL)
        await replies.was_asked(3)
        await asyncio.sleep(0.5)
        history = await handle.fetch_history()
        await handle.terminate()
        return history


async def digests_continued(client: Client) -> WorkflowHistory:
    """The first of many runs: it ends by continuing as new."""
    replies = Replies(digests=[SendDigestsReply(MOMENT) for _ in range(3)])
    async with under_way(client, replies, DIGEST_WORKFLOW, DigestRun()) as handle:
        await replies.was_asked(4)
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        history = await first.fetch_history()
        await client.get_workflow_handle(handle.id).terminate()
        return history
