"""The keeper: what one worker of the fleet does for all, a little at a time, by a lock."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg import Error as DatabaseError
from psycopg.errors import LockNotAvailable
from psycopg_pool import AsyncConnectionPool
from temporalio.service import RPCError

from digital_cs import logs, metrics
from digital_cs.background import running
from digital_cs.clock import Clock, pace
from digital_cs.ingest.content.evidence_days import EvidenceDays
from digital_cs.ingest.events.settling import UsageSettler
from digital_cs.ingest.rules.membership import Membership
from digital_cs.ingest.rules.triggers import Triggers
from digital_cs.ingest.support.topics import TicketSorter
from digital_cs.store.people import suppressions
from digital_cs.store.product import partitions, sources
from digital_cs.store.programs import outbox, programs
from digital_cs.store.rules import segment_queue
from digital_cs.store.sending import caps, claims, holds, merges, returned
from digital_cs.store.support import ticket_matches, tickets
from digital_cs.temporal.broadcast_watch import BroadcastWatch
from digital_cs.temporal.issue_keeper import IssueKeeper
from digital_cs.temporal.reconciler import Reconciler
from digital_cs.temporal.reviews import ReviewKeeper

log = logs.get(__name__)

LOCK = 0x6463736B
TICK_SECONDS = 0.5
OVERDUE_SECONDS = 15.0
FULL_SECONDS = 600.0
GAUGES_SECONDS = 5.0
EXPIRE_SECONDS = 5.0
TICKETS_SECONDS = 60.0
BROADCASTS_SECONDS = 30.0
TURN_SECONDS = 1.0
SORTED_BATCHES = 4
"""Of tickets, in a turn: seconds of work, for the others wait for their turn too."""


class Keeper:
    """Keeps memberships, mends what drifted apart, and measures. Leaderless: a lock elects one."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], database_url: str, clock: Clock,
        membership: Membership, triggers: Triggers, reconciler: Reconciler, grace: float,
        text_days: int, events_kept_days: int, evidence: EvidenceDays,
        reviews: ReviewKeeper, newsletters: IssueKeeper, broadcasts: BroadcastWatch,
    ) -> None:  # fmt: skip
        """`text_days`: days after its last update that the text of a ticket is kept."""
        self._pool = pool
        self._url = database_url
        self._clock = clock
        self._membership = membership
        self._triggers = triggers
        self._reconciler = reconciler
        self._grace = grace
        self._text_days = text_days
        self._events_kept_days = events_kept_days
        self._evidence = evidence
        self._reviews = reviews
        self._newsletters = newsletters
        self._broadcasts = broadcasts
        self._settler = UsageSettler(pool, clock)
        self._sorter = TicketSorter(pool, clock)
        self._last: dict[str, float] = {}
        self._forgot_on: date | None = None

    async def run(self) -> None:
        """Keep until cancelled; without the lock, wait for it."""
        while True:
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await self._keep(connection)
            except (DatabaseError, RPCError, OSError, TimeoutError) as error:
                log.warning("keeper.fault", error=type(error).__name__)
            await asyncio.sleep(2.0)

    async def _keep(self, connection: AsyncConnection[Any]) -> None:
        while True:
            cursor = await connection.execute("select pg_try_advisory_lock(%s)", (LOCK,))
            row = await cursor.fetchone()
            if row and row[0]:
                break
            await asyncio.sleep(2.0)
        await self._reconciler.full()
        self._last["full"] = time.monotonic()
        async with self._pool.connection() as own:
            await programs.keep_all_entries(own, self._clock.now())
        # A million accounts take a while at midnight; who changes meanwhile is not to wait.
        async with running(self._turn()) as [turning]:
            while not turning.done():
                # The lock lives with this connection: losing it must end the term.
                await connection.execute("select 1")
                await self._tick()
                await asyncio.sleep(TICK_SECONDS)
            turning.result()  # it never ends by itself: this raises what broke it

    async def _turn(self) -> None:
        while True:
            await self._membership.turn()
            await self._settler.turn()
            await self._evidence.turn()
            await self._sorter.soon(most_batches=SORTED_BATCHES)
            await self._sorter.all_again(most_batches=SORTED_BATCHES)
            await asyncio.sleep(pace(self._clock, TURN_SECONDS))

    async def _tick(self) -> None:
        now = self._clock.now()
        await self._membership.look()
        await self._triggers.judge()
        await self._reviews.tick(now)
        await self._newsletters.tick(now)
        if self._is_time("overdue", OVERDUE_SECONDS):
            await self._reconciler.overdue()
            async with self._pool.connection() as connection:
                await claims.give_up_claim(connection, None, now)
        if self._is_time("full", FULL_SECONDS):
            await self._reconciler.full()
            async with self._pool.connection() as connection:
                await claims.give_up_broadcasts(connection, now)
                await holds.wake_overlooked(connection)
        if self._is_time("broadcasts", BROADCASTS_SECONDS):
            await self._broadcasts.look()
        if self._is_time("tickets", TICKETS_SECONDS):
            async with self._pool.connection() as connection, connection.transaction():
                await ticket_matches.match_waiting(connection)
        if self._forgot_on != now.date():
            async with self._pool.connection() as connection:
                await caps.end_yesterday(connection, now)
                await tickets.forget_texts(connection, now, self._text_days)
                await returned.forget_raw(connection, now)
                with contextlib.suppress(LockNotAvailable):  # tomorrow is early enough
                    async with connection.transaction():
                        await partitions.drop_old(connection, self._events_kept_days, now)
            self._forgot_on = now.date()
        if self._is_time("expire", EXPIRE_SECONDS):
            async with self._pool.connection() as connection, connection.transaction():
                await suppressions.expire(connection, now)
                await merges.expire(connection, now)
                await holds.close_for_content(connection, now)
        if self._is_time("gauges", GAUGES_SECONDS):
            await self._measure(now)

    def _is_time(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now - self._last.setdefault(what, now) < every:
            return False
        self._last[what] = now
        return True

    async def _measure(self, now: datetime) -> None:
        async with self._pool.connection() as connection:
            waiting, oldest = await outbox.lag(connection)
            grace = timedelta(seconds=self._grace * self._clock.speed)
            due, late = await outbox.due_counts(connection, now, now - grace)
            known = await sources.list_sources(connection, retired=False)
            changes, age = await segment_queue.waiting(connection)
        metrics.RELAY_WAITING.set(waiting)
        metrics.RELAY_LAG.set(oldest)
        metrics.CHANGES_WAITING.set(changes)
        metrics.CHANGES_LAG.set(age)
        metrics.DUE.set(due)
        metrics.LATE.set(late)
        for gauge in (metrics.SOURCE_LAG, metrics.SOURCE_LATE):
            gauge.clear()  # of those that were retired since
        for source in known:
            lag = source.lag(now)
            if lag is not None:
                metrics.SOURCE_LAG.labels(source.name).set(lag.total_seconds())
            metrics.SOURCE_LATE.labels(source.name).set(source.late(now))
