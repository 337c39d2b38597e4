"""The options of `digital-cs load`, the same for every kind of file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

_FILE, _COLUMNS, _RUN = "What", "How the file is read", "How it is loaded"

File = Annotated[Path, typer.Argument(help="The CSV file; it may be packed with gzip.",
                                      show_default=False)]  # fmt: skip
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="FIELD=COLUMN", rich_help_panel=_COLUMNS, show_default=False,
        help="Which column feeds a field, where they are not named alike. Several columns are"
        " joined: --map user_id=account+user.",
    ),
]  # fmt: skip
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=TEXT", rich_help_panel=_COLUMNS, show_default=False,
        help="The same text for every row: --set product=core.",
    ),
]  # fmt: skip
Value = Annotated[
    list[str] | None,
    typer.Option(
        "--value", metavar="FIELD:TEXT=OTHER", rich_help_panel=_COLUMNS, show_default=False,
        help="Read another text instead of this one: --value country:UK=GB.",
    ),
]  # fmt: skip
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore", metavar="COLUMN", rich_help_panel=_COLUMNS, show_default=False,
        help="A column that nobody wants; '*' for all that nothing else names.",
    ),
]  # fmt: skip
IdFrom = Annotated[
    str | None,
    typer.Option(
        "--id-from", metavar="COLUMNS", rich_help_panel=_COLUMNS, show_default=False,
        help="Make the id of these columns, with commas between them.",
    ),
]  # fmt: skip
Dates = Annotated[
    str | None,
    typer.Option(
        "--dates", metavar="FORM", rich_help_panel=_COLUMNS, show_default="YYYY-MM-DD",
        help="How dates are written: DD-MM-YYYY, MM/DD/YYYY, DD.MM.YYYY. A time may follow them."
        " Never guessed.",
    ),
]  # fmt: skip
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone", metavar="ZONE", rich_help_panel=_COLUMNS, show_default=False,
        help="Whose time it is where no UTC offset stands: UTC, Europe/Berlin.",
    ),
]  # fmt: skip
MappingName = Annotated[
    str | None,
    typer.Option(
        "--mapping", metavar="NAME", rich_help_panel=_COLUMNS, show_default=False,
        help="Read the file as --save-mapping remembered; what else is said here wins.",
    ),
]  # fmt: skip
SaveMapping = Annotated[
    str | None,
    typer.Option(
        "--save-mapping", metavar="NAME", rich_help_panel=_COLUMNS, show_default=False,
        help="Remember how this file is read, once its columns have proved to fit.",
    ),
]  # fmt: skip
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", rich_help_panel=_RUN,
        help="Change nothing; show how rows are understood, counts, and all complaints.",
    ),
]  # fmt: skip
Errors = Annotated[
    Path | None,
    typer.Option(
        "--errors", metavar="FILE", rich_help_panel=_RUN, show_default=False,
        help="Write the rows that are refused here, each with its problem. Correct it and load it"
        " with the same options.",
    ),
]  # fmt: skip
SourceName = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="NAME", rich_help_panel=_RUN, show_default="csv: and the kind of file",
        help="Under which name `digital-cs sources` shows where this comes from.",
    ),
]  # fmt: skip
Through = Annotated[
    datetime | None,
    typer.Option(
        "--through", formats=["%Y-%m-%d"], metavar="DAY", rich_help_panel=_RUN,
        show_default="what the file itself says", help="Everything up to this day is here.",
    ),
]  # fmt: skip
Compare = Annotated[
    str | None,
    typer.Option(
        "--compare", metavar="FIELD=TEXT", rich_help_panel=_RUN, show_default=False,
        help="At the end, count the accounts whose stage or trait says otherwise than these"
        " events or milestones: --compare churn_flag=true.",
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one call of a load asks for, as it was typed."""

    file: Path
    map: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    id_from: str | None = None
    dates: str | None = None
    zone: str | None = None
    mapping: str | None = None
    save_mapping: str | None = None
    dry_run: bool = False
    errors: Path | None = None
    source: str | None = None
    through: date | None = None
    compare: str | None = None
    as_json: bool = False
