"""Weekends, holidays and freezes move a touch (P5), each by country or account."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.timing.business_calendar import EVERYWHERE, Blocked, BusinessCalendar, Freeze

CHRISTMAS = date(2026, 12, 25)
FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 6, day) for day in (5, 6, 7, 8))

CALENDAR = BusinessCalendar(
    holidays={
        "GB": frozenset({CHRISTMAS, date(2026, 12, 28)}),
        EVERYWHERE: frozenset({date(2026, 12, 24)}),
    },
    freezes=(
        Freeze("Black Friday week", date(2026, 11, 23), date(2026, 11, 29)),
        Freeze("Stocktaking", date(2026, 6, 8), date(2026, 6, 9), account_id="acme"),
    ),
    weekends={"IL": frozenset({4, 5}), "SA": frozenset({4, 5})},
)


def test_p5_a_holiday_holds_in_its_country_only() -> None:
    assert CALENDAR.blocked(CHRISTMAS, "GB") == Blocked("holiday", "public holiday in GB")
    assert CALENDAR.blocked(CHRISTMAS, "FR") is None
    assert CALENDAR.blocked(CHRISTMAS) is None
    assert not CALENDAR.is_business_day(CHRISTMAS, "GB")
    assert CALENDAR.is_business_day(CHRISTMAS)


@pytest.mark.parametrize("country", ["GB", "FR", None])
def test_p5_a_company_holiday_holds_everywhere_and_without_a_country(country: str | None) -> None:
    day = date(2026, 12, 24)
    assert CALENDAR.blocked(day, country) == Blocked("holiday", "company holiday")
    assert not CALENDAR.is_business_day(day, country)


def test_p5_a_freeze_of_the_company_blocks_its_first_and_last_day() -> None:
    expected = Blocked("freeze", "freeze: Black Friday week")
    assert CALENDAR.blocked(date(2026, 11, 22)) is None
    assert CALENDAR.blocked(date(2026, 11, 23)) == expected
    assert CALENDAR.blocked(date(2026, 11, 29), "GB", "acme") == expected
    assert CALENDAR.blocked(date(2026, 11, 30)) is None


def test_p5_a_freeze_of_an_account_blocks_that_account_alone() -> None:
    expected = Blocked("freeze", "freeze of this account: Stocktaking")
    assert CALENDAR.blocked(MONDAY, None, "acme") == expected
    assert CALENDAR.blocked(MONDAY, None, "other") is None
    assert CALENDAR.blocked(MONDAY) is None


def test_a_frozen_day_is_still_a_business_day() -> None:
    assert CALENDAR.is_business_day(date(2026, 11, 23))


@pytest.mark.parametrize(
    ("country", "off"),
    [("GB", {SATURDAY, SUNDAY}), ("IL", {FRIDAY, SATURDAY}), (None, {SATURDAY, SUNDAY})],
)
def test_weekends_are_those_of_the_country(country: str | None, off: set[date]) -> None:
    week = {FRIDAY, SATURDAY, SUNDAY, MONDAY}
    assert {day for day in week if CALENDAR.is_weekend(day, country)} == off
    assert {day for day in week if not CALENDAR.is_business_day(day, country)} == off


def test_business_days_are_counted_over_weekends_and_holidays() -> None:
    assert CALENDAR.shift(FRIDAY, 1) == MONDAY
    assert CALENDAR.shift(SATURDAY, 1) == MONDAY
    assert CALENDAR.shift(FRIDAY, 1, "IL") == SUNDAY
    assert CALENDAR.shift(date(2026, 12, 23), 1, "GB") == date(2026, 12, 29)
    assert CALENDAR.shift(date(2026, 12, 29), -1, "GB") == date(2026, 12, 23)
    assert CALENDAR.shift(MONDAY, 0) == MONDAY


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    count=st.integers(-30, 30).filter(bool),
    country=st.sampled_from(["GB", "IL", None]),
)
def test_so_many_business_days_lie_between_a_day_and_its_shift(
    day: date, count: int, country: str | None
) -> None:
    shifted = CALENDAR.shift(day, count, country)
    low, high = sorted((day.toordinal(), shifted.toordinal()))
    passed = range(low + 1, high + 1) if count > 0 else range(low, high)
    days = [date.fromordinal(ordinal) for ordinal in passed]
    assert sum(CALENDAR.is_business_day(each, country) for each in days) == abs(count)
    assert CALENDAR.is_business_day(shifted, country)


def test_a_freeze_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="'Odd' ends on 2026-01-01, before it begins"):
        Freeze("Odd", date(2026, 1, 2), date(2026, 1, 1))


def test_a_weekend_of_seven_days_is_refused() -> None:
    with pytest.raises(ValueError, match="no business day at all"):
        BusinessCalendar(weekend=frozenset(range(7)))
    with pytest.raises(ValueError, match="no business day at all"):
        BusinessCalendar(weekends={"XX": frozenset(range(7))})
