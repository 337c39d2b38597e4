"""`digital-cs demo`: ninety days of programs for a sample company, in ninety seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    accounts: Annotated[
        int, typer.Option(min=20, max=5000, help="How many accounts the sample company has.")
    ] = 240,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 1,
    seconds: Annotated[
        float | None,
        typer.Option(
            envvar="DEMO_SECONDS", min=10, max=86_400,
            help="Real seconds that the 90 days take; the demo then ends by itself."
            " Without it they take 90, and everything stays up until Ctrl-C.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON at the end.")
    ] = False,
) -> None:  # fmt: skip
    """Watch 90 days of programs run for a sample company, on servers of their own.

    Everything is kept in STATE_DIR/demo, which each start empties: the mail, the database, the
    logs. The programs are those in CONTENT_DIR.
    """
    from digital_cs.config import load_settings
    from digital_cs.demo.face import Face
    from digital_cs.demo.run import Options, run

    settings = load_settings()
    options = Options(
        state_dir=Path(settings.state_dir) / "demo", content_dir=settings.content_dir,
        accounts=accounts, seed=seed, seconds=seconds,
    )  # fmt: skip
    raise typer.Exit(run(options, Face(as_json=as_json)))
