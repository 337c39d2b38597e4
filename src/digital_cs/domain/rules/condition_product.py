"""Conditions over what an account reached: milestones, events and firings of triggers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from pydantic import Field

from digital_cs.domain.account import Account, day_of
from digital_cs.domain.grammar import Name, SpanField
from digital_cs.domain.rules.verdict import Rule, Verdict


class MilestoneReached(Rule):
    """The account has reached this milestone, ever."""

    milestone: str = Field(description="Name of the milestone.", min_length=1)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        reached = account.milestones.get(self.milestone)
        return Verdict.of(reached is not None and reached <= now)

    def true_since(self, account: Account, since: datetime, now: datetime) -> datetime | None:
        return account.milestones.get(self.milestone)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        reached = account.milestones.get(self.milestone)
        return reached if reached is not None and reached > now else None

    def listens(self) -> Iterator[str]:
        yield f"milestone:{self.milestone}"

    def words(self, no: str = "") -> str:
        return f"milestone {self.milestone} {no}reached"

    def figure(self, account: Account, now: datetime) -> str:
        reached = account.milestones.get(self.milestone)
        return f"reached on {reached:%-d %B %Y}" if reached is not None else "not reached"


class MilestoneMissed(Rule):
    """A milestone was not reached within a span of a date of the account.

    Unknown while the usage feed is not complete up to the deadline: what happened may be late.
    """

    missed: str = Field(description="Name of the milestone.", min_length=1)
    within: SpanField = Field(description='How long there was time for it, like "14 days".')
    of: str = Field(description="Trait that holds the date to count from.", min_length=1)

    def deadline(self, account: Account) -> datetime | None:
        """When the time is up; None without the date."""
        day = day_of(account.traits.get(self.of))
        if day is None:
            return None
        # The day itself counts: who started in the evening has all of the days that follow.
        span = timedelta(days=1, seconds=self.within.approx_seconds)
        return datetime.combine(day, time(), UTC) + span

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        deadline = self.deadline(account)
        if deadline is None:
            return Verdict.UNKNOWN
        reached = account.milestones.get(self.missed)
        if now < deadline or (reached is not None and reached < deadline):
            return Verdict.NO
        through = account.usage_through
        if through is None or through < (deadline - timedelta.resolution).date():
            return Verdict.UNKNOWN
        return Verdict.YES

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        deadline = self.deadline(account)
        return deadline if deadline is not None and deadline > now else None

    def listens(self) -> Iterator[str]:
        yield f"milestone:{self.missed}"
        yield f"trait:{self.of}"
        yield "feed:usage"

    def words(self, no: str = "") -> str:
        return f"milestone {self.missed} {no}missed within {self.within.words()} of {self.of}"

    def figure(self, account: Account, now: datetime) -> str:
        deadline, reached = self.deadline(account), account.milestones.get(self.missed)
        found = f"reached on {reached:%-d %B %Y}" if reached is not None else "not reached"
        due = f"due before {deadline:%-d %B %Y}" if deadline is not None else f"no {self.of}"
        return f"{found}, {due}"


class EventHappened(Rule):
    """This product event happened since the account entered the program."""

    event: str = Field(description="Name of the product event.", min_length=1)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return Verdict.of(self.true_since(account, since, now) is not None)

    def true_since(self, account: Account, since: datetime, now: datetime) -> datetime | None:
        moments = [e.at for e in account.events if e.name == self.event and since <= e.at <= now]
        return min(moments, default=None)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        # The clock of who sent the event may run ahead of ours.
        return min(
            (e.at for e in account.events if e.name == self.event and e.at > now), default=None
        )

    def listens(self) -> Iterator[str]:
        yield f"event:{self.event}"

    def words(self, no: str = "") -> str:
        return f"{self.event} {no}happened"

    def figure(self, account: Account, now: datetime) -> str:
        moments = [e.at for e in account.events if e.name == self.event and e.at <= now]
        return f"first on {min(moments):%-d %B %Y}" if moments else "never"


class TriggerFired(Rule):
    """This trigger fired for the account since it entered the program.

    The firing that brought it in is not one of those: a goal of "it fires again" would be reached
    by it at once. There is no third value, as a firing is kept in the moment in which it happens.
    """

    trigger: Name = Field(description="Name of a trigger in content/triggers.")

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return Verdict.of(self.true_since(account, since, now) is not None)

    def true_since(self, account: Account, since: datetime, now: datetime) -> datetime | None:
        return min((at for at in self._firings(account) if since < at <= now), default=None)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        # A worker whose clock runs behind may read what another one wrote down.
        return min((at for at in self._firings(account) if at > now), default=None)

    def listens(self) -> Iterator[str]:
        yield f"trigger:{self.trigger}"

    def words(self, no: str = "") -> str:
        return f"trigger {self.trigger} {no}fired"

    def figure(self, account: Account, now: datetime) -> str:
        moments = [at for at in self._firings(account) if at <= now]
        return f"first on {min(moments):%-d %B %Y}" if moments else "never"

    def _firings(self, account: Account) -> tuple[datetime, ...]:
        return account.firings.get(self.trigger, ())
