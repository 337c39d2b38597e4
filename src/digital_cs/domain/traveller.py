"""One account on its way through a program with no server: the engine's loop in small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from digital_cs.domain.account import Account, Event
from digital_cs.domain.business_calendar import BusinessCalendar
from digital_cs.domain.enrollment import (
    CallWebhook,
    CloseTask,
    Facts,
    MessageFact,
    MessageState,
    OpenTask,
    Outcome,
    SendMessage,
    SetAccount,
    TaskFact,
    WebhookFact,
    share_of,
    start,
)
from digital_cs.domain.program_graph import Graph
from digital_cs.domain.what_next import advance

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that becomes known of an account at a moment (UTC).

    `key` is what steps listen to: event:NAME, milestone:NAME, trait:NAME, stage, contacts or
    managed; `value` is the new one, where there is one. The key "usage" says that somebody is
    back after a silence.
    """

    at: datetime
    key: str
    value: object = None


@dataclass(frozen=True, slots=True)
class SimAccount:
    """An account as it is when it enters, and all that will happen to it, in order of time.

    `active` are the spans of days (both ends included, in order) on which somebody uses the
    product; None leaves the account's usage as it stands.
    """

    account: Account
    enters_at: datetime
    changes: tuple[Change, ...] = ()
    active: tuple[tuple[date, date], ...] | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What the others do: providers, colleagues, other systems. Shares are from 0 to 1."""

    refused_for_now: float = 0.0
    refused_for_good: float = 0.0
    tasks_done: float = 0.7
    webhooks_lost: float = 0.0
    workspace_zone: str = "UTC"
    retry_after: timedelta = timedelta(minutes=15)

    def answer(self, account_id: str, act: SendMessage, now: datetime) -> MessageFact:
        """What becomes of one try to hand a message over."""
        point = 1.0
        if self.refused_for_now or self.refused_for_good:
            point = share_of("answer", account_id, str(act.visit), str(act.attempts))
        if point < self.refused_for_now:
            retry_at = now + self.retry_after
            return MessageFact(MessageState.PLANNED, act.attempts + 1, retry_at, act.contact_id)
        bad = point < self.refused_for_now + self.refused_for_good
        state = MessageState.FAILED if bad else MessageState.ACCEPTED
        return MessageFact(state, act.attempts + 1, None, act.contact_id)

    def done_at(self, account_id: str, task: OpenTask, now: datetime) -> datetime | None:
        """When somebody does a task that was opened `now`; None if nobody does."""
        point = share_of("task", account_id, str(task.visit))
        if point >= self.tasks_done:
            return None
        return now + (task.due_at - now) * (point / self.tasks_done)

    def call(self, account_id: str, act: CallWebhook) -> WebhookFact:
        """What becomes of a call, with all its retries."""
        lost = self.webhooks_lost and share_of("call", account_id, str(act.visit))
        return WebhookFact(settled=True, delivered=lost >= self.webhooks_lost, attempts=1)


Moment = tuple[datetime, Outcome, MessageState | None]
"""When, what came next, and what became of the message if one was handed over."""


def travel(
    graph: Graph, sim: SimAccount, until: datetime, calendar: BusinessCalendar, world: World
) -> Iterator[Moment]:
    """Yield every outcome on the way of one account, until it ends or `until` is passed.

    It is woken as the engine would wake it: at the moment it named, or by what it listens to.
    """
    now, position = sim.enters_at, start(graph.first, sim.enters_at)
    waiting = iter(sim.changes)
    change = next(waiting, None)
    task_done_at: datetime | None = None
    messages: dict[int, MessageFact] = {}
    calls: dict[int, WebhookFact] = {}
    tasks: dict[int, TaskFact] = {}
    facts = Facts(
        sim.account.id, used(sim.account, sim.active, now), now, calendar, world.workspace_zone,
        messages=messages, calls=calls, tasks=tasks,
    )  # fmt: skip
    while True:
        outcome = advance(graph, position, facts, now)
        position, act, account = outcome.position, outcome.act, facts.account
        if isinstance(act, SendMessage):
            messages[act.visit] = answer = world.answer(account.id, act, now)
            yield now, outcome, answer.state
        else:
            yield now, outcome, None
            if act is not None:
                calls[act.visit] = world.call(account.id, act)
        for effect in outcome.effects:
            if isinstance(effect, SetAccount):
                traits = {**account.traits, **dict(effect.traits)}
                account = replace(account, stage=effect.stage or account.stage, traits=traits)
            elif isinstance(effect, OpenTask):
                task_done_at = world.done_at(account.id, effect, now)
            elif isinstance(effect, CloseTask):
                task_done_at = None
        if act is None:
            if outcome.ending is not None:
                return
            wake = min(filter(None, (outcome.wake_at, task_done_at)), default=None)
            while change is not None and (wake is None or change.at <= wake):
                account, heard = _apply(account, change), change
                change = next(waiting, None)
                if heard.key in outcome.listens:
                    wake = heard.at
                    break
            if wake is None or wake > until:
                return
            now = wake
            if task_done_at is not None and now >= task_done_at:
                tasks[position.visit] = TaskFact(task_done_at)
                task_done_at = None
        account = used(account, sim.active, now)
        if account is not facts.account:
            facts = replace(facts, account=account)


def _apply(account: Account, change: Change) -> Account:
    kind, _, name = change.key.partition(":")
    match kind:
        case "event":
            return replace(account, events=(*account.events, Event(name, change.at)))
        case "milestone":
            return replace(account, milestones={name: change.at, **account.milestones})
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
    days = [min(last, today) for first, last in active if first <= today]
    return replace(account, last_active_on=days[-1] if days else None, usage_through=today - A_DAY)
