"""Rhythms: what people write, read back, and the days that come of it."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.newsletters.rhythm import Rhythm, RhythmError

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 1))
WRITTEN = (
    "first Tuesday", "last Friday", "second Monday of the quarter", "last Thursday of the quarter",
    "the 1st", "the 15th", "the 31st", "the 22nd of the quarter", "last day", "every Monday",
    "last day of the quarter",
)  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_a_rhythm_is_read_back_as_it_was_written(text: str) -> None:
    assert Rhythm.parse(str(Rhythm.parse(text))) == Rhythm.parse(text)
    assert str(Rhythm.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("first Tuesday", ["2026-12-01", "2027-01-05", "2027-02-02"]),
        ("the first tuesday of each month", ["2026-12-01", "2027-01-05", "2027-02-02"]),
        ("last Thursday of the quarter", ["2026-12-31", "2027-03-25", "2027-06-24"]),
        ("the 31st", ["2026-11-30", "2026-12-31", "2027-01-31"]),
        ("every Sunday", ["2026-11-29", "2026-12-06", "2026-12-13"]),
        ("weekly on Mondays", ["2026-11-23", "2026-11-30", "2026-12-07"]),
    ],
)
def test_the_days_after_a_sunday_in_november(text: str, days: list[str]) -> None:
    found = Rhythm.parse(text).next_after(date(2026, 11, 22), 3)
    assert [day.isoformat() for day in found] == days


def test_every_second_week_is_counted_from_its_first_day() -> None:
    rhythm = Rhythm.parse("every two weeks on Monday", date(2026, 1, 5))
    assert rhythm.next_after(date(2026, 1, 5), 2) == (date(2026, 1, 19), date(2026, 2, 2))
    assert rhythm.next_after(date(2025, 6, 1)) == (date(2026, 1, 5),)


@given(text=st.sampled_from(WRITTEN), after=DAYS)
def test_days_rise_and_none_between_is_left_out(text: str, after: date) -> None:
    rhythm = Rhythm.parse(text)
    first, second, third = rhythm.next_after(after, 3)
    assert after < first < second < third
    assert rhythm.next_after(first - timedelta(days=1)) == (first,)
    assert rhythm.next_after(first, 2) == (second, third)


@given(after=DAYS, place=st.sampled_from(["first", "second", "third", "fourth", "last"]),
       weekday=st.integers(0, 6))  # fmt: skip
def test_a_place_in_the_month_is_what_a_calendar_on_the_wall_says(
    after: date, place: str, weekday: int
) -> None:
    [day] = Rhythm.parse(f"{place} {calendar.day_name[weekday]}").next_after(after)
    column = [week[weekday] for week in calendar.monthcalendar(day.year, day.month)]
    of_the_month = [number for number in column if number]
    index = ["first", "second", "third", "fourth"].index(place) if place != "last" else -1
    assert day.day == of_the_month[index]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("first Tuseday", "Did you mean Tuesday?"),
        ("every 2 weeks on Monday", "needs a first day"),
        ("every 40 weeks on Monday", "at most 26"),
        ("the 32nd", "no such day"),
        ("monthly", "write 'first Tuesday'"),
        ("", "write 'first Tuesday'"),
    ],
)
def test_what_is_no_rhythm_is_refused_with_advice(text: str, says: str) -> None:
    with pytest.raises(RhythmError, match=says.replace("?", r"\?")):
        Rhythm.parse(text)


def test_a_first_day_of_another_weekday_is_refused() -> None:
    with pytest.raises(RhythmError, match="is a Tuesday"):
        Rhythm.parse("every 2 weeks on Monday", date(2026, 1, 6))
