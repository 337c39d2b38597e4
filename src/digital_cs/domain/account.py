"""What the rules know of one account: plain facts, gathered by somebody else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from digital_cs.domain.timing.business_calendar import BusinessCalendar

LEAVING_STAGES = ("churned", "suspended", "deleted")
"""Stages at which an account leaves its programs at once (P3)."""

UNSUBSCRIBED = "unsubscribed"
"""The one reason to be quiet that a service notice does not heed (P17)."""

GONE_BECAUSE = ("hard bounce", "no address")
"""Reasons to be quiet that mean: this person cannot be reached any more."""

MANAGED = "managed"
"""Pseudo stage: the account was handed to a person (high touch)."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person who may be written to. `quiet_because` says why not, when not.

    `unwanted` are topics that they switched off, `quiet_until` is the end of a pause that they
    asked for.
    """

    id: str
    roles: tuple[str, ...] = ()
    zone: str | None = None
    active: bool = True
    quiet_because: str | None = None
    traits: Mapping[str, object] = field(default_factory=dict)
    unwanted: frozenset[str] = frozenset()
    quiet_until: datetime | None = None

    @property
    def reachable(self) -> bool:
        """Whether anything at all may be written to them."""
        return self.active and self.quiet_because is None

    def wants(self, kind: str, topic: str | None, now: datetime) -> bool:
        """Whether nothing that they asked for speaks against a message about this topic now."""
        paused = self.quiet_until is not None and now < self.quiet_until
        return kind == "service" or not (paused or topic in self.unwanted)

    def may_get(self, kind: str) -> bool:
        """Whether a message of this kind (marketing or service) may be written to them."""
        heard = self.quiet_because is None
        return self.active and (heard or (kind == "service" and self.quiet_because == UNSUBSCRIBED))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the product, at business time `at` (UTC)."""

    name: str
    at: datetime


NO_HOLIDAYS = BusinessCalendar()


@dataclass(frozen=True, slots=True)
class UsageDay:
    """What happened of one event on one UTC day: how often, by how many, worth how much.

    `user_keys` are the distinct users where they are known one by one.
    """

    day: date
    n: int
    users: int = 0
    value: float = 0.0
    user_keys: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Something that an account bought, or tries. `ends_on` is the first day without it."""

    starts_on: date
    ends_on: date | None = None
    product: str | None = None
    plan: str | None = None
    mrr: float | None = None
    seats: int | None = None
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """What support knows of a question of the account, without any words of it."""

    id: str
    status: str
    opened_at: datetime
    solved_at: datetime | None = None
    severity: str | None = None
    topic: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody still waits for an answer."""
        return self.status not in SOLVED


SOLVED = ("solved", "closed")
"""States of a ticket in which nobody waits for an answer any more."""


@dataclass(frozen=True, slots=True)
class Account:
    """The traveller (P1). All moments are aware and UTC.

    `firings` are by trigger, of each day the first and the last.
    `last_active_on` is the last day with usage; `usage_through` the day up to which the usage
    feed is known to be complete. Without the second, silence cannot be told from a late feed;
    `tickets_through` is the same of the help desk, as a moment. `events` holds the first and the
    last of each day, which is all that "it happened since" needs. `usage` is by event, `segments`
    by name with the moment since which it is a member (None: it is not known whether it is), and
    `programs` by id, with "inside" and "through" as they apply. `former_roles` are the roles of
    contacts who left.
    """

    id: str
    stage: str | None = None
    managed: bool = False
    zone: str | None = None
    country: str | None = None
    traits: Mapping[str, object] = field(default_factory=dict)
    milestones: Mapping[str, datetime] = field(default_factory=dict)
    last_active_on: date | None = None
    usage_through: date | None = None
    contacts: tuple[Contact, ...] = ()
    events: tuple[Event, ...] = ()
    firings: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    usage: Mapping[str, tuple[UsageDay, ...]] = field(default_factory=dict)
    tickets: tuple[Ticket, ...] = ()
    tickets_through: datetime | None = None
    subscriptions: tuple[Subscription, ...] = ()
    segments: Mapping[str, datetime | None] = field(default_factory=dict)
    programs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    former_roles: frozenset[str] = frozenset()
    calendar: BusinessCalendar = NO_HOLIDAYS

    def working_days(self, first: date, last: date) -> int:
        """How many business days of its country lie from `first` to `last`, both included."""
        days = ((first + timedelta(days=n)) for n in range((last - first).days + 1))
        return sum(self.calendar.is_business_day(day, self.country) for day in days)


_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

REAL_YEARS = range(1900, 3000)
"""Other systems write "no date" as 0001-01-01 or 9999-12-31, which no arithmetic survives."""


def day_of(value: object) -> date | None:
    """The calendar day that a trait holds, or None when it holds no day (see REAL_YEARS)."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value[:10]) if _ISO_DAY.match(value) else None
        except ValueError:
            return None
    if isinstance(value, datetime):
        value = value.date()
    return value if isinstance(value, date) and value.year in REAL_YEARS else None
