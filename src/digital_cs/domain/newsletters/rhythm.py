"""How often a newsletter comes out, as people write it: "first Tuesday", "every Monday"."""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from types import MappingProxyType

from digital_cs.domain.content.freshness import add_months
from digital_cs.domain.grammar import WEEKDAYS
from digital_cs.errors import DigitalCsError


class RhythmError(DigitalCsError, ValueError):
    """This is not a rhythm. Write one such as 'first Tuesday' or 'every 2 weeks on Monday'."""


_PLACES: Mapping[str, int] = MappingProxyType(
    {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
)
_MONTHS: Mapping[str, int] = MappingProxyType({"month": 1, "quarter": 3})
_A_WEEK = timedelta(weeks=1)
_IN_MONTH = re.compile(
    r"(?:the )?(?:(last) day|(first|second|third|fourth|last) ([a-z]+)|(\d{1,2})(?:st|nd|rd|th))"
    r"(?: (?:of|in) (?:the|each|every) (month|quarter))?"
)
_WEEKLY = re.compile(r"(?:weekly on|every) ([a-z]+?)s?")
_WEEKS = re.compile(r"every (\d{1,2}|two|three|four) weeks on ([a-z]+?)s?")
_WORDS: Mapping[str, int] = MappingProxyType({"two": 2, "three": 3, "four": 4})
_MONDAY = date(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Days that come again: every `weeks` weeks on a weekday, or once in `months` months.

    In a month it is the `place`th weekday, or with no weekday that day of the month; a month that
    is too short has its last one. -1 is the last. Every n weeks counts from `first`.
    """

    weekday: int | None = None
    place: int = 0
    months: int = 0
    weeks: int = 0
    first: date | None = None

    @classmethod
    def parse(cls, text: str, first: date | None = None) -> Rhythm:
        """Read "first Tuesday", "last Thursday of the quarter", "the 15th", "every Monday".

        `first` is an issue that every second, third or fourth week is counted from. Raises
        RhythmError with a suggestion.
        """
        tidy = " ".join(text.split()).casefold()
        if (found := _WEEKS.fullmatch(tidy)) is not None:
            count = _WORDS.get(found[1]) or int(found[1])
            if not 1 <= count <= 26:
                raise RhythmError(f"'{text}': write at least 1 week and at most 26.")
            if count > 1 and first is None:
                raise RhythmError(f"'{text}' needs a first day to count from: add `first:`.")
            weekday = _weekday(text, found[2])
            if first is not None and first.weekday() != weekday:
                name = calendar.day_name[first.weekday()]
                raise RhythmError(f"'{text}', but its first day, {first}, is a {name}.")
            return cls(weekday=weekday, weeks=count, first=first)
        if (found := _IN_MONTH.fullmatch(tidy)) is not None:
            months = _MONTHS[found[5]] if found[5] else 1
            if found[1]:
                return cls(place=-1, months=months)
            if found[4]:
                if not 1 <= int(found[4]) <= 31:
                    raise RhythmError(f"'{text}': a month has no such day.")
                return cls(place=int(found[4]), months=months)
            return cls(_weekday(text, found[3]), _PLACES[found[2]], months)
        if (found := _WEEKLY.fullmatch(tidy)) is not None:
            return cls(weekday=_weekday(text, found[1]), weeks=1)
        raise RhythmError(
            f"'{text}' is not a rhythm: write 'first Tuesday', 'last Thursday of the quarter',"
            " 'the 15th', 'every Monday' or 'every 2 weeks on Monday'."
        )

    def days(self, after: date) -> Iterator[date]:
        """Every day of the rhythm after a day, in order, without end."""
        if self.weeks:
            start = self.first or _MONDAY + timedelta(days=self.weekday or 0)
            step = self.weeks * _A_WEEK
            day = start + max((after - start) // step + 1, 0) * step
            while True:
                yield day
                day += step
        month = after.replace(day=1)
        if self.months > 1:
            month = add_months(month, -((month.month - 1) % self.months))
        while True:
            day = self._in(month)
            if day > after:
                yield day
            month = add_months(month, self.months)

    def next_after(self, day: date, count: int = 1) -> tuple[date, ...]:
        """The next days after one."""
        return tuple(islice(self.days(day), count))

    def _in(self, month: date) -> date:
        """The day in a month, or in the quarter that begins with it."""
        if self.place < 0 and self.months > 1:
            month = add_months(month, self.months - 1)
        days = calendar.monthrange(month.year, month.month)[1]
        if self.weekday is None:
            return month.replace(day=days if self.place < 0 else min(self.place, days))
        if self.place < 0:
            last = month.replace(day=days)
            return last - timedelta(days=(last.weekday() - self.weekday) % 7)
        offset = (self.weekday - month.weekday()) % 7
        return month + timedelta(days=offset, weeks=self.place - 1)

    def __str__(self) -> str:
        """As people write it; `parse` reads it back."""
        span = " of the quarter" if self.months == 3 else ""
        if self.weeks:
            name = calendar.day_name[self.weekday or 0]
            return f"every {name}" if self.weeks == 1 else f"every {self.weeks} weeks on {name}"
        if self.weekday is not None:
            place = next(word for word, number in _PLACES.items() if number == self.place)
            return f"{place} {calendar.day_name[self.weekday]}{span}"
        return f"last day{span}" if self.place < 0 else f"the {_ordinal(self.place)}{span}"


def _weekday(text: str, word: str) -> int:
    if word in WEEKDAYS:
        return WEEKDAYS.index(word)
    near = difflib.get_close_matches(word, WEEKDAYS, n=1)
    advice = f" Did you mean {near[0].title()}?" if near else ""
    raise RhythmError(f"'{text}': '{word}' is no day of the week.{advice}")


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
