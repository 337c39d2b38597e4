"""Dates as a file writes them: ISO, or the one form that was stated. Nothing is ever guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from digital_cs.domain.timing.zone import to_utc
from digital_cs.errors import UsageError

ISO = "YYYY-MM-DD"
_PARTS = {"YYYY": r"(?P<y>\d{4})", "MM": r"(?P<m>\d{1,2})", "DD": r"(?P<d>\d{1,2})"}
_STATED = re.compile(r"(YYYY|MM|DD)([-/. ])(YYYY|MM|DD)\2(YYYY|MM|DD)")
_TIME = re.compile(
    r"(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2}))?"
)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LIKE_A_DATE = re.compile(r"(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})(?:[T ].*)?")


class DateError(ValueError):
    """A text is not a date of the form that was stated."""


@dataclass(frozen=True, slots=True)
class DateForm:
    """How days are written in a file, and in which zone its moments without an offset are.

    `stated` is None for ISO, which is understood beside every form that it cannot be mistaken for.
    A time of day may follow a day of any form: "27-07-2024 03:00".
    """

    stated: str | None = None
    zone: ZoneInfo | None = None

    @classmethod
    def of(cls, stated: str | None, zone: ZoneInfo | None = None) -> DateForm:
        """The form that an operator states, such as DD-MM-YYYY. Raises UsageError."""
        if stated is None:
            return cls(None, zone)
        day, _, clock = stated.strip().partition(" ")
        form = day.upper()
        if form == ISO and not clock:
            return cls(None, zone)
        fits = _STATED.fullmatch(form)
        if not fits or len(set(fits.group(1, 3, 4))) < 3 or clock not in _CLOCKS:
            raise UsageError(
                f"'{stated}' does not say how dates are written. Say it with YYYY, MM and DD:"
                " DD-MM-YYYY, MM/DD/YYYY, DD.MM.YYYY; a time of day may follow by itself."
            )
        return cls(form, zone)

    @property
    def name(self) -> str:
        """As an operator would state it."""
        return self.stated or ISO

    def day(self, text: str) -> date:
        """The day that a text names. Raises DateError."""
        if _ISO_DAY.fullmatch(text) and not self._year_first:
            return _iso_day(text)
        if self.stated is None:
            raise DateError
        return _day(text, self.stated)

    @property
    def _year_first(self) -> bool:
        return self.stated is not None and self.stated.startswith("YYYY")

    def moment(self, text: str) -> datetime:
        """The instant (UTC) that a text names; a day alone begins at midnight, of UTC unless a
        zone was stated. Raises DateError; NoOffsetError for a time of day of no known zone."""
        day, clock = _split(text)
        on = self.day(day)
        if not clock:
            return to_utc(datetime.combine(on, time()), self.zone or _UTC)
        fits = _TIME.fullmatch(clock)
        if fits is None:
            return self._exotic(text)
        try:
            at = time(int(fits["h"]), int(fits["min"]), int(fits["s"] or 0))
        except ValueError as error:
            raise DateError from error
        offset = fits["zone"]
        if offset in ("Z", "UTC"):
            return datetime.combine(on, at, UTC)
        if offset:
            iso = f"{on}T{at}{offset[:3]}:{offset[-2:]}"
            try:
                return datetime.fromisoformat(iso).astimezone(UTC)
            except (ValueError, OverflowError) as error:
                raise DateError from error
        if self.zone is None:
            raise NoOffsetError
        return to_utc(datetime.combine(on, at), self.zone)

    def _exotic(self, text: str) -> datetime:
        """What else ISO 8601 allows, such as 2026-03-02T0930Z."""
        try:
            found = datetime.fromisoformat(text) if self.stated is None else None
        except ValueError as error:
            raise DateError from error
        if found is None or found.tzinfo is None:
            raise DateError
        return found.astimezone(UTC)


class NoOffsetError(DateError):
    """A time of day without an offset from UTC, and no zone was stated."""


_UTC = ZoneInfo("UTC")
_CLOCKS = ("", "HH:mm", "HH:mm:ss", "HH:MM", "HH:MM:SS", "hh:mm", "hh:mm:ss")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A value that is not of the stated form, and the forms in which all like it can be read."""

    value: str
    line: int
    forms: tuple[str, ...]

    def words(self, column: str, stated: DateForm) -> str:
        """What was found, in how many ways it can be read, and which option to give."""
        found = f"'{self.value}' in column '{column}' is not written as {stated.name}."
        if not self.forms:
            return f"{found} Write its dates as 2026-03-02, or state their form with --dates."
        options = " or ".join(f"--dates {form}" for form in self.forms)
        if len(self.forms) == 1:
            return f"{found} It can only be read as {self.forms[0]}: say so with {options}."
        days = " or ".join(f"{_day(self.value, form):%-d %B %Y}" for form in self.forms)
        return f"{found} It can be read in two ways ({days}): say which, with {options}."


