"""The fast clock that everything in a demo goes by: still, then fast, then at normal pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digital_cs.clock import FastClock, SystemClock, pace

ORIGIN = datetime(2026, 3, 2, tzinfo=UTC)
UNTIL = ORIGIN + timedelta(days=90)
DAY = timedelta(days=1)
A_DAY_A_SECOND = 86_400.0


def clock_started(ago: timedelta) -> FastClock:
    return FastClock(ORIGIN, datetime.now(UTC) - ago, A_DAY_A_SECOND, UNTIL)


def test_before_its_start_it_stands_still() -> None:
    clock = clock_started(-timedelta(hours=1))
    assert clock.now() == clock.now() == ORIGIN
    assert clock.seconds_until(ORIGIN) == 0
    assert clock.seconds_until(ORIGIN + 2 * DAY) == pytest.approx(3602, abs=1)


def test_a_clock_that_is_never_started_always_stands_still() -> None:
    never = FastClock(ORIGIN, datetime.max.replace(tzinfo=UTC), A_DAY_A_SECOND, UNTIL)
    assert never.now() == ORIGIN


def test_then_it_runs_fast() -> None:
    clock = clock_started(timedelta(seconds=30))
    assert ORIGIN + 30 * DAY <= clock.now() < ORIGIN + 60 * DAY
    assert clock.seconds_until(UNTIL) == pytest.approx(60, abs=10)


def test_from_until_on_a_second_is_a_second() -> None:
    clock = clock_started(timedelta(seconds=90) + timedelta(hours=1))
    assert UNTIL + timedelta(hours=1) <= clock.now() < UNTIL + timedelta(hours=2)
    assert clock.seconds_until(UNTIL + timedelta(hours=3)) == pytest.approx(7200, abs=60)
    assert clock.seconds_until(UNTIL) == 0
    fast = clock_started(timedelta(seconds=60))
    assert fast.seconds_until(UNTIL + DAY) == pytest.approx(30 + 86_400, abs=10)


def test_what_is_looked_at_every_second_is_looked_at_several_times_on_a_day_of_a_second() -> None:
    assert pace(SystemClock(), 1.0) == 1.0
    assert pace(clock_started(DAY), 1.0) == 0.25
    assert pace(clock_started(DAY), 0.1) == 0.1
    hurried = FastClock(ORIGIN, ORIGIN, 1_000_000.0)
    assert pace(hurried, 1.0) == 0.2, "a machine has only so much time"
