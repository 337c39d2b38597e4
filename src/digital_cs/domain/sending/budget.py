"""The attention budget: whether one more message fits into a rolling window, and when it will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

PRIORITIES = ("low", "normal", "high")
"""From the least important to the most."""

AFTER_THE_OTHER = timedelta(minutes=15)
"""So long after a more important message was due it is known whether it went out."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A message that is going to be sent: when it is due, and how important it is."""

    at: datetime
    priority: str


@dataclass(frozen=True, slots=True)
class Room:
    """Whether a message fits: `free_at` is now, or when it is worth asking again; None is never.

    `had` counts the messages within the window that ends now. `kept_for` is the more important
    one that the place is kept for, where nothing else is in the way.
    """

    fits: bool
    free_at: datetime | None
    had: int
    kept_for: Coming | None = None


def outranks(one: str, other: str) -> bool:
    """Whether a priority is higher than another."""
    return PRIORITIES.index(one) > PRIORITIES.index(other)


def room(
    sent: Sequence[datetime], coming: Sequence[Coming], *, limit: int, window: timedelta,
    priority: str, now: datetime,
) -> Room:  # fmt: skip
    """Look for room for one more message at the aware moment `now`.

    It fits while fewer than `limit` messages lie in the window (t - window, t] that ends with it.
    `sent` are the moments of those that count, in any order; of `coming` only what outranks the
    message takes a place, as if it had been sent.
    """
    within = sorted(at for at in sent if at > now - window)
    if limit <= 0:
        return Room(False, None, len(within))
    if len(within) >= limit:
        # So many of the oldest must have left the window that one place is free again.
        return Room(False, within[len(within) - limit] + window, len(within))
    ahead = sorted(
        (each for each in coming if outranks(each.priority, priority)), key=lambda each: each.at
    )
    if len(within) + len(ahead) >= limit:
        last = ahead[-1]
        return Room(False, max(now, last.at) + AFTER_THE_OTHER, len(within), last)
    return Room(True, now, len(within))
