"""The policy of content: what makes it stale, who is asked to look, and what waits for them."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from digital_cs.domain.grammar import ClockTime, ExactSpan, SpanField
from digital_cs.domain.timing.span import Span, Unit

_DAYS = (Unit.DAY, Unit.BUSINESS_DAY, Unit.WEEK)


def _in_days(span: Span) -> Span:
    if span.unit not in _DAYS:
        raise ValueError(f"'{span}': people are given days to look, so use business days or weeks")
    return span


InDays = Annotated[
    SpanField,
    AfterValidator(_in_days),
    WithJsonSchema({"type": "string", "pattern": r"^\d+ (day|business day|week)s?$"}),
]
"""A span of whole days, by the calendar of the company."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Weight = Annotated[float, Field(ge=0, le=1)]
"""Of one signal; with 0 it is told, and makes nothing stale."""


class Signals(_Part):
    """How much each signal weighs against an item; from 1 on, together, it is stale (P24).

    The names are those of the domain's Signal; a review date that passed always weighs 1.
    """

    page_changed: Weight = Field(
        0.6, description="Its live page says something else than when it was last verified."
    )
    page_gone: Weight = Field(1.0, description="Its live page is broken.")
    link_broken: Weight = Field(0.5, description="Each link in it that is broken.")
    link_moved: Weight = Field(
        0.1, description="Each link in it that moved, or leads to a login or home page."
    )
    release: Weight = Field(
        0.5, description="Each release note about its product area since its last review."
    )
    tickets_rising: Weight = Field(
        0.5, description="More accounts ask about its topic than before, though it exists."
    )
    not_helpful: Weight = Field(0.7, description="Too many readers say that it did not help.")
    click_then_ticket: Weight = Field(
        0.2,
        description="Each account that followed a link to it and asked about its topic soon after.",
    )
    owner_gone: Weight = Field(0.4, description="Its owner is not there any more.")
    backup_gone: Weight = Field(0.1, description="Its backup is not there any more.")


class Feedback(_Part):
    """How your help center's events are called that say what content was good for (P24)."""

    used: str = Field(
        "Article Used",
        min_length=1,
        max_length=200,
        description="Support answered a ticket with an item: properties article and ticket.",
    )
    rated: str = Field(
        "Article Rated",
        min_length=1,
        max_length=200,
        description="A reader said whether it helped: properties article and helpful.",
    )


class Digest(_Part):
    """When a reviewer gets their weekly mail; on the next business day where that is none."""

    weekday: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ] = Field("monday", description="On this day.")
    at: ClockTime = Field(time(9), description="At this time of the reviewer's own day.")
    at_most: int = Field(7, ge=1, le=20, description="So many items, the most read ones.")


class Reviews(_Part):
    """When reviewers are told, and who is asked after them (P26).

    Each span counts from what was told before it; a digest goes once a week, so what is due
    between two of them is in the next.
    """

    digest: Digest = Field(Digest(), description="The weekly mail to each reviewer.")
    ask_before: InDays = Field(
        Span.parse("5 business days"), description="Ask so long before an item is due."
    )
    remind_after: InDays = Field(
        Span.parse("5 business days"), description="Remind who was told and has not answered."
    )
    backup_after: InDays = Field(Span.parse("5 business days"), description="Then ask the backup.")
    manager_after: InDays = Field(
        Span.parse("10 business days"), description="Then ask the program manager."
    )
    snooze_at_most: InDays = Field(
        Span.parse("20 business days"), description="The longest that somebody may put it off."
    )
    at_once_within: InDays = Field(
        Span.parse("2 business days"),
        description="Tell at once, outside the digest, what is shown to people so soon.",
    )


class WhenStale(_Part):
    """What becomes of a message that shows stale content, where its author says nothing (P25)."""

    block: Literal["warn", "drop", "hold"] = Field(
        "warn", description="A stale block: send with it, send without it, or hold the message."
    )
    email: Literal["warn", "hold"] = Field(
        "warn", description="A stale e-mail: send it all the same, or hold it."
    )
    hold_for: ExactSpan = Field(
        Span.parse("3 days"), description="A message is held for this long after it was due."
    )
    then: Literal["warn", "skip"] = Field(
        "warn", description="And then: send it with what is stale, or leave it out."
    )


class ContentPolicy(_Part):
    """How content is kept true: the part `content` of content/policy.yaml."""

    signals: Signals = Signals()
    feedback: Feedback = Feedback()
    reviews: Reviews = Reviews()
    stale: WhenStale = WhenStale()
