"""Due dates and states: the due date itself is overdue (P23), and time only makes things worse."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.freshness import (
    Interval,
    IntervalError,
    IntervalUnit,
    State,
    soon_until,
    state_on,
)

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
INTERVALS = st.builds(Interval, st.integers(1, 20), st.sampled_from(IntervalUnit))
WORSE = [State.FRESH, State.DUE_SOON, State.STALE]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("6 months", "6 months"), (" 6  Months ", "6 months"), ("6 month", "6 months"),
        ("4 weeks", "4 weeks"), ("81 days", "81 days"), ("1 year", "1 year"), ("a year", "1 year"),
        ("six months", "6 months"), ("6-months", "6 months"), ("6months", "6 months"),
        ("every 3 months", "3 months"), ("in 2 weeks", "2 weeks"), ("12 mths.", "12 months"),
        ("quarterly", "3 months"), ("annually", "1 year"), ("1 days", "1 day"),
    ],
)  # fmt: skip
def test_intervals_are_read_as_people_write_them(text: str, read: str) -> None:
    assert str(Interval.parse(text)) == read


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("6m", "minutes or months: write '6 months'"), ("6 monhts", "did you mean '6 months'"),
        ("6", "such as '6 months'"), ("", "such as '6 months'"), ("soon", "such as '6 months'"),
        ("0 days", "at least '1 day'"), ("1.5 years", "write 18 months"),
        ("3 to 6 months", "such as"), ("30 years", "longer than 20"), ("-6 months", "such as"),
        ("2 hours", "such as"), ("every months", "such as"), ("2025-01-01", "such as"),
    ],
)  # fmt: skip
def test_what_is_no_interval_is_refused_with_advice(text: str, advice: str) -> None:
    with pytest.raises(IntervalError, match=advice):
        Interval.parse(text)


@pytest.mark.parametrize(
    ("reviewed", "every", "due"),
    [
        ("2025-08-31", "6 months", "2026-02-28"), ("2023-08-31", "6 months", "2024-02-29"),
        ("2024-02-29", "1 year", "2025-02-28"), ("2025-12-31", "2 months", "2026-02-28"),
        ("2025-08-05", "12 months", "2026-08-05"), ("2025-10-30", "4 weeks", "2025-11-27"),
        ("2025-01-01", "81 days", "2025-03-23"), ("2025-11-30", "3 months", "2026-02-28"),
    ],
)  # fmt: skip
def test_p23_an_interval_ends_on_a_day_of_the_calendar(reviewed: str, every: str, due: str) -> None:
    found = Interval.parse(every).after(date.fromisoformat(reviewed))

    assert found == date.fromisoformat(due)


@given(DAYS, INTERVALS)
def test_nothing_is_due_before_it_was_reviewed(reviewed: date, every: Interval) -> None:
    assert every.after(reviewed) > reviewed


@given(DAYS, st.integers(1, 240))
def test_months_keep_the_day_or_end_with_their_month(reviewed: date, count: int) -> None:
    due = Interval(count, IntervalUnit.MONTH).after(reviewed)

    assert (due.year * 12 + due.month) - (reviewed.year * 12 + reviewed.month) == count
    last = calendar.monthrange(due.year, due.month)[1]
    assert due.day == min(reviewed.day, last)


@given(DAYS, DAYS, INTERVALS)
def test_a_later_review_is_never_due_earlier(one: date, other: date, every: Interval) -> None:
    first, second = sorted((one, other))
    assert every.after(first) <= every.after(second)


@given(DAYS, DAYS, DAYS)
def test_time_alone_never_makes_anything_fresher(due: date, one: date, other: date) -> None:
    first, second = sorted((one, other))
    assert WORSE.index(state_on(first, due)) <= WORSE.index(state_on(second, due))


@given(DAYS)
def test_p23_due_today_is_overdue_and_a_month_ahead_is_soon(as_of: date) -> None:
    soon = soon_until(as_of)
    assert state_on(as_of, as_of) is State.STALE
    assert state_on(as_of, as_of + timedelta(days=1)) is State.DUE_SOON
    assert state_on(as_of, soon) is State.DUE_SOON
    assert state_on(as_of, soon + timedelta(days=1)) is State.FRESH


@given(INTERVALS)
def test_an_interval_is_read_back_from_its_words(every: Interval) -> None:
    assert Interval.parse(str(every)) == every


def test_what_somebody_said_goes_before_what_the_calendar_says() -> None:
    day = date(2026, 3, 2)
    assert state_on(day, day, blocked=True) is State.BLOCKED
    assert state_on(day, day + timedelta(days=99), blocked=True) is State.BLOCKED
    assert state_on(day, day, blocked=True, retired=True) is State.RETIRED
