"""Tells the engine the story as business time passes, through the doors that everybody uses."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime

from digital_cs.clock import Clock
from digital_cs.demo.story import Fact, UsageFeed
from digital_cs.ingest.intake import Intake
from digital_cs.store.accounts import AccountRecord
from digital_cs.store.contacts import ContactRecord
from digital_cs.store.events import EventRecord

TICK_SECONDS = 0.2


class Driver:
    """Holds the facts that are still to come, in order."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._coming = deque(facts)

    @property
    def to_come(self) -> int:
        """How many facts have not been told."""
        return len(self._coming)

    async def tell(self, intake: Intake, until: datetime) -> int:
        """Hand over every fact up to `until`; returns how many."""
        due = []
        while self._coming and self._coming[0].at <= until:
            due.append(self._coming.popleft().what)
        for accounts in in_batches(record for record in due if isinstance(record, AccountRecord)):
            await intake.save_accounts(accounts)
        if people := [record for record in due if isinstance(record, ContactRecord)]:
            await intake.save_contacts(people)
        if events := [record for record in due if isinstance(record, EventRecord)]:
            await intake.record_events(events)
        for feed in due:
            if isinstance(feed, UsageFeed):
                await intake.save_usage(feed.records, feed.day)
        return len(due)

    async def run(self, intake: Intake, clock: Clock) -> None:
        """Tell the story at the pace of the clock, to its end."""
        while self._coming:
            await self.tell(intake, clock.now())
            await asyncio.sleep(TICK_SECONDS)


def in_batches(records: Iterable[AccountRecord]) -> Iterator[list[AccountRecord]]:
    """Batches that name each account once, in the given order for each account."""
    batch: list[AccountRecord] = []
    named: set[str] = set()
    for record in records:
        if record.id in named:
            yield batch
            batch, named = [], set()
        batch.append(record)
        named.add(record.id)
    if batch:
        yield batch
