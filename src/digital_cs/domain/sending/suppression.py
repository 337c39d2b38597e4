"""Suppressions in words: what they are about, why, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum


class Why(StrEnum):
    """Every reason not to write to somebody, the one that is given by hand first."""

    MANUAL = "manual"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard bounce"
    SOFT_BOUNCES = "soft bounces"


OWN_WISH = (Why.UNSUBSCRIBED, Why.COMPLAINT)
"""What people said themselves: to lift it by hand is to go against their word."""


class Kind(StrEnum):
    """What a suppression can be about."""

    ADDRESS = "address"
    DOMAIN = "domain"
    ACCOUNT = "account"


def subject_of(kind: Kind, name: str) -> str:
    """The subject that stands for an address, all addresses of a domain, or an account."""
    name = name.strip()
    return f"{kind.value}:{name if kind is Kind.ACCOUNT else name.lower()}"


def parts_of(subject: str) -> tuple[Kind, str]:
    """Kind and name of a subject."""
    kind, _, name = subject.partition(":")
    return Kind(kind), name


def end_of(day: date) -> datetime:
    """When something ends that is in force until this UTC day, the day included."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def until_in_words(ends: datetime) -> str:
    """The last day that is still covered, or the moment where the end is within a day."""
    ends = ends.astimezone(UTC)
    return (ends - timedelta(days=1)).date().isoformat() if ends.time() == time() else str(ends)
