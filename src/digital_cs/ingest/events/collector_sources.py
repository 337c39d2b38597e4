"""What each source brought through the collector, noted about once a second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.ingest.events.collector_batch import Batch
from digital_cs.store.product import sources
from digital_cs.store.programs import enrollments

Connection = AsyncConnection[Any]

SLACK = timedelta(minutes=10)
"""Before the newest event, so much may still be on its way.

SDKs flush after seconds, send in parallel, and try again for some minutes.
"""


class _Brought:
    __slots__ = ("error", "feeds", "newest", "received", "refused")

    def __init__(self) -> None:
        self.received = 0
        self.refused = 0
        self.newest: datetime | None = None
        self.error: str | None = None
        self.feeds: set[str] = set()

    def add(self, other: _Brought) -> None:
        self.received += other.received
        self.refused += other.refused
        self.feeds |= other.feeds
        self.error = self.error or other.error  # the other is from before
        self.see(other.newest)

    def see(self, moment: datetime | None) -> None:
        if moment is not None and (self.newest is None or moment > self.newest):
            self.newest = moment


class Ledger:
    """Counts what came by source, in memory, until it is noted.

    Noted in a transaction of its own, because one row a source would make all writers wait for
    each other. What a killed process has not noted is missing in these counts, and nowhere else.
    """

    def __init__(self) -> None:
        self._brought: dict[str, _Brought] = {}

    def count(self, batch: Batch) -> None:
        """Count a batch that was kept."""
        for call in batch.calls:
            brought = self._of(call.source)
            brought.refused += len(call.refused)
            brought.received += len(call.messages) - len(call.refused)
            for problem in call.refused.values():
                brought.error = problem
            if call.newest is not None:
                brought.feeds.add("usage")
                brought.see(call.newest)
        for call, _, _ in batch.people:
            self._of(call.source).feeds |= {"accounts", "contacts"}

    def turn_away(self, source: str, problems: Sequence[str]) -> None:
        """Count messages that were refused before they came here, each for its problem."""
        brought = self._of(source)
        brought.refused += len(problems)
        brought.error = problems[-1]

    async def note(self, connection: Connection, now: datetime) -> None:
        """Note what was counted, and wake whoever waits for another complete day of usage.

        It is a transaction for each source; what could not be noted stays counted.
        """
        waiting, self._brought = self._brought, {}
        try:
            for name in sorted(waiting):
                async with connection.transaction():
                    await _note(connection, name, waiting[name], now)
                del waiting[name]
        finally:
            for name, brought in waiting.items():
                self._of(name).add(brought)

    def _of(self, source: str) -> _Brought:
        return self._brought.setdefault(source, _Brought())


async def _note(connection: Connection, name: str, brought: _Brought, now: datetime) -> None:
    newest = brought.newest
    further = await sources.note(
        connection, name, kind="api", feeds=brought.feeds, at=now, received=brought.received,
        refused=brought.refused, error=brought.error,
        complete_through=None if newest is None else newest - SLACK,
    )  # fmt: skip
    if further and "usage" in brought.feeds:
        await enrollments.wake_by_feed(connection, "usage")
