"""How true what people read is: fresh of all that they are shown, what is overdue, reviews."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from statistics import median

from digital_cs.domain.content.content_item import ContentItem, Mark
from digital_cs.domain.content.freshness import State

PAST_DAYS = 28
"""How far the figures look back."""

_FRESH = (State.FRESH, State.DUE_SOON)


@dataclass(frozen=True, slots=True)
class Part:
    """So many of all; of none there is no share."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """From 0 to 1."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Mailing:
    """So many people got an e-mail on a day, or will."""

    email: str
    day: date
    people: int


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """Reviews of a time: `asked` for, and how many of these were `done` since; `told` by people,
    whether or not they were asked, and how many of these `changed` something."""

    asked: int = 0
    done: int = 0
    told: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a library on a day.

    `past` and `ahead` count how often somebody was, or will be, shown an item, and how often
    it was fresh on that day; `ahead` is None where that is not asked. `median_overdue` is in
    days, None if none of the items is `overdue`.
    """

    as_of: date
    past: Part
    ahead: Part | None
    overdue: int
    median_overdue: float | None
    reviews: ReviewCounts


def figures(
    items: Iterable[ContentItem], as_of: date, *, shows: Mapping[str, Sequence[str]],
    reviewed: Mapping[str, Sequence[date]], past: Iterable[Mailing],
    ahead: Iterable[Mailing] | None, reviews: ReviewCounts,
) -> Figures:  # fmt: skip
    """All figures, of these items alone.

    `shows` are the ids of the items that each e-mail shows now, `reviewed` the days on which each
    item was reviewed.
    """
    known = {item.id: item for item in items}

    @cache
    def then(id: str, day: date) -> State | None:
        return state_then(known[id], reviewed.get(id, ()), day) if id in known else None

    @cache
    def by_now(id: str, day: date) -> State | None:
        return known[id].state(day) if id in known else None

    stale = [item for item in known.values() if item.state(as_of) is State.STALE]
    days = [(as_of - item.stale_from).days for item in stale]
    return Figures(
        as_of, _fresh(past, shows, then), None if ahead is None else _fresh(ahead, shows, by_now),
        len(stale), float(median(days)) if days else None, reviews,
    )  # fmt: skip


def _fresh(
    mailings: Iterable[Mailing], shows: Mapping[str, Sequence[str]],
    state: Callable[[str, date], State | None],
) -> Part:  # fmt: skip
    """How often somebody is shown an item that is fresh on that day, of all times; where its state
    is not known, it does not count."""
    fresh = whole = 0
    for mailing in mailings:
        for id in shows.get(mailing.email, ()):
            found = state(id, mailing.day)
            if found is not None:
                whole += mailing.people
                fresh += mailing.people if found in _FRESH else 0
    return Part(fresh, whole)


def state_then(item: ContentItem, reviewed: Iterable[date], day: date) -> State | None:
    """The state on a day of the past, as it was seen then; None before it was known.

    By the reviews up to that day. A block or evidence counts from when it came, as far as it is
    still there: those that a review has ended since are not remembered.
    """
    known = (each for each in (*reviewed, item.reviewed_on) if each is not None and each <= day)
    last = max(known, default=None)
    if last is None and day < item.added_on:
        return None
    renewed = item.renewed_on
    seen = replace(
        item, reviewed_on=last, renewed_on=renewed if renewed and renewed <= day else None,
        blocked=_by(item.blocked, day), retired=_by(item.retired, day),
    )  # fmt: skip
    return seen.state(day)


def _by(mark: Mark | None, day: date) -> Mark | None:
    return mark if mark is not None and mark.at.date() <= day else None
