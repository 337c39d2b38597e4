"""What the sample company's customers ask support, and the help desk that exports it daily."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.demo.company import Company, Customer
from digital_cs.domain.support.ticket import Severity
from digital_cs.ingest.people.intake import Intake
from digital_cs.store.product import sources
from digital_cs.store.programs import enrollments
from digital_cs.store.support.tickets import TicketRecord

SOURCE = "csv:tickets"
EXPORT_AT = time(2, 0, tzinfo=UTC)
"""When the tickets that changed on a day are exported, on the day after."""
TEXT_DAYS = 180

ASKING = 0.25
"""The share of customers who ask something at all."""
IN_TROUBLE = 2
"""So many customers ask again and again within one week."""

_QUESTIONS = (
    ("connecting", "Orders do not come in since yesterday"),
    ("importing", "Some of our contacts were not imported"),
    ("sending", "Why did this email go to so few people?"),
    ("billing", "Can we have the invoice in our accountant's name?"),
    ("automations", "Can a customer get the welcome twice?"),
)
_SEVERITIES: dict[Severity, int] = {"low": 25, "normal": 52, "high": 18, "urgent": 5}
_SERIOUS = ("high", "urgent")
"""What is serious takes longer to solve, and meanwhile nobody advertises to them (P18)."""


@dataclass(frozen=True, slots=True)
class TicketExport:
    """The tickets that changed on one day. Who is not named asked nothing."""

    day: date
    records: tuple[TicketRecord, ...]

    @property
    def at(self) -> datetime:
        """When it is there."""
        return datetime.combine(self.day + timedelta(days=1), EXPORT_AT)


def exports(company: Company) -> list[TicketExport]:
    """One export for each day of the company but the last, whose export comes too late."""
    changes: dict[date, dict[str, TicketRecord]] = {}
    chance = random.Random(f"tickets {company.origin:%Y%m%d} {len(company.customers)}")  # noqa: S311
    number = 1000
    for customer, opened_at in sorted(_asked(company, chance), key=lambda asked: asked[1]):
        number += 1
        ticket = _ticket(customer, number, opened_at, chance)
        changes.setdefault(opened_at.date(), {})[ticket.id] = ticket
        hours = chance.randint(2, 90) * (3 if ticket.severity in _SERIOUS else 1)
        solved_at = opened_at + timedelta(hours=hours)
        solved = replace(ticket, status="solved", updated_at=solved_at, solved_at=solved_at)
        changes.setdefault(solved_at.date(), {})[ticket.id] = solved
    days = [company.origin.date() + timedelta(days=number) for number in range(company.days - 1)]
    return [TicketExport(day, tuple(changes.get(day, {}).values())) for day in days]


def _asked(company: Company, chance: random.Random) -> Iterator[tuple[Customer, datetime]]:
    """Who asks, and when: now and then, or far too often in one week."""
    there = [
        c for c in company.customers
        if c.contacts and c.subscribes is not None and c.churns is None and c.quiet is None
    ]  # fmt: skip
    in_trouble = chance.sample([c for c in there if c.starts < company.origin], IN_TROUBLE)
    for customer in there:
        first = max((customer.starts - company.origin).days + 2, 0)
        if customer in in_trouble:
            begin = company.origin + timedelta(days=chance.randint(25, company.days - 20))
            for _ in range(6):
                yield customer, begin + timedelta(minutes=chance.randint(1, 6 * 1440))
        elif chance.random() < ASKING and first < company.days - 1:
            day = chance.randint(first, company.days - 2)
            yield customer, company.origin + timedelta(days=day, minutes=chance.randint(1, 1439))


def _ticket(
    customer: Customer, number: int, opened_at: datetime, chance: random.Random
) -> TicketRecord:
    topic, subject = chance.choice(_QUESTIONS)
    severity = chance.choices(list(_SEVERITIES), list(_SEVERITIES.values()))[0]
    return TicketRecord(
        "helpdesk", str(number), "open", opened_at, opened_at, severity=severity,
        requester_email=chance.choice(customer.contacts).email, subject=subject, topic=topic,
    )  # fmt: skip


class HelpDesk:
    """Hands its exports over: the tickets, and that all of that day are among them."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock, intake: Intake) -> None:
        self._pool = pool
        self._clock = clock
        self._intake = intake

    async def hand_over(self, export: TicketExport) -> None:
        """Save the tickets of a day, which is complete then."""
        if export.records:
            await self._intake.save_tickets(export.records, text_days=TEXT_DAYS)
        complete = datetime.combine(export.day + timedelta(days=1), time(), UTC)
        async with self._pool.connection() as connection, connection.transaction():
            further = await sources.note(
                connection, SOURCE, kind="csv", feeds=["tickets"], at=self._clock.now(),
                received=len(export.records), complete_through=complete,
            )  # fmt: skip
            if further:
                await enrollments.wake_by_feed(connection, "tickets")
