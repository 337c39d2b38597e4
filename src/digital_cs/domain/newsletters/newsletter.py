"""A newsletter as its manager writes it: when, to whom, in which sections, and who fills them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from digital_cs.domain.grammar import ClockTime, ExactSpan, Name, SpanField
from digital_cs.domain.newsletters.rhythm import Rhythm
from digital_cs.domain.rules.condition import Condition
from digital_cs.domain.timing.span import Span


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Filler(StrEnum):
    """Where the text of a section comes from."""

    TEXT = "text"
    """Somebody writes it for each issue."""
    COMING_UP = "coming_up"
    """Feature notes that are new, or still to come."""
    WORTH_KNOWING = "worth_knowing"
    """What an account does not use yet."""
    TOP_QUESTIONS = "top_questions"
    """Articles that answer what support was asked most."""
    EVENTS = "events"
    """What can be attended until the next issue."""
    MERGED = "merged"
    """Messages that were over the attention budget and wait for this issue (P17)."""


MOST_QUESTIONS = 3
"""More questions in one section are read by nobody."""
VARYING = (Filler.WORTH_KNOWING, Filler.TOP_QUESTIONS)
"""Fillers that give one account something else than another."""


class OnHoliday(StrEnum):
    """Where an issue goes whose day is no business day."""

    AFTER = "the next business day"
    BEFORE = "the business day before"
    SKIP = "skip it"


def _roles(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Audience(_Part):
    """Who gets it: accounts by a rule, and of each account a person by role, or everybody."""

    segment: Annotated[
        Condition, BeforeValidator(lambda v: {"segment": v} if isinstance(v, str) else v)
    ] = Field(description="Name of a segment, or the rule itself.")
    to: Annotated[tuple[str, ...], BeforeValidator(_roles)] = Field(
        ("any",), min_length=1,
        description='Roles, first match wins; "any" is any active person, "everybody" all of them.',
    )  # fmt: skip


class Suggestion(_Part):
    """Something that is worth knowing for those who do not use it."""

    show: str = Field(min_length=1, description="Place of the item: articles/first-automation.md.")
    to: Annotated[
        Condition, BeforeValidator(lambda v: {"segment": v} if isinstance(v, str) else v)
    ] = Field(description="Those who do not use it: name of a segment, or the rule itself.")


class Section(_Part):
    """A named part of every issue, in its place."""

    section: Name = Field(description="Name of the section.")
    title: str = Field("", max_length=100, description="Its heading; without one it has none.")
    filler: Filler = Field(Filler.TEXT, description="Where its text comes from.")
    owner: str | None = Field(None, description="Who fills it, else the newsletter's owner.")
    at_most: int = Field(3, ge=1, le=10, description="So many items, where it is filled with some.")
    required: bool = Field(False, description="Without it no issue goes out; else it is left out.")
    sign_off: str | None = Field(None, description="An expert who must agree to what is written.")
    suggestions: tuple[Suggestion, ...] = Field(
        (), description="What is worth knowing, the most important first."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.filler is Filler.WORTH_KNOWING) != bool(self.suggestions):
            raise ValueError(
                "a section that is filled by worth_knowing has suggestions, and no other has"
            )
        if self.filler is Filler.TOP_QUESTIONS and self.at_most > MOST_QUESTIONS:
            raise ValueError(f"at most {MOST_QUESTIONS} questions are answered at once")
        if self.sign_off and self.filler is not Filler.TEXT:
            raise ValueError("only what somebody writes (filler: text) can be signed off")
        return self


class Days(_Part):
    """Business days before the day of sending by which something is to be done."""

    opens: int = Field(15, ge=1, le=120, description="The issue opens, and owners are told.")
    sections: int = Field(6, ge=1, le=120, description="Sections are written.")
    sign_off: int = Field(4, ge=1, le=120, description="Experts have agreed.")
    freeze: int = Field(3, ge=1, le=120, description="It is put together, and a test is sent.")
    approval: int = Field(1, ge=1, le=120, description="It is approved.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        told = (self.opens, self.sections, self.sign_off, self.freeze, self.approval)
        if list(told) != sorted(told, reverse=True):
            raise ValueError(
                "an issue opens, then sections are written, signed off, frozen and approved: the"
                " number of days must not grow on the way"
            )
        return self


class Newsletter(_Part):
    """A newsletter: content/newsletters/<id>.yaml."""

    newsletter: Name = Field(description="Its id.")
    name: str = Field(min_length=1, max_length=100, description="As its readers know it.")
    owner: str = Field(min_length=1, description="Whose it is; told of everything.")
    backup: str | None = Field(None, description="Who is asked when the owner does not answer.")
    approver: str | None = Field(None, description="Who approves an issue, else the owner.")
    topic: Name = Field("newsletter", description="What readers switch off: a topic of the policy.")
    audience: Audience
    first: date | None = Field(
        None, description="An issue's day that every second, third … week is counted from."
    )
    rhythm: str = Field(
        description="When it comes out.", examples=["first Tuesday", "every 2 weeks on Monday"]
    )
    on_holiday: OnHoliday = Field(OnHoliday.AFTER, description="If that is no business day.")
    at: ClockTime = Field(time(9, 0), description="Local time of each reader.")
    days_before: Days = Days()
    recall: ExactSpan = Field(
        Span.parse("10 minutes"), description="So long it can be called back before it leaves."
    )
    report_after: SpanField = Field(Span.parse("7 days"), description="When its report is made.")
    useful_for: ExactSpan = Field(
        Span.parse("3 days"), description="Not sent to anybody later than this after it was due."
    )
    subject: str = Field(min_length=1, max_length=200, description="Unless the issue says other.")
    preview: str = Field("", max_length=200, description="The line after it in a mailbox.")
    variants: int = Field(
        6, ge=1, le=20, description="At most so many texts, for a person to read."
    )
    sections: tuple[Section, ...] = Field(min_length=1, description="In their order.")

    @field_validator("rhythm")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        Rhythm.parse(value, info.data.get("first"))
        return value

    @field_validator("sections")
    @classmethod
    def _once(cls, value: tuple[Section, ...]) -> tuple[Section, ...]:
        names = [each.section for each in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the section '{twice}' is there twice")
        return value

    def issue_days(self, after: date) -> Iterator[date]:
        """The days of its rhythm after a day, holidays or not."""
        return Rhythm.parse(self.rhythm, self.first).days(after)

    def owner_of(self, section: str) -> str:
        """Who fills a section."""
        found = next((each.owner for each in self.sections if each.section == section), None)
        return found or self.owner
