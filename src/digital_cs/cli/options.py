"""Options that several commands share, so that they mean the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else.")]
JsonLogs = Annotated[
    bool, typer.Option("--json", help="Write logs as JSON lines, whatever LOG_FORMAT says.")
]
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
