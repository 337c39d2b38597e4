"""Hours and days of a window are read as people write them, with suggestions in every error."""

from __future__ import annotations

from datetime import time

import pytest

from digital_cs.domain.timing.window_text import (
    EVERY_DAY,
    SendWindowError,
    parse_days,
    parse_window_days,
    parse_window_hours,
)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("09:00-17:00", (time(9), time(17))),
        (" 9:00 – 17:30 ", (time(9), time(17, 30))),
        ("22:00 to 02:00", (time(22), time(2))),
        ("18:00—24:00", (time(18), time(0))),
    ],
)
def test_hours_are_read_with_any_dash(text: str, hours: tuple[time, time]) -> None:
    assert parse_window_hours(text) == hours


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("9-17", "did you mean '09:00-17:00'?"),
        ("9am-5pm", "did you mean '09:00-17:00'?"),
        ("12am to 12pm", "did you mean '00:00-12:00'?"),
        ("9.00-17.30", "did you mean '09:00-17:30'?"),
        ("09:00-25:00", "hours go from 00:00 to 24:00"),
        ("24:00-02:00", "hours go from 00:00 to 24:00"),
        ("09:60-17:00", "hours go from 00:00 to 24:00"),
        ("09:00-09:00", "opens and closes at the same time"),
        ("mornings", "write them as '09:00-17:00'"),
        ("31-32", "write them as '09:00-17:00'"),
    ],
)
def test_hours_that_are_none_get_a_suggestion(text: str, sentence: str) -> None:
    with pytest.raises(SendWindowError) as caught:
        parse_window_hours(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("written", "days"),
    [
        (["mon", "tue"], {0, 1}),
        ("Monday, thu", {0, 3}),
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat – mon", {5, 6, 0}),
        ("weekdays", {0, 1, 2, 3, 4}),
        ("every day", set(range(7))),
        (["weekdays", "sun"], {0, 1, 2, 3, 4, 6}),
    ],
)
def test_days_are_read_as_people_write_them(written, days: set[int]) -> None:
    assert parse_days(written) == days
    assert parse_window_days(written) == (days, False)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("tues", "'tues' is not a day of the week: did you mean 'tue'?"),
        ("weekday", "did you mean 'weekdays'?"),
        ("payday", "is not a day of the week"),
        ("mon-fri-sat", "is not a range of days"),
        ("weekdays-sun", "is not a range of days"),
        ("", "is not a day of the week"),
        ([], "No days are named"),
    ],
)
def test_days_that_are_none_get_a_suggestion(written, sentence: str) -> None:
    with pytest.raises(SendWindowError) as caught:
        parse_days(written)
    assert sentence in str(caught.value)


def test_business_days_may_fall_on_any_weekday() -> None:
    assert parse_window_days("Business days") == (EVERY_DAY, True)
    with pytest.raises(SendWindowError):
        parse_days("business days")
