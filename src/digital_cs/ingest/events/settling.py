"""Settles usage of days that are over, a little at a time, once a day."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.clock import Clock
from digital_cs.store.product import usage_settling
from digital_cs.store.product.usage_settling import BEGINNING, Key

log = logs.get(__name__)

BATCH = 10_000
"""Rows a transaction: while one runs, those who write to such days wait for it."""
MOST_BATCHES = 10
"""In a turn: a few seconds, for a first start may have many millions to settle."""


class UsageSettler:
    """Goes through the open usage once when the day has turned; may be interrupted anywhere."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._done_on: date | None = None
        self._after: Key = BEGINNING
        self._moved = 0

    async def turn(self, most_batches: int = MOST_BATCHES) -> bool:
        """Settle some; returns whether all of today's work is done."""
        today = usage_settling.settling_today(self._clock.now())
        for _ in range(most_batches):
            if self._done_on == today:
                break
            async with self._pool.connection() as connection, connection.transaction():
                found = await usage_settling.settle(connection, today, self._after, BATCH)
            if found is None:
                break  # somebody loads days of the past: there is time
            moved, after = found
            self._moved += moved
            self._after = after or BEGINNING
            if after is None:
                self._done_on = today
                log.info("usage.settled", rows=self._moved)
                self._moved = 0
        return self._done_on == today
