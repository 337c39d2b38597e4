"""The topics of a month in the order of who asks, and which of them a newsletter may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from digital_cs.domain.support.rate_change import Counts, RateChange, rate_change
from digital_cs.domain.support.topic import Topic

FEWEST_ACCOUNTS = 5
"""A topic of fewer accounts is named to nobody but support: readers would know who is meant."""
MOST_OF_ONE = 40
"""Per cent of a topic's tickets: where one account has so many or more, it is that account's."""
BEFORE = timedelta(weeks=8)
"""What a span is compared with: so long before it."""
LATELY = timedelta(weeks=8)
"""A topic that was covered so short a time ago need not be covered again."""
_SHORTEST_BEFORE = timedelta(weeks=1)
"""With less before it, nothing is compared: the help desk was only just connected."""


class Out(StrEnum):
    """Why a topic is not for a newsletter."""

    FEW_ACCOUNTS = "few_accounts"
    ONE_ACCOUNT = "one_account"
    BUG = "bug"
    COVERED = "covered"
    NOT_KEPT = "not_kept"


_WORDS = {
    Out.FEW_ACCOUNTS: f"fewer than {FEWEST_ACCOUNTS} accounts ask",
    Out.ONE_ACCOUNT: "one account asked {share:.0%} of it",
    Out.BUG: "a bug, which an article does not answer",
    Out.COVERED: "covered on {covered_on:%-d %b %Y}",
    Out.NOT_KEPT: "no topic of ours: the help desk's word",
}


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment to another (excluded). Months are UTC."""

    start: datetime
    end: datetime

    @classmethod
    def of_days(cls, first: date, last: date) -> Span:
        """From the first day to the last, both whole."""
        return cls(
            datetime.combine(first, time(), UTC),
            datetime.combine(last + timedelta(days=1), time(), UTC),
        )

    @classmethod
    def of_month(cls, year: int, month: int) -> Span:
        """A calendar month."""
        after = date(year + month // 12, month % 12 + 1, 1)
        return cls.of_days(date(year, month, 1), after - timedelta(days=1))

    def days(self, first: datetime, now: datetime) -> float:
        """How many days of it are known about: none before the first ticket, none to come."""
        return max((min(self.end, now) - max(self.start, first)).total_seconds() / 86_400, 0.0)

    @property
    def before(self) -> Span:
        """What it is compared with."""
        return Span(self.start - BEFORE, self.start)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the tickets of a topic say. `most_of_one`: those of the account that has most."""

    topic: str
    accounts: int
    tickets: int
    most_of_one: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Ranked:
    """A topic with its place by distinct accounts. `out` is empty where a newsletter may use it.

    `share_of_one`: which part of its tickets the account has that has most. The figures per 100
    are None without an active account.
    """

    place: int
    topic: str
    title: str
    owner: str | None
    area: str | None
    accounts: int
    tickets: int
    accounts_per_100: float | None
    tickets_per_100: float | None
    change: RateChange
    share_of_one: float
    covered_on: date | None = None
    out: tuple[Out, ...] = ()

    @property
    def may_be_named(self) -> bool:
        """Whether anybody outside support may hear of it."""
        return Out.FEW_ACCOUNTS not in self.out

    def out_words(self) -> str:
        """Why it is not for a newsletter, in words."""
        return "; ".join(
            _WORDS[each].format(share=self.share_of_one, covered_on=self.covered_on)
            for each in self.out
        )


def rank(
    counted: Iterable[Counted], topics: Mapping[str, Topic], span: Span, *, active: int,
    first: datetime | None, covered: Mapping[str, date], now: datetime,
) -> list[Ranked]:  # fmt: skip
    """The topics of a span by distinct contacting accounts, then tickets, then name.

    `active`: how many accounts there are that could ask. `first`: the first ticket of all, before
    which nothing is known. `covered`: the last day on which each topic was covered.
    """
    begin = first or span.start
    days, before = span.days(begin, now), span.before.days(begin, now)
    if before * 86_400 < _SHORTEST_BEFORE.total_seconds():
        before = 0.0
    order = sorted(counted, key=lambda each: (-each.accounts, -each.tickets, each.topic))
    found = []
    for place, each in enumerate(order, 1):
        topic = topics.get(each.topic)
        covered_on = covered.get(each.topic)
        found.append(
            Ranked(
                place=place, topic=each.topic, title=topic.title if topic else each.topic,
                owner=topic.owner if topic else None, area=topic.area if topic else None,
                accounts=each.accounts, tickets=each.tickets,
                accounts_per_100=_per_100(each.accounts, active),
                tickets_per_100=_per_100(each.tickets, active),
                change=rate_change(each.counts, days, before),
                share_of_one=each.most_of_one / each.tickets,
                covered_on=covered_on, out=tuple(_out(each, topic, covered_on, span)),
            )
        )  # fmt: skip
    return found


def _out(
    counted: Counted, topic: Topic | None, covered_on: date | None, span: Span
) -> Iterable[Out]:
    if counted.accounts < FEWEST_ACCOUNTS:
        yield Out.FEW_ACCOUNTS
    if counted.most_of_one * 100 >= counted.tickets * MOST_OF_ONE:
        yield Out.ONE_ACCOUNT
    if topic is None:
        yield Out.NOT_KEPT
    elif topic.bug:
        yield Out.BUG
    if covered_on is not None and covered_on > (span.end - LATELY).date():
        yield Out.COVERED


def _per_100(number: int, active: int) -> float | None:
    return number * 100 / active if active else None
