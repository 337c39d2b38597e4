"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from digital_cs.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")]
JsonLogs = Annotated[
    bool, typer.Option("--json", help="Write logs as JSON lines, whatever LOG_FORMAT says.")
]
Content = Annotated[Path | None, typer.Option("--content", help="Another folder than CONTENT_DIR.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Most = Annotated[int, typer.Option("--most", min=1, max=100_000, help="How many lines at most.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so.", show_default="your user name")]
ProgramId = Annotated[str, typer.Argument(help="Id of the program.", show_default=False)]
EnrollmentId = Annotated[
    str,
    typer.Argument(
        help="Id of the enrollment, as `enrollment list` shows it.",
        show_default=False,
        metavar="ENROLLMENT",
    ),
]
Spread = Annotated[
    str | None,
    typer.Option("--spread", help='Send the overdue, spread over this: "3 days".', metavar="SPAN"),
]
SkipOlder = Annotated[
    str | None,
    typer.Option(
        "--skip-older-than",
        help='Skip what was due longer ago than this: "7 days".',
        metavar="SPAN",
    ),
]
AllNow = Annotated[
    bool, typer.Option("--all-now", help="Let all that is overdue and still useful go at once.")
]


def actor(by: str | None) -> str:
    """Who acts: as `By` says, else the user of this machine. Raises UsageError if it has no name.

    A container may run as a number that no list of users knows.
    """
    try:
        return by or getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("This machine has no name for you: say who you are with --by.") from error
