"""The writer of a collector: one batch, one transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import CheckViolation, DataError, UniqueViolation
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.ingest.events.collector_batch import Batch
from digital_cs.ingest.events.collector_follow import follow
from digital_cs.ingest.events.collector_people import (
    NEW_ACCOUNT,
    LinksAreNewError,
    News,
    keep_people,
)
from digital_cs.ingest.events.incoming import BusyError
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import accounts, people
from digital_cs.store.product import events, partitions, usage, usage_sums
from digital_cs.store.product.events import MOST_TRIES
from digital_cs.store.product.usage_sums import Sums

Connection = AsyncConnection[Any]

EVER = datetime(1970, 1, 1, tzinfo=UTC)
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
        for _ in range(MOST_TRIES):
            try:
                return await self._write(batch)
            except UniqueViolation:  # some come again: seldom, so it costs only then
                await self._leave_out_known(batch)
            except CheckViolation:  # a day was dropped since we looked
                self._days.clear()
            except DataError:
                if not await self._leave_out_unreadable(batch):
                    raise
        raise BusyError("The same events come several times at this moment. Send them again soon.")

    async def _leave_out_known(self, batch: Batch) -> None:
        async with self._pool.connection() as connection:
            batch.repeated(await events.known(connection, batch.ids_by_day()))

    async def _leave_out_unreadable(self, batch: Batch) -> bool:
        async with self._pool.connection() as connection:
            found = await events.unreadable(connection, batch.rows)
        batch.refuse(found, "properties: there is something in them that cannot be kept.")
        return bool(found)

    @again_after_deadlock
    async def _write(self, batch: Batch) -> None:
        if batch.settled:
            batch.again()
        async with self._pool.connection() as connection:
            await self._open_days(connection, batch)
            await self._leave_out_yesterdays(connection, batch)
            try:
                active_on = await self._transaction(connection, batch, alone=False)
            except LinksAreNewError:
                active_on = await self._transaction(connection, batch, alone=True)
        if len(self._accounts) > MOST_REMEMBERED:
            self._accounts.clear()
            self._active_on.clear()
        self._accounts |= batch.accounts()
        self._active_on |= active_on

    async def _leave_out_yesterdays(self, connection: Connection, batch: Batch) -> None:
        """Events without a moment of their own that came before midnight, and again after it."""
        yesterday = (batch.received_at.date() - timedelta(days=1)).isoformat()
        repeated = await events.known(connection, {yesterday: batch.undated()})
        if repeated:
            batch.repeated(repeated)
            batch.again()

    async def _open_days(self, connection: Connection, batch: Batch) -> None:
        """Have a partition for each day, and refuse the events of days that have none any more."""
        now = batch.received_at
        due = [day for day in batch.days() if now - self._days.get(day, EVER) >= DAY_TOLD]
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

    async def _transaction(
        self, connection: Connection, batch: Batch, *, alone: bool
    ) -> dict[str, str]:
        """Returns until which day (ISO) accounts were active, as far as that was written.

        In pipelines: while requests are read, each wait for an answer costs milliseconds.
        """
        async with connection.transaction():
            async with connection.pipeline():
                await (people.change if alone else people.look)(connection)
                news = await keep_people(connection, batch, alone=alone)
                names, homes = await people.names_and_homes(
                    connection, batch.users, batch.homeless_users()
                )
            batch.settle(homes)
            strangers = batch.accounts() - self._accounts
            for account in await accounts.meet(connection, strangers, batch.received_at):
                news.tell(account, *NEW_ACCOUNT)
            active_on = self._active_later(batch, news)
            moved = await _move(connection, active_on, batch.received_at)
            await events.copy(connection, batch.rows)
            sums = batch.sums
            if news.assigned:
                sums = Sums(news.assigned)
                sums.merge(batch.sums)
            async with connection.pipeline():
                today = batch.received_at.astimezone(UTC).date()
                await usage_sums.add(connection, sums, names, today)
                await follow(connection, self._entries, sums, moved, news.keys, batch.received_at)
        return active_on

    def _active_later(self, batch: Batch, news: News) -> dict[str, str]:
        """The last day of accounts where that is later than what was written."""
        last = news.assigned.last_days()
        for account, day in batch.sums.last_days().items():
            last[account] = max(day, last.get(account, day))
        before = self._active_on
        return {account: day for account, day in last.items() if day > before.get(account, "")}


async def _move(connection: Connection, active_on: dict[str, str], now: datetime) -> list[str]:
    """Move the last active day of accounts; returns those where it moved.

    Before the events, so that accounts are locked first, as everywhere.
    """
    if not active_on:
        return []
    await accounts.lock(connection, active_on)
    days = {account: date.fromisoformat(day) for account, day in active_on.items()}
    return await usage.move_last_active(connection, days, now)
