"""The relay of broadcasts: starts and wakes their workflows when somebody said something."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from psycopg import Error as DatabaseError
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from digital_cs import logs, metrics
from digital_cs.messages.broadcast import (
    BROADCAST_WORKFLOW,
    WAKE_SIGNAL,
    BroadcastRun,
    queue_of,
    workflow_id,
)
from digital_cs.store.broadcasts import broadcasts

log = logs.get(__name__)

IDLE_SECONDS = 0.5
ALL_SECONDS = 60.0
"""So often every broadcast that runs is looked for: its workflow may have been lost."""

PATIENCE = timedelta(seconds=10)


class BroadcastRelay:
    """One a worker of broadcasts; many may run side by side, for starting twice is harmless."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], client: Client, workspace: str, task_queue: str
    ) -> None:
        """`task_queue` is the engine's; that of broadcasts is beside it."""
        self._pool = pool
        self._client = client
        self._workspace = workspace
        self._queue = queue_of(task_queue)

    async def run(self) -> None:
        """Relay until cancelled. Faults are waited out; nothing is forgotten before it is done."""
        pause, looked = IDLE_SECONDS, -ALL_SECONDS
        while True:
            everything = time.monotonic() - looked > ALL_SECONDS
            try:
                await self.pass_once(all_running=everything)
            except (DatabaseError, RPCError, OSError, TimeoutError) as error:
                log.warning("broadcast_relay.fault", error=type(error).__name__)
                pause = min(pause * 2, 5.0)
            else:
                pause = IDLE_SECONDS
                looked = time.monotonic() if everything else looked
            await asyncio.sleep(pause)

    async def pass_once(self, *, all_running: bool = False) -> int:
        """Start or wake each that somebody spoke to; returns how many."""
        async with self._pool.connection() as connection:
            wishes = await broadcasts.wishes(connection, all_running=all_running)
        for id, wished_at in wishes:
            await self._client.start_workflow(
                BROADCAST_WORKFLOW,
                BroadcastRun(id),
                id=workflow_id(self._workspace, id),
                task_queue=self._queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=WAKE_SIGNAL if wished_at is not None else None,
                static_summary=id,
                rpc_timeout=PATIENCE,
            )
            if wished_at is not None:
                metrics.RELAYED.labels("broadcast").inc()
                async with self._pool.connection() as connection:
                    await broadcasts.told(connection, id, wished_at)
        return len(wishes)
