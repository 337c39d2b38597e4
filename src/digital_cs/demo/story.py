"""What happens to the sample company, as facts in the order in which they come in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from digital_cs.demo.company import FIRST_WEEKS, TRIAL, Company, Customer
from digital_cs.demo.support import TicketExport, exports
from digital_cs.domain.account import day_of
from digital_cs.domain.programs.enrollment import share_of
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.store.product.usage import UsageRecord

USAGE_EVENT = "email_sent"
HISTORY = timedelta(weeks=10)
"""How far back usage is told of those who were customers before the first day."""

GROWING = 10
"""From so many seats on, the product tells how many of them are taken."""
FILL_UP = 0.2
"""The share of those that take all of them in the end."""


@dataclass(frozen=True, slots=True)
class UsageDay:
    """The usage of one day before the first. An account that is not named did nothing."""

    day: date
    records: tuple[UsageRecord, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that becomes known at a business moment."""

    at: datetime
    what: AccountRecord | ContactRecord | EventRecord | UsageDay | TicketExport


_ORDER = (AccountRecord, ContactRecord, EventRecord, UsageDay, TicketExport)


def story_of(company: Company) -> list[Fact]:
    """Every fact of every customer, in order; those before the first day are history."""
    until = company.origin + timedelta(days=company.days)
    facts = [
        fact
        for customer in company.customers
        for fact in _life(customer, company.origin)
        if fact.at < until
    ]  # fmt: skip
    facts += _usage(company)
    facts += [Fact(export.at, export) for export in exports(company)]
    return sorted(facts, key=lambda fact: (fact.at, _ORDER.index(type(fact.what))))


def _life(customer: Customer, origin: datetime) -> Iterator[Fact]:
    """What is told of one customer, but for its usage."""
    record = _first_record(customer)
    yield Fact(customer.starts, record)
    for person in customer.contacts:
        yield Fact(customer.starts, person)
    trial = customer.trial_ends_on is not None
    if trial:
        yield _event(customer, "trial_started", customer.starts + timedelta(minutes=1))
        yield from _trial(customer, record)
    if customer.subscribes is not None:
        yield _event(customer, "subscribed", customer.subscribes)
        yield from _change(customer, customer.subscribes + FIRST_WEEKS, stage="active")
    for name, at in customer.milestones.items():
        if _is_there(customer, at.date() + timedelta(days=1)):
            yield _event(customer, name, at)
    if customer.renews is not None and customer.renewal_on is not None:
        next_year = {"renewal_on": (customer.renewal_on + timedelta(days=365)).isoformat()}
        yield _event(customer, "renewed", customer.renews)
        yield from _change(customer, customer.renews, **next_year)
    if customer.managed_from is not None:
        managed = AccountRecord(customer.id, customer.name, managed=True)
        yield Fact(customer.managed_from, managed)
    if customer.seats >= GROWING and share_of(customer.id, "fills up") < FILL_UP:
        days = 20 + 60 * share_of(customer.id, "fills up on")
        full = max(customer.starts + FIRST_WEEKS, origin) + timedelta(days=days)
        yield from _change(customer, full, seats_used=customer.seats)
    if customer.churns is not None:
        yield from _change(customer, customer.churns, stage="churned")
    if customer.returns is not None:
        yield from _change(customer, customer.returns, stage="active")
        yield _event(customer, "subscribed", customer.returns, again=True)
    if customer.quiet is not None and customer.quiet.looks_in_on is not None:
        noon = datetime.combine(customer.quiet.looks_in_on, time(12), UTC)
        yield _event(customer, "logged_in", noon)


def _first_record(customer: Customer) -> AccountRecord:
    traits: dict[str, object] = {
        "plan": customer.plan, "seats": customer.seats,
        "started_on": customer.starts.date().isoformat(),
    }  # fmt: skip
    if customer.seats >= GROWING:
        traits["seats_used"] = round(customer.seats * share_of(customer.id, "seats") * 0.8)
    if customer.trial_ends_on is not None:
        traits["trial_ends_on"] = customer.trial_ends_on.isoformat()
        stage = "trial"
    else:
        assert customer.renewal_on is not None
        traits["renewal_on"] = customer.renewal_on.isoformat()
        stage = "onboarding"
    return AccountRecord(
        customer.id, customer.name, stage=stage, zone=customer.zone,
        country=customer.place.country, traits=traits,
    )  # fmt: skip


def _trial(customer: Customer, record: AccountRecord) -> Iterator[Fact]:
    """How a trial goes on: longer than planned, bought, or simply over."""
    ends = day_of(record.traits["trial_ends_on"])
    assert ends is not None
    if customer.trial_longer_at is not None:
        ends += timedelta(days=7)
        yield from _change(customer, customer.trial_longer_at, trial_ends_on=ends.isoformat())
    if customer.subscribes is not None and customer.renewal_on is not None:
        yield from _change(
            customer, customer.subscribes, stage="onboarding", plan=customer.buys or customer.plan,
            renewal_on=customer.renewal_on.isoformat(),
        )  # fmt: skip
    else:
        over = datetime.combine(ends, time(), UTC) + TRIAL / 2
        yield from _change(customer, over, stage="trial_over")


def _change(
    customer: Customer, at: datetime, stage: str | None = None, **traits: object
) -> Iterator[Fact]:
    """A later record of the account, which says only what changes."""
    if customer.churns is None or at <= customer.churns or stage == "active":
        yield Fact(at, AccountRecord(customer.id, customer.name, stage=stage, traits=traits))


def _event(customer: Customer, name: str, at: datetime, *, again: bool = False) -> Fact:
    id = f"{customer.id}-{name}" + "-again" * again
    person = customer.contacts[0].id if customer.contacts else None
    return Fact(at, EventRecord(id, customer.id, name, at, contact_id=person))


def _usage(company: Company) -> Iterator[Fact]:
    """What is used on each day: before the first day as counts, from then on as it happens."""
    chance = random.Random(company.origin.toordinal() + len(company.customers))  # noqa: S311
    first = (company.origin - HISTORY).date()
    for number in range(HISTORY.days + company.days):
        day = first + timedelta(days=number)
        midnight = datetime.combine(day, time(), UTC)
        active = [
            (customer, chance.randint(1, 4 + customer.seats // 25))
            for customer in company.customers
            if chance.random() < customer.activity and _is_there(customer, day)
        ]
        if midnight < company.origin:
            counts = tuple(
                UsageRecord(customer.id, day, USAGE_EVENT, n, min(n, len(customer.contacts)))
                for customer, n in active
            )
            yield Fact(midnight + timedelta(days=1), UsageDay(day, counts))
            continue
        for customer, n in active:
            people = [person.id for person in customer.contacts if person.active]
            for nth in range(n):
                at = midnight + timedelta(seconds=chance.randrange(86_400))
                yield Fact(at, EventRecord(
                    f"{customer.id}-{day:%Y%m%d}-{nth}", customer.id, USAGE_EVENT, at,
                    contact_id=chance.choice(people) if people else None,
                ))  # fmt: skip


def _is_there(customer: Customer, day: date) -> bool:
    """Whether somebody of the account may use the product on this day."""
    if day <= customer.starts.date():
        return False
    if customer.trial_ends_on is not None and customer.subscribes is None:
        return day <= customer.trial_ends_on
    if customer.quiet is not None and customer.quiet.first <= day <= customer.quiet.last:
        return False
    if customer.churns is None or day < customer.churns.date():
        return True
    return customer.returns is not None and day > customer.returns.date()
