"""The people at our end of the demo: they do their tasks, and one of them stops a program."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.clock import Clock
from digital_cs.demo.told import Interlude
from digital_cs.domain.programs.enrollment import share_of
from digital_cs.store.sending import stops
from digital_cs.temporal.gateway import ALL_NOW, Gateway

Connection = AsyncConnection[Any]

TICK_SECONDS = 0.5
DILIGENCE = 0.7
"""The share of tasks that somebody gets round to; the others expire."""

REPLY_HOURS = 20
"""So long a reply waits for somebody to look at it; nobody leaves one lying."""

NAMES = {"csm": "priya", "account_manager": "tom", "owner": "maya"}

SATURDAY = 5
PAUSE_ON_DAY, RESUME_ON_DAY = 30, 36

STOP_FROM_DAY = 63
STOP_ON = (1, 2)
"""Tuesday or Wednesday: at the weekend nobody would notice that all sending is stopped."""
STOP_HOURS = 8
STOPPED_FOR = "a wrong price in one of our e-mails"

# Now and then somebody has left their company; on two days the receiving server is overrun.
GONE_ADDRESSES = Faults(FaultMode.REFUSE_RCPT_UNKNOWN, share=0.01)
BUSY_SERVER = Faults(FaultMode.REFUSE_4XX, share=0.5)
MAIL_WEATHER = ((0, GONE_ADDRESSES), (50, BUSY_SERVER), (52, GONE_ADDRESSES))
"""From which business day on the mail server that we hand messages to behaves how."""


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task that waits for somebody."""

    key: str
    assign_to: str
    opened_at: datetime
    kind: str = "step"

    @property
    def is_reply(self) -> bool:
        """Whether somebody wrote back."""
        return self.kind == "reply"


class Colleagues:
    """Everything that people and mail servers do in the demo."""

    def __init__(
        self, gateway: Gateway, pool: AsyncConnectionPool[Any], clock: Clock, origin: datetime,
        mail_folder: Path,
    ) -> None:  # fmt: skip
        self._gateway = gateway
        self._pool = pool
        self._clock = clock
        self._origin = origin
        self._mail_folder = mail_folder
        self._weather = list(MAIL_WEATHER)
        self._stopped_at: datetime | None = None
        self._started = False
        self.interlude: Interlude | None = None

    async def run(self) -> None:
        """Live until cancelled."""
        while True:
            async with self._pool.connection() as connection:
                await self.tick(connection)
            await asyncio.sleep(TICK_SECONDS)

    async def tick(self, connection: Connection) -> None:
        """Do what somebody would have done by now."""
        now = self._clock.now()
        day = (now - self._origin) / timedelta(days=1)
        while self._weather and self._weather[0][0] <= day:
            self._weather.pop(0)[1].write(self._mail_folder)
        if now.weekday() < SATURDAY:
            await self._work(connection, now)
        await self._stop_for_a_day(connection, now, day)
        if self.interlude is None:
            if PAUSE_ON_DAY <= day < RESUME_ON_DAY:
                self.interlude = await self._pause_one(connection, now)
        elif self.interlude.resumed_at is None and day >= RESUME_ON_DAY:
            await self._gateway.resume_enrollment(self.interlude.enrollment_id, ALL_NOW)
            self.interlude = replace(self.interlude, resumed_at=now)

    async def _work(self, connection: Connection, now: datetime) -> None:
        """Look at what people wrote back, and do the tasks of yesterday."""
        replied, yesterday = now - timedelta(hours=REPLY_HOURS), now - timedelta(days=1)
        for task in await open_tasks(connection, replied):
            if task.is_reply or (task.opened_at <= yesterday and is_done_by_somebody(task)):
                by = NAMES.get(task.assign_to, "maya")
                await self._gateway.complete_task(task.key, by=by)

    async def _stop_for_a_day(self, connection: Connection, now: datetime, day: float) -> None:
        """Somebody sees a mistake: all sending is stopped, and goes on when it is corrected."""
        if self._stopped_at is None:
            if day >= STOP_FROM_DAY and now.weekday() in STOP_ON:
                async with connection.transaction():
                    await stops.stop(connection, STOPPED_FOR, NAMES["owner"], now)
                self._stopped_at = now
        elif not self._started and now >= self._stopped_at + timedelta(hours=STOP_HOURS):
            await self._gateway.sending.start(NAMES["owner"])
            self._started = True

    async def _pause_one(self, connection: Connection, now: datetime) -> Interlude | None:
        """Pause the newest welcome: somebody wants to talk to them first."""
        cursor = await connection.execute(
            "select id from enrollments where ended_at is null and not paused"
            " and program_id like 'welcome-%%' order by started_at desc, id limit 1"
        )
        row = await cursor.fetchone()
        if row is None or not await self._gateway.pause_enrollment(row[0]):
            return None
        return Interlude(row[0], now)


def is_done_by_somebody(task: OpenTask) -> bool:
    """Whether a person gets round to this task; always the same for the same task."""
    return share_of(task.key, "done") < DILIGENCE


async def open_tasks(connection: Connection, opened_before: datetime) -> list[OpenTask]:
    """Tasks that are open since before a moment, the oldest first."""
    cursor = await connection.execute(
        "select key, assign_to, opened_at, kind from tasks where state = 'open' and opened_at <= %s"
        " order by opened_at, key",
        (opened_before,),
    )
    return [OpenTask(*row) for row in await cursor.fetchall()]
