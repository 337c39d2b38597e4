"""A source of data: how far it is complete, how late that is, and whether somebody should look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

JUDGED_FEEDS = ("usage", "tickets")
"""Silence in these means something, so it must be known from a feed that is late."""

EXPECTED: Mapping[str, timedelta] = MappingProxyType(
    {
        # A product that nobody used for a day is rarer than one that stopped reporting.
        "api": timedelta(hours=26),
        "webhook": timedelta(hours=26),
        # Pulled every few minutes: two hours are many failures in a row.
        "zendesk": timedelta(hours=2),
    }
)
EXPECTED_OTHERWISE = timedelta(days=2)
"""A file of each day, loaded some time on the next: at worst its data is nearly two days old."""

RATE_WINDOW = timedelta(minutes=5)
"""What came this long ago counts for the rate with 1/e, what is older with less."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where data comes from. `complete_through`: everything before this moment is here.

    `rate_per_minute` is as it was at `last_received_at`; see `rate`. `expected_every` is what
    somebody set by hand; see `expected`.
    """

    name: str
    kind: str
    feeds: Sequence[str]
    complete_through: datetime | None
    last_received_at: datetime | None
    received: int
    refused: int
    rate_per_minute: float
    expected_every: timedelta | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    cursor: str | None = None
    retired_at: datetime | None = None

    @property
    def expected(self) -> timedelta:
        """How old its newest complete data may become before it counts as late."""
        return self.expected_every or EXPECTED.get(self.kind, EXPECTED_OTHERWISE)

    def lag(self, now: datetime) -> timedelta | None:
        """How old the newest complete data is; None while nothing is known to be complete."""
        if self.complete_through is None:
            return None
        return max(now - self.complete_through, timedelta())

    def late(self, now: datetime) -> bool:
        """Whether its data is older than expected.

        What is retired is never late, nor is what never says how far it is and feeds no verdict:
        a file of accounts that was loaded once.
        """
        if self.retired_at is not None or (self.complete_through is None and not self.judged()):
            return False
        heard = self.complete_through or self.last_received_at
        return heard is None or now - heard > self.expected

    def judged(self) -> list[str]:
        """Those of its feeds by which verdicts are made, and which they wait for."""
        return [feed for feed in JUDGED_FEEDS if feed in self.feeds]

    def failing(self) -> bool:
        """Whether the last that was heard of it is an error."""
        if self.last_error_at is None:
            return False
        return self.last_received_at is None or self.last_error_at >= self.last_received_at

    def rate(self, now: datetime) -> float:
        """Rows a minute by now, over the last minutes: see RATE_WINDOW."""
        if self.last_received_at is None:
            return 0.0
        idle = max(now - self.last_received_at, timedelta())
        return self.rate_per_minute * math.exp(-(idle / RATE_WINDOW))

    def late_words(self, now: datetime) -> str:
        """One sentence for people: how late it is, what waits for it, and what can be done."""
        lag = self.lag(now)
        state = (
            "has not said yet how far it is complete"
            if lag is None
            else f"is {length_words(lag)} behind, and {length_words(self.expected)} are"
            " expected at most"
        )
        judged = " and ".join(self.judged())
        waits = f"; what is judged by {judged} waits for it" if judged else ""
        return f"The source {self.name} {state}{waits}."


def late_sources(sources: Iterable[Source], now: datetime) -> list[Source]:
    """Those that are late, the one with the oldest data first."""
    late = [each for each in sources if each.late(now)]
    return sorted(late, key=lambda each: (each.lag(now) is not None, -_seconds(each, now)))


def length_words(length: timedelta) -> str:
    """About how long that is: "3 minutes", "26 hours", "4 days". Up to two days in hours."""
    seconds = length.total_seconds()
    for size, unit, least in (
        (86_400, "day", 2 * 86_400),
        (3600, "hour", 3600),
        (60, "minute", 60),
    ):
        if seconds >= least:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _seconds(source: Source, now: datetime) -> float:
    lag = source.lag(now)
    return lag.total_seconds() if lag is not None else 0.0
