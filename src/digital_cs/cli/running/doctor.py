"""`digital-cs doctor`: every real part looked at, each with what to do about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.cli.running.checkup import Finding

EXAMPLE = "Example: digital-cs doctor --json"


def doctor(as_json: Json = False) -> None:
    """Look at settings, database, Temporal, mail server, content, clock and state folder.

    Each line says OK, WARN or FAIL, and what to do. The exit code is 1 if something fails.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import Found, find_settings
    from digital_cs.cli.running.checkup import Level, examine
    from digital_cs.errors import SettingsError

    try:
        found: Found | SettingsError = find_settings()
    except SettingsError as error:
        found = error
    findings = asyncio.run(examine(found))
    if as_json:
        output.emit(findings)
    else:
        _print(findings)
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(1)


def _print(findings: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from digital_cs.cli import output

    colors = {"OK": "green", "WARN": "yellow", "FAIL": "red"}
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        words = Text(finding.words)
        if finding.advice:
            words.append(f"\n→ {finding.advice}", style="bold")
        table.add_row(Text(finding.level, style=colors[finding.level]), finding.part, words)
    output.show(table)
