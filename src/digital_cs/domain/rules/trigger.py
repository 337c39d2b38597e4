"""A trigger as it is written: what is noticed about an account, and how often it may be said."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from digital_cs.domain.grammar import Name, PercentField, SpanField
from digital_cs.domain.rules.condition import (
    AllOf,
    Condition,
    ContactGone,
    DateWithin,
    LimitNear,
    MilestoneMissed,
    QuietFor,
    TicketSpike,
    UsageChange,
    leaves,
)
from digital_cs.domain.rules.condition_usage import ANY_EVENT, whole_days
from digital_cs.domain.rules.trigger_state import Dynamics
from digital_cs.domain.rules.verdict import Rule
from digital_cs.domain.timing.span import Span, Unit


class UsageDrop(Rule):
    """The last weeks of an account against its own weeks before."""

    event: str | tuple[str, ...] = Field(
        ANY_EVENT, description='An event, a list of them (together), or "any".'
    )
    measure: Literal["count", "days", "value"] = Field(
        "count", description="count of events, days with any, or sum of value."
    )
    over: SpanField = Field(Span.parse("2 weeks"), description="The recent days, in whole weeks.")
    against: SpanField = Field(
        Span.parse("8 weeks"), description="The days before those, in whole weeks."
    )
    falls_by: PercentField = Field(
        50.0, description='At least so much less: "50%".', validate_default=True
    )
    at_least: float = Field(
        20.0, gt=0, description="Expected amount below which nothing is said: too few to judge."
    )

    @model_validator(mode="after")
    def _whole_weeks(self) -> UsageDrop:
        for span in (self.over, self.against):
            if whole_days(span) % 7:
                raise ValueError(
                    f'"{span.words()}" is not whole weeks, so that its weekdays would differ:'
                    ' write it like "2 weeks"'
                )
        return self

    def condition(self) -> UsageChange:
        return UsageChange(
            change=self.event, measure=self.measure, over=self.over, against=self.against,
            falls_by=self.falls_by, at_least=self.at_least,
        )  # fmt: skip


class Silence(Rule):
    """No activity at all for a span."""

    for_: SpanField = Field(alias="for", description='So long: "14 days".')

    def condition(self) -> QuietFor:
        return QuietFor(quiet_for=self.for_)


class MilestoneNotReached(Rule):
    """A milestone that is not reached in time."""

    milestone: str = Field(description="Name of the milestone.", min_length=1)
    within: SpanField = Field(description='How long there is time for it, like "14 days".')
    of: str = Field(description="Trait that holds the date to count from.", min_length=1)

    def condition(self) -> MilestoneMissed:
        return MilestoneMissed(missed=self.milestone, within=self.within, of=self.of)


class Limit(Rule):
    """What is used comes near to what there is: room to grow."""

    used: str = Field(description="Trait that holds how much is used.", min_length=1)
    of: str = Field(description="Trait that holds how much there is.", min_length=1)
    at_least: PercentField = Field(90.0, description='How near: "90%".', validate_default=True)

    def condition(self) -> LimitNear:
        return LimitNear(limit=self.used, of=self.of, at_least=self.at_least)


class DateNear(Rule):
    """A date of the account comes near: renewal, end of the trial."""

    date: str = Field(description="Trait that holds the date.", min_length=1)
    within: SpanField = Field(description='So far ahead: "30 days".')

    def condition(self) -> DateWithin:
        return DateWithin(date=self.date, within=self.within)


class Spike(Rule):
    """Clearly more tickets lately than this account usually has."""

    within: SpanField = Field(Span.parse("7 days"), description="The recent span.")
    against: SpanField = Field(Span.parse("8 weeks"), description="The span before that.")
    times: float = Field(3.0, gt=1, description="So many times as many as usual.")
    at_least: int = Field(3, ge=1, description="And at least so many.")
    topic: str | tuple[str, ...] | None = Field(None, description="Of this topic.")
    severity: str | tuple[str, ...] | None = Field(
        None, description="low, normal, high or urgent; one or a list."
    )
    tag: str | None = Field(None, description="With this tag.", min_length=1)

    def condition(self) -> TicketSpike:
        return TicketSpike(
            spike=self.within, against=self.against, times=self.times, at_least=self.at_least,
            topic=self.topic, severity=self.severity, tag=self.tag,
        )  # fmt: skip


class Gone(Rule):
    """Nobody of a role is left who can be reached: left, deactivated, or bounced."""

    role: str = Field("champion", description="The role.", min_length=1)

    def condition(self) -> ContactGone:
        return ContactGone(gone=self.role)


class Trigger(Rule):
    """One trigger: one file in content/triggers. Exactly one of its kinds says what is noticed."""

    trigger: Name = Field(description="Id of the trigger; the file has the same name.")
    name: str = Field(description="In words, for people.", min_length=1)
    about: str = Field("", description="What it is for, for a colleague who never saw it.")
    owner: str = Field(description="Who looks after it.")
    backup: str | None = Field(None, description="Who does when the owner is away.")

    usage_drop: UsageDrop | None = None
    silence: Silence | None = None
    milestone_missed: MilestoneNotReached | None = None
    limit_near: Limit | None = None
    date_near: DateNear | None = None
    ticket_spike: Spike | None = None
    champion_gone: Gone | None = None
    event: str | None = Field(None, description="A product event, whenever it comes.", min_length=1)
    when: Condition | None = Field(None, description="Any other condition that comes to hold.")

    only_if: Condition | None = Field(
        None, description="And this must hold; not known counts as not yet."
    )
    persists: SpanField | Literal["at once"] | None = Field(
        None,
        description='It must hold for so long first, or "at once"; a usage_drop for 2 days.',
    )
    cooldown: SpanField = Field(
        Span.parse("30 days"), description="It is quiet for so long after it fired."
    )
    re_arm: bool = Field(
        True, description="After it fired it must stop holding before it may fire again."
    )
    clear_for: SpanField | None = Field(
        None, description="It must have stopped for so long; at once, if nothing is said."
    )
    at_launch: Literal["skip", "fire"] = Field(
        "skip", description="What happens to those for whom it holds when it is published."
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Trigger:
        said = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(said) != 1:
            what = " and ".join(said) if said else "nothing"
            raise ValueError(f"a trigger notices one thing, and this one {what}: {ADVICE}")
        if self.clear_for is not None and not self.re_arm:
            raise ValueError(
                '"clear_for" is how long it must have stopped before it may fire again, and'
                ' "re_arm: false" says that it need not stop: give one of the two'
            )
        if self.event is not None:
            moot = [key for key in ("persists", "clear_for") if getattr(self, key) is not None]
            if moot:
                raise ValueError(
                    f'an event happens and is over, so that "{moot[0]}" says nothing of it:'
                    ' write "cooldown" for how often it may fire'
                )
        return self

    @property
    def kind(self) -> str:
        """The key that says what is noticed: usage_drop, silence, …, event, when."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def rule(self) -> Any:
        """What is noticed, as a condition, without `only_if`; None for an event."""
        said = getattr(self, self.kind)
        if self.kind == "event":
            return None
        return said if self.kind == "when" else said.condition()

    @property
    def condition(self) -> Any:
        """All that must hold, as one condition; None for an event that is all there is."""
        asked = [part for part in (self.only_if, self.rule) if part is not None]
        return AllOf(all=tuple(asked)) if len(asked) > 1 else next(iter(asked), None)

    def is_late(self, usage_through: date | None, now: datetime) -> bool:
        """Whether what holds was known earlier, and may have ended since: a silence, while the
        days after it are not complete."""
        rule = self.condition
        if rule is None or not any(isinstance(leaf, QuietFor) for leaf in leaves(rule)):
            return False
        return usage_through is None or usage_through < now.date() - timedelta(days=1)

    @property
    def _persists(self) -> Span | str | None:
        drop = self.persists is None and self.usage_drop is not None
        return USAGE_DROP_PERSISTS if drop else self.persists

    @property
    def dynamics(self) -> Dynamics:
        """When it may fire."""
        if self.event is not None:
            return Dynamics(cooldown=_length(self.cooldown), instant=True)
        return Dynamics(
            persists=_length(self._persists), cooldown=_length(self.cooldown), re_arm=self.re_arm,
            clear_for=_length(self.clear_for),
        )  # fmt: skip

    def timing(self) -> str:
        """When it fires, in words."""
        if self.event is not None:
            return f"at the event, at most once in {self.cooldown.words()}"
        span = self._persists
        held = f"after it held for {span.words()}" if isinstance(span, Span) else "at once"
        stopped = "" if self.clear_for is None else f" for {self.clear_for.words()}"
        again = f"and when it has stopped{stopped}" if self.re_arm else "even if it goes on to hold"
        return f"{held}; again after {self.cooldown.words()}, {again}"

    def words(self) -> str:
        """What is noticed, in words."""
        if self.event is not None:
            only = f", if {self.only_if.words()}" if self.only_if is not None else ""
            return f"{self.event} happens{only}"
        return str(self.condition.words())


USAGE_DROP_PERSISTS = Span.parse("2 days")

KINDS = ("usage_drop", "silence", "milestone_missed", "limit_near", "date_near", "ticket_spike",
         "champion_gone", "event", "when")  # fmt: skip
"""The keys of which a trigger has exactly one."""

ADVICE = f"give it one of {', '.join(KINDS[:-1])} or {KINDS[-1]}"


def _length(span: Span | str | None) -> timedelta:
    """What takes a day or more is whole days: usage is known by these, and so is what follows."""
    if not isinstance(span, Span):
        return timedelta()
    if span.unit in (Unit.MINUTE, Unit.HOUR):
        return timedelta(seconds=span.approx_seconds)
    return timedelta(days=round(span.approx_seconds / 86_400))
