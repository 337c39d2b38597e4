"""`digital-cs check`: everything that is wrong with the content folder, by file and line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from digital_cs.cli.options import Content, Json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from digital_cs.domain.problem import Problem

EXAMPLE = "Example: digital-cs check --content ./content"
NOT_PUBLISHED = "Nothing was published: correct what stands above."
NOT_USABLE = "Correct what stands above first."


def check(
    content: Content = None,
    as_json: Json = False,
) -> None:
    """Check everything in the content folder: programs, e-mails, policy, and all that is beside.

    Each complaint has its file and line. The exit code is 1 if something is an error. Warnings are
    shown and do no more.
    """
    from digital_cs.cli import output
    from digital_cs.config import load_settings

    folder = content or load_settings().content_dir
    problems = content_problems(folder)
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        output.emit({"content": folder, "errors": errors, "problems": problems})
    else:
        show_problems(problems)
        warnings = output.count_of(len(problems) - errors, "warning")
        output.say(
            f"{folder}: {output.count_of(errors, 'error')}, {warnings}."
            if problems
            else f"{folder}: all is well."
        )
    if errors:
        raise typer.Exit(1)


def content_problems(folder: Path) -> list[Problem]:
    """Every complaint about a content folder. Raises NotFoundError if there is none."""
    from datetime import UTC, datetime

    from digital_cs.catalog.company_days import HolidaysFileError
    from digital_cs.catalog.events import load_events
    from digital_cs.catalog.holidays import load_calendar
    from digital_cs.catalog.milestones import load_milestones
    from digital_cs.catalog.newsletters import load_newsletters
    from digital_cs.catalog.policy import load_policy
    from digital_cs.catalog.programs import email_names, load_programs
    from digital_cs.catalog.segments import load_segments
    from digital_cs.catalog.team import load_team, owner_problems
    from digital_cs.catalog.topics import load_topics
    from digital_cs.catalog.triggers import load_triggers
    from digital_cs.domain.problem import Problem
    from digital_cs.domain.sending.policy import Policy
    from digital_cs.rendering.library import EmailLibrary

    programs = load_programs(folder)
    # A program with errors is not known, and may use what the others do not.
    all_known = None if programs.errors else programs.programs.values()
    policy = load_policy(folder, email_names(folder), all_known)
    topics = (policy.policy or Policy()).topics
    team = load_team(folder, datetime.now(UTC).date())
    strangers = owner_problems(folder, team.team) if team.team.people else ()
    problems = [
        *programs.problems, *EmailLibrary(folder).check(topics),
        *load_milestones(folder).problems, *load_segments(folder).problems,
        *load_triggers(folder).problems,
        *load_newsletters(folder).problems, *load_events(folder).problems,
        *policy.problems, *team.problems, *strangers, *load_topics(folder).problems,
    ]  # fmt: skip
    holidays = folder / "holidays.yaml"
    if holidays.exists():
        year = datetime.now(UTC).year
        try:
            load_calendar(range(year - 1, year + 4), (), holidays)
        except HolidaysFileError as error:
            place, _, message = str(error).partition(": ")
            line = place.rpartition(":")[2]
            number = int(line) if line.isdecimal() else 1
            shown = f"{folder.name}/{holidays.name}"
            problems.append(Problem(shown, number, 1, "holidays", message or str(error)))
    return problems


def report(problems: Collection[Problem], well: str, *, as_json: bool) -> None:
    """Say the complaints about a part of the content folder, or `well` where there are none.

    Ends the command with code 1 if one of them is an error.
    """
    from digital_cs.cli import output

    errors = sum(each.severity == "error" for each in problems)
    if as_json:
        output.emit({"errors": errors, "problems": problems})
    elif problems:
        show_problems(problems)
    else:
        output.say(well)
    if errors:
        raise typer.Exit(1)


def refuse(problems: Iterable[Problem], verdict: str = NOT_PUBLISHED) -> NoReturn:
    """Show the complaints that keep a command from being done, and end it with code 1."""
    from digital_cs.cli import output

    show_problems(problems)
    output.complain(verdict)
    raise typer.Exit(1)


def require_files(noun: str, names: Iterable[str], there: Collection[str], folder: Path) -> None:
    """Raises NotFoundError for the first of these names that no file of the folder has."""
    from digital_cs.errors import NotFoundError

    for name in names:
        if name not in there:
            raise NotFoundError(
                f"There is no {noun} '{name}' in {folder}."
                f" There are: {', '.join(sorted(there)) or 'none'}."
            )


def show_problems(problems: Iterable[Problem]) -> None:
    """Print complaints as editors and people know them: file:line:column: sentence."""
    from digital_cs.cli import output

    for problem in problems:
        mark = "" if problem.severity == "error" else "warning: "
        place = f"{problem.file}:{problem.line}:{problem.column}:"
        advice = f" {problem.suggestion}" if problem.suggestion else ""
        output.say(f"{place} {mark}{problem.message}{advice}")
