"""`digital-cs topics rank` and `month`: what customers asked, and what the library has for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.domain.support.topic_rank import Span
    from digital_cs.ingest.support.topic_month import Month, TopicOfMonth
    from digital_cs.temporal.gateway import Gateway

RANK = "Example: digital-cs topics rank --month 2026-10 --segment at-risk"
MONTH = "Example: digital-cs topics month --month 2026-10 --ask"

OfMonth = Annotated[
    datetime | None,
    typer.Option("--month", formats=["%Y-%m"], help="The month.", show_default="the last one"),
]
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, instead of a month."),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.", show_default="today"),
]
Segment = Annotated[
    str | None, typer.Option("--segment", help="Only accounts that are in this segment now.")
]
Most = Annotated[int, typer.Option("--most", min=1, max=1000, help="How many topics at most.")]


def rank(
    month: OfMonth = None, first: From = None, last: To = None, segment: Segment = None,
    most: Most = 20, as_json: Json = False,
) -> None:  # fmt: skip
    """Rank the topics of a month by how many accounts asked.

    The change is that of the tickets a day against the eight weeks before, with the interval that
    holds it 19 times of 20; tickets of one account count for less than those of several. A topic is
    out for newsletters where fewer than 5 accounts asked, one account asked 40% of it, it is a bug,
    or it was covered within eight weeks.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.ingest.support.topic_month import TopicMonths
    from digital_cs.ingest.support.topic_month_facts import facts

    async def question(gateway: Gateway) -> Month:
        span = _span(month, first, last, gateway.clock.now())
        return await TopicMonths(gateway.pool, gateway.clock).rank(span, segment)

    found = ask(question)
    if as_json:
        output.emit(facts(found))
        return
    output.say(_heading(found))
    output.table(
        ["place", "topic", ">accounts", ">tickets", ">per 100", "~change a day", ">of one",
         "~not for newsletters"],
        ([e.ranked.place, e.ranked.topic, f"{e.ranked.accounts:,}", f"{e.ranked.tickets:,}",
          _number(e.ranked.tickets_per_100), e.ranked.change.words(),
          f"{e.ranked.share_of_one:.0%}", e.ranked.out_words()] for e in found.topics[:most]),
    )  # fmt: skip
    _say_ground(found)


def month(
    month: OfMonth = None, first: From = None, last: To = None, segment: Segment = None,
    most: Most = 10,
    ask_for: Annotated[
        bool,
        typer.Option("--ask", help="Open a task for each article that is missing."),
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Show the month's topics with their articles: which can be shown, reviewed, or written.

    Articles are found by the topic that they state, else by what is asked in tickets. A stale one
    needs its review first; --ask opens a task for the owner of each topic of 5 accounts or more
    that none answers, among the first --most.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.ingest.support.topic_month import TopicMonths
    from digital_cs.ingest.support.topic_month_facts import facts

    async def question(gateway: Gateway) -> tuple[Month, tuple[str, ...]]:
        months = TopicMonths(gateway.pool, gateway.clock)
        span = _span(month, first, last, gateway.clock.now())
        with output.progress("looking for articles", None):
            found = await months.month(span, segment)
        if not ask_for:
            return found, ()
        opened = await months.ask_for_articles(found, most)
        return (await months.month(span, segment) if opened else found), opened

    found, opened = ask(question)
    if as_json:
        output.emit({**facts(found), "opened": opened})
        return
    output.say(_heading(found))
    output.table(
        ["place", "~topic", ">accounts", "library", "~what follows"],
        ([e.ranked.place, e.ranked.title, f"{e.ranked.accounts:,}",
          e.coverage.standing.value if e.coverage else "", _what_follows(e)]
         for e in found.topics[:most]),
    )  # fmt: skip
    for key in opened:
        output.say(f"Asked for: `digital-cs task show {key}`.")
    _say_ground(found)


def _what_follows(each: TopicOfMonth) -> str:
    parts = [each.coverage.words()] if each.coverage else []
    parts += [f"task {each.task}"] if each.task else []
    parts += [f"review case {each.case}"] if each.case else []
    parts += [f"not for newsletters: {each.ranked.out_words()}"] if each.ranked.out else []
    return "; ".join(parts)


def _heading(found: Month) -> str:
    last = found.span.end - timedelta(days=1)
    among = f" in segment {found.segment}" if found.segment else ""
    return (
        f"{found.span.start:%-d %b %Y} to {last:%-d %b %Y},"
        f" {found.ground.active:,} active accounts{among}.\n"
    )


def _say_ground(found: Month) -> None:
    from digital_cs.cli import output

    ground = found.ground
    parts = [
        f"{count:,} {words}"
        for count, words in (
            (ground.without_topic, "of no topic (`topics propose` looks for groups)"),
            (ground.without_account, "of no known account (`tickets list --unmatched`)"),
        )
        if count
    ]
    left = f"; {' and '.join(parts)} are in no figure" if parts else ""
    output.say(f"\n{output.count_of(ground.tickets, 'ticket')}{left}.")
    if ground.due:
        output.say(f"{output.count_of(ground.due, 'ticket')} not looked at yet.")
    through = ground.complete_through
    if through is None or through < found.span.end:
        known = f"only up to {output.when(through)}" if through else "nowhere"
        output.complain(f"Help desks told us everything {known}: more tickets may come.")


def _span(
    month: datetime | None, first: datetime | None, last: datetime | None, now: datetime
) -> Span:
    from digital_cs.domain.support.topic_rank import Span
    from digital_cs.errors import UsageError

    if first is None and last is None:
        day = month or now.replace(day=1) - timedelta(days=1)
        return Span.of_month(day.year, day.month)
    end = last.date() if last else now.date()
    if month is not None or first is None or first.date() > end:
        raise UsageError("Say --month, or --from and --to, the first day before the last.")
    return Span.of_days(first.date(), end)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
