"""Conditions over an account, with three values: yes, no, and not known (P9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from digital_cs.domain.account import Account, day_of
from digital_cs.domain.grammar import SpanField

Scalar = str | int | float | bool


class Verdict(StrEnum):
    """What a condition says of an account at a moment."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @staticmethod
    def of(value: bool) -> Verdict:
        return Verdict.YES if value else Verdict.NO


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageIs(_Rule):
    """The account is in this stage, or in one of these."""

    stage: str | tuple[str, ...] = Field(description="A stage, or a list of stages.")

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        if account.stage is None:
            return Verdict.UNKNOWN
        wanted = (self.stage,) if isinstance(self.stage, str) else self.stage
        return Verdict.of(account.stage in wanted)

    def listens(self) -> Iterator[str]:
        yield "stage"

    def words(self) -> str:
        wanted = (self.stage,) if isinstance(self.stage, str) else self.stage
        return "stage is " + " or ".join(wanted)


_COMPARISONS = ("is", "is_not", "one_of", "at_least", "at_most", "more_than", "less_than",
                "contains", "exists")  # fmt: skip


class TraitIs(_Rule):
    """A trait of the account compares as said. A missing trait is *unknown*, never false."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )

    trait: str = Field(description="Name of the trait, like plan or seats.", min_length=1)
    is_: Scalar | None = Field(None, alias="is", description="Equal to this.")
    is_not: Scalar | None = Field(None, description="Anything but this.")
    one_of: tuple[Scalar, ...] | None = Field(None, description="One of these.")
    at_least: float | None = Field(None, description="This number or more.")
    at_most: float | None = Field(None, description="This number or less.")
    more_than: float | None = Field(None, description="More than this number.")
    less_than: float | None = Field(None, description="Less than this number.")
    contains: str | None = Field(None, description="The text or list contains this.")
    exists: bool | None = Field(None, description="Whether the trait is known at all.")

    @model_validator(mode="after")
    def _compares(self) -> TraitIs:
        if all(value is None for name, value in self if name != "trait"):
            raise ValueError(
                f"trait {self.trait!r} is compared with nothing: add one of "
                + ", ".join(_COMPARISONS)
            )
        return self

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        value = account.traits.get(self.trait)
        if self.exists is not None:
            if (value is not None) is not self.exists:
                return Verdict.NO
            if all(other is None for name, other in self if name not in ("trait", "exists")):
                return Verdict.YES
        if value is None:
            return Verdict.UNKNOWN
        return self._compare(value)

    def _compare(self, value: object) -> Verdict:
        if self.is_ is not None and not _same(value, self.is_):
            return Verdict.NO
        if self.is_not is not None and _same(value, self.is_not):
            return Verdict.NO
        if self.one_of is not None and not any(_same(value, one) for one in self.one_of):
            return Verdict.NO
        if self.contains is not None:
            if not isinstance(value, str | list | tuple):
                return Verdict.UNKNOWN
            if self.contains not in value:
                return Verdict.NO
        bounds = (self.at_least, self.at_most, self.more_than, self.less_than)
        if any(bound is not None for bound in bounds):
            number = _number(value)
            if number is None:
                return Verdict.UNKNOWN
            if (
                (self.at_least is not None and number < self.at_least)
                or (self.at_most is not None and number > self.at_most)
                or (self.more_than is not None and number <= self.more_than)
                or (self.less_than is not None and number >= self.less_than)
            ):
                return Verdict.NO
        return Verdict.YES

    def listens(self) -> Iterator[str]:
        yield f"trait:{self.trait}"

    def words(self) -> str:
        parts = []
        for name in _COMPARISONS:
            value = getattr(self, "is_" if name == "is" else name)
            if name == "exists" and value is not None:
                parts.append("is known" if value else "is not known")
            elif value is not None:
                shown = " or ".join(map(_shown, value if isinstance(value, tuple) else (value,)))
                parts.append(f"{name.replace('_', ' ')} {shown}")
        return f"{self.trait} " + " and ".join(parts)


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _same(value: object, wanted: Scalar) -> bool:
    """Whether a trait equals what a file says; a CSV brings numbers and booleans as text."""
    if isinstance(wanted, bool):
        return value is wanted or (isinstance(value, str) and value.lower() == str(wanted).lower())
    if isinstance(wanted, int | float):
        return _number(value) == wanted
    return value == wanted


def _number(value: object) -> float | None:
    """The finite number that a trait holds. "NaN" is how some exports write a missing one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


