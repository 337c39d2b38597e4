"""A stage for "what next": small programs, plain facts, and a driver that plays them by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from digital_cs.domain.account import Account, Contact, Event
from digital_cs.domain.programs.enrollment import (
    CallWebhook,
    Decision,
    Effect,
    Facts,
    MessageFact,
    MessageState,
    Outcome,
    Position,
    SendMessage,
    SetAccount,
    TaskFact,
    WebhookFact,
    start,
)
from digital_cs.domain.programs.program import Program
from digital_cs.domain.programs.program_graph import Graph, compile_program
from digital_cs.domain.programs.what_next import advance
from digital_cs.domain.timing.business_calendar import BusinessCalendar

MONDAY = datetime(2027, 3, 1, 10, tzinfo=UTC)
"""A Monday at 10:00 UTC, 11:00 in Berlin, 05:00 in New York."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

ANNA = Contact("anna", ("champion",), zone="Europe/Berlin")
BORIS = Contact("boris", ("admin",))
ANY_TIME = {"days": "every day", "hours": "00:00-24:00", "holidays": "ignore"}
AT_WORK = {"days": "weekdays", "hours": "09:00-17:00"}

HELLO = {"send": "hello"}
PRO = {"trait": "plan", "is": "pro"}
REPORT = {"event": "report_run"}
TASK = {
    "id": "call", "task": "Call them", "assign_to": "csm", "due_in": "2 days",
    "when_done": [{"send": "done"}], "when_expired": [{"send": "late"}],
}  # fmt: skip


def written(*steps: dict[str, Any], **rest: Any) -> Program:
    """A program as it is written, with what the steps do not say filled in."""
    return Program.model_validate(
        {
            "program": "welcome", "name": "Welcome", "owner": "olga", "send_window": ANY_TIME,
            "steps": steps, **rest,
        }
    )  # fmt: skip


def program(*steps: dict[str, Any], **rest: Any) -> Graph:
    """A program that runs; anything wrong with it fails the test."""
    graph, complaints = compile_program(written(*steps, **rest))
    assert not complaints
    return graph


def wait_for(condition: dict[str, Any], limit: str = "3 days", **more: Any) -> dict[str, Any]:
    """Wait for it; "happened" or "not" is sent, by the path."""
    return {
        "id": "look", "wait_for": condition, "for_up_to": limit,
        "if_it_happens": [{"send": "happened"}], "if_not": [{"send": "not"}], **more,
    }  # fmt: skip


def acme(**changes: Any) -> Account:
    """An account with two people, in no special state."""
    return replace(Account("acme", stage="active", contacts=(ANNA, BORIS)), **changes)


def some_facts(account: Account | None = None, **rest: Any) -> Facts:
    return Facts(
        rest.pop("enrollment_id", "e-1"), account or acme(), rest.pop("started_at", MONDAY),
        rest.pop("calendar", BusinessCalendar()), **rest,
    )  # fmt: skip


def accepted(act: SendMessage) -> MessageFact:
    return MessageFact(MessageState.ACCEPTED, act.attempts + 1, None, act.contact_id)


@dataclass
class Play:
    """One enrollment, driven as the engine drives it: acts are performed, wakes are kept.

    `answer` says what the provider does with a message. `now` only moves by `until`.
    """

    graph: Graph
    facts: Facts = field(default_factory=some_facts)
    answer: Callable[[SendMessage], MessageFact] = accepted
    now: datetime = MONDAY
    position: Position = field(init=False)
    outcome: Outcome = field(init=False)
    sent: list[tuple[datetime, SendMessage]] = field(default_factory=list)
    called: list[CallWebhook] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.position = start(self.graph.first, self.facts.started_at)
        self.look()

    def look(self) -> Outcome:
        """Ask what comes next at this moment, and perform it until it rests or ends."""
        for _ in range(1000):
            self.outcome = advance(self.graph, self.position, self.facts, self.now)
            self.position = self.outcome.position
            self.decisions += self.outcome.decisions
            for effect in self.outcome.effects:
                self._apply(effect)
            act = self.outcome.act
            if isinstance(act, SendMessage):
                self.sent.append((self.now, act))
                self.know(messages={**self.facts.messages, act.visit: self.answer(act)})
            elif isinstance(act, CallWebhook):
                self.called.append(act)
                fact = WebhookFact(settled=True, delivered=True, attempts=act.attempts + 1)
                self.know(calls={**self.facts.calls, act.visit: fact})
            else:
                return self.outcome
        raise AssertionError("it acts for ever")

    def _apply(self, effect: Effect) -> None:
        self.effects.append(effect)
        if isinstance(effect, SetAccount):
            traits = {**self.facts.account.traits, **dict(effect.traits)}
            self.change(stage=effect.stage or self.facts.account.stage, traits=traits)

    def until(self, moment: datetime) -> Outcome:
        """Let time pass, waking whenever it asked to be woken."""
        while self.outcome.ending is None:
            wake = self.outcome.wake_at
            if wake is None or wake > moment:
                self.now = moment
                return self.look()
            assert wake > self.now
            self.now = wake
            self.look()
        return self.outcome

    def sleep_through(self, moment: datetime) -> Outcome:
        """Let time pass with nobody at work: an outage."""
        self.now = moment
        return self.look()

    def know(self, **facts: Any) -> None:
        self.facts = replace(self.facts, **facts)

    def change(self, **changes: Any) -> None:
        self.know(account=replace(self.facts.account, **changes))

    def control(self, **controls: Any) -> Outcome:
        self.know(controls=replace(self.facts.controls, **controls))
        return self.look()

    def happens(self, name: str) -> None:
        """A product event, now. The engine wakes only whoever listens to it."""
        self.change(events=(*self.facts.account.events, Event(name, self.now)))
        if f"event:{name}" in self.outcome.listens:
            self.look()

    def task_done(self) -> None:
        self.know(tasks={**self.facts.tasks, self.position.visit: TaskFact(done_at=self.now)})
        self.look()

    @property
    def emails(self) -> list[str]:
        return [act.email for _, act in self.sent]

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Every decision as (verdict, reason), in order."""
        return [(decision.verdict.value, decision.reason) for decision in self.decisions]
