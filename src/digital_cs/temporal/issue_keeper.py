"""Keeps newsletters going: plans issues, starts and wakes their workflows, finds lost ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from digital_cs import logs, metrics
from digital_cs.clock import Clock, pace
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.enrollment import WAKE_SIGNAL
from digital_cs.messages.newsletter_issue import ISSUE_WORKFLOW, IssueRun, issue_workflow_id
from digital_cs.store.newsletters import issues
from digital_cs.temporal.issue_planning import plan_due

log = logs.get(__name__)

PLAN_SECONDS = 60.0
"""Real seconds between two looks for issues to plan."""
PATIENCE = timedelta(seconds=10)
GRACE = timedelta(minutes=5)
"""An issue whose moment passed so long ago was forgotten by somebody."""


class IssueKeeper:
    """What the keeper does for newsletters. What Temporal misses waits in Postgres."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], client: Client, clock: Clock, workspace: str,
        task_queue: str, zone: str, calendar: Callable[[], BusinessCalendar],
    ) -> None:  # fmt: skip
        self._pool = pool
        self._client = client
        self._clock = clock
        self._workspace = workspace
        self._task_queue = task_queue
        self._zone = zone
        self._calendar = calendar
        self._planned_at = -PLAN_SECONDS

    async def tick(self, now: datetime) -> None:
        """A little at a time, as often as the keeper turns; never raises for Temporal's sake."""
        if time.monotonic() - self._planned_at >= pace(self._clock, PLAN_SECONDS):
            await self.plan(now)
            self._planned_at = time.monotonic()
        try:
            await self.relay(now)
        except (RPCError, TimeoutError) as error:
            log.warning("newsletters.fault", error=type(error).__name__)

    async def plan(self, now: datetime) -> int:
        """Plan what is to come; returns how many issues that were."""
        async with self._pool.connection() as connection, connection.transaction():
            planned = await plan_due(connection, self._calendar(), self._zone, now)
        if planned:
            log.info("newsletters.planned", issues=len(planned))
        return len(planned)

    async def relay(self, now: datetime) -> int:
        """Start or wake the workflows of issues that changed, or overslept; how many it were."""
        late = now - GRACE * self._clock.speed
        async with self._pool.connection() as connection:
            await issues.touch_sent(connection)
            rows = await issues.untold(connection, late)
        for row in rows:
            if not row.over:
                await self._wake(row.id)
            async with self._pool.connection() as connection:
                await issues.told(connection, row.id, row.revision)
        return len(rows)

    async def _wake(self, id: str) -> None:
        """Start with a wake inside: whether it runs already or not, afterwards it is awake."""
        await self._client.start_workflow(
            ISSUE_WORKFLOW, IssueRun(id), id=issue_workflow_id(self._workspace, id),
            task_queue=self._task_queue, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE, start_signal=WAKE_SIGNAL,
            static_summary=id, rpc_timeout=PATIENCE,
        )  # fmt: skip
        metrics.RELAYED.labels("issue").inc()
