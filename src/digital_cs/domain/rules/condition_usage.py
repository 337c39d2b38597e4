"""Conditions over how an account uses the product: silence, amounts, and changes of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import inf
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from digital_cs.domain.account import Account, UsageDay
from digital_cs.domain.grammar import PercentField, SpanField
from digital_cs.domain.rules.verdict import Bounds, Rule, Verdict, exact, shown
from digital_cs.domain.timing.span import Span

A_DAY = timedelta(days=1)
ANY_EVENT = "any"
Measure = Literal["count", "users", "days", "value"]


class QuietFor(Rule):
    """Nobody of the account used the product for at least this long.

    Unknown while the usage feed is not complete: a late feed never reads as silence.
    """

    quiet_for: SpanField = Field(description='A span, like "14 days".')

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        if account.last_active_on is None:
            return Verdict.UNKNOWN
        flips = self.flips(account)
        if flips is None or now < flips:
            return Verdict.NO
        # The feed must be complete through the day in which the last of the silence falls.
        through = account.usage_through
        if through is None or through < (flips - timedelta.resolution).date():
            return Verdict.UNKNOWN
        return Verdict.YES

    def flips(self, account: Account) -> datetime | None:
        """The end of the silence that is asked for, counted from the last active day's end."""
        if account.last_active_on is None:
            return None
        midnight = datetime.combine(account.last_active_on, time(), UTC) + A_DAY
        return midnight + timedelta(seconds=self.quiet_for.approx_seconds)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        flips = self.flips(account)
        return flips if flips is not None and flips > now else None

    def listens(self) -> Iterator[str]:
        yield "usage"
        yield "feed:usage"

    def words(self) -> str:
        return f"quiet for {self.quiet_for.words()}"

    def figure(self, account: Account, now: datetime) -> str:
        last = account.last_active_on
        return f"last active on {last:%-d %B %Y}" if last is not None else "never seen"


class _Windowed(Rule):
    """What rules over windows of days share: which events, and when they are looked at again."""

    names_in: ClassVar[str]
    looks_at: ClassVar[str] = "usage"

    def listens(self) -> Iterator[str]:
        for name in self.events() or ("*",):
            yield f"{self.looks_at}:{name}"
        yield "feed:usage"

    def events(self) -> tuple[str, ...]:
        """The events that count; none is all of them."""
        return _names(getattr(self, self.names_in))

    def rows(self, account: Account, first: date, last: date) -> list[UsageDay]:
        """The account's usage of these events from `first` to `last`, both included."""
        names = self.events()
        return [
            row
            for name, rows in account.usage.items()
            if not names or name in names
            for row in rows
            if first <= row.day <= last and row.n > 0
        ]

    @property
    def turns_daily(self) -> bool:
        """A new day alone may change the verdict on any account that has used the product."""
        return True


def whole_days(span: Span) -> int:
    """The days of a span that must be whole; raises ValueError where it is not."""
    days, rest = divmod(span.approx_seconds, 86_400)
    if rest or days < 1:
        raise ValueError(f'usage is kept by day: "{span.words()}" is not a number of whole days')
    return int(days)


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    wanted = (value,) if isinstance(value, str) else value
    return () if wanted == (ANY_EVENT,) else wanted


def _listed(value: str | tuple[str, ...]) -> str:
    names = _names(value)
    return " or ".join(names) if names else "usage of any kind"


class UsageIs(Bounds, _Windowed):
    """How much an account used within the last days: events, users, active days, or value.

    Today counts as far as it has gone. While the feed is late the amount may still grow: what is
    there may be enough for a yes, but never for a no.
    """

    names_in = "usage"

    usage: str | tuple[str, ...] = Field(
        description='An event, a list of them (together), or "any".'
    )
    measure: Measure = Field(
        "count", description="count of events, distinct users, days with any, or sum of value."
    )
    within: SpanField = Field(description='So many days back, today included: "7 days".')
    at_least: float | None = Field(None, description="So many or more.")
    at_most: float | None = Field(None, description="So many or fewer.")
    more_than: float | None = Field(None, description="More than so many.")
    less_than: float | None = Field(None, description="Fewer than so many.")
    between: tuple[float, float] | None = Field(None, description="From the first to the second.")

    @model_validator(mode="after")
    def _asks_something(self) -> UsageIs:
        whole_days(self.within)
        if not self.bounded:
            raise ValueError(
                "usage is compared with nothing: add at_least, at_most, more_than, less_than or"
                " between"
            )
        return self

    def first_day(self, now: datetime) -> date:
        """The first day of the window that ends today."""
        return now.date() - (whole_days(self.within) - 1) * A_DAY

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        low, high = self.amount(account, now)
        return self.judge(low, high)

    def amount(self, account: Account, now: datetime) -> tuple[float, float]:
        """What is known of the amount: it lies from the first number to the second."""
        found = self.rows(account, self.first_day(now), now.date())
        least, most = _amount(self.measure, found)
        low, high = _number(least, -inf), _number(most, inf)
        through = account.usage_through
        if through is None or through < now.date() - A_DAY:
            # What is worth something may also be negative: a refund.
            return (-inf if self.measure == "value" else low), inf
        return low, high

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        found = self.rows(account, self.first_day(now), now.date())
        leaves = min((row.day for row in found), default=None)
        if leaves is None:
            return None
        return datetime.combine(leaves + whole_days(self.within) * A_DAY, time(), UTC)

    def words(self) -> str:
        what = {
            "count": "", "users": "users of ", "days": "days with ", "value": "value of ",
        }[self.measure]  # fmt: skip
        return f"{what}{_listed(self.usage)} {self.bound_words()} in {self.within.words()}"

    def figure(self, account: Account, now: datetime) -> str:
        found = self.rows(account, self.first_day(now), now.date())
        low, high = (_number(each, inf) for each in _amount(self.measure, found))
        what = f"{shown(low)}" if low == high else f"from {shown(low)} to {shown(high)}"
        return f"{what} since {self.first_day(now):%-d %B}"


