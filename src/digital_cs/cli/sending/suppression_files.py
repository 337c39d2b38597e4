"""`digital-cs suppression import` and `export`: whole lists, from and for other systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from digital_cs.cli.data import load_options as options
from digital_cs.cli.options import Json
from digital_cs.domain.sending.suppression import Why

if TYPE_CHECKING:
    from digital_cs.ingest.files.csv_files import Reader
    from digital_cs.temporal.gateway import Gateway

IMPORT = "Example: digital-cs suppression import unsubscribed.csv --reason unsubscribed --dry-run"
EXPORT = "Example: digital-cs suppression export suppressions.csv"


def import_(
    file: Annotated[
        Path, typer.Argument(help="The file; it may be packed with gzip.", show_default=False)
    ],
    reason: Annotated[Why, typer.Option(help="Of rows that say none.")] = Why.MANUAL,
    map: options.Map = None,
    value: options.Value = None,
    ignore: options.Ignore = None,
    dates: options.Dates = None,
    dry_run: options.DryRun = False,
    errors: options.Errors = None,
    source: options.SourceName = None,
    as_json: Json = False,
) -> None:
    """Import a list: a CSV file with a first line, or a plain list of addresses, one a line.

    Columns: one of address, domain and account; and if you have them reason (manual, unsubscribed,
    complaint, hard bounce, soft bounces), note, and until (the last day on which it is in force;
    empty: for good). Good rows are taken, bad ones told by line and column (exit code 1). Importing
    a list again changes nothing.
    """
    import contextlib

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.cli.data import load_report
    from digital_cs.ingest.files.csv_files import read
    from digital_cs.ingest.files.csv_loading import Loaded, load
    from digital_cs.ingest.files.csv_loads import Door
    from digital_cs.ingest.files.csv_reading import reading_of
    from digital_cs.ingest.files.csv_refused import RefusedRows
    from digital_cs.ingest.files.csv_suppressions import SuppressionLoad

    wanted = options.Wanted(file, dry_run=dry_run, errors=errors, as_json=as_json)
    loaded = Loaded(str(file), "suppressions", source or "csv:suppressions", dry_run)
    reading = reading_of(map or (), (), value or (), ignore or (), None, dates, None)

    async def question(gateway: Gateway) -> None:
        door = Door(gateway.pool, gateway.intake, gateway.clock, loaded.source, dry_run)
        way = SuppressionLoad(door, reason)
        reader: Reader[Any] = read(file, way.form, door.now, way.batch, reading)
        with contextlib.closing(reader):
            refused = RefusedRows(errors, file, reader, dry=dry_run) if errors else None
            verb = "looking at" if dry_run else "importing"
            with output.progress(f"{verb} suppressions", file.stat().st_size) as bar:
                await load(
                    reader, way, loaded, refused,
                    lambda done: bar.update(bar.task_ids[0], completed=done),
                )  # fmt: skip

    try:
        ask(question)
    except KeyboardInterrupt:
        load_report.stopped(loaded)
        raise
    if as_json:
        output.emit(loaded)
    else:
        load_report.report(loaded, wanted)
    if loaded.left_out:
        raise typer.Exit(1)


def export(
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to write it.", show_default="standard output"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Export all that is in force, as a CSV file that `suppression import` takes back."""
    import contextlib
    import csv
    import os
    import sys

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.ingest.files.csv_suppressions import COLUMNS, row_of
    from digital_cs.store.people.suppression_lists import EntryView, in_force

    part = file.with_name(file.name + ".part") if file else None

    async def rows(gateway: Gateway, out: TextIO) -> int:
        count, writer = 0, csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        async with gateway.pool.connection() as connection:
            with output.progress("exporting suppressions", None) as bar:
                async for entry in in_force(connection):
                    writer.writerow(row_of(entry))
                    count += 1
                    bar.advance(bar.task_ids[0])
        return count

    async def everything(gateway: Gateway) -> list[EntryView]:
        async with gateway.pool.connection() as connection:
            return [entry async for entry in in_force(connection)]

    if part is None and as_json:
        output.emit(ask(everything))
        return
    with contextlib.ExitStack() as stack:
        out = sys.stdout
        if part is not None:
            out = stack.enter_context(_opened(part))
        count = ask(lambda gateway: rows(gateway, out))
    if part is None or file is None:
        return
    os.replace(part, file)
    if as_json:
        output.emit({"file": file, "entries": count})
    else:
        output.say(f"{output.count_of(count, 'entry', 'entries')} written to {file}.")


def _opened(path: Path) -> TextIO:
    from digital_cs.errors import UsageError

    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
