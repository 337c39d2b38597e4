"""Conditions over what an account asks support."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf
from typing import Literal

from pydantic import Field, model_validator

from digital_cs.domain.account import Account, Ticket
from digital_cs.domain.grammar import SpanField
from digital_cs.domain.rules.verdict import Bounds, Rule, Verdict, every, exact, texts
from digital_cs.domain.timing.span import Span

FEED_PATIENCE = timedelta(hours=26)
"""A ticket feed that is complete up to so long ago is on time: exports come once a day."""


class _OfTickets(Rule):
    """Which tickets count."""

    topic: str | tuple[str, ...] | None = Field(None, description="Of this topic.")
    severity: str | tuple[str, ...] | None = Field(
        None, description="low, normal, high or urgent; one or a list."
    )
    tag: str | None = Field(None, description="With this tag.", min_length=1)

    def counts(self, ticket: Ticket) -> Verdict:
        """Whether a ticket is of this kind; unknown where nobody said."""
        asked = [
            Verdict.UNKNOWN if value is None else Verdict.of(value in texts(wanted))
            for value, wanted in ((ticket.topic, self.topic), (ticket.severity, self.severity))
            if wanted is not None
        ]
        if self.tag is not None:
            asked.append(Verdict.of(self.tag in ticket.tags))
        return every(asked)

    def listens(self) -> Iterator[str]:
        yield "tickets"
        yield "feed:tickets"

    def kind_words(self) -> str:
        """Which tickets, in words."""
        severity = f"{' or '.join(texts(self.severity))} " if self.severity is not None else ""
        topic = f" about {' or '.join(texts(self.topic))}" if self.topic is not None else ""
        return f"{severity}tickets{topic}{f' tagged {self.tag}' if self.tag else ''}"

    def number(self, tickets: list[Ticket], account: Account, now: datetime) -> tuple[float, float]:
        """How many of these count: from the first number to the second."""
        verdicts = [self.counts(ticket) for ticket in tickets]
        low = float(verdicts.count(Verdict.YES))
        high = low + verdicts.count(Verdict.UNKNOWN)
        through = account.tickets_through
        late = through is None or through < now - FEED_PATIENCE
        return low, inf if late else high


class TicketsAre(Bounds, _OfTickets):
    """How many tickets of a kind an account has open, or opened or solved lately.

    Unknown where no help desk tells us, or it is late, unless what is there is enough for a yes.
    """

    tickets: Literal["open", "opened", "solved"] = Field(
        description="open now, or opened or solved within a span."
    )
    within: SpanField | None = Field(None, description='For opened and solved: "30 days".')
    at_least: float | None = Field(None, description="So many or more; 1 if nothing is said.")
    at_most: float | None = Field(None, description="So many or fewer.")
    more_than: float | None = Field(None, description="More than so many.")
    less_than: float | None = Field(None, description="Fewer than so many.")
    between: tuple[float, float] | None = Field(None, description="From the first to the second.")

    @model_validator(mode="before")
    @classmethod
    def _at_least_one(cls, data: object) -> object:
        bounds = {"at_least", "at_most", "more_than", "less_than", "between"}
        return {**data, "at_least": 1} if isinstance(data, dict) and not bounds & {*data} else data

    @model_validator(mode="after")
    def _has_its_span(self) -> TicketsAre:
        if (self.tickets == "open") is (self.within is not None):
            raise ValueError('tickets that are open need no "within"; opened and solved need one')
        return self

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return self.judge(*self.number(self.looked_at(account, now), account, now))

    def looked_at(self, account: Account, now: datetime) -> list[Ticket]:
        """The tickets that are open now, or were opened or solved within the span."""
        if self.within is None:
            return [t for t in account.tickets if t.opened_at <= now and t.is_open]
        start = now - timedelta(seconds=self.within.approx_seconds)
        moments = ((t, t.opened_at if self.tickets == "opened" else t.solved_at)
                   for t in account.tickets)  # fmt: skip
        return [ticket for ticket, at in moments if at is not None and start < at <= now]

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        moments = [t.opened_at for t in account.tickets]
        if self.within is not None:
            span = timedelta(seconds=self.within.approx_seconds)
            moments = [
                moment
                for t in account.tickets
                if (at := t.opened_at if self.tickets == "opened" else t.solved_at) is not None
                for moment in (at, at + span)
            ]
        return min((moment for moment in moments if moment > now), default=None)

    def words(self) -> str:
        state = self.tickets if self.within is None else (
            f"{self.tickets} within {self.within.words()}"
        )  # fmt: skip
        return f"{self.kind_words()} {state} {self.bound_words()}"

    def figure(self, account: Account, now: datetime) -> str:
        found = self.looked_at(account, now)
        return f"{sum(self.counts(t) is Verdict.YES for t in found)} {self.tickets}"


class TicketSpike(_OfTickets):
    """Clearly more tickets lately than this account usually has."""

    spike: SpanField = Field(description='The recent span: "7 days".')
    against: SpanField = Field(Span.parse("8 weeks"), description="The span before that.")
    times: float = Field(3.0, gt=1, description="So many times as many as usual.")
    at_least: int = Field(3, ge=1, description="And at least so many.")

    def spans(self, account: Account, now: datetime) -> tuple[list[Ticket], list[Ticket]]:
        """The recent tickets, and those of the span before."""
        recent = now - timedelta(seconds=self.spike.approx_seconds)
        before = recent - timedelta(seconds=self.against.approx_seconds)
        return (
            [t for t in account.tickets if recent < t.opened_at <= now],
            [t for t in account.tickets if before < t.opened_at <= recent],
        )

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        lately, before = self.spans(account, now)
        low, high = self.number(lately, account, now)
        fewest = sum(self.counts(t) is Verdict.YES for t in before)
        most = sum(self.counts(t) is not Verdict.NO for t in before)
        if self._is_spike(low, most):
            return Verdict.YES
        return Verdict.UNKNOWN if self._is_spike(high, fewest) else Verdict.NO

    def _is_spike(self, lately: float, before: float) -> bool:
        if lately == inf:
            return True
        usual = exact(before) * exact(self.spike.approx_seconds) * exact(self.times)
        often = exact(lately) * exact(self.against.approx_seconds) >= usual
        return often and lately >= self.at_least

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        recent = timedelta(seconds=self.spike.approx_seconds)
        before = recent + timedelta(seconds=self.against.approx_seconds)
        moments = (t.opened_at + span for t in account.tickets
                   for span in (timedelta(), recent, before))  # fmt: skip
        return min((moment for moment in moments if moment > now), default=None)

    def words(self) -> str:
        return (
            f"{self.kind_words()} at least {self.at_least} in {self.spike.words()}, and"
            f" {self.times:g} times as many as in {self.against.words()} before"
        )

    def figure(self, account: Account, now: datetime) -> str:
        lately, before = self.spans(account, now)
        counted = [sum(self.counts(t) is Verdict.YES for t in found) for found in (lately, before)]
        return f"{counted[0]} lately, {counted[1]} in {self.against.words()} before"