class MilestoneReached(_Rule):
    """The account has reached this milestone, ever."""

    milestone: str = Field(description="Name of the milestone.", min_length=1)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        reached = account.milestones.get(self.milestone)
        return Verdict.of(reached is not None and reached <= now)

    def true_since(self, account: Account, since: datetime, now: datetime) -> datetime | None:
        return account.milestones.get(self.milestone)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        reached = account.milestones.get(self.milestone)
        return reached if reached is not None and reached > now else None

    def listens(self) -> Iterator[str]:
        yield f"milestone:{self.milestone}"

    def words(self, no: str = "") -> str:
        return f"milestone {self.milestone} {no}reached"


class EventHappened(_Rule):
    """This product event happened since the account entered the program."""

    event: str = Field(description="Name of the product event.", min_length=1)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return Verdict.of(self.true_since(account, since, now) is not None)

    def true_since(self, account: Account, since: datetime, now: datetime) -> datetime | None:
        moments = [e.at for e in account.events if e.name == self.event and since <= e.at <= now]
        return min(moments, default=None)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        # The clock of who sent the event may run ahead of ours.
        return min(
            (e.at for e in account.events if e.name == self.event and e.at > now), default=None
        )

    def listens(self) -> Iterator[str]:
        yield f"event:{self.event}"

    def words(self, no: str = "") -> str:
        return f"{self.event} {no}happened"


class QuietFor(_Rule):
    """Nobody of the account used the product for at least this long.

    Unknown while the usage feed is not complete: a late feed never reads as silence.
    """

    quiet_for: SpanField = Field(description='A span, like "14 days".')

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        if account.last_active_on is None:
            return Verdict.UNKNOWN
        flips = self._flips(account)
        if flips is None or now < flips:
            return Verdict.NO
        # The feed must be complete through the day in which the last of the silence falls.
        through = account.usage_through
        if through is None or through < (flips - timedelta.resolution).date():
            return Verdict.UNKNOWN
        return Verdict.YES

    def _flips(self, account: Account) -> datetime | None:
        if account.last_active_on is None:
            return None
        midnight = datetime.combine(account.last_active_on, time(), UTC) + timedelta(days=1)
        return midnight + timedelta(seconds=self.quiet_for.approx_seconds)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        flips = self._flips(account)
        return flips if flips is not None and flips > now else None

    def listens(self) -> Iterator[str]:
        yield "usage"

    def words(self) -> str:
        return f"quiet for {self.quiet_for.words()}"


