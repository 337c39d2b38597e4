"""The policy of a company: how much, about what, and when not at all it writes to people."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from digital_cs.domain.content.content_policy import ContentPolicy
from digital_cs.domain.grammar import ExactSpan, Name
from digital_cs.domain.timing.span import Span


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def length(span: Span) -> timedelta:
    """How long an exact span is; a day is 24 hours."""
    return timedelta(seconds=span.approx_seconds)


class Limits(_Part):
    """Most marketing messages within the window, by priority; what is there counts against all.

    So room that low and normal may not use is kept for what is more important.
    """

    low: int = Field(ge=0, description="A message of low priority goes only below this number.")
    normal: int = Field(ge=0, description="One of normal priority only below this.")
    high: int = Field(ge=0, description="One of high priority only below this: the whole budget.")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.low <= self.normal <= self.high:
            raise ValueError("the limits must not fall from low over normal to high")
        return self

    def of(self, priority: str) -> int:
        """The limit for a priority."""
        return int(getattr(self, priority))


def _limits(value: Any) -> Any:
    one_for_all = isinstance(value, int) and not isinstance(value, bool)
    return {"low": value, "normal": value, "high": value} if one_for_all else value


LimitsField = Annotated[Limits, BeforeValidator(_limits)]
"""Limits by priority, or one number for all of them."""

NO_LIMIT = "no limit"
"""How a person writes that there is none: an empty line in a file is a slip, not a decision."""

_OrNoLimit = BeforeValidator(lambda value: None if value == NO_LIMIT else value)


class Fewer(_Part):
    """What somebody gets at most who asked for fewer e-mails."""

    at_most: int = Field(1, ge=0, description="How many marketing messages.")
    per: ExactSpan = Field(Span.parse("30 days"), description="Within this span.")


class Budget(_Part):
    """The attention budget (P17): marketing messages a person, and an account, within a window."""

    per: ExactSpan = Field(Span.parse("7 days"), description="The rolling window.")
    person: Annotated[LimitsField | None, _OrNoLimit] = Field(
        Limits(low=1, normal=2, high=3), description="For one person, in all accounts together."
    )
    account: Annotated[LimitsField | None, _OrNoLimit] = Field(
        Limits(low=3, normal=4, high=6), description="For all people of one account together."
    )
    fewer: Fewer = Field(Fewer(), description="For those who asked for fewer e-mails.")
    look_ahead: ExactSpan = Field(
        Span.parse("24 hours"),
        description="What is more important and due within this span keeps its place.",
    )

    @property
    def longest(self) -> timedelta:
        """How far back messages count at all."""
        return max(length(self.per), length(self.fewer.per))


class Topic(_Part):
    """A kind of message that a person may switch off."""

    title: str = Field(min_length=1, max_length=60, description="As the reader sees it.")
    about: str = Field("", max_length=200, description="What comes under it, for the reader.")


class Quiet(_Part):
    """What makes marketing wait (P18)."""

    severities: tuple[Literal["low", "normal", "high", "urgent"], ...] = Field(
        ("high", "urgent"), description="An open ticket this severe quiets its account."
    )
    incidents: bool = Field(True, description="An open incident quiets the accounts it is about.")


class DayShare(_Part):
    """How much a program may send a day before a person has to say so."""

    share: float = Field(25.0, gt=0, le=100, description="Percent of all accounts, a UTC day.")
    at_least: int = Field(100, ge=0, description="But this many in any case.")


class Rates(_Part):
    """Most messages a minute. What is above it is put off to a moment of its own."""

    fleet: float | None = Field(None, gt=0, description="Of all workers together.")
    program: float | None = Field(None, gt=0, description="Of each program.")
    domains: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="To addresses of a domain: gmail.com, or '*' for each of the others."
    )

    def of(self, program: str, domain: str, own: float | None = None) -> dict[str, float]:
        """Messages a minute by scope: fleet, program:… and domain:…; `own` is the program's."""
        per_program = own if own is not None else self.program
        per_domain = self.domains.get(domain.lower(), self.domains.get("*"))
        found = {
            "fleet": self.fleet, f"program:{program}": per_program, f"domain:{domain}": per_domain
        }  # fmt: skip
        return {scope: rate for scope, rate in found.items() if rate is not None}


class Damage(_Part):
    """Caps on the damage that a mistake can do."""

    program_a_day: Annotated[DayShare | None, _OrNoLimit] = Field(
        DayShare(), description="For each program that says nothing else."
    )
    a_minute: Rates = Rates()


class Returned(_Part):
    """When soft bounces become a hard one."""

    soft_bounces: int = Field(5, ge=1, description="So many …")
    within: ExactSpan = Field(Span.parse("30 days"), description="… within this span …")
    quiet_for: ExactSpan = Field(Span.parse("180 days"), description="… quiet the address so long.")


TOPICS = {
    "newsletter": Topic(title="Newsletter", about="What is new and worth reading, once a month."),
    "events": Topic(title="Events", about="Invitations to sessions where you can ask us anything."),
    "tips": Topic(title="Tips", about="Getting more out of what you have, when it fits."),
    "product": Topic(title="Product notices", about="Changes of features that you use."),
}


class Policy(_Part):
    """What stands between every program and every person: content/policy.yaml."""

    budget: Budget = Budget()
    topics: dict[Name, Topic] = Field(
        TOPICS, min_length=1, description="What a person may switch off, in order."
    )
    default_topic: Name = Field(
        "tips", description="Of messages that name none.", validate_default=True
    )
    quiet: Quiet = Quiet()
    holdout: float = Field(
        5.0, ge=0, le=50, description="Percent of accounts that a program leaves out (P27)."
    )
    same_person_within: ExactSpan = Field(
        Span.parse("30 days"),
        description="The same message to the same person for another account counts as the same.",
    )
    service: tuple[Name, ...] = Field(
        (), description="All e-mails that may be sent as service notices: few, and no marketing."
    )
    damage: Damage = Damage()
    returned: Returned = Returned()
    content: ContentPolicy = ContentPolicy()

    @field_validator("default_topic")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        topics = info.data.get("topics")
        if topics is not None and value not in topics:
            there = ", ".join(topics)
            raise ValueError(f"'{value}' is not among the topics: name one of {there}")
        return value


OPEN = Policy(
    budget=Budget(person=None, account=None), quiet=Quiet(severities=(), incidents=False),
    holdout=0, damage=Damage(program_a_day=None),
)  # fmt: skip
"""A policy that limits nothing, for what is measured or tried without one."""
