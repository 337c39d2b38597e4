"""The sheet on which a condition is compiled: its parameters, and the tables that it reads."""

# ruff: noqa: S608  the statements are put together from constants and names of parameters

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from digital_cs.domain.timing.business_calendar import BusinessCalendar

A_DAY = timedelta(days=1)

Later = Callable[[datetime, BusinessCalendar], Any]
"""A parameter that is known when the moment of evaluation is."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf in SQL: its verdict (true, false, null), and when time alone may change it."""

    verdict: str
    flip: str | None = None


@dataclass(slots=True)
class Family:
    """One table, read once for all leaves that ask about it: one row an account.

    `source` is the text after `from`, `account` the column that holds the account's id there.
    """

    name: str
    source: str
    account: str
    where: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)

    def column(self, expression: str) -> str:
        """An aggregate, by the name that the verdict uses; null for accounts without a row."""
        return f"{self.name}.{self.columns.setdefault(expression, f'c{len(self.columns)}')}"

    def counted(self, expression: str) -> str:
        """An amount, which is 0 for accounts without a row."""
        return f"coalesce({self.column(expression)}, 0)"

    def held(self, expression: str) -> str:
        """A yes or no, which is no for accounts without a row."""
        return f"coalesce({self.column(expression)}, false)"

    def some(self, verdict: str, among: str) -> str:
        """Whether one of the rows is a yes: else not known if one is not known, else no.

        `verdict` has three values; null is the aggregate of no rows as well, so that two are asked.
        """
        yes = self.held(f"bool_or({verdict}) filter (where {among})")
        open_ = self.held(f"bool_or(({verdict}) is null) filter (where {among})")
        return f"({yes} or case when {open_} then null else false end)"

    def text(self, one_by_one: bool) -> str:
        """The join to the accounts `a`: in one pass for all of them, or looked up for each."""
        where, lateral = list(self.where), ""
        on = f"{self.name}.account_id = a.id"
        if one_by_one:
            where.append(f"{self.account} = a.id")
            lateral, on = "lateral ", "true"
        columns = "".join(f",\n    {what} as {name}" for what, name in self.columns.items())
        return (
            f"left join {lateral}(select {self.account} as account_id{columns}\n"
            f"    from {self.source}\n   where {' and '.join(where) or 'true'}\n"
            f"   group by {self.account}) {self.name} on {on}"
        )


class Sheet:
    """What one compilation gathers. All names of parameters begin with `prefix`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.given: dict[str, Any] = {}
        self.later: dict[str, Later] = {}
        self.families: dict[str, Family] = {}
        self.joins: dict[str, str] = {}
        self.feeds = False
        self._known: dict[Any, str] = {}

    def value(self, value: Any, kind: str) -> str:
        """A constant: everything that a person wrote comes to SQL by here."""
        key = (kind, repr(value))
        if key not in self._known:
            name = f"{self._prefix}_{len(self._known)}"
            self.given[name] = value
            self._known[key] = f"%({name})s::{kind}"
        return self._known[key]

    def at(self, key: Any, kind: str, later: Later) -> str:
        """A value that depends on the moment; the same `key` is the same value."""
        key = (kind, "at", key)
        if key not in self._known:
            name = f"{self._prefix}_{len(self._known)}"
            self.later[name] = later
            self._known[key] = f"%({name})s::{kind}"
        return self._known[key]

    @property
    def now(self) -> str:
        return self.at("now", "timestamptz", lambda now, _: now)

    def ago(self, span: timedelta) -> str:
        """The moment so long before."""
        return self.at(("ago", span), "timestamptz", lambda now, _: now - span)

    def day(self, back: int = 0) -> str:
        """The UTC day so many days before today."""
        return self.at(("day", back), "date", lambda now, _: now.date() - back * A_DAY)

    def texts(self, values: tuple[str, ...]) -> str:
        return self.value(list(values), "text[]")

    def usage_day(self) -> str:
        """The day up to which the usage of all is here; null where nobody can say."""
        self.feeds = True
        return "feeds.usage_day"

    def tickets_at(self) -> str:
        """The moment up to which all tickets are here; null where nobody can say."""
        self.feeds = True
        return "feeds.tickets_at"

    def family(self, name: str, source: str, account: str = "account_id") -> Family:
        return self.families.setdefault(name, Family(name, source, account))

    def trait(self, name: str, column: str = "a.traits") -> str:
        """A trait's value as jsonb; null where it is missing, or JSON's own null."""
        return f"nullif({column} -> {self.value(name, 'text')}, 'null'::jsonb)"

    def span(self, span: timedelta) -> str:
        """An interval of nothing but time: days in it would be those of the session's zone."""
        return f"({self.value(span // timedelta.resolution, 'float8')} * interval '1 microsecond')"


def midnight(day: str) -> str:
    """The beginning of a UTC day, as a moment."""
    return f"(({day})::timestamp at time zone 'UTC')"


def day_of_moment(moment: str) -> str:
    """The UTC day of a moment."""
    return f"(({moment}) at time zone 'UTC')::date"


def first_after(now: str, *moments: str) -> str:
    """The first of these moments that is later than now; they must be in order."""
    cases = " ".join(f"when {moment} > {now} then {moment}" for moment in moments)
    return f"case {cases} end"
