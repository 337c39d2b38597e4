"""A made-up account, with all that will happen to it, as a simulation knows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from digital_cs.domain.account import Account, Event

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that becomes known of an account at a moment (UTC).

    `key` is what steps listen to: event:NAME, milestone:NAME, trigger:NAME, trait:NAME, stage,
    contacts or managed; `value` is the new one, where there is one. The key "usage" says that
    somebody is back after a silence.
    """

    at: datetime
    key: str
    value: object = None


@dataclass(frozen=True, slots=True)
class SimAccount:
    """An account as it is at first, and all that will happen to it, in order of time.

    `enters` says when it comes to each program, in their order; None: never. It enters the one
    that it was `made_for` in any case, the others if it may then. `active` are the spans of days
    (both ends included, in order) on which somebody uses the product; None leaves the account's
    usage as it stands.
    """

    account: Account
    enters: tuple[datetime | None, ...]
    changes: tuple[Change, ...] = ()
    active: tuple[tuple[date, date], ...] | None = None
    made_for: int = 0

    @property
    def first_moment(self) -> datetime | None:
        """When it comes to the first of its programs."""
        return min((moment for moment in self.enters if moment is not None), default=None)


def changed(account: Account, change: Change) -> Account:
    """The account after a change."""
    kind, _, name = change.key.partition(":")
    match kind:
        case "event":
            return replace(account, events=(*account.events, Event(name, change.at)))
        case "milestone":
            return replace(account, milestones={name: change.at, **account.milestones})
        case "trigger":
            fired = (*account.firings.get(name, ()), change.at)
            return replace(account, firings={**account.firings, name: fired})
        case "trait":
            return replace(account, traits={**account.traits, name: change.value})
        case "usage":
            return account
    fields: dict[str, Any] = {kind: change.value}
    return replace(account, **fields)


def used(account: Account, active: tuple[tuple[date, date], ...] | None, now: datetime) -> Account:
    """The account with its usage as a feed that is complete up to yesterday would tell it."""
    if active is None:
        return account
    today = now.date()
    last, through = None, today - A_DAY
    for first, end in active:
        if first <= today:
            last = min(end, today)
    if (last, through) == (account.last_active_on, account.usage_through):
        return account
    return replace(account, last_active_on=last, usage_through=through)
