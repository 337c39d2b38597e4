"""Days in documents: read as written, and never guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.timing.written_day import AmbiguousDayError, DayError, DayForm, read_day

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-08-05", "2025-08-05"), ("2025-8-5", "2025-08-05"), ("2025/08/05", "2025-08-05"),
        ("2025-08-05T10:00:00Z", "2025-08-05"), ("2025-08-05 10:00:00", "2025-08-05"),
        ("5 August 2025", "2025-08-05"), ("5 Aug 2025", "2025-08-05"),
        ("Aug 5, 2025", "2025-08-05"), ("August 5th, 2025", "2025-08-05"),
        ("21st Sept 2025", "2025-09-21"), ("8/31/2020", "2020-08-31"), ("31.8.2020", "2020-08-31"),
        ("3/3/2020", "2020-03-03"),
    ],
)  # fmt: skip
def test_a_day_that_can_be_read_in_one_way_is_read(text: str, day: str) -> None:
    assert read_day(text) == date.fromisoformat(day)


@pytest.mark.parametrize("text", ["03/04/2020", "3/4/2020", "3-4-2020", "3.4.2020"])
def test_a_day_that_can_be_read_in_two_ways_is_refused_with_both(text: str) -> None:
    with pytest.raises(AmbiguousDayError, match="4 March 2020 or 3 April 2020"):
        read_day(text)

    assert read_day(text, DayForm.MONTH_FIRST) == date(2020, 3, 4)
    assert read_day(text, DayForm.DAY_FIRST) == date(2020, 4, 3)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2025-02-30", "2025-13-01", "31/31/2020", "1/2/20", "05-2025", "2025",
     "5 Ma 2025", "2025-08-05x", "0205-08-05", "9999-01-01", "٣/٤/2020"],
)  # fmt: skip
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(DayError, match=r"2026-03-12|cannot be meant"):
        read_day(text)


def test_a_day_that_does_not_fit_the_stated_form_is_refused() -> None:
    with pytest.raises(DayError, match="as MM/DD/YYYY, which was stated"):
        read_day("31/12/2020", DayForm.MONTH_FIRST)


@given(DAYS, st.booleans())
def test_padding_does_not_matter(day: date, padded: bool) -> None:
    month, of_month = (f"{day:%m}", f"{day:%d}") if padded else (str(day.month), str(day.day))
    assert read_day(f"{month}/{of_month}/{day.year}", DayForm.MONTH_FIRST) == day
    assert read_day(f"{of_month}/{month}/{day.year}", DayForm.DAY_FIRST) == day
    assert read_day(f"{day.year}-{month}-{of_month}") == day


@given(DAYS)
def test_without_a_form_a_day_is_right_or_refused(day: date) -> None:
    text = f"{day.month}/{day.day}/{day.year}"
    if day.day <= 12 and day.day != day.month:
        with pytest.raises(AmbiguousDayError):
            read_day(text)
    else:
        assert read_day(text) == day
