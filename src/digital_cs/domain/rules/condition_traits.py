"""Conditions over what an account is: its stage, its traits, its dates, its limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from math import isfinite

from pydantic import ConfigDict, Field, model_validator

from digital_cs.domain.account import Account, day_of
from digital_cs.domain.grammar import PercentField, SpanField
from digital_cs.domain.rules.verdict import Bounds, Rule, Verdict, every, exact, shown

Scalar = str | int | float | bool


class StageIs(Rule):
    """The account is in this stage, or in one of these."""

    stage: str | tuple[str, ...] = Field(description="A stage, or a list of stages.")

    @property
    def wanted(self) -> tuple[str, ...]:
        """The stages, one or several."""
        return (self.stage,) if isinstance(self.stage, str) else self.stage

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        if account.stage is None:
            return Verdict.UNKNOWN
        return Verdict.of(account.stage in self.wanted)

    def listens(self) -> Iterator[str]:
        yield "stage"

    def words(self) -> str:
        return "stage is " + " or ".join(self.wanted)

    def figure(self, account: Account, now: datetime) -> str:
        return account.stage or "not known"


class Comparison(Bounds):
    """How a value of any kind is compared. Everything that is said must hold."""

    is_: Scalar | None = Field(None, alias="is", description="Equal to this.")
    is_not: Scalar | None = Field(None, description="Anything but this.")
    one_of: tuple[Scalar, ...] | None = Field(None, description="One of these.", min_length=1)
    none_of: tuple[Scalar, ...] | None = Field(None, description="None of these.", min_length=1)
    at_least: float | None = Field(None, description="This number or more.")
    at_most: float | None = Field(None, description="This number or less.")
    more_than: float | None = Field(None, description="More than this number.")
    less_than: float | None = Field(None, description="Less than this number.")
    between: tuple[float, float] | None = Field(
        None, description="From the first number to the second, both included."
    )
    contains: str | None = Field(None, description="The text or list contains this.")
    starts_with: str | None = Field(None, description="The text starts with this.")
    matches: str | None = Field(
        None, description="The text is like this; * stands for any letters, ? for one."
    )
    exists: bool | None = Field(None, description="Whether it is known at all.")

    def compared(self) -> bool:
        """Whether anything is asked of the value, apart from being known."""
        return self.bounded or any(
            value is not None
            for value in (self.is_, self.is_not, self.one_of, self.none_of, self.contains,
                          self.starts_with, self.matches)
        )  # fmt: skip

    def compare(self, value: object) -> Verdict:
        """The verdict on a value; None is one that is not known."""
        if self.exists is not None:
            if (value is not None) is not self.exists:
                return Verdict.NO
            if not self.compared():
                return Verdict.YES
        if value is None:
            return Verdict.UNKNOWN
        return every(self._asked(value))

    def _asked(self, value: object) -> Iterator[Verdict]:
        if self.is_ is not None:
            yield Verdict.of(same(value, self.is_))
        if self.is_not is not None:
            yield Verdict.of(not same(value, self.is_not))
        if self.one_of is not None:
            yield Verdict.of(any(same(value, one) for one in self.one_of))
        if self.none_of is not None:
            yield Verdict.of(not any(same(value, one) for one in self.none_of))
        text = value if isinstance(value, str) else None
        if self.contains is not None:
            if isinstance(value, str | list | tuple):
                yield Verdict.of(self.contains in value)
            else:
                yield Verdict.UNKNOWN
        if self.starts_with is not None:
            yield Verdict.UNKNOWN if text is None else Verdict.of(text.startswith(self.starts_with))
        if self.matches is not None:
            found = text is not None and _pattern(self.matches).fullmatch(text)
            yield Verdict.UNKNOWN if text is None else Verdict.of(bool(found))
        if self.bounded:
            number = number_of(value)
            yield Verdict.UNKNOWN if number is None else Verdict.of(self.fits(number))

    def comparison_words(self) -> str:
        """What is asked of the value, in words."""
        parts = []
        for name in ("is", "is_not", "one_of", "none_of"):
            value = getattr(self, "is_" if name == "is" else name)
            if value is not None:
                all_of_them = value if isinstance(value, tuple) else (value,)
                parts.append(f"{name.replace('_', ' ')} {' or '.join(map(shown, all_of_them))}")
        if self.bounded:
            parts.append(self.bound_words())
        parts += [
            f"{name.replace('_', ' ')} {value}"
            for name in ("contains", "starts_with", "matches")
            if (value := getattr(self, name)) is not None
        ]
        if self.exists is not None:
            parts.append("is known" if self.exists else "is not known")
        return " and ".join(parts)


class TraitIs(Comparison):
    """A trait of the account compares as said. A missing trait is *unknown*, never false."""

    trait: str = Field(description="Name of the trait, like plan or seats.", min_length=1)

    @model_validator(mode="after")
    def _compares(self) -> TraitIs:
        if not self.compared() and self.exists is None:
            raise ValueError(
                f"trait {self.trait!r} is compared with nothing: add one of is, is_not, one_of,"
                " none_of, at_least, at_most, more_than, less_than, between, contains,"
                " starts_with, matches, exists"
            )
        return self

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return self.compare(account.traits.get(self.trait))

    def listens(self) -> Iterator[str]:
        yield f"trait:{self.trait}"

    def words(self) -> str:
        return f"{self.trait} {self.comparison_words()}"

    def figure(self, account: Account, now: datetime) -> str:
        value = account.traits.get(self.trait)
        return "not known" if value is None else shown(value)


@lru_cache(maxsize=1000)
def _pattern(wildcards: str) -> re.Pattern[str]:
    """Wildcards as a pattern. Only these two: any pattern of a person must end in time.

    For that, what stands between two stars is taken where it is found first, once for all.
    """
    first, *others = (
        "".join("." if letter == "?" else re.escape(letter) for letter in part)
        for part in re.sub(r"\*+", "*", wildcards).split("*")
    )
    if not others:
        return re.compile(first, re.DOTALL)
    *between, last = others
    found = "".join(f"(?>.*?{part})" for part in between)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def same(value: object, wanted: Scalar) -> bool:
    """Whether a trait equals what a file says; a CSV brings numbers and booleans as text."""
    if isinstance(wanted, bool):
        return value is wanted or (isinstance(value, str) and value.lower() == str(wanted).lower())
    if isinstance(wanted, int | float):
        number = number_of(wanted)
        return number is not None and number_of(value) == number
    return value == wanted


_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)


def number_of(value: object) -> float | None:
    """The finite number that a trait holds. "NaN" is how some exports write a missing one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


