"""The sample company's customers, the same for the same seed: who they are and what they do."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from digital_cs.demo.places import PLACES, SHOP_FIRST, SHOP_SECOND, TRADES, Place
from digital_cs.store.people.contacts import ContactRecord

FEWEST = 20
"""With fewer accounts some of the fates below would have nobody."""

UNKNOWN_ZONE = "Europe/Londn"
"""A typing mistake in somebody's import: not a zone, and the programs have to live with it."""

SEATS = {"trial": (1, 24), "starter": (1, 9), "growth": (10, 49), "scale": (50, 240)}
ROLES = ("champion", "admin", "finance", "user")
TRIAL = timedelta(days=14)
FIRST_WEEKS = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Days without usage; `looks_in_on` is a day on which somebody signs in all the same."""

    first: date
    last: date
    looks_in_on: date | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """One account with its people and its fate. All moments are UTC, None is never.

    `activity` is the share of days with usage. `buys` is the plan that a trial changes to.
    `milestones` are the moments at which each is reached; one that is missing is missed.
    """

    id: str
    name: str
    place: Place
    zone: str
    seats: int
    plan: str
    contacts: tuple[ContactRecord, ...]
    starts: datetime
    activity: float
    trial_ends_on: date | None = None
    trial_longer_at: datetime | None = None
    subscribes: datetime | None = None
    buys: str | None = None
    renewal_on: date | None = None
    renews: datetime | None = None
    churns: datetime | None = None
    returns: datetime | None = None
    managed_from: datetime | None = None
    quiet: Quiet | None = None
    milestones: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Company:
    """All customers of one run of `days` business days from `origin`, midnight UTC."""

    origin: datetime
    days: int
    customers: tuple[Customer, ...]


def generate(accounts: int, seed: int, origin: datetime, days: int = 90) -> Company:
    """A company of `accounts` customers around the `days` from `origin` (aware, midnight).

    Raises ValueError for fewer accounts than `FEWEST`.
    """
    if accounts < FEWEST:
        raise ValueError(f"the sample company needs at least {FEWEST} accounts")
    chance = random.Random(seed)  # noqa: S311 - the same company for the same seed
    maker = _Maker(chance, origin, days)
    kinds = [maker.established] * round(accounts * 0.55)
    kinds += [maker.new_customer] * round(accounts * 0.13)
    kinds += [maker.new_trial] * (accounts - len(kinds))
    names = _names(chance)
    customers = [
        kind(f"acc-{number:04d}", next(names)) for number, kind in enumerate(kinds, start=1)
    ]
    return Company(origin, days, tuple(_oddities(customers)))


class _Maker:
    """Draws customers; the order of its draws is what a seed stands for."""

    def __init__(self, chance: random.Random, origin: datetime, days: int) -> None:
        self.chance = chance
        self.origin = origin
        self.days = days

    def established(self, id: str, name: str) -> Customer:
        """A customer from before the first day."""
        plan = self._one_of({"starter": 55, "growth": 30, "scale": 15})
        starts = self._moment(-700, -60)
        customer = self._somebody(id, name, starts, plan)
        renewal_on = _next_anniversary(starts.date(), self.origin.date())
        renews = None
        if (renewal_on - self.origin.date()).days <= self.days + 45 and self._happens(0.6):
            before = self.chance.randint(1, 40)
            renews = self._at(renewal_on - timedelta(days=before))
            renews = renews if renews > self.origin else self._at(renewal_on)
        customer = replace(
            customer, subscribes=starts, renewal_on=renewal_on, renews=renews,
            milestones=self._old_milestones(starts),
        )  # fmt: skip
        if self._happens(0.07):
            churns = self._moment(4, self.days * 2 // 3)
            comes_back = churns + timedelta(days=self.chance.randint(18, 40))
            returns = comes_back if self._happens(0.3) else None
            return replace(customer, churns=churns, renews=None, returns=returns)
        if plan == "scale" and self._happens(0.3):
            early = self._happens(0.6)
            managed = starts + timedelta(days=30) if early else self._moment(10, self.days - 10)
            return replace(customer, managed_from=managed)
        return replace(customer, quiet=self._quiet_spell()) if self._happens(0.18) else customer

    def new_customer(self, id: str, name: str) -> Customer:
        """A customer who buys without a trial, while the demo runs."""
        plan = self._one_of({"starter": 50, "growth": 35, "scale": 15})
        starts = self._moment(1, self.days * 4 // 5)
        customer = self._somebody(id, name, starts, plan)
        return replace(
            customer, subscribes=starts + timedelta(minutes=5),
            renewal_on=_year_later(starts.date()), milestones=self._new_milestones(starts),
        )  # fmt: skip

    def new_trial(self, id: str, name: str) -> Customer:
        """A trial that begins while the demo runs."""
        starts = self._moment(0, self.days * 5 // 6)
        customer = replace(
            self._somebody(id, name, starts, "trial"),
            trial_ends_on=(starts + TRIAL).date(), milestones=self._new_milestones(starts),
        )  # fmt: skip
        if self._happens(0.08):
            customer = replace(customer, trial_longer_at=starts + timedelta(days=9))
        if not self._happens(0.45):
            return customer
        subscribes = starts + timedelta(days=self.chance.uniform(5, 13))
        return replace(
            customer, subscribes=subscribes, renewal_on=_year_later(subscribes.date()),
            buys=self._one_of({"starter": 70, "growth": 30}),
        )  # fmt: skip

    def _somebody(self, id: str, name: str, starts: datetime, plan: str) -> Customer:
        place = self.chance.choice(PLACES)
        fewest, most = SEATS[plan]
        # Most customers are at the small end of their plan.
        seats = fewest + round((most - fewest) * self.chance.random() ** 2)
        return Customer(
            id=id, name=name, place=place, zone=place.zone, seats=seats, plan=plan,
            contacts=tuple(self._people(id, name, place, seats)), starts=starts,
            activity=self.chance.uniform(0.5, 0.9),
        )  # fmt: skip

    def _people(self, id: str, shop: str, place: Place, seats: int) -> Iterator[ContactRecord]:
        """One person does it all in the smallest shops; others have somebody for each role."""
        firsts, lasts = place.first_names.split(), place.surnames.split()
        self.chance.shuffle(firsts)
        self.chance.shuffle(lasts)
        count = 1 if seats == 1 else self.chance.randint(2, 4)
        for number in range(count):
            roles: tuple[str, ...] = (ROLES[number],)
            if number == count - 1 and count < len(ROLES):
                roles += ROLES[count : len(ROLES) - 1]
            first, last = firsts[number], lasts[number]
            elsewhere = self.chance.choice(PLACES).zone if self._happens(0.08) else None
            yield ContactRecord(
                id=f"{id}-p{number + 1}", account_id=id, first_name=first,
                full_name=f"{first} {last}", email=f"{_ascii(first)}@{_ascii(shop)}.example",
                roles=roles, zone=elsewhere or (place.zone if self._happens(0.5) else None),
                language=None, active=number == 0 or not self._happens(0.1),
            )  # fmt: skip

    def _old_milestones(self, starts: datetime) -> dict[str, datetime]:
        reached = {
            name: starts + timedelta(days=day)
            for name, day in (("shop_connected", 1), ("contacts_imported", 3))
        }
        likely = {"first_campaign_sent": 0.95, "team_invited": 0.8, "first_automation_live": 0.75}
        for name, share in likely.items():
            if self._happens(share):
                reached[name] = starts + timedelta(days=self.chance.randint(5, 50))
            elif self._happens(0.45):
                reached[name] = self._moment(6, self.days)
        return reached

    def _new_milestones(self, starts: datetime) -> dict[str, datetime]:
        """In the order in which a customer comes to them; a third stops somewhere on the way."""
        reached = {}
        chances = (
            ("shop_connected", 0.8, 0.1, 4), ("contacts_imported", 0.8, 0.5, 6),
            ("first_campaign_sent", 0.75, 3, 11), ("team_invited", 0.55, 2, 25),
            ("first_automation_live", 0.5, 9, 45),
        )  # fmt: skip
        for name, share, first, last in chances:
            if self._happens(share):
                reached[name] = starts + timedelta(days=self.chance.uniform(first, last))
        return reached

    def _quiet_spell(self) -> Quiet:
        first = self.origin.date() + timedelta(days=self.chance.randint(-8, self.days * 2 // 3))
        last = first + timedelta(days=self.chance.randint(18, 60))
        looks_in = first + timedelta(days=self.chance.randint(16, 26))
        return Quiet(first, last, looks_in if self._happens(0.4) and looks_in < last else None)

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share

    def _one_of(self, weights: dict[str, int]) -> str:
        return self.chance.choices(list(weights), list(weights.values()))[0]

    def _moment(self, first: int, last: int) -> datetime:
        """Some moment from day `first` to day `last`."""
        return self.origin + timedelta(
            days=self.chance.randint(first, last), minutes=self.chance.randint(1, 1439)
        )

    def _at(self, day: date) -> datetime:
        midnight = datetime.combine(day, self.origin.time(), self.origin.tzinfo)
        return midnight + timedelta(minutes=self.chance.randint(480, 1020))


def _oddities(customers: list[Customer]) -> list[Customer]:
    """Give three trials what real data has: no people, only gone people, a misspelt zone."""
    changes: tuple[Callable[[Customer], Customer], ...] = (
        lambda c: replace(c, contacts=()),
        lambda c: replace(c, contacts=tuple(replace(p, active=False) for p in c.contacts)),
        lambda c: replace(
            c, zone=UNKNOWN_ZONE, contacts=tuple(replace(p, zone=None) for p in c.contacts)
        ),
    )
    # Early ones, so that the whole of their story can be seen; and nobody buys without a person.
    trials = (c for c in customers if c.plan == "trial" and c.subscribes is None)
    early = sorted(trials, key=lambda c: c.starts)
    odd = {c.id: change(c) for c, change in zip(early, changes, strict=False)}
    return [odd.get(c.id, c) for c in customers]


def _names(chance: random.Random) -> Iterator[str]:
    parts = [words.split() for words in (SHOP_FIRST, SHOP_SECOND, TRADES)]
    seen = set()
    while True:
        name = " ".join(chance.choice(words) for words in parts)
        if name not in seen:
            seen.add(name)
            yield name


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return plain.replace(" ", "-")


def _year_later(day: date) -> date:
    return day + timedelta(days=365)


def _next_anniversary(started: date, after: date) -> date:
    """The first yearly return of `started` later than `after`."""
    day = _year_later(started)
    while day <= after:
        day = _year_later(day)
    return day