def _amount(measure: Measure, rows: list[UsageDay]) -> tuple[Fraction | int, Fraction | int]:
    if measure == "count":
        return (total := sum(row.n for row in rows)), total
    if measure == "value":
        return (worth := sum((exact(row.value) for row in rows), Fraction())), worth
    if measure == "days":
        return (days := len({row.day for row in rows})), days
    known: set[int] = set()
    fewest = most = 0
    for row in rows:
        if row.user_keys is not None:
            known.update(row.user_keys)
        else:  # a source that gave only a count: who it was on another day, nobody knows
            fewest, most = max(fewest, row.users), most + row.users
    return max(len(known), fewest), len(known) + most


def _number(amount: Fraction | int, otherwise: float) -> float:
    """An amount as a float; `otherwise` for one that no float holds."""
    try:
        return float(amount)
    except OverflowError:
        return otherwise


class UsageChange(_Windowed):
    """The recent days of an account against its own days before: a drop, or a rise.

    Windows are whole weeks that end yesterday, so that each has the same weekdays; holidays of
    the account's country are taken out of both. A day without a row counts as zero, and a feed
    that is late holds the verdict: it never reads as a drop.
    """

    names_in = "change"
    looks_at = "past"  # whole days: what happens today changes no verdict

    change: str | tuple[str, ...] = Field(
        description='An event, a list of them (together), or "any".'
    )
    measure: Literal["count", "days", "value"] = Field(
        "count", description="count of events, days with any, or sum of value."
    )
    over: SpanField = Field(Span.parse("2 weeks"), description="The recent days, in whole weeks.")
    against: SpanField = Field(
        Span.parse("8 weeks"), description="The days before those, in whole weeks."
    )
    falls_by: PercentField | None = Field(None, description='At least so much less: "50%".')
    grows_by: PercentField | None = Field(None, description='At least so much more: "50%".')
    at_least: float = Field(
        10.0, gt=0, description="Expected amount below which nothing is said: too few to judge."
    )

    @model_validator(mode="after")
    def _asks_something(self) -> UsageChange:
        for span in (self.over, self.against):
            if whole_days(span) % 7:
                raise ValueError(
                    f'"{span.words()}" is not whole weeks, so that its weekdays would differ'
                )
        if (self.falls_by is None) is (self.grows_by is None):
            raise ValueError('a change is either "falls_by: 50%" or "grows_by: 50%"')
        return self

    def windows(self, now: datetime) -> tuple[date, date, date]:
        """First day of the baseline, first day of the recent window, and its last: yesterday."""
        last = now.date() - A_DAY
        recent = last - (whole_days(self.over) - 1) * A_DAY
        return recent - whole_days(self.against) * A_DAY, recent, last

    def amounts(self, account: Account, now: datetime) -> tuple[float, float | None]:
        """The recent amount, and what the baseline leads to expect; None: no working days."""
        lately, before, here, there = self._measured(account, now)
        expected = _number(Fraction(before) * here / there, inf) if here and there else None
        return _number(lately, inf), expected

    def _measured(
        self, account: Account, now: datetime
    ) -> tuple[Fraction | int, Fraction | int, int, int]:
        """The recent amount, that of the baseline, and the working days of both."""
        first, recent, last = self.windows(now)
        days = (recent, last), (first, recent - A_DAY)
        lately, before = (_amount(self.measure, self.rows(account, *both))[0] for both in days)
        here, there = (account.working_days(*both) for both in days)
        return lately, before, here, there

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        through = account.usage_through
        if through is None or through < now.date() - A_DAY:
            return Verdict.UNKNOWN
        lately, before, here, there = self._measured(account, now)
        if not here or not there:
            return Verdict.UNKNOWN
        # Without a division, and exact: half of what is usual is half, on every machine.
        usual, found = before * here, lately * there
        if usual < exact(self.at_least) * there:
            return Verdict.NO
        if self.falls_by is not None:
            return Verdict.of(found * 100 <= usual * (100 - exact(self.falls_by)))
        assert self.grows_by is not None
        return Verdict.of(found * 100 >= usual * (100 + exact(self.grows_by)))

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        first, _, last = self.windows(now)
        if not self.rows(account, first, last + A_DAY):
            return None
        return datetime.combine(now.date() + A_DAY, time(), UTC)

    def words(self) -> str:
        by = f"falls by {self.falls_by:g}%" if self.falls_by is not None else ""
        by = by or f"grows by {self.grows_by:g}%"
        what = {"count": "", "days": "days with ", "value": "value of "}[self.measure]
        return (
            f"{what}{_listed(self.change)} {by} over {self.over.words()}"
            f" against {self.against.words()} before"
        )

    def figure(self, account: Account, now: datetime) -> str:
        lately, expected = self.amounts(account, now)
        if expected is None:
            return f"{shown(lately)}, and no working days to compare"
        return f"{shown(lately)} in {self.over.words()}, where {expected:.1f} were to be expected"
