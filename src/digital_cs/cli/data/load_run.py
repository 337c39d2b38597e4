"""One run of `digital-cs load`: options in, a load through the gateway, a report out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import typer

from digital_cs.cli.data import load_report
from digital_cs.cli.data.load_mappings import unknown
from digital_cs.cli.data.load_options import Wanted
from digital_cs.errors import UsageError
from digital_cs.ingest.files import csv_feedback, csv_formats
from digital_cs.ingest.files.csv_feedback import UseLoad, VoteLoad
from digital_cs.ingest.files.csv_files import Reader, read
from digital_cs.ingest.files.csv_happenings import EventLoad, MilestoneLoad
from digital_cs.ingest.files.csv_loading import Loaded, load
from digital_cs.ingest.files.csv_loads import (
    AccountLoad,
    ContactLoad,
    Door,
    Load,
    SubscriptionLoad,
    TicketLoad,
)
from digital_cs.ingest.files.csv_reading import Reading, reading_of
from digital_cs.ingest.files.csv_refused import RefusedRows
from digital_cs.ingest.files.csv_usage import UsageLoad
from digital_cs.store.people import csv_mappings

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

COMPARED = ("events", "milestones")


def run(noun: str, wanted: Wanted) -> None:
    """Load a file, and say what became of it. Exits with 1 when rows were left out."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    source = wanted.source or f"csv:{noun}"
    loaded = Loaded(str(wanted.file), noun, source, wanted.dry_run)
    said = reading_of(
        wanted.map, wanted.set, wanted.value, wanted.ignore, wanted.id_from, wanted.dates,
        wanted.zone,
    )  # fmt: skip
    compare = _compared(noun, wanted.compare)

    async def question(gateway: Gateway) -> None:
        reading = await _remembered(gateway, noun, wanted.mapping, said)
        door = Door(
            gateway.pool, gateway.intake, gateway.clock, source, wanted.dry_run, wanted.through,
            compare, _ticket_text_days(),
        )  # fmt: skip
        way = _load_of(noun, door)
        reader: Reader[Any] = read(wanted.file, way.form, door.now, way.batch, reading)
        with contextlib.closing(reader):
            errors = None
            if wanted.errors is not None:
                errors = RefusedRows(wanted.errors, wanted.file, reader, dry=wanted.dry_run)
            await _remember(gateway, noun, wanted, reading)
            verb = "looking at" if wanted.dry_run else "loading"
            with output.progress(f"{verb} {noun}", wanted.file.stat().st_size) as bar:
                await load(
                    reader, way, loaded, errors,
                    lambda done: bar.update(bar.task_ids[0], completed=done),
                )  # fmt: skip

    try:
        ask(question)
    except KeyboardInterrupt:
        load_report.stopped(loaded)
        raise
    if wanted.as_json:
        output.emit(loaded)
    else:
        load_report.report(loaded, wanted)
    if loaded.left_out:
        raise typer.Exit(1)


def _load_of(noun: str, door: Door) -> Load[Any]:
    match noun:
        case "accounts":
            return AccountLoad(door, csv_formats.ACCOUNTS)
        case "contacts":
            return ContactLoad(door, csv_formats.CONTACTS)
        case "subscriptions":
            return SubscriptionLoad(door, csv_formats.SUBSCRIPTIONS)
        case "usage":
            return UsageLoad(door, csv_formats.USAGE)
        case "milestones":
            return MilestoneLoad(door, csv_formats.MILESTONES)
        case "tickets":
            return TicketLoad(door, csv_formats.tickets(door.source))
        case "content-uses":
            return UseLoad(door, csv_feedback.USES)
        case "content-votes":
            return VoteLoad(door, csv_feedback.VOTES)
        case "events":
            return EventLoad(door, csv_formats.EVENTS)
    raise ValueError(noun)


def _compared(noun: str, compare: str | None) -> tuple[str, str] | None:
    if compare is None:
        return None
    name, equals, value = (part.strip() for part in compare.partition("="))
    if noun not in COMPARED:
        raise UsageError(f"--compare is for {' and '.join(COMPARED)}, not for {noun}.")
    if not equals or not name or not value:
        raise UsageError(f"--compare {compare} is not of the form FIELD=TEXT.")
    return name, value


def _ticket_text_days() -> int:
    from digital_cs.cli.connection import find_settings

    return find_settings().settings.ticket_text_days


async def _remembered(gateway: Gateway, noun: str, name: str | None, said: Reading) -> Reading:
    """What is said now, over what was remembered under a name."""
    if name is None:
        return said
    async with gateway.pool.connection() as connection:
        known = await csv_mappings.list_mappings(connection)
    found = next((each for each in known if each.name == name), None)
    if found is None:
        raise unknown(name, known)
    if found.noun != noun:
        raise UsageError(f"The mapping '{name}' is for {found.noun}, not for {noun}.")
    return said.over(Reading.from_json(found.columns, found.options))


async def _remember(gateway: Gateway, noun: str, wanted: Wanted, reading: Reading) -> None:
    if wanted.save_mapping is None or wanted.dry_run:
        return
    async with gateway.pool.connection() as connection:
        await csv_mappings.save_mapping(
            connection, wanted.save_mapping, noun, reading.columns, reading.to_json(),
            gateway.clock.now(),
        )  # fmt: skip