def suspect(values: Iterable[tuple[int, str]], form: DateForm) -> Suspicion | None:
    """Look at the values of one column (each with its line): is it of another form than stated?

    It is if nothing in it is of the stated form, or if some value could only be of the one with
    day and month the other way round: then the others are read wrongly without any complaint.
    """
    fits = False
    doubtful: Suspicion | None = None
    forms: set[str] | None = None
    for line, value in values:
        text, _ = _split(value)
        try:
            form.day(text)
        except DateError:
            ways = set(_ways(text)) - {form.name}
            if not ways:
                continue
            swapped = _swapped(form.stated)
            if swapped in ways:
                return Suspicion(text, line, (swapped,))
            # A value that leaves fewer ways than the first one did is the one to show.
            narrowed = ways if forms is None else forms & ways
            if doubtful is None or len(narrowed) < len(forms or ()):
                doubtful = Suspicion(text, line, ())
            forms = narrowed
        else:
            fits = True
    if fits or doubtful is None:
        return None
    return Suspicion(doubtful.value, doubtful.line, tuple(sorted(forms or ())))


def looks_like_dates(values: Iterable[str]) -> bool:
    """Whether every one of these texts is a date, of whatever form; False where there is none."""
    found = [_split(value)[0] for value in values]
    return bool(found) and all(any(_ways(text)) for text in found)


def _split(text: str) -> tuple[str, str]:
    """The day and the time of day in a text, of whatever form."""
    fits = _LIKE_A_DATE.fullmatch(text)
    if fits is None:
        return text, ""
    end = fits.end(4)
    return text[:end], text[end + 1 :].strip()


def _ways(text: str) -> Iterator[str]:
    """The forms in which a day can be read."""
    fits = _LIKE_A_DATE.fullmatch(text)
    if fits is None:
        return
    mark = fits[2]
    orders = (("YYYY", "MM", "DD"),) if len(fits[1]) == 4 else _YEAR_LAST
    for order in orders:
        form = mark.join(order)
        try:
            _day(text, form)
        except DateError:
            continue
        yield form


_YEAR_LAST = (("DD", "MM", "YYYY"), ("MM", "DD", "YYYY"))


def _swapped(form: str | None) -> str:
    swap = {"DD": "MM", "MM": "DD"}
    return re.sub("DD|MM", lambda found: swap[found[0]], form or "")


@lru_cache(maxsize=64)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(re.sub("YYYY|MM|DD", lambda found: _PARTS[found[0]], re.escape(form)))


@lru_cache(maxsize=8192)  # a file has few days, and each of them often
def _day(text: str, form: str) -> date:
    fits = _pattern(form).fullmatch(text)
    if fits is None or not text.isascii():
        raise DateError
    try:
        return date(int(fits["y"]), int(fits["m"]), int(fits["d"]))
    except ValueError as error:
        raise DateError from error


@lru_cache(maxsize=8192)
def _iso_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DateError from error
