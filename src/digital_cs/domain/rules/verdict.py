"""Verdicts with three values: yes, no, and not known (P9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import inf

from pydantic import BaseModel, ConfigDict, field_validator


class Verdict(StrEnum):
    """What a condition says of an account at a moment."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @staticmethod
    def of(value: bool) -> Verdict:
        return Verdict.YES if value else Verdict.NO


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """Yes if all are; no if one is; else not known."""
    found = Verdict.YES
    for verdict in verdicts:
        if verdict is Verdict.NO:
            return verdict
        if verdict is Verdict.UNKNOWN:
            found = verdict
    return found


def some(verdicts: Iterable[Verdict]) -> Verdict:
    """Yes if one is; no if none is; else not known."""
    found = Verdict.NO
    for verdict in verdicts:
        if verdict is Verdict.YES:
            return verdict
        if verdict is Verdict.UNKNOWN:
            found = verdict
    return found


_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
"""What no database keeps in a text, so that nothing could equal it."""


class Rule(BaseModel):
    """One condition or a part of one, as it is written in a file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )

    @field_validator("*")
    @classmethod
    def _is_text(cls, value: object) -> object:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str) and _NO_TEXT.search(one):
                raise ValueError("a text has a NUL in it, or is not Unicode: write it without")
        return value


class Bounds(Rule):
    """What a number is held against. Both sides may be said; `between` includes its ends."""

    at_least: float | None = None
    at_most: float | None = None
    more_than: float | None = None
    less_than: float | None = None
    between: tuple[float, float] | None = None

    @property
    def bounded(self) -> bool:
        """Whether anything is asked of the number."""
        asked = (self.at_least, self.at_most, self.more_than, self.less_than, self.between)
        return any(bound is not None for bound in asked)

    def fits(self, number: float) -> bool:
        """Whether this number is as asked."""
        return (
            (self.at_least is None or number >= self.at_least)
            and (self.at_most is None or number <= self.at_most)
            and (self.more_than is None or number > self.more_than)
            and (self.less_than is None or number < self.less_than)
            and (self.between is None or self.between[0] <= number <= self.between[1])
        )

    def judge(self, low: float, high: float) -> Verdict:
        """The verdict on a number of which only this is known: it lies from `low` to `high`.

        What is asked is one range without a gap, so that if both ends fit, all between do.
        """
        if self.fits(low) and self.fits(high):
            return Verdict.YES
        above = (
            (self.at_most is not None and low > self.at_most)
            or (self.less_than is not None and low >= self.less_than)
            or (self.between is not None and low > self.between[1])
        )
        below = (
            (self.at_least is not None and high < self.at_least)
            or (self.more_than is not None and high <= self.more_than)
            or (self.between is not None and high < self.between[0])
        )
        return Verdict.NO if above or below else Verdict.UNKNOWN

    def bound_words(self) -> str:
        """What is asked of the number, in words."""
        names = ("at_least", "at_most", "more_than", "less_than")
        parts = [
            f"{name.replace('_', ' ')} {shown(value)}"
            for name in names
            if (value := getattr(self, name)) is not None
        ]
        if self.between is not None:
            parts.append(f"between {shown(self.between[0])} and {shown(self.between[1])}")
        return " and ".join(parts)


def shown(value: object) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if value in (inf, -inf):
            return "any number"
        return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
    return str(value)


def decimal(number: float) -> Decimal:
    """A number as people write it: 0.1 is one tenth."""
    return Decimal(f"{number:.15g}")


def exact(number: float) -> Fraction:
    """The same, to reckon with: sums and products of these are free of noise."""
    return Fraction(decimal(number))


def texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """One text or several, as several."""
    return (value,) if isinstance(value, str) else value
