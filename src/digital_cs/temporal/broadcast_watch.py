"""The watch over broadcasts: tells their owners when no worker is there to send them (P12)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.broadcasts import ALERT, EVERY_STEP, alert_name
from digital_cs import logs
from digital_cs.clock import Clock
from digital_cs.domain.sending.broadcast import Broadcast, BroadcastState, freeze_at
from digital_cs.messages.broadcast import queue_of
from digital_cs.store.broadcasts import broadcast_claims, broadcasts
from digital_cs.store.programs import alerts
from digital_cs.temporal.namespace import workers_seen

log = logs.get(__name__)

MOST = 1000

NOBODY = (
    "No worker of broadcasts is at work. `digital-cs worker --queue broadcast` starts one, and it"
    " goes on where it was."
)


class BroadcastWatch:
    """Workers of broadcasts see to all else, but nobody of them can tell that there is none.

    What it writes down as a hold is lifted by the first look of a worker that is there again.
    """

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], client: Client, clock: Clock, task_queue: str,
        workspace_zone: str,
    ) -> None:  # fmt: skip
        """`task_queue` is the engine's; that of broadcasts is beside it."""
        self._pool = pool
        self._client = client
        self._clock = clock
        self._queue = queue_of(task_queue)
        self._zone = workspace_zone

    async def look(self) -> int:
        """Hold what ought to go and cannot, and give up what a dead worker had in hand; returns how
        many broadcasts that are. Where none runs it costs one small query."""
        async with self._pool.connection() as connection:
            running = await broadcasts.list_broadcasts(connection, [BroadcastState.RUNNING], MOST)
        # One that is held is told of already, and reading it again costs all its rows.
        going = [each for each in running if not each.paused and each.held_because is None]
        if not going or await workers_seen(self._client, self._queue):
            return 0
        now = self._clock.now()
        return sum([await self._hold(each, now) for each in going if await self._waits(each, now)])

    async def _waits(self, broadcast: Broadcast, now: datetime) -> bool:
        """Whether there is something to do for it by now."""
        if broadcast.frozen_at is None:
            moment = freeze_at(broadcast.plan, self._zone)
            return moment is None or moment <= now
        async with self._pool.connection() as connection:
            left = await broadcast_claims.left(connection, broadcast.id, now)
        return not left.open or (left.next_due is not None and left.next_due <= now)

    async def _hold(self, broadcast: Broadcast, now: datetime) -> bool:
        async with self._pool.connection() as connection, connection.transaction():
            if not await broadcasts.hold(connection, broadcast.id, NOBODY, now):
                return False
            await alerts.tell(
                connection, program_id=alert_name(broadcast.id), step=EVERY_STEP, kind=ALERT,
                owner=broadcast.owner, words=NOBODY, now=now,
            )  # fmt: skip
        log.warning("broadcast.no_worker", broadcast=broadcast.id)
        return True
