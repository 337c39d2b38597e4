"""Silence, amounts of usage and their changes in SQL: one pass over the days of all that is asked.

A window is a number of days back from today, so that leaves with the same one share a parameter;
what all windows have in common is asked once of a row, and not again for every sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from psycopg.types.json import Jsonb

from digital_cs.domain.rules.condition_product import EventHappened
from digital_cs.domain.rules.condition_usage import QuietFor, UsageChange, UsageIs, whole_days
from digital_cs.domain.rules.verdict import decimal
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.rules.condition_sql_sheet import (
    A_DAY,
    Family,
    Leaf,
    Sheet,
    day_of_moment,
    first_after,
    midnight,
)
from digital_cs.store.rules.condition_sql_traits import judged

DAYS_OF_A_WORD = 63
"""So many days are counted by the bits of one bigint; a count of distinct ones would sort."""


@dataclass(frozen=True, slots=True)
class Window:
    """Days `first` to `last` before today, of these events; none is all."""

    events: tuple[str, ...]
    first: int
    last: int


@dataclass(slots=True)
class UsageFamily(Family):
    """Usage by day, with all windows that will be asked for: they decide what a sum must say."""

    windows: tuple[Window, ...] = ()
    ever: tuple[str, ...] = ()
    _sheet: Sheet = field(kw_only=True)

    def prepare(self) -> None:
        """Ask of a row what it needs to be of any use."""
        asked = []
        if self.windows:
            asked.append(" and ".join(["n > 0", *self._common()]))
        if self.ever:
            asked.append(f"event = any({self._sheet.texts(self.ever)})")
        self.where.append(asked[0] if len(asked) == 1 else f"(({asked[0]}) or ({asked[1]}))")

    def _common(self) -> list[str]:
        first, last = max(w.first for w in self.windows), min(w.last for w in self.windows)
        common = [f"day >= {self._sheet.day(first)}", f"day <= {self._sheet.day(last)}"]
        if all(w.events for w in self.windows):
            names = tuple(sorted({name for w in self.windows for name in w.events}))
            common.append(f"event = any({self._sheet.texts(names)})")
        return common

    def inside(self, window: Window) -> str:
        """What a row must be to count in this window, as far as `prepare` has not asked it."""
        alone = not self.ever
        asked = [] if alone else ["n > 0"]
        if not (alone and all(set(w.events) == set(window.events) for w in self.windows)):
            asked += [f"event = any({self._sheet.texts(window.events)})"] if window.events else []
        if not (alone and window.first == max(w.first for w in self.windows)):
            asked.append(f"day >= {self._sheet.day(window.first)}")
        if not (alone and window.last == min(w.last for w in self.windows)):
            asked.append(f"day <= {self._sheet.day(window.last)}")
        return " and ".join(asked)

    def amount(self, measure: str, window: Window) -> str:
        """An exact amount (numeric or bigint) of a window, 0 without a row."""
        inside = self.inside(window)
        among = f" filter (where {inside})" if inside else ""
        if measure == "count":
            return self.counted(f"sum(n){among}")
        if measure == "value":
            return self.counted(f"sum(value::numeric){among}")
        if len(window.events) == 1:
            return self.counted(f"count(*){among}")
        return f"({' + '.join(self._days(window))})"

    def _days(self, window: Window) -> Iterable[str]:
        for first in range(window.first, window.last - 1, -DAYS_OF_A_WORD):
            last = max(first - DAYS_OF_A_WORD + 1, window.last)
            part = Window(window.events, first, last)
            inside = self.inside(part)
            among = f" filter (where {inside})" if inside else ""
            begin = self._sheet.day(first)
            yield self.counted(f"bit_count(bit_or(1::bigint << (day - {begin})){among}::bit(64))")


def usage_family(sheet: Sheet) -> UsageFamily:
    found = sheet.families["usage"]
    assert isinstance(found, UsageFamily)
    return found


def prepare(sheet: Sheet, leaves: Iterable[Any]) -> None:
    """Note all that the leaves will ask of usage, before the first one does."""
    windows, ever = [], set()
    for leaf in leaves:
        if isinstance(leaf, UsageIs):
            windows.append(_window(leaf))
        elif isinstance(leaf, UsageChange):
            windows.append(_both(leaf))
        elif isinstance(leaf, EventHappened):
            ever.add(leaf.event)
    if windows or ever:
        family = UsageFamily(
            "usage", "usage_days", "account_id", windows=tuple(windows), ever=tuple(sorted(ever)),
            _sheet=sheet,
        )  # fmt: skip
        sheet.families["usage"] = family
        family.prepare()


def quiet(sheet: Sheet, leaf: QuietFor) -> Leaf:
    span = sheet.span(A_DAY + timedelta(seconds=leaf.quiet_for.approx_seconds))
    flips = f"({midnight('a.last_active_on')} + {span})"
    last_day = day_of_moment(f"{flips} - interval '1 microsecond'")
    return Leaf(
        f"(case when {flips} is null then null when {sheet.now} < {flips} then false"
        f" when {sheet.usage_day()} >= {last_day} then true end)",
        first_after(sheet.now, flips),
    )


def _window(leaf: UsageIs) -> Window:
    return Window(leaf.events(), whole_days(leaf.within) - 1, 0)


def usage(sheet: Sheet, leaf: UsageIs) -> Leaf:
    family, window = usage_family(sheet), _window(leaf)
    if leaf.measure == "users":
        low, high = _users(sheet, family, window)
    else:
        amount = family.amount(leaf.measure, window)
        # A sum that no float8 holds becomes null: not known, as in memory.
        low = high = (
            f"({amount})::float8" if leaf.measure == "days"
            else f"trait_number(to_jsonb({amount}))"
        )  # fmt: skip
    late = f"coalesce({sheet.usage_day()} < {sheet.day(1)}, true)"
    if leaf.measure == "value":
        low = f"(case when {late} then '-infinity' else {low} end)"
    high = f"(case when {late} then 'infinity' else {high} end)"
    return Leaf(judged(sheet, leaf, low, high))


def _users(sheet: Sheet, family: UsageFamily, window: Window) -> tuple[str, str]:
    """At least and at most so many: of a day with a mere count nobody knows who it was."""
    inside = " and ".join(filter(None, ("user_keys is null", family.inside(window))))
    fewest = family.counted(f"max(users) filter (where {inside})")
    most = family.counted(f"sum(users) filter (where {inside})")
    apart = sheet.family(
        "users", "usage_days cross join lateral unnest(user_keys) as one (user_key)"
    )
    if not apart.where:
        apart.where.extend(family.where)
    among = family.inside(window)
    known = apart.counted(f"count(distinct user_key){f' filter (where {among})' if among else ''}")
    return f"greatest({known}, {fewest})::float8", f"({known} + {most})::float8"


def _both(leaf: UsageChange) -> Window:
    over, against = whole_days(leaf.over), whole_days(leaf.against)
    return Window(leaf.events(), over + against, 1)


def change(sheet: Sheet, leaf: UsageChange) -> Leaf:
    family, both = usage_family(sheet), _both(leaf)
    recent = Window(both.events, whole_days(leaf.over), 1)
    lately = family.amount(leaf.measure, recent)
    if leaf.measure == "days" and len(both.events) != 1:
        before = family.amount("days", Window(both.events, both.first, recent.first + 1))
    else:
        before = f"({family.amount(leaf.measure, both)} - {lately})"
    work = _work(sheet, leaf)
    sign = "<=" if leaf.falls_by is not None else ">="
    # Exact, without a division: numerics of any size, as fractions are in memory. What most
    # accounts fail is asked first, which spares them the other half.
    return Leaf(
        f"(case when {sheet.usage_day()} >= {sheet.day(1)}"
        f" then {lately} * {work}.there {sign} {before} * {work}.usual"
        f" and {before} * {work}.here >= {work}.least end)"
    )


def _work(sheet: Sheet, leaf: UsageChange) -> str:
    """The join to what working days make of the bounds, by country; '' is one not known.

    Multiplied out here, because every operation on an account is one for each of a million.
    """
    if leaf.falls_by is not None:
        share = 100 - decimal(leaf.falls_by)
    else:
        assert leaf.grows_by is not None
        share = 100 + decimal(leaf.grows_by)

    def rows(now: datetime, calendar: BusinessCalendar) -> Jsonb:
        found = []
        for country, (there, here) in _by_country(calendar, *leaf.windows(now)).items():
            row: dict[str, str] = {"country": country}
            # Without a working day there is nothing to compare: all is null, so not known.
            if here and there:
                row |= {"here": str(here), "least": str(decimal(leaf.at_least) * there),
                        "there": str(100 * there), "usual": str(here * share)}  # fmt: skip
            found.append(row)
        return Jsonb(found)

    def countries(now: datetime, calendar: BusinessCalendar) -> list[str]:
        return sorted(_by_country(calendar, *leaf.windows(now)))

    name = f"work{len(sheet.joins)}"
    table = sheet.at(("work", leaf), "jsonb", rows)
    known = sheet.at(("countries", leaf.over, leaf.against), "text[]", countries)
    sheet.joins[name] = (
        f"left join jsonb_to_recordset({table}) as {name} (country text, here numeric,"
        f" least numeric, there numeric, usual numeric) on {name}.country"
        f" = case when a.country = any({known}) then a.country else '' end"
    )
    return name


@lru_cache(maxsize=64)
def _by_country(
    calendar: BusinessCalendar, first: date, recent: date, last: date
) -> Mapping[str, tuple[int, int]]:
    """Working days of both windows, of those countries that differ from one that is not known.

    Kept, because a change of one account is judged with the same days all day long.
    """
    otherwise = _counted(calendar, first, recent, last, None)
    found = {
        country: _counted(calendar, first, recent, last, country)
        for country in {*calendar.holidays, *calendar.weekends}
    }
    differ = {country: days for country, days in found.items() if days != otherwise}
    return differ | {"": otherwise}


def _counted(
    calendar: BusinessCalendar, first: date, recent: date, last: date, country: str | None
) -> tuple[int, int]:
    return tuple(
        sum(calendar.is_business_day(start + n * A_DAY, country) for n in range((end - start).days))
        for start, end in ((first, recent), (recent, last + A_DAY))
    )  # type: ignore[return-value]
