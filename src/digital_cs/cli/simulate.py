"""`digital-cs program simulate`: a program played for many made-up accounts, without a server."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, ProgramId

if TYPE_CHECKING:
    from digital_cs.domain.simulation import SimulationResult

EXAMPLE = "Example: digital-cs program simulate renewal --accounts 10000 --days 365"
BARS = " ▁▂▃▄▅▆▇█"
WEEK = 7


def simulate(
    program: ProgramId,
    accounts: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many accounts.")] = 1000,
    days: Annotated[int, typer.Option(min=1, max=3650, help="For how many days.")] = 90,
    entering_over: Annotated[
        int, typer.Option(min=1, max=3650, help="Over how many days they enter.")
    ] = 30,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day.", show_default="today"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same accounts.")] = 1,
    content: Annotated[
        Path | None, typer.Option("--content", help="Another folder than CONTENT_DIR.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Play a program of the content folder for made-up accounts: touches, peak, and endings.

    It is the same "what next" that the engine asks, with accounts from all over the world that
    have every value the program looks at. Nothing is sent and no server is needed.
    """
    from digital_cs.catalog.holidays import load_calendar
    from digital_cs.catalog.segments import load_segments, spelled_out
    from digital_cs.catalog.triggers import load_triggers, with_their_rules
    from digital_cs.cli import output
    from digital_cs.cli.program import program_of_file
    from digital_cs.config import load_settings
    from digital_cs.domain.population import PLACES, Population
    from digital_cs.domain.population_values import untried
    from digital_cs.domain.program_graph import compile_program
    from digital_cs.domain.simulation import simulate as play
    from digital_cs.domain.traveller import World

    settings = load_settings()
    folder = content or settings.content_dir
    asked = with_their_rules(program_of_file(program, content), load_triggers(folder).triggers)
    wanted = spelled_out(asked, load_segments(folder).segments)
    graph, _ = compile_program(wanted)
    first = (start or datetime.now(UTC)).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC
    )
    years = range(first.year - 1, first.year + 2 + (days + 365) // 365)
    holidays = folder / "holidays.yaml"
    calendar = load_calendar(
        years, {country for country, _ in PLACES}, holidays if holidays.exists() else None
    )
    people = Population(
        graph, accounts, first, min(entering_over, days), seed=seed, entry=wanted.enter
    )
    began = time.monotonic()
    with output.progress(f"playing {program}", accounts) as bar:
        result = play(
            graph, people, start=first, days=days, calendar=calendar,
            world=World(workspace_zone=settings.workspace_zone),
            on_progress=lambda done, _: bar.update(bar.task_ids[0], completed=done),
        )  # fmt: skip
    if as_json:
        seconds = round(time.monotonic() - began, 2)
        output.emit({**result.as_dict(), "seconds": seconds, "untried": untried(wanted)})
    else:
        _print(result, time.monotonic() - began)
        for sentence in untried(wanted):
            output.complain(sentence)


def _print(result: SimulationResult, seconds: float) -> None:
    from digital_cs.cli import output

    peak = result.peak_day
    per_account = result.touches / result.accounts if result.accounts else 0.0
    output.say(
        f"{result.program}: {output.count_of(result.accounts, 'account')} over"
        f" {output.count_of(result.days, 'day')} from {result.first_day}, in {seconds:.1f} s\n"
        f"{output.count_of(result.touches, 'touch', 'touches')} ({per_account:.1f} an account)"
        + (f", at most {peak[1]:,} on one day ({peak[0]:%a %-d %b %Y})." if peak else ".")
    )
    if result.touches:
        output.say(f"\nTouches a week\n{_weeks(result)}")
    output.say("")
    rows = [
        *(["sent", step, n] for step, n in result.touches_by_step.most_common()),
        *(["task opened", step, n] for step, n in result.tasks_by_step.most_common()),
        *(["skipped", reason, n] for reason, n in result.skips.most_common()),
        *(["held at", step, n] for step, n in result.holds.most_common()),
        *(["ended", f"{kind}: {why}", n] for kind, found in sorted(result.endings.items())
          for why, n in found.most_common()),
        *(["still inside at", step, n] for step, n in result.inside.most_common()),
    ]  # fmt: skip
    output.table(["what", "~step or reason", ">how often"], ([w, s, f"{n:,}"] for w, s, n in rows))


def _weeks(result: SimulationResult) -> str:
    """One bar a week, with the number beside it where a line is a week."""
    weeks = [0] * ((result.days + WEEK - 1) // WEEK + 1)
    for day, count in result.touches_by_day.items():
        weeks[(day - result.first_day).days // WEEK] += count
    while weeks and not weeks[-1]:
        weeks.pop()
    most = max(weeks)
    bars = "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in weeks)
    return f"{bars}  (highest: {most:,})"
