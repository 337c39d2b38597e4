"""What commands print: sentences and tables for people, JSON for machines, errors on stderr."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress

PIPED_WIDTH = 200
"""Columns of a table that goes into a file or a pipe, where nobody sees an edge."""


def emit(value: Any) -> None:
    """Write a value as JSON on standard output."""
    sys.stdout.write(json.dumps(_plain(value), ensure_ascii=False, indent=2) + "\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):  # a model of pydantic, which not every command has to load
        return value.model_dump(mode="json", by_alias=True)
    match value:
        case Enum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case Path():
            return str(value)
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case set() | frozenset():
            return sorted(_plain(each) for each in value)
    return value


def console(*, stderr: bool = False) -> Console:
    """Where to print for people; as wide as the terminal, or wide where there is none."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    known = stream.isatty() or os.environ.get("COLUMNS")
    return Console(
        stderr=stderr, width=None if known else PIPED_WIDTH, highlight=False, emoji=False
    )


def say(text: str) -> None:
    """Print a sentence, or lines that are laid out already."""
    sys.stdout.write(text + "\n")


def show(what: RenderableType) -> None:
    """Print something of rich: a table, a panel."""
    console().print(what)


def complain(text: str) -> None:
    """Tell a person what went wrong, or what to mind."""
    sys.stderr.write(text.rstrip() + "\n")
    sys.stderr.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; None is an empty cell.

    A column called `>name` is set to the right, one called `~name` may be broken into lines. The
    others stay in one piece: they are what people copy, or compare from line to line.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        shown.add_column(
            name.lstrip(">~"), justify="right" if name.startswith(">") else "left",
            overflow="fold", no_wrap=not name.startswith("~"),
        )  # fmt: skip
    for row in rows:
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    show(shown)


def when(moment: datetime | None, zone: str = "UTC") -> str:
    """A moment as people in that zone write it: "Tue 3 Mar 2026 09:00 CET"."""
    from digital_cs.domain.timing.zone import load_zone

    return f"{moment.astimezone(load_zone(zone)):%a %-d %b %Y %H:%M %Z}" if moment else ""


def stamp(moment: datetime | None, zone: str = "UTC") -> str:
    """A moment in a column whose head names the zone: "2026-03-03 09:00"."""
    from digital_cs.domain.timing.zone import load_zone

    return f"{moment.astimezone(load_zone(zone)):%Y-%m-%d %H:%M}" if moment else ""


def distance(moment: datetime, now: datetime) -> str:
    """How far a moment is from now, in words: "in 3 days", "2 hours ago"."""
    seconds = abs((moment - now).total_seconds())
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        count = round(seconds / size)
        if seconds >= size * 0.9:
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"in {words}" if moment > now else f"{words} ago"
    return "now"


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """ "1 account", "1,200 accounts"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def interactive() -> bool:
    """Whether somebody sits there who could answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Progress]:
    """A progress bar on standard error, shown only where somebody looks at it.

    It has one task, with id 0.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console(stderr=True), disable=not sys.stderr.isatty(), transient=True,
    )  # fmt: skip
    with bar:
        bar.add_task(description, total=total)
        yield bar
