"""Stories of broadcasts for the replay tests, with scripted activities."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from digital_cs.messages.broadcast import (
    BROADCAST_WORKFLOW,
    LOOK_ACTIVITY,
    SEND_CHUNK_ACTIVITY,
    WAKE_SIGNAL,
    BroadcastRun,
    ChunkReply,
    ChunkRequest,
    LookReply,
    LookRequest,
)
from digital_cs.temporal.worker import build_worker

MOMENT = 0.1


@dataclass
class Looks:
    """Replies in order; after the last one the broadcast is over. `handed` is what each chunk
    hands over: with nothing, the mail server takes nothing."""

    lines: list[LookReply] = field(default_factory=list)
    handed: int = 10
    looked: int = 0
    chunks: list[int] = field(default_factory=list)

    @activity.defn(name=LOOK_ACTIVITY)
    async def look(self, request: LookRequest) -> LookReply:
        self.looked += 1
        return self.lines.pop(0) if self.lines else LookReply(ended=True)

    @activity.defn(name=SEND_CHUNK_ACTIVITY)
    async def send_chunk(self, request: ChunkRequest) -> ChunkReply:
        self.chunks.append(request.chunk)
        return ChunkReply(self.handed, 0, 0.0 if self.handed else MOMENT)

    async def has_looked(self, times: int) -> None:
        async with asyncio.timeout(30):
            while self.looked < times:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def under_way(client: Client, looks: Looks) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """One broadcast on a worker of its own."""
    queue = f"broadcasts-{uuid.uuid4().hex}"
    activities = [looks.look, looks.send_chunk]
    async with build_worker(client, queue, activities, concurrency=4, fail_fast=True):
        yield await client.start_workflow(
            BROADCAST_WORKFLOW, BroadcastRun("spring"), id=queue, task_queue=queue
        )


async def sent(client: Client) -> WorkflowHistory:
    """It waits for its hour, sends three chunks side by side and one more, is paused, goes on."""
    looks = Looks(
        [LookReply(sleep_seconds=MOMENT, label="wait until the next is due"),
         LookReply(chunks=(0, 1, 2), label="send 3 chunks"),
         LookReply(chunks=(3,), label="send 1 chunks"),
         LookReply(label="paused"),
         LookReply(chunks=(4,), label="send 1 chunks")]
    )  # fmt: skip
    async with under_way(client, looks) as handle:
        await looks.has_looked(4)
        await asyncio.sleep(0.5)  # the rest has begun when the wake comes
        await handle.signal(WAKE_SIGNAL)
        await handle.result()
        return await handle.fetch_history()


async def sent_to_a_wall(client: Client) -> WorkflowHistory:
    """The mail server takes nothing for a while: it rests after each try."""
    looks = Looks([LookReply(chunks=(0, 1), label="send 2 chunks") for _ in range(2)], handed=0)
    async with under_way(client, looks) as handle:
        await handle.result()
        return await handle.fetch_history()


async def sent_continued(client: Client) -> WorkflowHistory:
    """The first of two runs: it ends by continuing as new."""
    looks = Looks([LookReply(chunks=(n, n + 1), label="send 2 chunks") for n in (0, 2, 4)])
    async with under_way(client, looks) as handle:
        await handle.result()
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        return await first.fetch_history()