class DateWithin(Rule):
    """A date trait of the account is at most this far ahead, or past. Days are UTC's."""

    date: str = Field(description="Name of a trait that holds a date.", min_length=1)
    within: SpanField | None = Field(None, description='At most so far ahead, like "30 days".')
    past: SpanField | None = Field(None, description='At most so long ago, like "7 days".')

    @model_validator(mode="after")
    def _looks_somewhere(self) -> DateWithin:
        if self.within is None and self.past is None:
            raise ValueError(f'date {self.date!r} needs "within: 30 days", "past: 7 days" or both')
        return self

    @property
    def days_ahead(self) -> int:
        """How many days the date may lie ahead; 0 is today, -1 only the past."""
        if self.within is None:
            return -1
        return int(self.within.approx_seconds // 86_400)

    @property
    def days_ago(self) -> int:
        """How many days the date may be past."""
        return int(self.past.approx_seconds // 86_400) if self.past is not None else 0

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        day = day_of(account.traits.get(self.date))
        if day is None:
            return Verdict.UNKNOWN
        return Verdict.of(-self.days_ago <= (day - now.date()).days <= self.days_ahead)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        day = day_of(account.traits.get(self.date))
        if day is None:
            return None
        midnight = datetime.combine(day, time(), UTC)
        opens = midnight - timedelta(days=self.days_ahead)
        closes = midnight + timedelta(days=self.days_ago + 1)
        return next((moment for moment in (opens, closes) if moment > now), None)

    def listens(self) -> Iterator[str]:
        yield f"trait:{self.date}"

    def words(self, no: str = "") -> str:
        parts = [] if self.within is None else [f"within {self.within.words()}"]
        parts += [] if self.past is None else [f"past for at most {self.past.words()}"]
        return f"{self.date} {no}{' or '.join(parts)}"

    def figure(self, account: Account, now: datetime) -> str:
        day = day_of(account.traits.get(self.date))
        if day is None:
            return "not known"
        days = (day - now.date()).days
        return f"{day} ({f'in {days} days' if days >= 0 else f'{-days} days ago'})"


class LimitNear(Rule):
    """What is used of a limit comes near it: seats, quota. Room to grow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: str = Field(description="Trait that holds how much is used.", min_length=1)
    of: str = Field(description="Trait that holds how much there is.", min_length=1)
    at_least: PercentField = Field(80.0, description='How near, like "80%".', validate_default=True)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        used = number_of(account.traits.get(self.limit))
        there_is = number_of(account.traits.get(self.of))
        if used is None or there_is is None or there_is <= 0:
            return Verdict.UNKNOWN
        # Exactly, as it is written: 57 of 100 are 57%, which no float multiplies out to.
        return Verdict.of(exact(used) * 100 >= exact(there_is) * exact(self.at_least))

    def listens(self) -> Iterator[str]:
        yield f"trait:{self.limit}"
        yield f"trait:{self.of}"

    def words(self) -> str:
        return f"{self.limit} at least {self.at_least:g}% of {self.of}"

    def figure(self, account: Account, now: datetime) -> str:
        used, there_is = (account.traits.get(name) for name in (self.limit, self.of))
        return f"{'not known' if used is None else used} of {there_is or 'not known'}"
