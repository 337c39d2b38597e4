"""Which local days are business days, public holidays or frozen, by country and account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

EVERYWHERE = "*"
"""The key of `BusinessCalendar.holidays` for the days that the company itself is off."""

SATURDAY_AND_SUNDAY = frozenset({5, 6})
_A_DAY = timedelta(days=1)
_NO_DAYS: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Freeze:
    """Local days, both ends included, on which nobody is written to.

    With an `account_id` it holds for that account only. Raises ValueError if it ends before
    it begins.
    """

    name: str
    first: date
    last: date
    account_id: str | None = None

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(
                f"The freeze '{self.name}' ends on {self.last}, before it begins on {self.first}."
            )

    def covers(self, day: date) -> bool:
        """Whether `day` lies in the freeze."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why nothing may be sent on a day; `reason` is in words, for the ledger and for people."""

    kind: Literal["holiday", "freeze"]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class BusinessCalendar:
    """Weekends, holidays and freezes.

    Weekdays count from Monday = 0. `holidays` and `weekends` go by country code; `weekends`
    holds only the countries that differ from `weekend`. Holidays under EVERYWHERE hold for all,
    and are the only ones for a country that is unknown or None. A calendar is compared by
    identity. Raises ValueError for a weekend of seven days.
    """

    weekend: frozenset[int] = SATURDAY_AND_SUNDAY
    holidays: Mapping[str, frozenset[date]] = field(default_factory=dict)
    freezes: tuple[Freeze, ...] = ()
    weekends: Mapping[str, frozenset[int]] = field(default_factory=dict)
    _company_days: frozenset[date] = field(init=False, repr=False)
    _company_freezes: tuple[Freeze, ...] = field(init=False, repr=False)
    _account_freezes: Mapping[str, tuple[Freeze, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for weekend in (self.weekend, *self.weekends.values()):
            if len(weekend) >= 7:
                raise ValueError("A weekend of seven days leaves no business day at all.")
        by_account: dict[str, tuple[Freeze, ...]] = {}
        for freeze in self.freezes:
            if freeze.account_id is not None:
                by_account[freeze.account_id] = (*by_account.get(freeze.account_id, ()), freeze)
        company = tuple(freeze for freeze in self.freezes if freeze.account_id is None)
        object.__setattr__(self, "_company_days", self.holidays.get(EVERYWHERE, _NO_DAYS))
        object.__setattr__(self, "_company_freezes", company)
        object.__setattr__(self, "_account_freezes", MappingProxyType(by_account))

    def is_weekend(self, day: date, country: str | None = None) -> bool:
        """Whether offices of the country are closed on this day of the week."""
        weekend = self.weekends.get(country, self.weekend) if country else self.weekend
        return day.weekday() in weekend

    def is_business_day(self, day: date, country: str | None = None) -> bool:
        """Whether `day` is neither of the weekend nor a holiday. Freezes do not count here."""
        return not self.is_weekend(day, country) and self.holiday(day, country) is None

    def holiday(self, day: date, country: str | None = None) -> Blocked | None:
        """The holiday of the country or of the company on this day."""
        if country and day in self.holidays.get(country, _NO_DAYS):
            return Blocked("holiday", f"public holiday in {country}")
        if day in self._company_days:
            return Blocked("holiday", "company holiday")
        return None

    def freeze(self, day: date, account_id: str | None = None) -> Blocked | None:
        """The freeze of the company or of the account that covers this day."""
        for freeze in self._company_freezes:
            if freeze.covers(day):
                return Blocked("freeze", f"freeze: {freeze.name}")
        if account_id is not None:
            for freeze in self._account_freezes.get(account_id, ()):
                if freeze.covers(day):
                    return Blocked("freeze", f"freeze of this account: {freeze.name}")
        return None

    def blocked(
        self, day: date, country: str | None = None, account_id: str | None = None
    ) -> Blocked | None:
        """The freeze or the holiday on this day, or None. Weekends are not looked at."""
        return self.freeze(day, account_id) or self.holiday(day, country)

    def shift(self, day: date, business_days: int, country: str | None = None) -> date:
        """The business day that many after `day`, or before it if negative.

        `day` itself is never counted: one business day after a Saturday is the Monday.
        """
        step = _A_DAY if business_days > 0 else -_A_DAY
        for _ in range(abs(business_days)):
            day += step
            while not self.is_business_day(day, country):
                day += step
        return day
