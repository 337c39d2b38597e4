"""The reconciler: finds enrollments without a workflow and the reverse, and mends both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from digital_cs import logs, metrics
from digital_cs.clock import Clock
from digital_cs.messages.enrollment import ENROLLMENT_WORKFLOW, enrollment_of, workflow_id
from digital_cs.store.programs import enrollments, outbox

log = logs.get(__name__)

SETTLED = timedelta(seconds=30)
"""Younger changes are left alone: Temporal's list of workflows lags behind its truth."""


class Reconciler:
    """Compares Postgres with Temporal. `overdue` is cheap, `full` reads both lists once."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], client: Client, clock: Clock, workspace: str,
        touch_timeout: float,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._client = client
        self._clock = clock
        self._workspace = workspace
        self._touch_timeout = touch_timeout

    async def overdue(self) -> int:
        """Look after enrollments whose moment passed long ago; returns how many were mended."""
        patience = timedelta(seconds=2 * self._touch_timeout * self._clock.speed)
        async with self._pool.connection() as connection:
            late = await outbox.overdue(connection, self._clock.now() - patience)
        missing: list[str] = []
        asleep: list[str] = []
        for enrollment_id in late:
            (asleep if await self._runs(enrollment_id) else missing).append(enrollment_id)
        await self._mend(missing, asleep)
        return len(late)

    async def full(self, settled: timedelta = SETTLED) -> tuple[int, int]:
        """Compare everything; returns (enrollments without workflow, workflows without one)."""
        before = self._clock.now() - settled * self._clock.speed
        prefix = workflow_id(self._workspace, "")
        running: set[str] = set()
        young: set[str] = set()
        query = f"WorkflowType = '{ENROLLMENT_WORKFLOW}' AND ExecutionStatus = 'Running'"
        async for found in self._client.list_workflows(query):
            if not found.id.startswith(prefix):
                continue
            running.add(enrollment_of(found.id))
            if datetime.now(UTC) - found.start_time < settled:
                young.add(enrollment_of(found.id))
        async with self._pool.connection() as connection:
            inside = await outbox.inside(connection, before)
            known = await outbox.known(connection, sorted(running))
        missing = sorted(inside - running)
        stray = sorted(running - known - young)
        await self._mend(missing, [])
        for enrollment_id in stray:
            await self._end(enrollment_id)
        return len(missing), len(stray)

    async def _runs(self, enrollment_id: str) -> bool:
        handle = self._client.get_workflow_handle(workflow_id(self._workspace, enrollment_id))
        try:
            return (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise

    async def _mend(self, missing: list[str], asleep: list[str]) -> None:
        async with self._pool.connection() as connection:
            if missing:
                await outbox.wish_starts(connection, missing)
                metrics.MENDED.labels("workflow_missing").inc(len(missing))
                log.warning("reconciler.workflows_missing", count=len(missing))
            if asleep:
                await enrollments.wake(connection, asleep)
                metrics.MENDED.labels("overslept").inc(len(asleep))
                log.warning("reconciler.overslept", count=len(asleep))

    async def _end(self, enrollment_id: str) -> None:
        """A workflow whose enrollment is over or gone: it has nothing left to do."""
        handle = self._client.get_workflow_handle(workflow_id(self._workspace, enrollment_id))
        try:
            await handle.terminate("its enrollment is over, or does not exist")
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
        metrics.MENDED.labels("enrollment_missing").inc()
        log.warning("reconciler.enrollment_missing", enrollment=enrollment_id)
