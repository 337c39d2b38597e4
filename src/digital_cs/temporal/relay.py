"""The relay: starts and wakes workflows from the outbox, at a bounded rate, losing no wish."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from psycopg import Error as DatabaseError
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError

from digital_cs import logs, metrics
from digital_cs.messages.enrollment import (
    ENROLLMENT_WORKFLOW,
    WAKE_SIGNAL,
    EnrollmentRun,
    workflow_id,
)
from digital_cs.messages.search_attributes import ACCOUNT, PROGRAM
from digital_cs.store.programs import outbox

log = logs.get(__name__)

BATCH = 100
AT_ONCE = 16
IDLE_SECONDS = 0.1
PATIENCE = timedelta(seconds=10)


class Relay:
    """One per worker; many may run side by side, each takes rows that no other holds."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], client: Client, workspace: str, task_queue: str,
        touch_timeout: float, rate: float,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._client = client
        self._workspace = workspace
        self._task_queue = task_queue
        self._touch_timeout = touch_timeout
        self._rate = rate

    async def run(self) -> None:
        """Relay until cancelled. Faults are waited out; nothing is forgotten before it is done."""
        pause = IDLE_SECONDS
        while True:
            try:
                done = await self.pass_once()
                pause = IDLE_SECONDS
            except (RPCError, DatabaseError, OSError, TimeoutError) as error:
                log.warning("relay.fault", error=type(error).__name__)
                done, pause = 0, min(pause * 2, 5.0)
            if not done:
                await asyncio.sleep(pause)

    async def pass_once(self) -> int:
        """Fulfil one batch of wishes; returns how many enrollments it was about."""
        started = time.monotonic()
        async with self._pool.connection() as connection, connection.transaction():
            wishes = await outbox.take(connection, BATCH)
            if not wishes:
                return 0
            gate = asyncio.Semaphore(AT_ONCE)
            found = await asyncio.gather(
                *(self._fulfil(wish, gate) for wish in wishes), return_exceptions=True
            )
            done = [id for w, f in zip(wishes, found, strict=True) if f is None for id in w.ids]
            await outbox.fulfilled(connection, done)
        faults = [fault for fault in found if fault is not None]
        if faults:
            raise faults[0]
        rest = len(wishes) / self._rate - (time.monotonic() - started)
        if rest > 0:
            await asyncio.sleep(rest)
        return len(wishes)

    async def _fulfil(self, wish: outbox.Wish, gate: asyncio.Semaphore) -> None:
        """Start with a wake inside: whether it runs already or not, afterwards it is awake."""
        if wish.ended:
            return
        async with gate:
            await self._client.start_workflow(
                ENROLLMENT_WORKFLOW,
                EnrollmentRun(wish.enrollment_id, self._touch_timeout),
                id=workflow_id(self._workspace, wish.enrollment_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(PROGRAM, wish.program_id),
                        SearchAttributePair(ACCOUNT, wish.account_id),
                    ]
                ),
                start_signal=WAKE_SIGNAL if wish.wake else None,
                static_summary=wish.enrollment_id,
                rpc_timeout=PATIENCE,
            )
        metrics.RELAYED.labels("wake" if wish.wake else "start").inc()
