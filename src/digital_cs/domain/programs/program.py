"""A program as its manager writes it: who enters, what happens, what ends it."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from digital_cs.domain.grammar import WEEKDAYS, ClockTime, Name, SpanField
from digital_cs.domain.rules.condition import Condition
from digital_cs.domain.timing.send_window import parse_window_days, parse_window_hours
from digital_cs.domain.timing.span import Span


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Kind(StrEnum):
    """Marketing can be refused by its reader; service notices cannot, and are few."""

    MARKETING = "marketing"
    SERVICE = "service"


class Shift(_Part):
    """How far before or after a date: "90 days before"."""

    span: SpanField
    direction: Literal["before", "after"]

    def words(self) -> str:
        """The shift as people write it."""
        return f"{self.span.words()} {self.direction}"


def _shift(value: Any) -> Shift:
    if isinstance(value, Shift):
        return value
    if isinstance(value, str):
        span, _, direction = value.strip().rpartition(" ")
        match direction:
            case "before" | "after":
                return Shift(span=Span.parse(span), direction=direction)
    raise ValueError(f'a shift is written like "90 days before", not {value!r}')


ShiftField = Annotated[
    Shift,
    BeforeValidator(_shift),
    PlainSerializer(Shift.words, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d+ (minute|hour|day|business day|week|month|year)s? (before|after)$",
            "examples": ["90 days before", "1 day after"],
        }
    ),
]
"""How far from a date, written as one text."""


class EventEntry(_Part):
    """A product event of the account brings it in."""

    event: str = Field(description="Name of the product event.", min_length=1)


class DateEntry(_Part):
    """A date of the account brings it in: renewal_on, 90 days before."""

    date: str = Field(description="Trait that holds the date.", min_length=1)
    shift: ShiftField | None = Field(None, description='"90 days before" or "1 day after".')


def _named(value: Any) -> Any:
    return {"segment": value} if isinstance(value, str) else value


class SegmentEntry(_Part):
    """The account comes into a segment, or to match a rule that stands here, through a change of
    its data or by time alone."""

    segment: Annotated[Condition, BeforeValidator(_named)] = Field(
        description="Name of a segment, or the rule itself."
    )


class TriggerEntry(_Part):
    """A trigger that fires for the account brings it in."""

    trigger: Name = Field(description="Name of a trigger in content/triggers.")


def _entry_kind(value: Any) -> str | None:
    kinds = {
        "event": EventEntry, "date": DateEntry, "segment": SegmentEntry, "trigger": TriggerEntry,
    }  # fmt: skip
    if isinstance(value, BaseModel):
        return next(key for key, kind in kinds.items() if isinstance(value, kind))
    return next((key for key in kinds if key in value), None) if isinstance(value, dict) else None


EntryRule = Annotated[
    Annotated[EventEntry, Tag("event")]
    | Annotated[DateEntry, Tag("date")]
    | Annotated[SegmentEntry, Tag("segment")]
    | Annotated[TriggerEntry, Tag("trigger")],
    Discriminator(
        _entry_kind,
        custom_error_type="entry",
        custom_error_message="an entry starts with one of: event, date, segment, trigger",
    ),
]


class ReEntry(_Part):
    """At most so many times within a span, counted from the start of each enrollment."""

    at_most: int = Field(ge=1, description="How many times.")
    per: SpanField = Field(description='Within this span, like "1 year".')


class Entry(_Part):
    """Who enters. By hand, by CSV and by API is always possible."""

    when: tuple[EntryRule, ...] = Field((), description="Any one of these brings an account in.")
    only_if: Condition | None = Field(
        None, description="And this must hold; not known counts as not yet."
    )
    again: Literal["never", "always"] | ReEntry = Field(
        "never", description='"never", "always" (as often as it matches), or at_most and per.'
    )
    at_launch: Literal["skip", "enroll"] = Field(
        "skip", description="What happens to those who match already when it is first published."
    )


class Goal(_Part):
    """What the program is for. An account that reaches it completes the program at once."""

    name: str = Field(description="In words, for people.", min_length=1)
    when: Condition


class Exit(_Part):
    """A rule that takes the account out at once."""

    when: Condition
    because: str = Field(description="The reason, in words.", min_length=1)


class Window(_Part):
    """When messages may reach people, in their own day."""

    days: str | tuple[str, ...] = Field(
        "weekdays",
        description='"weekdays", "every day", [mon, tue], or "business days" of the country.',
    )
    hours: str = Field("09:00-17:00", description='Local hours; may cross midnight: "22:00-02:00".')
    zone: str = Field(
        "recipient", description="recipient, account, workspace, or a zone like Europe/Berlin."
    )
    holidays: Literal["skip", "ignore"] = Field(
        "skip", description="Public holidays of the country."
    )

    @field_validator("days")
    @classmethod
    def _days(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        parse_window_days(value)
        return value

    @field_validator("hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        parse_window_hours(value)
        return value


class Nobody(_Part):
    """What to do while there is nobody to write to (P1)."""

    hold_for: SpanField = Field(Span.parse("14 days"), description="Wait so long for a person.")
    then: Literal["skip", "exit"] = Field("skip", description="And then: skip the step, or exit.")


class Unknown(_Part):
    """What to do while data is missing (P9)."""

    hold_for: SpanField = Field(Span.parse("3 days"), description="Wait so long for the data.")
    then: Literal["yes", "no"] = Field("no", description="And then go on as if it were this.")


class _Step(_Part):
    id: Name | None = Field(None, description="Name of this step; made from its content if absent.")


class Send(_Step):
    """Send an e-mail to one person of the account, chosen by role at that moment."""

    send: Name = Field(description="Name of an e-mail in content/emails.")
    to: tuple[str, ...] | None = Field(
        None, description='Roles, first match wins; "any" is any active person.'
    )
    useful_for: SpanField = Field(
        Span.parse("3 days"), description="Not sent later than this after it was due (P8)."
    )
    priority: Priority | None = Field(None, description="low, normal or high.")
    kind: Kind = Field(Kind.MARKETING, description="marketing or service.")
    topic: Name | None = Field(None, description="What it is about: a topic of the policy.")
    over_budget: Literal["defer", "merge", "drop"] = Field(
        "defer", description="Send it later, put it into the next newsletter, or leave it out."
    )
    if_nobody: Nobody = Field(Nobody(), description="While there is nobody to write to.")


class Wait(_Step):
    """Wait for a span, from now."""

    wait: SpanField = Field(description='"3 days", "2 business days".')


class WaitUntil(_Step):
    """Wait until a weekday and local time, or until a date of the account."""

    wait_until: Moment = Field(description="{weekday, at} or {date, shift}.")
    if_no_date: Literal["go_on", "exit"] = Field(
        "go_on", description="If the account never gets such a date (held 3 days first)."
    )


class WeekdayTime(_Part):
    """The next such weekday, at a local time."""

    weekday: str = Field(description="monday … sunday, or any.")
    at: ClockTime = Field(time(9, 0), description="Local time.")

    @field_validator("weekday")
    @classmethod
    def _known(cls, value: str) -> str:
        if value.lower() not in (*WEEKDAYS, "any"):
            raise ValueError(f"{value!r} is no weekday: use {', '.join(WEEKDAYS)} or any")
        return value.lower()


class DateMoment(_Part):
    """A date of the account, or so long before or after it, at a local time."""

    date: str = Field(description="Trait that holds the date.", min_length=1)
    shift: ShiftField | None = Field(None, description='"30 days before".')
    at: ClockTime = Field(time(9, 0), description="Local time on that day.")


def _moment_kind(value: Any) -> str | None:
    kinds = {"weekday": WeekdayTime, "date": DateMoment}
    if isinstance(value, BaseModel):
        return next(key for key, kind in kinds.items() if isinstance(value, kind))
    return next((key for key in kinds if key in value), None) if isinstance(value, dict) else None


Moment = Annotated[
    Annotated[WeekdayTime, Tag("weekday")] | Annotated[DateMoment, Tag("date")],
    Discriminator(
        _moment_kind,
        custom_error_type="moment",
        custom_error_message="a moment to wait for starts with one of: weekday, date",
    ),
]


class WaitFor(_Step):
    """Wait for an event or a condition, but not for ever; each outcome has its own path (P7)."""

    wait_for: Condition = Field(description="An event or a condition.")
    for_up_to: SpanField = Field(description="The timeout.")
    counting_from: Literal["enrollment", "step"] = Field(
        "enrollment", description="Events before this moment do not count."
    )
    if_it_happens: tuple[Step, ...] = Field((), description="Steps when it happened in time.")
    if_not: tuple[Step, ...] = Field((), description="Steps when the time is up.")
    if_unknown: Unknown = Field(Unknown(), description="When the data is missing at the timeout.")


class Case(_Part):
    """One way of a branch."""

    when: Condition = Field(description="Go this way if this holds.")
    do: tuple[Step, ...] = Field((), description="Steps of this way.")


class Branch(_Step):
    """Go one way or another, by conditions; the first that holds wins."""

    branch: tuple[Case, ...] = Field(min_length=1, description="The ways, each with its when.")
    otherwise: tuple[Step, ...] = Field((), description="Steps when none holds.")
    if_unknown: Unknown = Field(Unknown(), description="When a condition cannot be answered.")


class Arm(_Part):
    """One arm of a split."""

    name: Name
    share: int = Field(ge=0, le=1000, description="Weight against the other arms.")
    do: tuple[Step, ...] = Field((), description="Steps of this arm.")


class Split(_Step):
    """Divide accounts by weight; an account always goes the same way."""

    split: tuple[Arm, ...] = Field(min_length=2, description="The arms, each with its share.")

    @model_validator(mode="after")
    def _weights(self) -> Split:
        if sum(arm.share for arm in self.split) == 0:
            raise ValueError("the shares add up to nothing: give at least one arm a share")
        if len({arm.name for arm in self.split}) < len(self.split):
            raise ValueError("two arms have the same name: give each its own")
        return self


class Task(_Step):
    """A person does something; the program waits until it is done or expired."""

    task: str = Field(description="What to do, in words.", min_length=1)
    note: str = Field("", description="More for the one who does it.")
    assign_to: str = Field(
        description="Role of the colleague: csm, support, owner, …", min_length=1
    )
    due_in: SpanField = Field(Span.parse("2 business days"), description="Then it expires.")
    when_done: tuple[Step, ...] = Field((), description="Steps when somebody did it.")
    when_expired: tuple[Step, ...] = Field((), description="Steps when nobody did it in time.")


class Webhook(_Step):
    """Tell another system, signed and with an idempotency key; retried for a day."""

    webhook: str = Field(description="https:// address.", pattern=r"^https?://[^\s]+$")
    with_: dict[str, str] = Field({}, alias="with", description="Fixed fields to send along.")
    give_up_after: SpanField = Field(Span.parse("1 day"), description="Then it is a dead letter.")


class SetFacts(_Part):
    """The new stage, new traits, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stage: str | None = Field(None, description="The stage from now on.")
    traits: dict[str, str | int | float | bool] = Field({}, description="Traits by name.")


