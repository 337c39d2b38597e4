"""What of an account conditions look at, so that no more than that is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

from digital_cs.domain.rules.condition import (
    ContactGone,
    ContactIs,
    EventHappened,
    ProgramIs,
    SegmentIs,
    SubscriptionIs,
    TicketsAre,
    TicketSpike,
    TriggerFired,
    UsageChange,
    UsageIs,
    leaves,
)
from digital_cs.domain.rules.condition_usage import whole_days
from digital_cs.domain.timing.span import Span


@dataclass(frozen=True, slots=True)
class Reads:
    """Apart from the account itself, its milestones and how complete the feeds are.

    `usage` are events whose days are looked at, all of them with `usage_of_any`, `usage_days`
    back from today, and `users` says whether who it was matters; `ticket_days` is None where
    tickets are not looked at, and 0 where only open ones are.
    """

    events: frozenset[str] = frozenset()
    triggers: frozenset[str] = frozenset()
    usage: frozenset[str] = frozenset()
    usage_of_any: bool = False
    usage_days: int = 0
    users: bool = False
    ticket_days: int | None = None
    subscriptions: bool = False
    segments: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    contacts: bool = False
    contact_traits: frozenset[str] = frozenset()
    former_roles: bool = False


def reads(conditions: Iterable[Any]) -> Reads:
    """What these conditions look at together."""
    found = [leaf for condition in conditions for leaf in leaves(condition)]
    usage = [leaf for leaf in found if isinstance(leaf, UsageIs | UsageChange)]
    people = [leaf for leaf in found if isinstance(leaf, ContactIs | ContactGone)]
    return Reads(
        events=frozenset(leaf.event for leaf in found if isinstance(leaf, EventHappened)),
        triggers=triggers_named(found),
        usage=frozenset(name for leaf in usage for name in leaf.events()),
        usage_of_any=any(not leaf.events() for leaf in usage),
        usage_days=max((_usage_days(leaf) for leaf in usage), default=0),
        users=any(leaf.measure == "users" for leaf in usage),
        ticket_days=max(
            (_ticket_days(leaf) for leaf in found if isinstance(leaf, TicketsAre | TicketSpike)),
            default=None,
        ),
        subscriptions=any(isinstance(leaf, SubscriptionIs) for leaf in found),
        segments=frozenset(leaf.segment for leaf in found if isinstance(leaf, SegmentIs)),
        programs=frozenset(leaf.program for leaf in found if isinstance(leaf, ProgramIs)),
        contacts=bool(people),
        contact_traits=frozenset(
            leaf.trait for leaf in people if isinstance(leaf, ContactIs) and leaf.trait is not None
        ),
        former_roles=any(isinstance(leaf, ContactGone) for leaf in people),
    )


def triggers_named(conditions: Iterable[Any]) -> frozenset[str]:
    """The triggers whose firing these conditions look at."""
    found = (leaf for condition in conditions for leaf in leaves(condition))
    return frozenset(leaf.trigger for leaf in found if isinstance(leaf, TriggerFired))


def _usage_days(leaf: UsageIs | UsageChange) -> int:
    if isinstance(leaf, UsageIs):
        return whole_days(leaf.within)
    return whole_days(leaf.over) + whole_days(leaf.against)


def _ticket_days(leaf: TicketsAre | TicketSpike) -> int:
    if isinstance(leaf, TicketSpike):
        return _days(leaf.spike) + _days(leaf.against)
    return _days(leaf.within) if leaf.within is not None else 0


def _days(span: Span) -> int:
    return ceil(span.approx_seconds / 86_400)
