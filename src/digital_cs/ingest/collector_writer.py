"""The writer of a collector: one batch, one transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import CheckViolation, DataError
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.ingest.collector_batch import EVER, Batch
from digital_cs.ingest.collector_follow import follow
from digital_cs.ingest.collector_people import NEW_ACCOUNT, LinksAreNewError, News, keep_people
from digital_cs.ingest.entries import Entries
from digital_cs.store import accounts, events, partitions, people, usage, usage_sums
from digital_cs.store.deadlock import again_after_deadlock
from digital_cs.store.usage_sums import Sums

Connection = AsyncConnection[Any]

DAY_TOLD = timedelta(hours=1)
"""How often a day is said to have received something: it is kept for weeks by that."""
MOST_REMEMBERED = 500_000
_DROPPED = (
    "timestamp: the events of that day are not kept any more. It would be counted a second time if"
    " it was among them."
)


class Writer:
    """Writes batches; remembers what it has seen committed and nobody takes back."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock, entries: Entries, oldest_days: int
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._entries = entries
        self._oldest_days = oldest_days
        self._too_old = f"timestamp: it is longer ago than {oldest_days} days, the oldest allowed."
        self._accounts: set[str] = set()
        self._active_on: dict[str, str] = {}
        self._days: dict[str, datetime] = {}

    async def write(self, batch: Batch) -> None:
        """Keep a batch: what it says of people, its events, and all that follows from them.

        Its calls know afterwards which of their messages were refused or repeated. Raises
        psycopg.Error; then nothing of it was kept, or (when the connection broke) all of it.
        """
        try:
            await self._write(batch)
        except CheckViolation:  # a day was dropped since we looked
            self._days.clear()
            await self._write(batch)
        except DataError:
            async with self._pool.connection() as connection:
                unreadable = await events.unreadable(connection, batch.lines)
            if not unreadable:
                raise
            batch.refuse(unreadable, "properties: there is something in them that cannot be kept.")
            await self._write(batch)

    @again_after_deadlock
    async def _write(self, batch: Batch) -> None:
        if batch.settled:
            batch.again()
        async with self._pool.connection() as connection:
            await self._open_days(connection, batch)
            try:
                await self._transaction(connection, batch, alone=False)
            except LinksAreNewError:
                await self._transaction(connection, batch, alone=True)
        if len(self._accounts) > MOST_REMEMBERED:
            self._accounts.clear()
            self._active_on.clear()
        self._accounts |= batch.accounts
        for account, day in batch.sums.last_days().items():
            if day > self._active_on.get(account, ""):
                self._active_on[account] = day

    async def _open_days(self, connection: Connection, batch: Batch) -> None:
        """Have a partition for each day, and refuse the events of days that have none any more."""
        now = batch.received_at
        due = [day for day in batch.days if now - self._days.get(day, EVER) >= DAY_TOLD]
        if not due:
            return
        oldest = (now.astimezone(UTC).date() - timedelta(days=self._oldest_days)).isoformat()
        too_old = {day for day in due if day < oldest}
        days = [date.fromisoformat(day) for day in due if day not in too_old]
        async with connection.transaction():
            dropped = {day.isoformat() for day in await partitions.ensure(connection, days, now)}
            await partitions.received(connection, days, now)
        self._days.update(dict.fromkeys({*due} - too_old - dropped, now))
        ids = batch.ids_by_day() if too_old or dropped else {}
        for day in too_old | dropped:
            batch.refuse(ids[day], self._too_old if day in too_old else _DROPPED)
        if too_old or dropped:
            batch.again()

    async def _transaction(self, connection: Connection, batch: Batch, *, alone: bool) -> None:
        async with connection.transaction():
            await (people.change if alone else people.look)(connection)
            news = await keep_people(connection, batch, alone=alone)
            names = await people.known_as(connection, batch.users) if batch.users else {}
            await self._settle(connection, batch, names)
            await self._meet(connection, batch, news)
            active = await self._move(connection, batch, news)
            await self._copy(connection, batch, names)
            sums = batch.sums
            if news.assigned:
                sums = Sums(news.assigned)
                sums.merge(batch.sums)
            await usage_sums.add(connection, sums, names)
            await follow(connection, self._entries, sums, active, news.keys, batch.received_at)

    async def _copy(self, connection: Connection, batch: Batch, names: dict[str, str]) -> None:
        """Keep the raw events. That some come again is seldom, so it costs only then."""
        yesterday = (batch.received_at.date() - timedelta(days=1)).isoformat()
        # Without a moment of their own, they may have come before midnight, and again after it.
        repeated = await events.known(connection, {yesterday: batch.undated()})
        for _ in range(events.MOST_TRIES):
            if repeated:
                batch.repeated(repeated)
                batch.again()
                await self._settle(connection, batch, names)
            if await events.copy(connection, batch.lines):
                return
            repeated = await events.known(connection, batch.ids_by_day())
        raise events.RepeatsError

    async def _settle(self, connection: Connection, batch: Batch, names: dict[str, str]) -> None:
        """Find out whose account those events belong to that do not say it."""
        homes = {}
        if batch.homeless:
            homes = await people.homes(connection, {names.get(id, id) for id in batch.users})
        batch.settle(names, homes)

    async def _meet(self, connection: Connection, batch: Batch, news: News) -> None:
        """Make accounts that are heard of for the first time."""
        strangers = batch.accounts - self._accounts
        if strangers:
            for account in await accounts.meet(connection, strangers, batch.received_at):
                news.tell(account, *NEW_ACCOUNT)

    async def _move(self, connection: Connection, batch: Batch, news: News) -> list[str]:
        """Move the last active day of accounts; returns those where it moved.

        Before the events, so that accounts are locked first, as everywhere. That some of these
        may turn out to be repeated changes nothing: they did happen on that day.
        """
        last = news.assigned.last_days()
        for account, day in batch.sums.last_days().items():
            last[account] = max(day, last.get(account, day))
        later = {
            account: date.fromisoformat(day) for account, day in last.items()
            if day > self._active_on.get(account, "")
        }  # fmt: skip
        if not later:
            return []
        await accounts.lock(connection, later)
        return await usage.move_last_active(connection, later, batch.received_at)
