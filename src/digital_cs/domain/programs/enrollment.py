"""The pure "what next": from version, position, facts and moment to position, effects and wake."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from digital_cs.domain.account import Account
from digital_cs.domain.sending.eligibility import Ruling
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.send_window import resolve_zone
from digital_cs.domain.timing.span import Span, add, subtract


class MessageState(StrEnum):
    """States of a row of the ledger (P13)."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


UNSETTLED = frozenset({MessageState.PLANNED, MessageState.CLAIMED})


@dataclass(frozen=True, slots=True)
class Position:
    """Where an enrollment stands. Everything that "what next" must remember is in here.

    `visit` counts step visits, so that a loop's second pass is another touch. `entered_at` is
    the moment at which the step before it was over, which we may have come late to see;
    `due_at` that for which the step's work is planned; `held_since` when it began to be held
    up; `not_before` a postponement after an outage; `noted` the last reason that was written
    down, so that each is written once. `rests_until`: a change of the program let this one go on,
    or begin anew, and it does so then.
    """

    step: str
    visit: int
    entered_at: datetime
    due_at: datetime | None = None
    held_since: datetime | None = None
    not_before: datetime | None = None
    noted: str | None = None
    rests_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageFact:
    """What the ledger says of the message of one step visit; `held_because` a fault of ours."""

    state: MessageState
    attempts: int = 0
    retry_at: datetime | None = None
    contact_id: str | None = None
    held_because: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFact:
    """What became of a human task: done_at is when a person said so."""

    done_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookFact:
    """What became of a call: settled by success, or as a dead letter."""

    settled: bool
    delivered: bool = False
    attempts: int = 0
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """What people have asked for: of this enrollment, or of its whole program (P10, P11).

    `replied_at`: since when somebody of the account waits for an answer, which is a pause (P18).
    """

    paused: bool = False
    exit_because: str | None = None
    skip_visit: int | None = None
    not_before: datetime | None = None
    skip_due_before: datetime | None = None
    replied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that "what next" may look at, besides the version and the moment.

    Messages, tasks and calls are known by step visit, and so are rulings: what was decided when
    somebody was just about to send. `spread` is the span over which touches
    that an outage made late are spread (zero: none); `grace` how late still counts as on time.
    `topics` is what each e-mail is about, as it says itself.
    """

    enrollment_id: str
    account: Account
    started_at: datetime
    calendar: BusinessCalendar
    workspace_zone: str = "UTC"
    controls: Controls = Controls()
    messages: Mapping[int, MessageFact] = field(default_factory=dict)
    rulings: Mapping[int, Ruling] = field(default_factory=dict)
    tasks: Mapping[int, TaskFact] = field(default_factory=dict)
    calls: Mapping[int, WebhookFact] = field(default_factory=dict)
    spread: timedelta = timedelta(0)
    grace: timedelta = timedelta(minutes=1)
    topics: Mapping[str, str] = field(default_factory=dict)

    def zone(self) -> ZoneInfo:
        """The zone in which the account's own dates and weekdays are meant."""
        return resolve_zone("account", None, self.account.zone, self.workspace_zone).zone

    def after(self, moment: datetime, span: Span) -> datetime:
        """`span` after `moment`, in the account's zone and by its country's business days."""
        return add(moment, span, self.zone(), self.calendar, self.account.country)

    def before(self, moment: datetime, span: Span) -> datetime:
        """`span` before `moment`, in the account's zone and by its country's business days."""
        return subtract(moment, span, self.zone(), self.calendar, self.account.country)


