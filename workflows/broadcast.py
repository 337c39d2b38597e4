"""One broadcast: ask what it needs, have chunks sent side by side, rest; until it is through."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
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
    from workflows.rest import rest

# Fixing the audience is one statement, which for a million takes a minute or two.
LOOK_PATIENCE = timedelta(minutes=30)
CHUNK_PATIENCE = timedelta(hours=1)
# A worker that died is noticed after this; its chunk goes on elsewhere.
SIGN_OF_LIFE = timedelta(seconds=15)
# A fault never decides what becomes of a message (P12): tried again for ever.
PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)


@workflow.defn(name=BROADCAST_WORKFLOW)
class BroadcastWorkflow:
    """Postgres knows who is still to be written to; this sees to it that somebody does."""

    @workflow.init
    def __init__(self, run: BroadcastRun) -> None:
        self._woken = False
        self._label = run.label

    @workflow.run
    async def run(self, run: BroadcastRun) -> None:
        while True:
            self._woken = False
            reply = await self._look(run.broadcast_id)
            if reply.ended:
                return
            self._label = reply.label
            waited = await self._send(run.broadcast_id, reply) if reply.chunks else None
            # As the look said, or, after chunks, as long as they found nothing to do.
            seconds = reply.sleep_seconds if waited is None else waited
            if seconds != 0:
                await rest(lambda: self._woken, seconds, reply.label)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(BroadcastRun(run.broadcast_id, self._label))

    @workflow.signal(name=WAKE_SIGNAL)
    def wake(self) -> None:
        """Somebody said something: to pause, to go on, to cancel. What, is in Postgres."""
        self._woken = True

    async def _look(self, broadcast_id: str) -> LookReply:
        reply: LookReply = await workflow.execute_activity(
            LOOK_ACTIVITY,
            LookRequest(broadcast_id),
            result_type=LookReply,
            start_to_close_timeout=LOOK_PATIENCE,
            heartbeat_timeout=SIGN_OF_LIFE,
            retry_policy=PATIENT,
            summary=self._label,
        )
        return reply

    async def _send(self, broadcast_id: str, reply: LookReply) -> float:
        """Have the chunks sent by whoever has a line free; how long to rest, if none got on."""
        replies = await asyncio.gather(
            *(self._send_chunk(broadcast_id, chunk) for chunk in reply.chunks)
        )
        if any(each.handed_over or each.put_off for each in replies):
            return 0.0
        return max((each.rest_seconds for each in replies), default=0.0)

    async def _send_chunk(self, broadcast_id: str, chunk: int) -> ChunkReply:
        reply: ChunkReply = await workflow.execute_activity(
            SEND_CHUNK_ACTIVITY,
            ChunkRequest(broadcast_id, chunk),
            result_type=ChunkReply,
            start_to_close_timeout=CHUNK_PATIENCE,
            heartbeat_timeout=SIGN_OF_LIFE,
            retry_policy=PATIENT,
            summary=f"chunk {chunk}",
        )
        return reply
