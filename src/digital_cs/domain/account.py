"""What the rules know of one account: plain facts, gathered by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

LEAVING_STAGES = ("churned", "suspended", "deleted")
"""Stages at which an account leaves its programs at once (P3)."""

UNSUBSCRIBED = "unsubscribed"
"""The one reason to be quiet that a service notice does not heed (P17)."""

MANAGED = "managed"
"""Pseudo stage: the account was handed to a person (high touch)."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person who may be written to. `quiet_because` says why not, when not."""

    id: str
    roles: tuple[str, ...] = ()
    zone: str | None = None
    active: bool = True
    quiet_because: str | None = None

    def may_get(self, kind: str) -> bool:
        """Whether a message of this kind (marketing or service) may be written to them."""
        heard = self.quiet_because is None
        return self.active and (heard or (kind == "service" and self.quiet_because == UNSUBSCRIBED))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the product, at business time `at` (UTC)."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """The traveller (P1). All moments are aware and UTC.

    `last_active_on` is the last day with usage; `usage_through` the day up to which the usage
    feed is known to be complete. Without the second, silence cannot be told from a late feed.
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


REAL_YEARS = range(1900, 3000)
"""Other systems write "no date" as 0001-01-01 or 9999-12-31, which no arithmetic survives."""


def day_of(value: object) -> date | None:
    """The calendar day that a trait holds, or None when it holds no day (see REAL_YEARS)."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value[:10])
        except ValueError:
            return None
    if isinstance(value, datetime):
        value = value.date()
    return value if isinstance(value, date) and value.year in REAL_YEARS else None
