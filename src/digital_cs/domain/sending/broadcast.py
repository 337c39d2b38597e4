"""A broadcast: one message to many, planned, approved, frozen, and sent until it is through."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from digital_cs.domain.grammar import ExactSpan, Name
from digital_cs.domain.programs.program import Kind, Priority, Window
from digital_cs.domain.programs.program_graph import send_window
from digital_cs.domain.rules.condition import Condition
from digital_cs.domain.sending.policy import Rates, length
from digital_cs.domain.timing.send_window import SendWindow, impossible
from digital_cs.domain.timing.span import Span
from digital_cs.domain.timing.zone import load_zone, to_utc, zone_names

EVERYBODY = "everybody"
"""Instead of roles: all people of an account."""

BEFORE_THE_FIRST = timedelta(minutes=10)
"""So long before the first message is due the audience is fixed."""

LOOK_AGAIN = timedelta(seconds=15)
"""Real time after which a broadcast that is held as a whole is looked at again."""

HELD_FOR = timedelta(minutes=15)
"""Business time after which a recipient who is held is looked at again."""


class BroadcastState(StrEnum):
    """Where a broadcast is in its life."""

    DRAFT = "draft"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


def _rule(value: Any) -> Any:
    return {"segment": value} if isinstance(value, str) else value


class BroadcastPlan(BaseModel):
    """What is sent to whom, and when: what an approval is bound to, beside the texts.

    Without `email` the texts are kept with the broadcast. `at` is a local time without an offset,
    read in the zone that the window names; without it, it goes as soon as it is started.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Name | None = Field(None, description="Name of an e-mail in content/emails.")
    audience: Annotated[Condition, BeforeValidator(_rule)] | None = Field(
        None, description="Name of a segment, or a rule; all accounts where there is none."
    )
    to: tuple[str, ...] = Field(
        ("champion", "admin", "any"), min_length=1,
        description='Roles, first match wins; "any" is any active person, "everybody" all of them.',
    )  # fmt: skip
    kind: Kind = Kind.MARKETING
    topic: Name | None = Field(None, description="A topic of the policy, else that of the e-mail.")
    priority: Priority = Priority.NORMAL
    over_budget: Literal["defer", "drop"] = "defer"
    useful_for: ExactSpan = Field(
        Span.parse("3 days"), description="Not sent later than this after it was due (P8)."
    )
    send_window: Window = Window()
    at: datetime | None = Field(None, description="Local time of the reader, without an offset.")
    spread: ExactSpan | None = Field(None, description="Spread evenly over this span.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.at is not None and self.at.tzinfo is not None:
            raise ValueError("'at' is a local time, like 2026-03-10 09:00, without an offset")
        if EVERYBODY in self.to and len(self.to) > 1:
            raise ValueError("'everybody' stands alone: it is all people of an account")
        if (why := impossible(self.window)) is not None:
            raise ValueError(why)
        return self

    def to_json(self, *, moment: bool = True) -> dict[str, Any]:
        """As it is kept, and read again by `model_validate`; without its `moment` if need be."""
        return self.model_dump(mode="json", by_alias=True, exclude=None if moment else {"at"})

    @property
    def window(self) -> SendWindow:
        """The send window as the calendar reads it."""
        return send_window(self.send_window)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast as it stands. `per_minute` is its own rate; None: only those of the policy.

    `recipients` is known from the freeze on, and counts those who may not be sent to as well.
    """

    id: str
    name: str
    owner: str
    plan: BroadcastPlan
    state: BroadcastState
    paused: bool = False
    per_minute: float | None = None
    approved_hash: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    frozen_at: datetime | None = None
    recipients: int | None = None
    held_because: str | None = None
    held_since: datetime | None = None
    ended_at: datetime | None = None


def approval_hash(plan: BroadcastPlan, sources: Mapping[str, str]) -> str:
    """What an approval is bound to: the plan, and the source hash of each variant's text (P21).

    The moment is not part of it: who starts a broadcast says that again.
    """
    said = {"plan": plan.to_json(moment=False), "texts": dict(sources)}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def due_by_zone(plan: BroadcastPlan, now: datetime) -> dict[str, datetime]:
    """When a message is due (UTC) in each zone that there is; never before the aware `now`.

    By the pinned zone data (P4): Postgres has a copy of its own, which may say something else.
    """
    if plan.at is None:
        return dict.fromkeys(zone_names(), now)
    return {name: max(to_utc(plan.at, load_zone(name)), now) for name in zone_names()}


def freeze_at(plan: BroadcastPlan, workspace_zone: str) -> datetime | None:
    """When the audience is to be fixed; None: at once.

    By a reader's own zone, the day begins in the far east: fourteen hours before Greenwich.
    """
    if plan.at is None:
        return None
    rule = plan.send_window.zone
    if rule in ("recipient", "account"):
        first = min(to_utc(plan.at, load_zone(name)) for name in zone_names())
    else:
        first = to_utc(plan.at, load_zone(workspace_zone if rule == "workspace" else rule))
    return first.astimezone(UTC) - BEFORE_THE_FIRST


def scopes(rates: Rates, broadcast: str, domain: str, per_minute: float | None) -> dict[str, float]:
    """Messages a minute by scope, for one recipient at a domain.

    The rate of each program is none of a broadcast's; its own is one of its own scope.
    """
    found = rates.of("", domain)
    found.pop("program:", None)
    if per_minute is not None:
        found[f"broadcast:{broadcast}"] = per_minute
    return found


def places(rates: Rates, per_minute: float | None, turn: float, least: int, most: int) -> int:
    """In how many places at once it is worth sending, where each gets `turn` real seconds and finds
    at least `least` recipients; never more than `most`, as where only a domain is limited."""
    every = [rate for rate in (rates.fleet, per_minute) if rate is not None]
    if not every or rates.domains:
        return most
    return min(max(math.ceil(min(every) / 60 * turn / least), 1), most)


class Hold(StrEnum):
    """What holds a whole broadcast, so that nobody has to be decided one by one."""

    UNAPPROVED = "unapproved"
    CHANGED = "changed"
    BROKEN = "broken"
    STOPPED = "stopped"
    INCIDENT = "incident"
    CONTENT = "content"

    def words(self, detail: str = "") -> str:
        """For people."""
        return _HOLDS[self].format(detail=detail)


_HOLDS: Mapping[Hold, str] = MappingProxyType(
    {
        Hold.UNAPPROVED: "Nobody has approved it. `digital-cs broadcast approve` does.",
        Hold.CHANGED: "It was changed since it was approved. Approve it again to let it go on.",
        Hold.BROKEN: "Its text cannot be used: {detail}",
        Hold.STOPPED: "All sending is stopped: {detail}",
        Hold.INCIDENT: "An incident is open for all accounts: {detail}.",
        Hold.CONTENT: "{detail}",
    }
)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around a broadcast at a moment.

    `current_hash` is over the texts as they are now, None where they cannot be used, for the
    reason `fault`. `open` counts recipients that are not settled; `next_due` is when the first of
    them that nobody has in hand is due.
    """

    current_hash: str | None = None
    fault: str = ""
    stopped: str | None = None
    incident: str | None = None
    content: str | None = None
    open: int = 0
    next_due: datetime | None = None


class Do(StrEnum):
    """What a broadcast needs next."""

    REST = "rest"
    FREEZE = "freeze"
    SEND = "send"
    SWEEP = "sweep"
    """Settle those that will never be sent, because it was cancelled."""
    END = "end"
    FINISH = "finish"
    """It is at its end, and that has to be written down."""


@dataclass(frozen=True, slots=True)
class Next:
    """One thing to do. With REST: until `until` (None: until somebody says something).

    `hold` is what holds all of it, with the words for its owner.
    """

    do: Do
    until: datetime | None = None
    hold: Hold | None = None
    words: str = ""


def what_next(broadcast: Broadcast, around: Around, now: datetime, workspace_zone: str) -> Next:
    """What a broadcast needs at the aware moment `now`. Pure.

    What was said by a person comes before what holds it: a cancelled one is swept though all
    sending is stopped.
    """
    if broadcast.ended_at is not None:
        return Next(Do.END)
    if broadcast.state is BroadcastState.CANCELLED:
        return Next(Do.SWEEP if around.open else Do.FINISH)
    if broadcast.state is not BroadcastState.RUNNING:
        return Next(Do.END)
    if broadcast.frozen_at is not None and not around.open:
        return Next(Do.FINISH)
    if broadcast.paused:
        return Next(Do.REST)
    freeze = freeze_at(broadcast.plan, workspace_zone)
    held = holds(broadcast, around)
    if broadcast.frozen_at is None:
        if freeze is not None and now < freeze:
            return Next(Do.REST, freeze)
        return held or Next(Do.FREEZE)
    if held is not None:
        return held
    if around.next_due is not None and around.next_due <= now:
        return Next(Do.SEND)
    return Next(Do.REST, around.next_due or now)


def holds(broadcast: Broadcast, around: Around) -> Next | None:
    """What holds all of a broadcast, the weightiest first; None: nothing."""
    service = broadcast.plan.kind is Kind.SERVICE
    found: tuple[Hold, str] | None = None
    if around.stopped is not None:
        found = Hold.STOPPED, around.stopped
    elif broadcast.approved_hash is None:
        found = Hold.UNAPPROVED, ""
    elif around.current_hash is None:
        found = Hold.BROKEN, around.fault
    elif around.current_hash != broadcast.approved_hash:
        found = Hold.CHANGED, ""
    elif around.content is not None:
        found = Hold.CONTENT, around.content
    elif around.incident is not None and not service:
        found = Hold.INCIDENT, around.incident
    if found is None:
        return None
    return Next(Do.REST, None, found[0], found[0].words(found[1]))


def useful_until(plan: BroadcastPlan, due_at: datetime) -> datetime:
    """The moment from which on a message that was due then is not worth sending any more."""
    return due_at + length(plan.useful_for)
