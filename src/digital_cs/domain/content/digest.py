"""The weekly digest of a reviewer: when it is due, and which items come first in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from digital_cs.domain.content.content_policy import Digest
from digital_cs.domain.grammar import WEEKDAYS
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.zone import load_zone, to_local, to_utc

USEFUL_FOR = timedelta(days=3)
"""A digest that could not go out for so long is left to the next one."""

_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Weight:
    """What ranks an item: who will read it in the next 14 days, how stale it is, who asks.

    `staleness` is from 0 to 1 (`evidence.staleness`), `contacts` are the tickets about its topic
    in the last four weeks. `urgent`: people are about to read it, and it is stale.
    """

    item: str
    people: int = 0
    staleness: float = 0.5
    contacts: int = 0
    urgent: bool = False

    @property
    def score(self) -> float:
        """People x staleness x contacts. One is added to each count, so that what nobody reads or
        asks about still ranks by the other two."""
        return (1 + self.people) * self.staleness * (1 + self.contacts)


def ranked(weights: Iterable[Weight]) -> list[Weight]:
    """The most important first: what is urgent, then by score; among equals a hash decides."""
    return sorted(
        weights,
        key=lambda each: (not each.urgent, -each.score, sha256(each.item.encode()).digest()),
    )


def moment_of(week: date, digest: Digest, zone: str, calendar: BusinessCalendar) -> datetime:
    """When (UTC) the digest of the week that begins on Monday `week` goes out in a zone.

    Where its day is no business day, it is the next one after it.
    """
    day = week + timedelta(days=WEEKDAYS.index(digest.weekday))
    if not calendar.is_business_day(day):
        day = calendar.shift(day, 1)
    return to_utc(datetime.combine(day, digest.at), load_zone(zone))


def due_week(
    now: datetime, digest: Digest, zone: str, calendar: BusinessCalendar
) -> tuple[str, datetime] | None:
    """The ISO week ("2026-W10") whose digest is due at a moment, and since when; None: none is."""
    for week in (monday_of(now, zone), monday_of(now, zone) - _WEEK):
        moment = moment_of(week, digest, zone, calendar)
        if moment <= now:
            return (f"{week:%G-W%V}", moment) if now - moment <= USEFUL_FOR else None
    return None


def next_moment(now: datetime, digest: Digest, zone: str, calendar: BusinessCalendar) -> datetime:
    """When the next digest in a zone is due, after a moment."""
    week = monday_of(now, zone) - _WEEK
    while (moment := moment_of(week, digest, zone, calendar)) <= now:
        week += _WEEK
    return moment


def next_morning(now: datetime, digest: Digest, zone: str, calendar: BusinessCalendar) -> datetime:
    """The next business day at the hour of the digest: when it is looked for what is urgent."""
    there = load_zone(zone)
    day = to_local(now, there).date() - timedelta(days=1)
    while True:
        day = calendar.shift(day, 1)
        moment = to_utc(datetime.combine(day, digest.at), there)
        if moment > now:
            return moment


def monday_of(now: datetime, zone: str) -> date:
    """The Monday of the week that it is somewhere."""
    day = to_local(now, load_zone(zone)).date()
    return day - timedelta(days=day.weekday())