class DateWithin(_Rule):
    """A date trait of the account is at most this far ahead, and not past. Days are UTC's."""

    date: str = Field(description="Name of a trait that holds a date.", min_length=1)
    within: SpanField = Field(description='A span, like "30 days".')

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        day = day_of(account.traits.get(self.date))
        if day is None:
            return Verdict.UNKNOWN
        return Verdict.of(0 <= (day - now.date()).days <= self._days)

    @property
    def _days(self) -> int:
        return int(self.within.approx_seconds // 86_400)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        day = day_of(account.traits.get(self.date))
        if day is None:
            return None
        midnight = datetime.combine(day, time(), UTC)
        opens, closes = midnight - timedelta(days=self._days), midnight + timedelta(days=1)
        return next((moment for moment in (opens, closes) if moment > now), None)

    def listens(self) -> Iterator[str]:
        yield f"trait:{self.date}"

    def words(self, no: str = "") -> str:
        return f"{self.date} {no}within {self.within.words()}"


class AllOf(_Rule):
    """Every one of these holds."""

    all: tuple[Condition, ...] = Field(description="Conditions that must all hold.", min_length=1)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        found = Verdict.YES
        for part in self.all:
            verdict = part.verdict(account, since, now)
            if verdict is Verdict.NO:
                return verdict
            if verdict is Verdict.UNKNOWN:
                found = verdict
        return found

    def listens(self) -> Iterator[str]:
        for part in self.all:
            yield from part.listens()

    def words(self) -> str:
        return " and ".join(_inner(part) for part in self.all)


class AnyOf(_Rule):
    """At least one of these holds."""

    any: tuple[Condition, ...] = Field(
        description="Conditions of which one must hold.", min_length=1
    )

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        found = Verdict.NO
        for part in self.any:
            verdict = part.verdict(account, since, now)
            if verdict is Verdict.YES:
                return verdict
            if verdict is Verdict.UNKNOWN:
                found = verdict
        return found

    def listens(self) -> Iterator[str]:
        for part in self.any:
            yield from part.listens()

    def words(self) -> str:
        return " or ".join(_inner(part) for part in self.any)


class Not(_Rule):
    """This does not hold. Not of *unknown* stays *unknown*."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    not_: Condition = Field(alias="not", description="A condition that must not hold.")

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        verdict = self.not_.verdict(account, since, now)
        if verdict is Verdict.UNKNOWN:
            return verdict
        return Verdict.of(verdict is Verdict.NO)

    def listens(self) -> Iterator[str]:
        yield from self.not_.listens()

    def words(self) -> str:
        if isinstance(self.not_, MilestoneReached | EventHappened | DateWithin):
            return self.not_.words(no="not ")
        return f"not {_inner(self.not_)}"


def _inner(part: Condition) -> str:
    return f"({part.words()})" if isinstance(part, AllOf | AnyOf) else part.words()


KINDS: dict[str, type[_Rule]] = {
    "stage": StageIs, "trait": TraitIs, "milestone": MilestoneReached, "event": EventHappened,
    "quiet_for": QuietFor, "date": DateWithin, "all": AllOf, "any": AnyOf, "not": Not,
}  # fmt: skip


def _kind(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        return next(key for key, kind in KINDS.items() if isinstance(value, kind))
    if isinstance(value, dict):
        return next((key for key in KINDS if key in value), None)
    return None


Condition = Annotated[
    Annotated[StageIs, Tag("stage")]
    | Annotated[TraitIs, Tag("trait")]
    | Annotated[MilestoneReached, Tag("milestone")]
    | Annotated[EventHappened, Tag("event")]
    | Annotated[QuietFor, Tag("quiet_for")]
    | Annotated[DateWithin, Tag("date")]
    | Annotated[AllOf, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(
        _kind,
        custom_error_type="condition",
        custom_error_message="a condition starts with one of: " + ", ".join(KINDS),
    ),
]

for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()


def leaves(condition: Any) -> Iterator[Any]:
    """Every leaf of a condition, from left to right."""
    if isinstance(condition, AllOf):
        parts: Iterable[Any] = condition.all
    elif isinstance(condition, AnyOf):
        parts = condition.any
    elif isinstance(condition, Not):
        parts = (condition.not_,)
    else:
        yield condition
        return
    for part in parts:
        yield from leaves(part)


def next_flip(condition: Any, account: Account, now: datetime) -> datetime | None:
    """The first moment after `now` at which time alone could change the verdict."""
    moments = [
        moment
        for leaf in leaves(condition)
        if hasattr(leaf, "next_flip") and (moment := leaf.next_flip(account, now)) is not None
    ]
    return min(moments, default=None)


def true_since(condition: Any, account: Account, since: datetime, now: datetime) -> datetime | None:
    """When a single-leaf condition became true, where that is known (P7)."""
    finder = getattr(condition, "true_since", None)
    return finder(account, since, now) if finder is not None else None
