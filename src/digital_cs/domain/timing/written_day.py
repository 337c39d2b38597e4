"""Days as people write them in documents; one that could be two different days is refused."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

from digital_cs.errors import DigitalCsError

EARLIEST, LATEST = 1990, 2100
"""Years beyond these are slips of the pen."""


class DayError(DigitalCsError, ValueError):
    """This is not a day. Write it as 2026-03-12."""


class AmbiguousDayError(DayError):
    """This can be read as two different days. Write it as 2026-03-12, or state its form."""


class DayForm(StrEnum):
    """What days with numbers only, and the year last, are said to be."""

    MONTH_FIRST = "MM/DD/YYYY"
    DAY_FIRST = "DD/MM/YYYY"


_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[t ]\d.*)?")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?: \d.*)?")
_DAY_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)? ([a-z]{3,9})\.?,? (\d{4})")
_MONTH_NAMED = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip


def read_day(text: str, form: DayForm | None = None) -> date:
    """The day that a text names: 2026-03-12, 2026-3-12, 12 March 2026, and 3/12/2026 by `form`.

    Padding does not matter. Without a form, 3/12/2026 is refused and 3/13/2026 is not, for it can
    be read in one way only. Raises DayError or AmbiguousDayError.
    """
    tidy = " ".join(text.split()).casefold()
    if not tidy.isascii():
        raise DayError(f"'{text}' is not a day: write it as 2026-03-12.")
    if found := _YEAR_FIRST.fullmatch(tidy):
        return _day(text, found[1], found[3], found[4])
    if found := _YEAR_LAST.fullmatch(tidy):
        return _year_last(text, found[1], found[3], found[4], form)
    if found := _DAY_NAMED.fullmatch(tidy):
        return _day(text, found[3], _month(text, found[2]), found[1])
    if found := _MONTH_NAMED.fullmatch(tidy):
        return _day(text, found[3], _month(text, found[1]), found[2])
    raise DayError(f"'{text}' is not a day: write it as 2026-03-12.")


def _year_last(text: str, first: str, second: str, year: str, form: DayForm | None) -> date:
    if form is DayForm.MONTH_FIRST:
        return _day(text, year, first, second, form)
    if form is DayForm.DAY_FIRST:
        return _day(text, year, second, first, form)
    readings = set()
    for month, day in ((first, second), (second, first)):
        try:
            readings.add(_day(text, year, month, day))
        except DayError:
            continue
    if len(readings) == 2:
        one, other = sorted(readings)
        raise AmbiguousDayError(
            f"'{text}' can be read in two ways, {one:%-d %B %Y} or {other:%-d %B %Y}: write it as"
            f" {one} or {other}, or state the form of all days."
        )
    if not readings:
        raise DayError(f"'{text}' is not a day of the calendar: write it as 2026-03-12.")
    return readings.pop()


def _day(text: str, year: str, month: str | int, day: str, form: DayForm | None = None) -> date:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError as error:
        stated = f" as {form}, which was stated" if form else ""
        raise DayError(
            f"'{text}' is not a day of the calendar{stated}: write it as 2026-03-12."
        ) from error
    if not EARLIEST <= found.year <= LATEST:
        raise DayError(f"'{text}' is in the year {found.year}: that cannot be meant.")
    return found


def _month(text: str, word: str) -> int:
    matching = [number for number, name in enumerate(_MONTHS, 1) if name.startswith(word)]
    if word == "sept":
        return 9
    if len(matching) != 1:
        raise DayError(f"'{text}' names no month: write it as 2026-03-12.")
    return matching[0]
