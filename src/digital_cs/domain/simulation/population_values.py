"""Values that try both sides of a rule, and the rules that made-up accounts cannot try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from digital_cs.domain.programs.program import Program
from digital_cs.domain.rules.condition import (
    ContactGone,
    ContactIs,
    LimitNear,
    MilestoneMissed,
    ProgramIs,
    SegmentIs,
    StageIs,
    SubscriptionIs,
    TicketsAre,
    TicketSpike,
    TraitIs,
    UsageChange,
    UsageIs,
)
from digital_cs.domain.rules.verdict import Rule

_LACKING: dict[type[Rule], str] = {
    UsageIs: "usage by day", UsageChange: "usage by day", TicketsAre: "tickets",
    TicketSpike: "tickets", SubscriptionIs: "subscriptions", MilestoneMissed: "deadlines",
    ContactGone: "people who leave", SegmentIs: "segments that have no file",
    ProgramIs: "other programs",
}  # fmt: skip


def stages_of(leaf: Any) -> tuple[str, ...]:
    """The stages that a condition names."""
    return leaf.wanted if isinstance(leaf, StageIs) else ()


def traits_tried(leaf: Any) -> Iterator[tuple[str, tuple[object, ...]]]:
    """The traits that a condition compares, each with values on both sides of it."""
    if isinstance(leaf, TraitIs):
        yield leaf.trait, tuple(_telling_values(leaf))
    elif isinstance(leaf, LimitNear):
        near = max(1, round(leaf.at_least))
        yield leaf.of, (100,)
        yield leaf.limit, (near - 1, near, near + 1, 0)


def _telling_values(rule: TraitIs) -> Iterator[object]:
    for value in (rule.is_, rule.is_not):
        if value is not None:
            yield value
            yield not value if isinstance(value, bool) else "something else"
    for values in (rule.one_of, rule.none_of):
        if values is not None:
            yield from (*values, "something else")
    for bound in (rule.at_least, rule.at_most, rule.more_than, rule.less_than,
                  *(rule.between or ())):  # fmt: skip
        if bound is not None:
            yield from (bound - 1, bound, bound + 1)
    for text in (rule.contains, rule.starts_with):
        if text is not None:
            yield from (text, "something else")
    if rule.matches is not None:
        yield from (rule.matches.replace("*", "").replace("?", "x"), "something else")
    if rule.exists is not None:
        yield "something"


def untried(program: Program) -> list[str]:
    """A sentence for each rule of a program that made-up accounts lack the data for."""
    found = {}
    for rule in _rules(program):
        lacking = _LACKING.get(type(rule))
        if isinstance(rule, ContactIs) and rule.trait is not None:
            lacking = "traits of people"
        if lacking is not None:
            words = rule.words()
            found[words] = f"Not tried: '{words}'. Made-up accounts have no {lacking}."
    return list(found.values())


def _rules(part: BaseModel) -> Iterator[Any]:
    if isinstance(part, Rule):
        yield part
    for name in type(part).model_fields:
        value = getattr(part, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, BaseModel):
                yield from _rules(each)
