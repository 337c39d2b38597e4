"""When content has to be looked at again, and whether that is so on a given day."""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from digital_cs.errors import DigitalCsError


class IntervalError(DigitalCsError, ValueError):
    """This is not an interval between reviews. Write a number and a unit, such as '6 months'."""


class State(StrEnum):
    """How true a piece of content may be taken to be, on a day."""

    FRESH = "fresh"
    DUE_SOON = "due_soon"
    STALE = "stale"
    BLOCKED = "blocked"
    RETIRED = "retired"


class IntervalUnit(StrEnum):
    """What an interval counts. A review falls on a day, so nothing is shorter than one."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_UNITS: Mapping[str, IntervalUnit] = MappingProxyType(
    {
        **{word: unit for unit in IntervalUnit for word in (unit.value, f"{unit.value}s")},
        **dict.fromkeys(("d",), IntervalUnit.DAY),
        **dict.fromkeys(("w", "wk", "wks"), IntervalUnit.WEEK),
        **dict.fromkeys(("mo", "mos", "mth", "mths"), IntervalUnit.MONTH),
        **dict.fromkeys(("y", "yr", "yrs"), IntervalUnit.YEAR),
    }
)
_NUMBER_WORDS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
_NUMBERS: Mapping[str, int] = MappingProxyType(
    {"a": 1, "an": 1, **{word: count for count, word in enumerate(_NUMBER_WORDS, start=1)}}
)
_ADVERBS: Mapping[str, tuple[int, IntervalUnit]] = MappingProxyType(
    {
        "weekly": (1, IntervalUnit.WEEK), "monthly": (1, IntervalUnit.MONTH),
        "quarterly": (3, IntervalUnit.MONTH), "yearly": (1, IntervalUnit.YEAR),
        "annually": (1, IntervalUnit.YEAR),
    }
)  # fmt: skip
_WRITTEN = re.compile(r"(?:(?:every|in) )?(?:(\d{1,6}) ?-?|([a-z]+)[ -])([a-z]+)\.?")
_LONGEST_DAYS = 20 * 366


@dataclass(frozen=True, slots=True)
class Interval:
    """How long content may go without a review: at least a day, at most 20 years.

    Raises IntervalError.
    """

    count: int
    unit: IntervalUnit

    def __post_init__(self) -> None:
        if self.count < 1:
            raise IntervalError(f"'{self}' is no time at all: write at least '1 {self.unit}'.")
        if self.approx_days > _LONGEST_DAYS:
            raise IntervalError(f"'{self}' is longer than 20 years. Write a shorter interval.")

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read "6 months", "6 month", "81 days", "1 year", "a year", "quarterly".

        Raises IntervalError with a suggestion; "6m" may be minutes or months and is refused.
        """
        tidy = " ".join(text.split()).casefold()
        if tidy in _ADVERBS:
            return cls(*_ADVERBS[tidy])
        written = _WRITTEN.fullmatch(tidy)
        count = None
        if written is not None:
            count = int(written[1]) if written[1] else _NUMBERS.get(written[2])
        if written is None or count is None or written[3] not in _UNITS:
            raise IntervalError(_complaint(text, tidy, written[3] if written else "", count))
        return cls(count, _UNITS[written[3]])

    def after(self, day: date) -> date:
        """The day an interval later; the 31st becomes the last day of a shorter month."""
        if self.unit is IntervalUnit.DAY:
            return day + timedelta(days=self.count)
        if self.unit is IntervalUnit.WEEK:
            return day + timedelta(weeks=self.count)
        return add_months(day, self.count * (12 if self.unit is IntervalUnit.YEAR else 1))

    @property
    def approx_days(self) -> int:
        """About how long it is, to compare intervals; never to find a day."""
        return self.count * {"day": 1, "week": 7, "month": 30, "year": 365}[self.unit]

    def __str__(self) -> str:
        """As people write it; `parse` reads it back."""
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


def add_months(day: date, count: int) -> date:
    """The same day `count` months later, or the last one of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def soon_until(as_of: date) -> date:
    """The last due date that is soon: within a month, month ends clipped."""
    return add_months(as_of, 1)


def state_on(as_of: date, due: date, *, blocked: bool = False, retired: bool = False) -> State:
    """The state on a day. On the due date itself the content is stale (P23)."""
    if retired:
        return State.RETIRED
    if blocked:
        return State.BLOCKED
    if as_of >= due:
        return State.STALE
    return State.DUE_SOON if due <= soon_until(as_of) else State.FRESH


def _complaint(text: str, tidy: str, word: str, count: int | None) -> str:
    if count is not None:
        if word == "m":
            return f"'{text}' could be minutes or months: write '{count} months'."
        near = difflib.get_close_matches(word, _UNITS, n=1)
        if near and count > 0:
            return f"'{text}': did you mean '{Interval(count, _UNITS[near[0]])}'?"
    half = re.fullmatch(r"(\d{1,3})[.,]5 (year|month)s?", tidy)
    if half is not None:
        whole = f"{int(half[1]) * 12 + 6} months" if half[2] == "year" else "a number of weeks"
        return f"'{text}' is not a whole number: write {whole}."
    return (
        f"'{text}' is not an interval between reviews: write a whole number of days, weeks, months"
        " or years, such as '6 months'."
    )
