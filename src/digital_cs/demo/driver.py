"""Tells the engine the story as business time passes, through the doors that everybody uses."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digital_cs.clock import Clock
from digital_cs.demo.product import Product
from digital_cs.demo.story import Fact, UsageDay
from digital_cs.demo.support import HelpDesk, TicketExport
from digital_cs.ingest.people.intake import Intake
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.product.events import EventRecord

TICK_SECONDS = 0.2
HISTORY = "csv:history"
"""The source of usage before the first day: loaded once, like a file."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Accounts and people come from a CRM, events from the product, tickets from a help desk."""

    crm: Intake
    product: Product
    help_desk: HelpDesk


class Driver:
    """Holds the facts that are still to come, in order."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._coming = deque(facts)

    @property
    def to_come(self) -> int:
        """How many facts have not been told."""
        return len(self._coming)

    def _due(self, until: datetime) -> list[Any]:
        due = []
        while self._coming and self._coming[0].at <= until:
            due.append(self._coming.popleft().what)
        return due

    async def look_back(self, intake: Intake, until: datetime) -> None:
        """Tell what was before the first day as files do: usage by day, milestones by date."""
        due = self._due(until)
        await _tell_of_people(intake, due)
        await intake.save_milestones([
            (event.account_id, event.name, event.at)
            for event in due if isinstance(event, EventRecord)
        ])  # fmt: skip
        for usage in due:
            if isinstance(usage, UsageDay):
                await intake.save_usage(usage.records, usage.day, HISTORY)

    async def tell(self, doors: Doors, until: datetime) -> int:
        """Hand over every fact up to `until`; returns how many."""
        due = self._due(until)
        await _tell_of_people(doors.crm, due)
        await doors.product.send([event for event in due if isinstance(event, EventRecord)])
        for export in due:
            if isinstance(export, TicketExport):
                await doors.help_desk.hand_over(export)
        return len(due)

    async def run(self, doors: Doors, clock: Clock) -> None:
        """Tell the story at the pace of the clock, to its end."""
        while self._coming:
            await self.tell(doors, clock.now())
            await asyncio.sleep(TICK_SECONDS)


async def _tell_of_people(intake: Intake, due: Sequence[Any]) -> None:
    for accounts in in_batches(record for record in due if isinstance(record, AccountRecord)):
        await intake.save_accounts(accounts)
    if people := [record for record in due if isinstance(record, ContactRecord)]:
        await intake.save_contacts(people, "crm")


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
