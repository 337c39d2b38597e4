"""`digital-cs load`: accounts, contacts, events and usage from CSV files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.ingest.csv_files import Format, Remark
    from digital_cs.temporal.gateway import Gateway

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    help="Load CSV files: UTF-8, with commas, semicolons or tabs. Good rows are taken, bad ones"
    " told by line and column (exit code 1). Loading a file again does no harm.",
)

File = Annotated[Path, typer.Argument(help="The CSV file.", show_default=False)]


@dataclass
class Loaded:
    """What became of a file. `left_out` rows are those with a remark that says so."""

    file: str
    rows: int = 0
    taken: int = 0
    left_out: int = 0
    remarks: list[Remark] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, what: str, count: int) -> None:
        """Count something that the load brought about."""
        self.notes[what] = self.notes.get(what, 0) + count


@app.command(epilog="Example: digital-cs load accounts accounts.csv")
def accounts(file: File, as_json: Json = False) -> None:
    """Load accounts.

    Columns: id, name; and if you have them stage, managed (true or false), zone (like
    Europe/Berlin), country (like DE). Every other column is a trait of that name: numbers, true
    and false are taken as such, dates as 2026-03-02. An empty cell leaves what is known as it is.
    """
    from digital_cs.ingest.csv_formats import ACCOUNTS

    async def save(gateway: Gateway, rows: Rows, loaded: Loaded) -> None:
        changed = await gateway.intake.save_accounts([record for _, record in rows])
        loaded.note("new or changed", sum(bool(keys) for keys in changed.values()))

    _load(file, ACCOUNTS, save, as_json)


@app.command(epilog="Example: digital-cs load contacts contacts.csv")
def contacts(file: File, as_json: Json = False) -> None:
    """Load contacts, the people of accounts.

    Columns: id, account_id, email; and if you have them first_name, full_name, roles (with
    semicolons between them: champion;admin), zone, language, active (true or false).
    """
    from digital_cs.ingest.csv_formats import CONTACTS

    async def save(gateway: Gateway, rows: Rows, loaded: Loaded) -> None:
        saved = await gateway.intake.save_contacts([record for _, record in rows])
        loaded.note("accounts with a changed contact", len(saved.changed))

    _load(file, CONTACTS, save, as_json)


@app.command(epilog="Example: digital-cs load events events.csv")
def events(file: File, as_json: Json = False) -> None:
    """Load product events; who enters a program through one, enters.

    Columns: id (so that a repeat is harmless), account_id, name, at (with a UTC offset:
    2026-03-02T09:30:00+01:00); and if you have it contact_id.
    """
    from digital_cs.ingest.csv_formats import EVENTS

    async def save(gateway: Gateway, rows: Rows, loaded: Loaded) -> None:
        done = await gateway.intake.record_events([record for _, record in rows])
        loaded.note("new", done.new)
        loaded.note("known already", done.known_already)
        loaded.note("enrollments through them", done.enrolled)

    _load(file, EVENTS, save, as_json)


@app.command(epilog="Example: digital-cs load usage usage.csv --through 2026-03-02")
def usage(
    file: File,
    through: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The feed is complete up to this day.",
            show_default="the last day in the file",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Load usage by day; a repeat of a day replaces it.

    Columns: account_id, day (2026-03-02), event, n (how often); and if you have it users (how
    many people). An account that is not in the file was not active, up to the day through which
    the feed is complete: before that day is known, silence never counts as silence.
    """
    from digital_cs.ingest.csv_formats import USAGE

    last: list[date] = []

    async def save(gateway: Gateway, rows: Rows, loaded: Loaded) -> None:
        records = [record for _, record in rows]
        last[:] = [max([*last, *(record.day for record in records)])]
        loaded.note(
            "accounts with a later day of activity", await gateway.intake.save_usage(records, None)
        )

    async def complete(gateway: Gateway, loaded: Loaded) -> None:
        day = through.date() if through else max(last, default=None)
        if day is not None:
            await gateway.intake.save_usage([], day)

    _load(file, USAGE, save, as_json, complete)


Rows = Sequence[tuple[int, Any]]
Save = Callable[["Gateway", Rows, Loaded], Awaitable[None]]


def _load(
    file: Path,
    form: Format[T],
    save: Save,
    as_json: bool,
    complete: Callable[[Gateway, Loaded], Awaitable[None]] | None = None,
) -> None:
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.ingest.csv_files import read

    loaded = Loaded(str(file))
    size = file.stat().st_size if file.is_file() else None

    async def question(gateway: Gateway) -> None:
        batches = read(file, form, gateway.clock.now())
        with output.progress(f"loading {form.noun}", size) as bar:
            for batch in batches:
                rows, unknown = await _known(gateway, batch.rows)
                remarks = sorted([*batch.remarks, *unknown], key=lambda remark: remark.line)
                left_out = sum(remark.left_out for remark in remarks)
                if rows:
                    await save(gateway, rows, loaded)
                loaded.taken += len(rows)
                loaded.left_out += left_out
                loaded.rows += len(rows) + left_out
                loaded.remarks += remarks
                bar.update(bar.task_ids[0], completed=batch.done)
        if complete is not None:
            await complete(gateway, loaded)

    ask(question)
    if as_json:
        output.emit(loaded)
    else:
        for remark in loaded.remarks:
            output.complain(f"{file}: {remark}")
        for sentence in _sentences(form.noun, loaded):
            output.say(sentence)
    if loaded.left_out:
        raise typer.Exit(1)


async def _known(gateway: Gateway, rows: Rows) -> tuple[Rows, list[Remark]]:
    """The rows whose account is known, and a remark for each of the others."""
    from digital_cs.ingest.csv_files import Remark

    ids = {record.account_id for _, record in rows if hasattr(record, "account_id")}
    if not ids:
        return rows, []
    known = await gateway.intake.known_accounts(ids)
    remarks = [
        Remark(line, "account_id", f"There is no account '{record.account_id}'. Load it first.")
        for line, record in rows
        if record.account_id not in known
    ]
    return [row for row in rows if row[1].account_id in known], remarks


def _sentences(noun: str, loaded: Loaded) -> Iterator[str]:
    from digital_cs.cli.output import count_of

    yield f"{count_of(loaded.taken, 'row')} of {noun} taken."
    for what, count in loaded.notes.items():
        yield f"  {count:,} {what}"
    if loaded.left_out:
        yield f"{count_of(loaded.left_out, 'row')} of {loaded.rows:,} left out, as said above."