class Verdict(StrEnum):
    """What was decided about a step, for the timeline and for "why not" (P19)."""

    SENT = "sent"
    DEFERRED = "deferred"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PASSED = "passed"
    TOOK = "took"
    RETURNED = "returned"
    """Something came back: a bounce, a complaint, a report of delivery, an automatic answer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision with its reason. `words` is for people, `rule` what of the policy decided."""

    step: str
    visit: int
    verdict: Verdict
    reason: Reason
    words: str
    contact_id: str | None = None
    rule: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The message that an enrollment will send next, as far as that is known."""

    at: datetime
    priority: str
    contact_id: str
    email: str


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Hand one message over. Performed by the activity, which then asks again.

    `waited`: it was too early for a rate, and comes back for the slot that it was given.
    """

    step: str
    visit: int
    email: str
    contact_id: str
    priority: str
    kind: str
    due_at: datetime
    useful_until: datetime
    zone: str
    zone_source: str
    attempts: int = 0
    topic: str | None = None
    over_budget: str = "defer"
    waited: bool = False


@dataclass(frozen=True, slots=True)
class CallWebhook:
    """Call another system. Performed by the activity, which then asks again."""

    step: str
    visit: int
    url: str
    fields: tuple[tuple[str, str], ...]
    give_up_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class SkipMessage:
    """Write into the ledger that this message will not go out, and why."""

    step: str
    visit: int
    email: str
    reason: Reason
    words: str
    due_at: datetime
    kind: str
    priority: str
    contact_id: str | None = None
    merge: Merge | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """A message that waits to be part of the next newsletter, and how long it is useful (P17)."""

    topic: str | None
    useful_until: datetime


@dataclass(frozen=True, slots=True)
class OpenTask:
    step: str
    visit: int
    title: str
    note: str
    assign_to: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class CloseTask:
    """The task of a visit is over without a person: it expired, or the account left."""

    visit: int
    reason: str


@dataclass(frozen=True, slots=True)
class SetAccount:
    stage: str | None
    traits: tuple[tuple[str, str | int | float | bool], ...]


@dataclass(frozen=True, slots=True)
class EnrollIn:
    program: str
    visit: int


@dataclass(frozen=True, slots=True)
class LeaveProgram:
    program: str


@dataclass(frozen=True, slots=True)
class TellOwner:
    """Tell the owner of the program what keeps its messages back, once while it lasts."""

    step: str
    kind: str
    owner: str
    words: str


Effect = SkipMessage | OpenTask | CloseTask | SetAccount | EnrollIn | LeaveProgram | TellOwner
"""Effects that are written in the transaction that moves the position."""


class Ending(StrEnum):
    COMPLETED = "completed"
    GOAL = "goal"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes next. Exactly one of: `act` now, `ending`, or rest (until `wake_at` or woken).

    `label` says what it rests for, `next_label` what will happen then: the stories of the
    timer and of the activity after it. `plan` is the message that it will send next, if that is
    known: others keep room for it (P17).
    """

    position: Position
    effects: tuple[Effect, ...] = ()
    decisions: tuple[Decision, ...] = ()
    act: SendMessage | CallWebhook | None = None
    wake_at: datetime | None = None
    listens: frozenset[str] = frozenset()
    label: str = ""
    next_label: str = ""
    ending: Ending | None = None
    because: str = ""
    plan: Plan | None = None


@dataclass(slots=True)
class Trail:
    """What one call has gathered so far; private to "what next"."""

    effects: list[Effect] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def note(
        self, position: Position, verdict: Verdict, reason: Reason, words: str,
        contact_id: str | None = None, *, rule: str | None = None, until: datetime | None = None,
    ) -> Position:  # fmt: skip
        """Write a decision down once: the same reason for the same visit is not repeated."""
        mark = f"{verdict}:{reason}:{words}"
        if position.noted == mark:
            return position
        self.decisions.append(
            Decision(position.step, position.visit, verdict, reason, words, contact_id, rule, until)
        )
        return replace(position, noted=mark)


def share_of(*parts: str) -> float:
    """A number in [0, 1) that always is the same for the same parts."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53  # more bits would round up to 1


def start(first: str, at: datetime) -> Position:
    """The position of a new enrollment."""
    return Position(step=first, visit=1, entered_at=at.astimezone(UTC))
