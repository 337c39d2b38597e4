"""The collector: what many calls bring is kept in one transaction, and then all are answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.background import running
from digital_cs.clock import Clock, pace
from digital_cs.ingest.events.collector_batch import Batch, Call
from digital_cs.ingest.events.collector_sources import Ledger
from digital_cs.ingest.events.collector_writer import Writer
from digital_cs.ingest.events.incoming import BusyError, Incoming, Taken
from digital_cs.ingest.rules.entries import Entries

log = logs.get(__name__)

MOST_IN_A_BATCH = 3_200
"""Messages of one transaction. Of more, all senders wait for the same answer, and the database has
nothing to do while they write what comes next; of less, each transaction counts too little."""
MOST_WAITING = 40_000
"""Messages that wait before senders are told to come again: some 100 MB, and about a second."""
NOTE_SECONDS = 1.0


class Collector:
    """Keeps messages: one writer takes whatever has come while it wrote the batch before.

    So a call that comes alone is kept at once, and many share a transaction. Several processes may
    collect into the same database. Every event is counted once, however often it is sent.
    """

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock, entries: Entries, *, oldest_days: int
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._writer = Writer(pool, clock, entries, oldest_days)
        self._ledger = Ledger()
        self._queue: deque[Batch] = deque()
        self._waiting = 0
        self._come = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.asynccontextmanager
    async def collecting(self) -> AsyncIterator[None]:
        """Keep what comes, until the block is left; what waits then is kept first."""
        async with running(self._write_all(), self._note_all()):
            yield
            await self._idle.wait()
        await self._note()

    async def take(self, source: str, messages: Sequence[Incoming]) -> Taken:
        """Keep messages of one source, in this order; returns when they are durable.

        Raises BusyError when too much waits already, and psycopg.OperationalError while the
        database is away. Then nothing is promised of any of them, and the same may be sent again.
        """
        if self._waiting + len(messages) > MOST_WAITING:
            raise BusyError
        if not self._queue or self._queue[-1].size >= MOST_IN_A_BATCH:
            self._queue.append(Batch(self._clock.now()))
        call = Call(source, messages)
        self._queue[-1].add(call)
        self._waiting += len(messages)
        self._idle.clear()
        self._come.set()
        return await call.done

    def turn_away(self, source: str, problems: Sequence[str]) -> None:
        """Note that messages of a source could not be read, and why, for whoever looks after it."""
        self._ledger.turn_away(source, problems)

    async def _write_all(self) -> None:
        while True:
            await self._come.wait()
            self._come.clear()
            while self._queue:
                batch = self._queue.popleft()
                await self._keep(batch)
                self._waiting -= batch.size
            self._idle.set()

    async def _keep(self, batch: Batch) -> None:
        """Keep a batch and answer its calls, whatever happens."""
        try:
            await self._writer.write(batch)
            self._ledger.count(batch)
        except (OperationalError, BusyError) as error:  # all may be sent again
            _fail(batch, error)
        except Exception as error:
            if len(batch.calls) > 1:  # one call must not spoil it for the others
                for call in batch.calls:
                    await self._keep(batch.only(call))
                return
            log.error("collector.fault", error=type(error).__name__)
            _fail(batch, error)
        else:
            for call in batch.calls:
                if not call.done.done():  # its sender may have left
                    call.done.set_result(call.taken())

    async def _note_all(self) -> None:
        while True:
            await asyncio.sleep(pace(self._clock, NOTE_SECONDS))
            await self._note()

    async def _note(self) -> None:
        try:
            async with self._pool.connection() as connection:
                await self._ledger.note(connection, self._clock.now())
        except Exception as error:  # it stays counted, and is noted when that works again
            log.warning("collector.nothing_noted", error=type(error).__name__)


def _fail(batch: Batch, error: Exception) -> None:
    for call in batch.calls:
        if not call.done.done():
            call.done.set_exception(error)
