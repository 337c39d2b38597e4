"""`digital-cs trigger backtest`: what a trigger would have done on the history that is kept."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Content, Json, Most
from digital_cs.cli.rules.trigger import Name

if TYPE_CHECKING:
    from digital_cs.domain.rules.trigger import Trigger
    from digital_cs.ingest.rules.backtest import Backtest
    from digital_cs.temporal.gateway import Gateway

EXAMPLE = "Example: digital-cs trigger backtest usage-drop --from 2026-01-01 --to 2026-06-30"
BAR = 40
"""Columns of the longest bar."""


def backtest(
    name: Name,
    from_: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="The first day (UTC)."),
    ],
    to: Annotated[
        datetime,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="The last day (UTC)."),
    ],
    content: Content = None,
    published: Annotated[
        bool, typer.Option("--published", help="Try the published version, not the file.")
    ] = False,
    most: Most = 20,
    as_json: Json = False,
) -> None:
    """Say when a trigger would have fired, for whom, how many a week, and who would have been
    written to. Nothing is written, and the same data gives the same answer.

    Each day is judged by the rule as it runs, with what was known at its end. Ctrl-C stops it.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.config import load_settings
    from digital_cs.errors import UsageError
    from digital_cs.temporal.triggers import backtest_trigger, calendar_of_history

    first, last = from_.date(), to.date()
    if last < first:
        raise UsageError(f"--to ({last}) is before --from ({first}).")
    folder = content or load_settings().content_dir
    file = None if published else _in_file(name, content)

    async def question(gateway: Gateway) -> tuple[Trigger, Backtest]:
        today = gateway.clock.now().date()
        if last > today:
            raise UsageError(
                f"--to ({last}) is still to come: history goes as far as today ({today})."
            )
        trigger = file or await _published(gateway, name)
        calendar = await calendar_of_history(gateway, folder, first, last)
        with output.progress("Days", (last - first).days + 1) as bar:
            return trigger, await backtest_trigger(
                gateway, trigger, first, last, calendar,
                lambda day: bar.update(bar.task_ids[0], advance=1),
            )  # fmt: skip

    trigger, result = ask(question)
    if as_json:
        output.emit(_facts(trigger, result))
    else:
        _print(trigger, result, most, "its file" if file is not None else "the published version")


def _in_file(name: str, content: Path | None) -> Trigger:
    from digital_cs.cli.rules.trigger import publishable

    return publishable([name], content)[0]


async def _published(gateway: Gateway, name: str) -> Trigger:
    from digital_cs.catalog.triggers import trigger_from_json
    from digital_cs.temporal.triggers import published

    async with gateway.pool.connection() as connection:
        return trigger_from_json((await published(connection, name)).spec)


def _facts(trigger: Trigger, result: Backtest) -> dict[str, Any]:
    return {
        "trigger": result.trigger, "notices": trigger.words(), "fires": trigger.timing(),
        "from": result.first, "to": result.last, "fired": len(result.firings),
        "accounts": result.accounts, "people": result.people, "nobody": result.nobody,
        "passed_over": result.passed_over,
        "by_week": {monday.isoformat(): count for monday, count in result.by_week().items()},
        "programs": result.programs, "roles": result.chains,
        "usage_through": result.usage_through,
        "not_known": {day.isoformat(): count for day, count in result.unknown.items()},
        "held_back": {day.isoformat(): count for day, count in result.waiting.items() if count},
        "firings": result.firings,
    }  # fmt: skip


def _print(trigger: Trigger, result: Backtest, most: int, source: str) -> None:
    from digital_cs.cli import output

    times, accounts = (
        output.count_of(len(result.firings), "time"), output.count_of(result.accounts, "account"),
    )  # fmt: skip
    output.say(
        f"{trigger.name}  ({trigger.trigger}, by {source})\n"
        f"Notices {trigger.words()}.\n"
        f"Fires {trigger.timing()}.\n\n"
        f"From {_day(result.first)} to {_day(result.last)} it would have fired {times}, for"
        f" {accounts}."
    )
    if result.firings:
        output.say("")
        _weeks(result.by_week())
        output.say(f"\n{_people_words(result)}\n")
        output.table(
            ["day (UTC)", "account", "~why"],
            ([each.day, each.account, each.words] for each in result.firings[:most]),
        )
        if len(result.firings) > most:
            rest = len(result.firings) - most
            output.say(f"… and {output.count_of(rest, 'more', 'more')}: see --most and --json.")
    output.say("")
    for line in _reservations(trigger, result):
        output.say(line)


def _weeks(weeks: dict[date, int]) -> None:
    """A bar for each week: how often it fires, the longest one as long as there is room for."""
    from digital_cs.cli import output

    tallest = max(weeks.values())
    output.say(f"{'week of':<12}{'fires':>6}")
    for monday, count in weeks.items():
        bar = "█" * (max(round(count * BAR / tallest), 1) if count else 0)
        output.say(f"{monday.isoformat():<12}{count:>6,}  {bar}".rstrip())


def _people_words(result: Backtest) -> str:
    from digital_cs.cli.output import count_of

    if not result.chains:
        return f"Nobody would have been written to: {' and '.join(result.programs)} sends nothing."
    by = f"the roles of {' and '.join(result.programs)}"
    if not result.programs:
        by = f"the usual roles ({', else '.join(result.chains[0])}), for no program listens yet"
    people = count_of(result.people, "person", "people")
    words = f"Written to would have been up to {people}, by {by}."
    if result.nobody:
        words += f" For {count_of(result.nobody, 'firing')} there is nobody who may be written to."
    return words


def _reservations(trigger: Trigger, result: Backtest) -> list[str]:
    """What the answer rests on, in a sentence each."""
    from digital_cs.cli.output import count_of

    lines = [
        "Usage, milestones and tickets are those of each day; traits, stages, people, segments and"
        " programs are those of today."
    ]
    if result.passed_over:
        lines.append(
            f"For {count_of(result.passed_over, 'account')} it held already on"
            f" {_day(result.first)}: they are passed over until it stops, as at its publishing."
        )
    if result.unknown:
        lines.append(_unknown_words(result))
    if trigger.event is not None:
        lines.append("Events are taken together by day, and count once a day.")
    return lines


def _unknown_words(result: Backtest) -> str:
    """On how much no verdict was possible, and what that held back (P9)."""
    from digital_cs.cli.output import count_of

    words = (
        f"Not known, and so held: up to {count_of(max(result.unknown.values()), 'account')} a day,"
        f" on {count_of(len(result.unknown), 'day')} from {_day(min(result.unknown))} on."
    )
    waiting = result.waiting[max(result.waiting)]
    if waiting:
        words += f" {count_of(waiting, 'account')} that would have been next still wait at the end."
    through = result.usage_through
    if through is None or through < result.last:
        known = f"up to {_day(through)}" if through is not None else "for no day"
        words += f" Usage is complete {known}."
    return f"{words} Feeds count as they are now: when each day of them came in is not kept."


def _day(day: date) -> str:
    return f"{day:%-d %B %Y}"
