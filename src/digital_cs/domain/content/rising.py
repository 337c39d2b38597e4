"""Whether so many are more than were to be expected, or may be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

FEWEST = 5
"""With fewer accounts nothing rises: three instead of one are three people."""
MORE = 3
"""At least so many more than expected."""
OTHERS = 20
"""With fewer accounts asking about anything else, their number tells nothing of growth."""
SURE = 2.576
"""Normal quantile of the intervals: 99 %, for a hundred topics are looked at each day."""


@dataclass(frozen=True, slots=True)
class Rise:
    """A count beside what was to be expected; `low` to `high`: how many times as many (99 %)."""

    recent: int
    expected: float
    low: float
    high: float

    @property
    def rising(self) -> bool:
        """Whether it is more, and not by chance."""
        return self.recent >= FEWEST and self.recent - self.expected >= MORE and self.low > 1


def rise(
    recent: int, before: Sequence[int], others: int = 0, others_before: Sequence[int] = ()
) -> Rise | None:
    """Compare a count with those of the windows before, equally long; None without any.

    `others` are the counts of everything else in the same windows: as far as everything grows,
    more is to be expected. That less is asked about everything makes nothing rise.
    """
    if not before:
        return None
    growth = 1.0
    if sum(others_before) >= OTHERS:
        growth = max(1.0, others * len(others_before) / sum(others_before))
    earlier = sum(before)
    expected = growth * earlier / len(before)
    if not recent + earlier:
        return Rise(0, 0.0, 0.0, inf)
    # If nothing changed, each of all those that there were fell into the last window by chance.
    low, high = wilson(recent, recent + earlier, SURE)
    scale = len(before) / growth
    return Rise(recent, expected, scale * _odds(low), scale * _odds(high))


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else inf


def wilson(count: int, of: int, z: float) -> tuple[float, float]:
    """The interval in which a share lies of which `count` of `of` were seen (Wilson's score)."""
    if of == 0:
        return 0.0, 1.0
    share, square = count / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    low = 0.0 if count == 0 else max(0.0, middle - half)
    return low, 1.0 if count == of else min(1.0, middle + half)
