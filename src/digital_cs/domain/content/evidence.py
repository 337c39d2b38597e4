"""Evidence that content may not be true any more: its signals, and what they weigh together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from digital_cs.domain.content.content_item import ContentItem

ENOUGH = 1.0
"""So much evidence makes an item stale."""
_ALMOST = 1e-9  # ten times 0.1 is a little less than 1
_MOST_TOLD = 5


class Signal(StrEnum):
    """What speaks against an item (P24). But for the first, each has its weight in the policy."""

    REVIEW_DATE = "review_date"
    PAGE_CHANGED = "page_changed"
    PAGE_GONE = "page_gone"
    LINK_BROKEN = "link_broken"
    LINK_MOVED = "link_moved"
    RELEASE = "release"
    TICKETS_RISING = "tickets_rising"
    NOT_HELPFUL = "not_helpful"
    CLICK_THEN_TICKET = "click_then_ticket"
    OWNER_GONE = "owner_gone"
    BACKUP_GONE = "backup_gone"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of it: since when (UTC), in a plain sentence, and what it weighs.

    `about` tells apart what an item may have several of, as broken links, by their addresses.
    """

    signal: Signal
    since: datetime
    words: str
    weight: float
    about: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """All evidence against an item together. `stale_on`: the day on which it had become enough;
    `because`: what there was by then. Both are None while it is not enough."""

    weight: float = 0.0
    stale_on: date | None = None
    because: str | None = None


def weigh(evidence: Iterable[Evidence]) -> Weighed:
    """What evidence makes of an item, whatever its age. The order does not matter.

    More evidence never makes an item less stale, nor stale later.
    """
    # What weighs nothing is told, but it cannot be why.
    weighing = (each for each in evidence if each.weight > 0)
    ordered = sorted(weighing, key=lambda each: (each.since, each.signal, each.about))
    total = 0.0
    enough: tuple[int, date] | None = None
    for count, each in enumerate(ordered, 1):
        total += each.weight
        if enough is None and total >= ENOUGH - _ALMOST:
            enough = count, each.since.astimezone(UTC).date()
    if enough is None:
        return Weighed(total)
    count, day = enough
    return Weighed(total, day, _together(ordered[:count]))


def _together(evidence: list[Evidence]) -> str:
    """Sentences of several pieces of evidence, the heaviest first."""
    told = sorted(evidence, key=lambda each: -each.weight)
    words = " ".join(each.words for each in told[:_MOST_TOLD])
    left = len(told) - _MOST_TOLD
    return f"{words} And {left} more." if left > 0 else words


def staleness(item: ContentItem, as_of: date) -> float:
    """How stale an item is on a day, from 0 to 1: what those who are to be asked first rank by.

    Its age, as a share of its interval, and the weight of all evidence are added to x, and
    x / (1 + x) is the staleness: 0 just after a review with nothing against it, 0.5 on the due
    date or with just enough evidence, 0.75 with three times as much. Each day and each piece of
    evidence makes it greater. What is blocked is at 1, what is retired at 0.
    """
    if item.retired is not None:
        return 0.0
    if item.blocked is not None:
        return 1.0
    overdue = (as_of - item.due_on).days / item.policy.interval.approx_days
    x = max(0.0, 1 + overdue) + item.evidence_weight
    return x / (1 + x)


def by_date(item: ContentItem, as_of: date) -> Evidence | None:
    """That its review is due. It always weighs enough: the due date itself is overdue (P23)."""
    due = item.due_on
    if item.retired is not None or as_of < due:
        return None
    every = item.policy.interval
    if item.reviewed_on is None:
        words = f"Its first review was due on {day_words(due)}: none is known."
    elif item.renewed_on is not None and item.renewed_on > item.reviewed_on:
        words = (
            f"Its review was due on {day_words(due)}: {every} after it last helped to solve a"
            f" ticket, on {day_words(item.renewed_on)}."
        )
    else:
        words = (
            f"Its review was due on {day_words(due)}: {every} after the last one, on"
            f" {day_words(item.reviewed_on)}."
        )
    return Evidence(Signal.REVIEW_DATE, datetime.combine(due, time(), UTC), words, ENOUGH)


def day_words(day: date) -> str:
    """A day as it is written in sentences: 3 March 2026."""
    return f"{day:%-d %B %Y}"
