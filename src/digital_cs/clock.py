"""The one place that knows what time it is, in real life and on a speeded business clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Business time, and how long a business span takes in real seconds."""

    @property
    def speed(self) -> float: ...

    def now(self) -> datetime: ...

    def real_seconds(self, span: timedelta) -> float: ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Business time is real time."""

    speed: float = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def real_seconds(self, span: timedelta) -> float:
        return span.total_seconds()


@dataclass(frozen=True, slots=True)
class FastClock:
    """Business time that starts at `origin` when real time is `started`, and runs `speed` x.

    All processes of one demo or one chaos run are given the same three values, so they agree.
    """

    origin: datetime
    started: datetime
    speed: float

    def now(self) -> datetime:
        return self.origin + (datetime.now(UTC) - self.started) * self.speed

    def real_seconds(self, span: timedelta) -> float:
        return span.total_seconds() / self.speed
