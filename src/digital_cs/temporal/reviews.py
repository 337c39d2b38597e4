"""Keeps reviews going: opens cases, starts and wakes their workflows, and finds lost ones."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.casebook import Casebook
from digital_cs import logs, metrics
from digital_cs.clock import Clock, pace
from digital_cs.messages.content_review import (
    DIGEST_WORKFLOW,
    REVIEW_WORKFLOW,
    WAKE_REVIEW_SIGNAL,
    DigestRun,
    ReviewRun,
    digest_workflow_id,
    review_workflow_id,
)
from digital_cs.store.content import review_cases

log = logs.get(__name__)

BATCH = 100
PATIENCE = timedelta(seconds=3)
AWAY_SECONDS = 15.0
"""Real seconds until Temporal is asked again after it did not answer: the keeper has other work."""
LOOK_SECONDS = 10.0
"""Real seconds between two looks whether anything changed that cases may come from."""
MEND_SECONDS = 60.0
GRACE = timedelta(minutes=5)
"""A case whose moment passed so long ago was forgotten by somebody."""


class ReviewKeeper:
    """What the keeper does for reviews. Temporal may be down: what it misses waits in Postgres."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], client: Client, clock: Clock, workspace: str,
        task_queue: str, casebook: Casebook,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._client = client
        self._clock = clock
        self._workspace = workspace
        self._task_queue = task_queue
        self._casebook = casebook
        self._seen: tuple[Any, ...] | None = None
        self._last: dict[str, float] = {}
        self._digest_runs = False
        self._away_until = 0.0

    async def tick(self, now: datetime) -> None:
        """A little at a time, as often as the keeper turns; never raises for Temporal's sake."""
        if self._is_time("look", pace(self._clock, LOOK_SECONDS)):
            await self.look(now)
        if time.monotonic() < self._away_until:
            return
        try:
            await self.relay()
            if self._is_time("mend", MEND_SECONDS):
                await self.mend(now)
        except (RPCError, TimeoutError) as error:
            self._digest_runs = False
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("reviews.fault", error=type(error).__name__)

    async def look(self, now: datetime) -> bool:
        """Sweep, if it is another day or something came in since; whether it did."""
        async with self._pool.connection() as connection:
            seen = (now.date(), *await _changes(connection))
            if seen == self._seen:
                return False
            swept = await self._casebook.sweep(connection, now)
        self._seen = seen
        if swept.opened or swept.woken:
            log.info("reviews.swept", opened=swept.opened, woken=swept.woken)
        if swept.urgent and swept.opened:
            await self._send_now()
        return True

    async def relay(self) -> int:
        """Start or wake the workflows of cases that changed; returns how many were told."""
        async with self._pool.connection() as connection:
            wishes = await review_cases.wishes(connection, BATCH)
        for wish in wishes:
            if wish.ended:
                await self._wake_running(review_workflow_id(self._workspace, wish.case_id))
            else:
                await self._wake(wish.case_id)
        if wishes:
            async with self._pool.connection() as connection:
                await review_cases.fulfilled(connection, wishes)
        if wishes and not self._digest_runs:
            await self.start_digest()
        return len(wishes)

    async def mend(self, now: datetime) -> int:
        """Look after cases whose moment passed long ago, and see that digests are sent."""
        async with self._pool.connection() as connection:
            late = await review_cases.overdue(connection, now - GRACE * self._clock.speed)
            any_open = await review_cases.any_open(connection)
        for case_id in late:
            await self._wake(case_id)
        if late:
            metrics.MENDED.labels("review_overslept").inc(len(late))
            log.warning("reviews.overslept", count=len(late))
        if any_open:
            await self.start_digest()
        return len(late)

    async def start_digest(self) -> None:
        """See that the workflow of digests runs; one that does goes on undisturbed."""
        await self._client.start_workflow(
            DIGEST_WORKFLOW, DigestRun(), id=digest_workflow_id(self._workspace),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE, rpc_timeout=PATIENCE,
        )  # fmt: skip
        self._digest_runs = True

    async def _wake(self, case_id: str) -> None:
        """Start with a wake inside: whether it runs already or not, afterwards it is awake."""
        await self._client.start_workflow(
            REVIEW_WORKFLOW, ReviewRun(case_id),
            id=review_workflow_id(self._workspace, case_id), task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=WAKE_REVIEW_SIGNAL, rpc_timeout=PATIENCE,
        )  # fmt: skip
        metrics.RELAYED.labels("review").inc()

    async def _send_now(self) -> None:
        """Something cannot wait for the morning. Without Temporal it does."""
        try:
            await self._wake_running(digest_workflow_id(self._workspace))
        except (RPCError, TimeoutError) as error:
            log.warning("reviews.fault", error=type(error).__name__)

    async def _wake_running(self, workflow_id: str) -> None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await handle.signal(WAKE_REVIEW_SIGNAL, rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise

    def _is_time(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now - self._last.get(what, 0.0) < every:
            return False
        self._last[what] = now
        return True


async def _changes(connection: AsyncConnection[Any]) -> tuple[Any, ...]:
    """What tells one state of the library from another: imports, evidence, people's words."""
    cursor = await connection.execute(
        "select (select max(imported_at) from content_sources),"
        " (select max(id) from content_reviews), (select max(id) from evidence_passes),"
        " (select max(version) from policies), (select count(*) from review_cases"
        "  where ended_at is not null or told_at is not null), max(blocked_at), max(retired_at),"
        " count(blocked_at), count(*) from content_items"
    )
    row = await cursor.fetchone()
    assert row is not None
    return tuple(row)
