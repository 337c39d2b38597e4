"""How often content of a kind is looked at again, unless it says so itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType

from digital_cs.domain.content.freshness import Interval, IntervalUnit


class Kind(StrEnum):
    """What an item of the library is."""

    ARTICLE = "article"
    EMAIL = "email"
    BLOCK = "block"
    RECORDING = "recording"
    FEATURE_NOTE = "feature_note"
    NEWSLETTER = "newsletter"
    PROGRAM = "program"
    SEGMENT = "segment"
    PAGE = "page"


class Volatility(StrEnum):
    """How quickly what is described changes."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


_MONTHS: Mapping[Kind, tuple[int, int, int]] = MappingProxyType(
    {  # of low, normal and high volatility
        Kind.ARTICLE: (12, 6, 3),
        Kind.EMAIL: (12, 6, 3),
        Kind.BLOCK: (12, 6, 3),
        Kind.RECORDING: (24, 12, 6),
        Kind.FEATURE_NOTE: (12, 6, 3),
        Kind.NEWSLETTER: (12, 6, 3),
        Kind.PROGRAM: (12, 6, 3),
        Kind.SEGMENT: (12, 6, 3),
        Kind.PAGE: (12, 6, 3),
    }
)
YEARLY = Interval(1, IntervalUnit.YEAR)
SPREAD_DAYS = 91
"""A quarter: over so many days the first reviews of a first import are spread."""


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """An interval, and in words where it comes from."""

    interval: Interval
    because: str


def review_policy(
    kind: Kind, volatility: Volatility, own: Interval | None, evergreen_because: str | None
) -> ReviewPolicy:
    """The policy of an item. Evergreen content still gets a yearly look, whatever it says."""
    if evergreen_because:
        return ReviewPolicy(YEARLY, f"evergreen ({evergreen_because}), so only once a year")
    if own is not None:
        return ReviewPolicy(own, "its own interval")
    months = _MONTHS[kind][list(Volatility).index(volatility)]
    return ReviewPolicy(
        Interval(months, IntervalUnit.MONTH), f"{_called(kind)} of {volatility} volatility"
    )


def _called(kind: Kind) -> str:
    word = "e-mail" if kind is Kind.EMAIL else kind.value.replace("_", " ")
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def spread_first_reviews(
    uses: Iterable[tuple[str, int]], today: date, people: Mapping[str, int] = MappingProxyType({})
) -> dict[str, date]:
    """First due dates over the coming quarter for (id, number of uses), the most exposed first.

    `people` says by id how many are about to read an item, where that is known; then comes what
    is used most. Deterministic: among equals a hash of the id decides, so that one owner's or one
    folder's items do not all come together. Nothing is due today, and at most one in 91 on one day.
    """
    ranked = sorted(
        uses,
        key=lambda each: (-people.get(each[0], 0), -each[1], sha256(each[0].encode()).digest()),
    )
    return {
        item: today + timedelta(days=1 + place * SPREAD_DAYS // len(ranked))
        for place, (item, _) in enumerate(ranked)
    }