class Set(_Step):
    """Set the account's stage, or traits."""

    set: SetFacts = Field(description="stage, traits, or both.")

    @field_validator("set")
    @classmethod
    def _something(cls, value: SetFacts) -> SetFacts:
        if value.stage is None and not value.traits:
            raise ValueError("it sets nothing: give a stage, or traits")
        return value


class Enroll(_Step):
    """Start another program for this account."""

    enroll: Name = Field(description="Id of the program to start.")


class Leave(_Step):
    """Take this account out of another program."""

    leave: Name = Field(description="Id of the program to leave.")


class GoTo(_Part):
    """Go on at another step."""

    go_to: Name = Field(description="Id of a step, as it says in its own id.")


class End(_Step):
    """The program is over for this account."""

    end: str = Field(description="How it ended, in words.", min_length=1)


STEP_KINDS: dict[str, type[_Part]] = {
    "send": Send, "wait": Wait, "wait_until": WaitUntil, "wait_for": WaitFor, "branch": Branch,
    "split": Split, "task": Task, "webhook": Webhook, "set": Set, "enroll": Enroll,
    "leave": Leave, "go_to": GoTo, "end": End,
}  # fmt: skip


def _step_kind(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        return next(key for key, kind in STEP_KINDS.items() if type(value) is kind)
    return next((k for k in STEP_KINDS if k in value), None) if isinstance(value, dict) else None


Step = Annotated[
    Annotated[Send, Tag("send")]
    | Annotated[Wait, Tag("wait")]
    | Annotated[WaitUntil, Tag("wait_until")]
    | Annotated[WaitFor, Tag("wait_for")]
    | Annotated[Branch, Tag("branch")]
    | Annotated[Split, Tag("split")]
    | Annotated[Task, Tag("task")]
    | Annotated[Webhook, Tag("webhook")]
    | Annotated[Set, Tag("set")]
    | Annotated[Enroll, Tag("enroll")]
    | Annotated[Leave, Tag("leave")]
    | Annotated[GoTo, Tag("go_to")]
    | Annotated[End, Tag("end")],
    Discriminator(
        _step_kind,
        custom_error_type="step",
        custom_error_message="a step starts with one of: " + ", ".join(STEP_KINDS),
    ),
]


class Program(_Part):
    """One program: one file in content/programs."""

    program: Name = Field(description="Id of the program; the file has the same name.")
    name: str = Field(description="In words, for people.", min_length=1)
    about: str = Field("", description="What it is for, for a colleague who never saw it.")
    owner: str = Field(description="Who looks after it, and is told when something is wrong.")
    backup: str | None = Field(None, description="Who is told when the owner is away.")
    enter: Entry = Entry()
    to: tuple[str, ...] = Field(
        ("champion", "admin", "any"), description="Roles for every send that names none."
    )
    priority: Priority = Priority.NORMAL
    topic: Name | None = Field(None, description="What its messages are about, unless they say.")
    same_person: Literal["one", "both", "each"] = Field(
        "one", description="A person of two accounts gets the same message once, once with both"
        " accounts named, or for each."
    )  # fmt: skip
    holdout: float | None = Field(
        None, ge=0, le=50, description="Percent of accounts that get nothing, to know its effect."
    )
    at_most_a_day: int | None = Field(
        None, ge=1, description="Messages a UTC day; for more, a person must say so."
    )
    at_most_a_minute: float | None = Field(None, gt=0, description="Messages a minute.")
    send_window: Window = Window()
    goal: Goal | None = None
    exits: tuple[Exit, ...] = Field((), description="Rules that take the account out at once.")
    stay_when: tuple[Literal["churned", "suspended", "deleted", "managed"], ...] = Field(
        (), description="Stages that do not take the account out."
    )
    steps: tuple[Step, ...] = Field(min_length=1, description="What happens, in this order.")


for _model in (WaitUntil, WaitFor, Case, Branch, Arm, Split, Task, Program):
    _model.model_rebuild()
