"""A milestone: what it takes to reach one, and how far an account has come on its product path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from digital_cs.domain.account import day_of
from digital_cs.domain.grammar import SpanField
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.span import Span, add

_UTC = ZoneInfo("UTC")
_WEEKENDS_ONLY = BusinessCalendar()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class EventReach(_Part):
    """So often an event, or by so many people; with both, both."""

    event: str = Field(description="Name of the product event.", min_length=1)
    times: int = Field(1, description="How often it must happen.", ge=1, le=1_000_000)
    users: int | None = Field(
        None, description="How many different people must do it.", ge=1, le=1_000_000
    )


class Milestone(_Part):
    """A product touchpoint worth reaching. An account reaches it once, and keeps it."""

    milestone: str = Field(
        description="lower_case_with_underscores, as conditions name it.",
        pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60,
    )  # fmt: skip
    title: str = Field(description="What people call it.", min_length=1, max_length=100)
    about: str = Field("", description="Why it is worth reaching.")
    reached_by: Literal["given"] | EventReach = Field(
        description="The event that reaches it, or 'given': only by a file or the API."
    )
    expected_within: SpanField | None = Field(
        None, description="An account that takes longer has missed it, until it comes."
    )
    of: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = Field(
        (), description="From when that counts: a milestone above, or a trait that holds a date."
        " Of several, the first that the account has.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _whole_deadline(self) -> Self:
        if self.expected_within is not None and not self.of:
            raise ValueError("'expected_within' needs 'of': add 'of: trial_started_on'")
        if self.of and self.expected_within is None:
            raise ValueError(
                "'of' says from when, but not how long: add 'expected_within: 14 days'"
            )
        return self

    def reached_words(self) -> str:
        """What reaches it: "3 times first_send, by 2 people"."""
        rule = self.reached_by
        if rule == "given":
            return "given by a file or the API"
        words = rule.event if rule.times == 1 else f"{rule.times:,} times {rule.event}"
        return words if rule.users in (None, 1) else f"{words}, by {rule.users:,} people"


class Milestones(_Part):
    """The product path of a company: its milestones, in the order in which accounts reach them."""

    milestones: tuple[Milestone, ...] = Field(description="From the first to the last.")


def spoken_of(name: str) -> Milestone:
    """What a name means that nobody declared: the event of the same name reaches it."""
    title = name.replace("_", " ").replace("-", " ").strip().capitalize() or name
    return Milestone.model_construct(milestone=name, title=title, reached_by=EventReach(event=name))


class Standing(StrEnum):
    """How an account stands to a milestone. UNKNOWN: due, but its data is not all here (P9)."""

    REACHED = "reached"
    MISSED = "missed"
    OPEN = "open"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Waypoint:
    """One milestone on an account's path. `due_at` is None where nothing is expected of it."""

    milestone: str
    title: str
    about: str
    standing: Standing
    reached_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def late(self) -> bool:
        """Whether it was reached, and later than expected."""
        at, due = self.reached_at, self.due_at
        return at is not None and due is not None and at > due


def product_path(
    declared: Sequence[Milestone], reached: Mapping[str, datetime], traits: Mapping[str, object],
    complete_through: datetime | None, now: datetime,
) -> list[Waypoint]:  # fmt: skip
    """The milestones in their order, then those that the account reached and nobody declares.

    `complete_through`: the moment up to which all usage is here. What is due later than that is
    neither reached nor missed yet.
    """
    path = []
    for each in declared:
        due = _due_at(each, reached, traits)
        at = reached.get(each.milestone)
        known = now if each.reached_by == "given" else complete_through
        if at is not None:
            standing = Standing.REACHED
        elif due is None or due > now:
            standing = Standing.OPEN
        else:
            all_here = known is not None and due <= known
            standing = Standing.MISSED if all_here else Standing.UNKNOWN
        path.append(Waypoint(each.milestone, each.title, each.about, standing, at, due))
    names = {each.milestone for each in declared}
    for name, at in sorted(reached.items(), key=lambda item: (item[1], item[0])):
        if name not in names:
            title = spoken_of(name).title
            path.append(Waypoint(name, title, "", Standing.REACHED, at))
    return path


def _due_at(
    milestone: Milestone, reached: Mapping[str, datetime], traits: Mapping[str, object]
) -> datetime | None:
    span = milestone.expected_within
    if span is None:
        return None
    begun = (_begin(name, reached, traits) for name in milestone.of)
    first = next((at for at in begun if at is not None), None)
    return None if first is None else _later(first, span)


def _begin(
    name: str, reached: Mapping[str, datetime], traits: Mapping[str, object]
) -> datetime | None:
    """A milestone's moment, or the end of the day that a trait holds: that day still counts."""
    if name in reached:
        return reached[name]
    day = day_of(traits.get(name))
    return None if day is None else datetime.combine(day, time(), UTC) + timedelta(days=1)


def _later(moment: datetime, span: Span) -> datetime:
    return add(moment, span, _UTC, _WEEKENDS_ONLY)
