"""Why a trigger fired, in a sentence for people, with the figures it went by (P19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digital_cs.domain.account import Account
from digital_cs.domain.rules.condition import (
    ContactGone,
    DateWithin,
    LimitNear,
    MilestoneMissed,
    QuietFor,
    TicketSpike,
    UsageChange,
    leaves,
)
from digital_cs.domain.rules.trigger import Trigger

USAGE_UP_TO = "usage complete up to"
"""The figure that says how old the data was (P19), where a trigger goes by usage."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence, and what was found for each leaf of the rule, by the leaf's words."""

    words: str
    figures: dict[str, str]


def reason(trigger: Trigger, account: Account, now: datetime) -> Reason:
    """Why `trigger` fires for `account` now."""
    asked = list(leaves(trigger.condition)) if trigger.condition is not None else []
    figures = {leaf.words(): leaf.figure(account, now) for leaf in asked}
    through = account.usage_through
    if through is not None and any("feed:usage" in leaf.listens() for leaf in asked):
        figures[USAGE_UP_TO] = f"{through:%-d %B %Y}"
    if trigger.event is not None:
        return Reason(f"{trigger.event} happened.", figures)
    return Reason(_sentence(trigger.rule, account, now), figures)


def _sentence(rule: Any, account: Account, now: datetime) -> str:
    """`rule` without what merely had to hold besides."""
    match rule:
        case UsageChange():
            verb = "fell" if rule.falls_by is not None else "rose"
            return f"{_subject(rule)} {verb} to {rule.figure(account, now)}."
        case QuietFor():
            return f"Nothing was heard for {rule.quiet_for.words()}: {rule.figure(account, now)}."
        case MilestoneMissed():
            return (
                f"The milestone {rule.missed} was not reached within {rule.within.words()} of"
                f" {rule.of}: {rule.figure(account, now)}."
            )
        case LimitNear():
            return f"{rule.limit} comes near to {rule.of}: {rule.figure(account, now)}."
        case DateWithin() if rule.past is None:
            return f"{rule.date} is near: {rule.figure(account, now)}."
        case TicketSpike():
            kind = rule.kind_words()
            return f"More {kind} than usual: {rule.figure(account, now)}."
        case ContactGone():
            return f"No {rule.gone} is left who can be reached: {rule.figure(account, now)}."
    found = "; ".join(f"{leaf.words()} ({leaf.figure(account, now)})" for leaf in leaves(rule))
    return f"It holds that {found}."


def _subject(rule: UsageChange) -> str:
    names = rule.events()
    usage = f"Use of {' and '.join(names)}" if names else "Usage"
    return {"count": usage, "days": f"Days with {usage[0].lower()}{usage[1:]}",
            "value": f"Value of {usage[0].lower()}{usage[1:]}"}[rule.measure]  # fmt: skip
