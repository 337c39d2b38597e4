"""The one place that knows what time it is, in real life and on a speeded business clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

_QUARTER_OF_A_DAY = 21_600.0
_SHORTEST = 0.2


class Clock(Protocol):
    """Business time, and how long a business span takes in real seconds."""

    @property
    def speed(self) -> float:
        """Business seconds per real second."""
        ...

    def now(self) -> datetime:
        """The present business moment (aware, UTC)."""
        ...

    def seconds_until(self, moment: datetime) -> float:
        """Real seconds until a business moment; 0 when it has come."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Business time is real time."""

    speed: float = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        return max((moment - self.now()).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class FastClock:
    """Business time that starts at `origin` when real time is `started`, and runs `speed` x.

    Before `started` it stands still: a demo is made ready in its own time. From `until` on, a
    business second takes a real one again: a demo that is over can be looked at. All processes
    of one demo or one chaos run are given the same values, so they agree.
    """

    origin: datetime
    started: datetime
    speed: float
    until: datetime | None = None

    def now(self) -> datetime:
        elapsed = max(datetime.now(UTC) - self.started, timedelta(0))
        fast = self.origin + elapsed * self.speed
        if self.until is None or fast <= self.until:
            return fast
        return self.until + (fast - self.until) / self.speed

    def seconds_until(self, moment: datetime) -> float:
        now = self.now()
        if moment <= now:
            return 0.0
        still = max((self.started - datetime.now(UTC)).total_seconds(), 0.0)
        if self.until is None or moment <= self.until:
            return still + (moment - now).total_seconds() / self.speed
        slow_from = max(now, self.until)
        fast = (slow_from - now).total_seconds() / self.speed
        return still + fast + (moment - slow_from).total_seconds()


def shown_at(clock: Clock, real: datetime) -> datetime:
    """The business moment at a real one (aware), which a workflow may have told us."""
    return clock.now() + (real - datetime.now(UTC)) * clock.speed


def seconds_between(clock: Clock, start: datetime, end: datetime) -> float:
    """Real seconds from one business moment to another; 0 when it has come."""
    return max(clock.seconds_until(end) - clock.seconds_until(start), 0.0)


def pace(clock: Clock, seconds: float) -> float:
    """Real seconds between two looks at something: `seconds`, or less where a business day is so
    short that it would be over before; never under a fifth of one."""
    return min(seconds, max(_QUARTER_OF_A_DAY / clock.speed, _SHORTEST))
