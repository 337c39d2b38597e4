"""`digital-cs content check`: a linter for a folder of documents, fit for its own CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.content.content_options import Dates, DefaultOwner, Map, Preset
from digital_cs.cli.options import Json

EXAMPLE = "Example: digital-cs content check ./docs --preset microsoft --as-of 2026-04-22"


if TYPE_CHECKING:
    from collections.abc import Iterator

    from digital_cs.domain.problem import Problem


def check(
    folder: Annotated[Path, typer.Argument(help="The folder.", show_default=False)],
    preset: Preset = None,
    maps: Map = None,
    dates: Dates = None,
    default_owner: DefaultOwner = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", show_default=False,
                     help="Warn of what is overdue on this day, too."),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Check what documents say of owner and review. It needs no server and changes nothing.

    Each complaint has its file, line, column and rule. The exit code is 1 if something is an
    error: that is what an import would refuse.
    """
    from dataclasses import replace

    from digital_cs.catalog.content_lint import lint
    from digital_cs.catalog.content_sources import kind_of
    from digital_cs.cli import output
    from digital_cs.cli.content import content_words
    from digital_cs.cli.content.content_options import source_of
    from digital_cs.config import load_settings
    from digital_cs.domain.content.content_source import SourceKind

    source = source_of(
        "check", SourceKind.FOLDER, str(folder), None, preset=preset, maps=maps, dates=dates,
        default_owner=default_owner,
    )  # fmt: skip
    source = replace(source, kind=kind_of(folder))
    today = content_words.day(as_of, load_settings().clock().now().date())
    found = lint(source, today, overdue=as_of is not None)
    if source.kind is SourceKind.CONTENT:
        problems = sorted([*found.problems, *_of_stale_rules(folder)])
        found = replace(found, problems=tuple(problems))
    errors = sum(problem.severity == "error" for problem in found.problems)
    if as_json:
        output.emit(
            {"folder": folder, "items": found.items, "errors": errors, "problems": found.problems}
        )
    else:
        for problem in found.problems:
            advice = f" {problem.suggestion}" if problem.suggestion else ""
            output.say(
                f"{problem.file}:{problem.line}:{problem.column}: {problem.severity}:"
                f" {problem.message}{advice} [{problem.rule}]"
            )
        warnings = output.count_of(len(found.problems) - errors, "warning")
        items = output.count_of(found.items, "item")
        output.say(
            f"{folder}: {items}, {output.count_of(errors, 'error')}, {warnings}."
            if found.problems
            else f"{folder}: {items}, all is well."
        )
    if errors:
        raise typer.Exit(1)


def _of_stale_rules(folder: Path) -> Iterator[Problem]:
    """What e-mails and blocks say wrongly of being stale."""
    from dataclasses import replace

    from digital_cs.rendering.library import EmailLibrary
    from digital_cs.rendering.stale_rules import COMPLAINTS

    for problem in EmailLibrary(folder).check():
        if problem.rule in COMPLAINTS:
            yield replace(problem, file=str(folder / problem.file.partition("/")[2]))
