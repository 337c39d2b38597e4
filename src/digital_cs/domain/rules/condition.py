"""Conditions over an account, with three values: yes, no, and not known (P9).

One language for all: segments, triggers, entries, exits, goals, branches and waits. What a leaf
means is said once, in memory, by its `verdict`; the store says the same in SQL, for sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field, Tag

from digital_cs.domain.account import Account
from digital_cs.domain.rules.condition_membership import ProgramIs, SegmentIs
from digital_cs.domain.rules.condition_people import (
    ContactGone,
    ContactIs,
    SubscriptionIs,
)
from digital_cs.domain.rules.condition_product import (
    EventHappened,
    MilestoneMissed,
    MilestoneReached,
    TriggerFired,
)
from digital_cs.domain.rules.condition_tickets import TicketsAre, TicketSpike
from digital_cs.domain.rules.condition_traits import DateWithin, LimitNear, StageIs, TraitIs
from digital_cs.domain.rules.condition_usage import QuietFor, UsageChange, UsageIs
from digital_cs.domain.rules.verdict import Rule, Verdict, every, some

__all__ = [
    "KINDS", "AllOf", "AnyOf", "Condition", "ContactGone", "ContactIs", "DateWithin",
    "EventHappened", "LimitNear", "MilestoneMissed", "MilestoneReached", "Not", "ProgramIs",
    "QuietFor", "SegmentIs", "StageIs", "SubscriptionIs", "TicketSpike", "TicketsAre", "TraitIs",
    "TriggerFired", "UsageChange", "UsageIs", "Verdict", "leaves", "next_flip", "true_since",
    "turns_daily",
]  # fmt: skip


class AllOf(Rule):
    """Every one of these holds."""

    all: tuple[Condition, ...] = Field(description="Conditions that must all hold.", min_length=1)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return every(part.verdict(account, since, now) for part in self.all)

    def listens(self) -> Iterator[str]:
        for part in self.all:
            yield from part.listens()

    def words(self) -> str:
        return " and ".join(_inner(part) for part in self.all)


class AnyOf(Rule):
    """At least one of these holds."""

    any: tuple[Condition, ...] = Field(
        description="Conditions of which one must hold.", min_length=1
    )

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return some(part.verdict(account, since, now) for part in self.any)

    def listens(self) -> Iterator[str]:
        for part in self.any:
            yield from part.listens()

    def words(self) -> str:
        return " or ".join(_inner(part) for part in self.any)


class Not(Rule):
    """This does not hold. Not of *unknown* stays *unknown*."""

    not_: Condition = Field(alias="not", description="A condition that must not hold.")

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        verdict = self.not_.verdict(account, since, now)
        if verdict is Verdict.UNKNOWN:
            return verdict
        return Verdict.of(verdict is Verdict.NO)

    def listens(self) -> Iterator[str]:
        yield from self.not_.listens()

    def words(self) -> str:
        if isinstance(
            self.not_,
            MilestoneReached
            | MilestoneMissed
            | EventHappened
            | TriggerFired
            | DateWithin
            | SegmentIs
            | ContactIs,
        ):
            return self.not_.words(no="not ")
        return f"not {_inner(self.not_)}"


def _inner(part: Condition) -> str:
    return f"({part.words()})" if isinstance(part, AllOf | AnyOf) else part.words()


# A contact condition may compare a trait, so its key is looked for first.
KINDS: dict[str, type[Rule]] = {
    "stage": StageIs, "contact": ContactIs, "trait": TraitIs, "milestone": MilestoneReached,
    "missed": MilestoneMissed, "event": EventHappened, "trigger": TriggerFired,
    "quiet_for": QuietFor, "usage": UsageIs, "change": UsageChange, "date": DateWithin,
    "limit": LimitNear, "subscription": SubscriptionIs, "tickets": TicketsAre, "spike": TicketSpike,
    "gone": ContactGone, "segment": SegmentIs, "program": ProgramIs, "all": AllOf, "any": AnyOf,
    "not": Not,
}  # fmt: skip


def _kind(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        return next(key for key, kind in KINDS.items() if type(value) is kind)
    if isinstance(value, dict):
        return next((key for key in KINDS if key in value), None)
    return None


Condition = Annotated[
    Annotated[StageIs, Tag("stage")]
    | Annotated[ContactIs, Tag("contact")]
    | Annotated[TraitIs, Tag("trait")]
    | Annotated[MilestoneReached, Tag("milestone")]
    | Annotated[MilestoneMissed, Tag("missed")]
    | Annotated[EventHappened, Tag("event")]
    | Annotated[TriggerFired, Tag("trigger")]
    | Annotated[QuietFor, Tag("quiet_for")]
    | Annotated[UsageIs, Tag("usage")]
    | Annotated[UsageChange, Tag("change")]
    | Annotated[DateWithin, Tag("date")]
    | Annotated[LimitNear, Tag("limit")]
    | Annotated[SubscriptionIs, Tag("subscription")]
    | Annotated[TicketsAre, Tag("tickets")]
    | Annotated[TicketSpike, Tag("spike")]
    | Annotated[ContactGone, Tag("gone")]
    | Annotated[SegmentIs, Tag("segment")]
    | Annotated[ProgramIs, Tag("program")]
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


def turns_daily(condition: Any) -> bool:
    """Whether a new day alone may change the verdict on any account, as windows of days move."""
    return any(getattr(leaf, "turns_daily", False) for leaf in leaves(condition))
