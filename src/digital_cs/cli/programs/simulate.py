"""`digital-cs program simulate`: programs played for many made-up accounts, without a server."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Content, Json

if TYPE_CHECKING:
    from digital_cs.domain.programs.program import Program
    from digital_cs.domain.sending.policy import Policy
    from digital_cs.domain.timing.business_calendar import BusinessCalendar

EXAMPLE = "Example: digital-cs program simulate welcome-trial renewal --accounts 10000 --days 365"


def simulate(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROGRAM...", help="Ids of programs.", show_default=False),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All programs of the content folder.")
    ] = False,
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
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="Another file than CONTENT_DIR/policy.yaml.", metavar="FILE"),
    ] = None,
    without_policy: Annotated[
        bool, typer.Option("--without-policy", help="With no budget, holdout or cap of a policy.")
    ] = False,
    content: Content = None,
    as_json: Json = False,
) -> None:
    """Play programs of the content folder for made-up accounts: touches, peak, budgets, endings.

    It is the same "what next" that the engine asks, and the same decision about every message,
    with accounts from all over the world that have every value the programs look at. Several
    programs play for the same accounts at the same time, so you see who would get too much, and
    what is put off or left out. Each account is made for one of them, and comes to the others if
    it meets their rules. Nothing is sent and no server is needed.
    """
    from digital_cs.catalog.segments import load_segments, spelled_out
    from digital_cs.catalog.triggers import load_triggers, with_their_rules
    from digital_cs.cli import output
    from digital_cs.cli.programs.program import programs_of_files
    from digital_cs.cli.programs.simulate_words import caveats, show
    from digital_cs.config import load_settings
    from digital_cs.domain.programs.program_graph import compile_program
    from digital_cs.domain.simulation.played import Played
    from digital_cs.domain.simulation.population import Population
    from digital_cs.domain.simulation.population_values import untried
    from digital_cs.domain.simulation.sim_world import World
    from digital_cs.domain.simulation.simulation import simulate as play

    if every == bool(names):
        raise typer.BadParameter("Name the programs to play, or say --all.")
    if policy is not None and without_policy:
        raise typer.BadParameter("Say --policy or --without-policy, not both.")
    settings = load_settings()
    folder = content or settings.content_dir
    triggers, segments = load_triggers(folder).by_name, load_segments(folder).segments
    wanted = [
        spelled_out(with_their_rules(program, triggers), segments)
        for program in programs_of_files(list(dict.fromkeys(names or ())) or None, content)
    ]
    source, rules = _policy(folder, policy, wanted, without=without_policy)
    first = (start or datetime.now(UTC)).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC
    )
    programs = [Played(compile_program(p)[0], p.enter, p.holdout) for p in wanted]
    people = Population(programs, accounts, first, min(entering_over, days), seed=seed)
    calendar = _calendar(folder, first, days)
    began = time.monotonic()
    what = programs[0].id if len(programs) == 1 else f"{len(programs)} programs"
    with output.progress(f"playing {what}", accounts) as bar:
        result = play(
            programs, people, start=first, days=days, calendar=calendar, policy=rules,
            world=World(workspace_zone=settings.workspace_zone),
            on_progress=lambda done, _: bar.update(bar.task_ids[0], completed=done),
        )  # fmt: skip
    seconds = time.monotonic() - began
    lacking = list(dict.fromkeys(words for program in wanted for words in untried(program)))
    if as_json:
        output.emit({**result.as_dict(), "policy": source, "seconds": round(seconds, 2),
                     "budget_rules": rules.budget.model_dump(mode="json"),
                     "untried": lacking, "mind": caveats(result)})  # fmt: skip
        return
    show(result, rules, source, seconds)
    for sentence in (*lacking, *caveats(result)):
        output.complain(sentence)


def _policy(
    folder: Path, file: Path | None, programs: list[Program], *, without: bool
) -> tuple[str, Policy]:
    """The policy to play by, and what to call it. Shows its complaints and ends on an error."""
    from digital_cs.catalog.policy import FILE, check_policy_text, load_policy
    from digital_cs.cli.check import refuse
    from digital_cs.domain.sending.policy import OPEN, Policy
    from digital_cs.errors import NotFoundError

    if without:
        return "none", OPEN
    if file is None:
        loaded, source = load_policy(folder), str(folder / FILE)
        if not loaded.there:
            return "the defaults", Policy()
    else:
        try:
            text = file.read_bytes()
        except OSError as fault:
            raise NotFoundError(f"{file} cannot be read: {fault.strerror}.") from None
        loaded, source = check_policy_text(text, str(file)), str(file)
    if loaded.policy is None:
        refuse(loaded.errors, "The policy cannot be used: correct what stands above.")
    return source, loaded.policy


def _calendar(folder: Path, first: datetime, days: int) -> BusinessCalendar:
    from digital_cs.catalog.holidays import load_calendar
    from digital_cs.domain.simulation.population import PLACES

    years = range(first.year - 1, first.year + 2 + (days + 365) // 365)
    holidays = folder / "holidays.yaml"
    countries = {country for country, _ in PLACES}
    return load_calendar(years, countries, holidays if holidays.exists() else None)
