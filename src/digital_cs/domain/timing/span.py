"""Lengths of time as people write them ("3 days", "2 business days"), added to a moment."""

from __future__ import annotations

import calendar as months
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.zone import to_local, to_utc
from digital_cs.errors import DigitalCsError


class SpanError(DigitalCsError, ValueError):
    """This is not a span of time. Write a number and a unit, such as '3 days'."""


class Unit(StrEnum):
    """What a span counts."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    BUSINESS_DAY = "business day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_SECONDS: Mapping[Unit, float] = MappingProxyType(
    {
        Unit.MINUTE: 60,
        Unit.HOUR: 3600,
        Unit.DAY: 86_400,
        Unit.BUSINESS_DAY: 86_400 * 7 / 5,
        Unit.WEEK: 7 * 86_400,
        Unit.MONTH: 365.2425 * 86_400 / 12,
        Unit.YEAR: 365.2425 * 86_400,
    }
)
_UNITS: Mapping[str, Unit] = MappingProxyType(
    {word: unit for unit in Unit for word in (unit.value, f"{unit.value}s")}
)
# "m" is missing: it is a minute to some and a month to others.
_ABBREVIATIONS: Mapping[str, Unit] = MappingProxyType(
    {
        **dict.fromkeys(("min", "mins"), Unit.MINUTE),
        **dict.fromkeys(("h", "hr", "hrs"), Unit.HOUR),
        **dict.fromkeys(("d",), Unit.DAY),
        **dict.fromkeys(("bd", "workday", "workdays", "working day"), Unit.BUSINESS_DAY),
        **dict.fromkeys(("working days", "weekday", "weekdays"), Unit.BUSINESS_DAY),
        **dict.fromkeys(("w", "wk", "wks"), Unit.WEEK),
        **dict.fromkeys(("mo", "mos"), Unit.MONTH),
        **dict.fromkeys(("y", "yr", "yrs"), Unit.YEAR),
    }
)
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS: Mapping[str, int] = MappingProxyType(
    {"a": 1, "an": 1, **{word: count for count, word in enumerate(_NUMBER_WORDS, start=1)}}
)
_WRITTEN = re.compile(r"(\d{1,9}) ([a-z]+(?: [a-z]+)?)")
_NEARLY_WRITTEN = re.compile(r"(\d{1,9}|[a-z]+) ?([a-z]+(?: [a-z]+)?)\.?")
_LONGEST_YEARS = 20


@dataclass(frozen=True, slots=True)
class Span:
    """A number of calendar units, at least one and at most 20 years. Raises SpanError."""

    count: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.count < 1:
            raise SpanError(f"'{self.words()}' is no time at all: write at least '1 {self.unit}'.")
        if self.approx_seconds > _LONGEST_YEARS * _SECONDS[Unit.YEAR]:
            raise SpanError(
                f"'{self.words()}' is too long: a span is at most {_LONGEST_YEARS} years."
            )

    @classmethod
    def parse(cls, text: str) -> Span:
        """Read "3 days", "1 month", "2 business days". Raises SpanError with a suggestion."""
        tidy = " ".join(text.split()).casefold()
        written = _WRITTEN.fullmatch(tidy)
        unit = _UNITS.get(written[2]) if written else None
        if written is None or unit is None:
            raise SpanError(_complaint(text, tidy))
        return cls(int(written[1]), unit)

    def words(self) -> str:
        """The span as people write it; `parse` reads it back."""
        return f"{self.count} {self.unit.value}{'' if self.count == 1 else 's'}"

    def __str__(self) -> str:
        return self.words()

    @property
    def approx_seconds(self) -> float:
        """About how long it is, for checks and for sorting; never for finding a moment."""
        return self.count * _SECONDS[self.unit]


def add(
    moment: datetime,
    span: Span,
    zone: ZoneInfo,
    calendar: BusinessCalendar,
    country: str | None = None,
) -> datetime:
    """The moment (UTC) a span after an aware `moment`.

    Minutes and hours are exact. Longer units keep the wall time in `zone`: a gap moves it
    forward, an overlap takes the first, the 31st becomes the last day of a shorter month.
    Business days skip the weekends and holidays of `country`.
    """
    return _shift(moment, span.count, span.unit, zone, calendar=calendar, country=country)


def subtract(
    moment: datetime,
    span: Span,
    zone: ZoneInfo,
    calendar: BusinessCalendar,
    country: str | None = None,
) -> datetime:
    """The moment (UTC) a span before an aware `moment`, by the rules of `add`."""
    return _shift(moment, -span.count, span.unit, zone, calendar=calendar, country=country)


def _shift(
    moment: datetime,
    count: int,
    unit: Unit,
    zone: ZoneInfo,
    *,
    calendar: BusinessCalendar,
    country: str | None,
) -> datetime:
    local = to_local(moment, zone)
    if unit is Unit.MINUTE:
        return moment.astimezone(UTC) + timedelta(minutes=count)
    if unit is Unit.HOUR:
        return moment.astimezone(UTC) + timedelta(hours=count)
    if unit is Unit.DAY:
        day = local.date() + timedelta(days=count)
    elif unit is Unit.WEEK:
        day = local.date() + timedelta(weeks=count)
    elif unit is Unit.BUSINESS_DAY:
        day = calendar.shift(local.date(), count, country)
    else:
        day = _shift_months(local.date(), count * 12 if unit is Unit.YEAR else count)
    return to_utc(datetime.combine(day, local.time()), zone)


def _shift_months(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    last = months.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def _complaint(text: str, tidy: str) -> str:
    nearly = _NEARLY_WRITTEN.fullmatch(tidy)
    if nearly and (nearly[1].isdigit() or nearly[1] in _NUMBERS):
        count = int(nearly[1]) if nearly[1].isdigit() else _NUMBERS[nearly[1]]
        word = nearly[2]
        if word == "m":
            return (
                f"'{text}' could be minutes or months: write '{count} minutes' or '{count} months'."
            )
        if word in {"s", "sec", "secs", "second", "seconds"}:
            return f"'{text}' is too fine: the smallest unit of a span is the minute."
        near = difflib.get_close_matches(word, _UNITS, n=1)
        unit = _UNITS.get(word) or _ABBREVIATIONS.get(word) or (_UNITS[near[0]] if near else None)
        if unit is not None and count > 0:
            plural = "" if count == 1 else "s"
            return f"'{text}': did you mean '{count} {unit.value}{plural}'?"
    return (
        f"'{text}' is not a span of time: write a whole number and one of minutes, hours, days, "
        "business days, weeks, months or years, such as '3 days'."
    )
