"""A warehouse's copy of Zendesk: its tables as CSV files in a folder, however it exported them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.support.ticket import OVER, read_status
from digital_cs.errors import UsageError
from digital_cs.ingest.support.zendesk_shapes import (
    SOURCE,
    Directory,
    ShapeError,
    read_id,
    read_moment,
    read_ticket,
)
from digital_cs.ingest.support.zendesk_zones import zone_of
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import contact_zones
from digital_cs.store.product import sources
from digital_cs.store.programs import enrollments
from digital_cs.store.support.tickets import SavedTickets, TicketRecord, save_tickets

BATCH = 1000
MOST_PROBLEMS = 20

TICKETS = "ticket"
BESIDE = ("ticket_tag", "ticket_field_history", "user", "organization", "domain_name")
NEEDED = ("id", "status", "created_at", "updated_at")
_DELETED = "_fivetran_deleted"

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought. `absent`: tables that were not there, and are done without."""

    tickets: int = 0
    new: int = 0
    updated: int = 0
    stale: int = 0
    same: int = 0
    unmatched: int = 0
    refused: int = 0
    zones: int = 0
    absent: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    complete_through: datetime | None = None


class Warehouse:
    """The tables in a folder. What stands beside the tickets is held in memory: some hundred
    bytes a ticket and a user; the tickets themselves are read as they are kept."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError when there are no tickets in this folder."""
        self._folder = folder
        tickets = _find(folder, TICKETS)
        if tickets is None:
            raise UsageError(
                f"{folder} has no table of tickets: a file ticket_data.csv, ticket.csv or"
                " tickets.csv. Name the folder that the warehouse's tables were exported to."
            )
        self._tickets = tickets
        self._files = {name: _find(folder, name) for name in BESIDE}
        self.absent = tuple(name for name, path in self._files.items() if path is None)

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a table beside the tickets that the warehouse does not call deleted."""
        path = self._files[name]
        for _, row in _read(path, ()) if path else ():
            if row.get(_DELETED, "").casefold() != "true":
                yield row

    def tickets(self) -> Iterator[TicketRecord | str]:
        """Every ticket, or a sentence about the line that is none."""
        beside, tags = self._beside(), self._tags()
        for line, row in _read(self._tickets, NEEDED):
            raw: dict[str, Any] = {**row, "tags": tags.get(row["id"])}
            if row.get(_DELETED, "").casefold() == "true":
                raw["status"] = "deleted"
            try:
                yield read_ticket(raw, beside)
            except ShapeError as error:
                yield f"{self._tickets.name}, line {line}: {error}"

    def zones(self) -> dict[str, str]:
        """The time zone of users by their address, in the world's names."""
        found = {}
        for row in self.rows("user"):
            zone, address = zone_of(row.get("time_zone", "")), row.get("email", "").casefold()
            if zone and "@" in address:
                found[address] = zone
        return found

    def _beside(self) -> Directory:
        beside, domains = Directory(), dict[str, list[str]]()
        beside.add_users(self.rows("user"))
        for row in self.rows("domain_name"):
            domains.setdefault(row.get("organization_id", ""), []).append(
                row.get("domain_name", "")
            )
        ids = dict.fromkeys(domains)
        for row in self.rows("organization"):
            id = row.get("id", "")
            ids.pop(id, None)
            beside.add_organizations([{**row, "domain_names": domains.get(id, [])}])
        # Their tables are not always of the same age: domains alone say whose they are, too.
        beside.add_organizations({"id": id, "domain_names": domains[id]} for id in ids)
        beside.solved.update(self._solved())
        return beside

    def _tags(self) -> dict[str, list[str]]:
        tags: dict[str, list[str]] = {}
        for row in self.rows("ticket_tag"):
            tags.setdefault(row.get("ticket_id", ""), []).append(row.get("tag", ""))
        return tags

    def _solved(self) -> dict[str, datetime]:
        """When tickets were solved the last time, by their history of states."""
        history: dict[str, set[tuple[datetime, bool]]] = {}
        for row in self.rows("ticket_field_history"):
            id = read_id(row.get("ticket_id"))
            if id and row.get("field_name") == "status":
                status = read_status(row.get("value", ""))
                try:
                    moment = read_moment(row, "updated")
                except ShapeError:
                    continue
                history.setdefault(id, set()).add((moment, status in OVER))
        solved = {}
        for id, states in history.items():
            was_over = False
            for moment, over in sorted(states):
                if over and not was_over:
                    solved[id] = moment
                was_over = over
        return solved


def _find(folder: Path, name: str) -> Path | None:
    """The file of a table: as it is called, or a copy of it made for one kind of warehouse."""
    files = sorted(path for path in folder.glob("*.csv") if path.is_file())
    by_stem = {path.stem.casefold(): path for path in files}
    for stem in (f"{name}_data", name, f"{name}s"):
        if stem in by_stem:
            return by_stem[stem]
    return next((p for stem, p in by_stem.items() if stem.startswith(f"{name}_data_")), None)


def _read(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    """Line and row, by column in small letters. Raises UsageError."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = csv.reader(file)
        try:
            # Some warehouses keep the quotes of a name that is a word of SQL: "default", "TAG".
            head = [name.strip().strip('"').strip().casefold() for name in next(lines, [])]
            missing = [name for name in needed if name not in head]
            if missing:
                raise UsageError(f"{path} has no column {', '.join(missing)}.")
            for cells in lines:
                if cells:
                    row = dict.fromkeys(head, "")
                    row.update(zip(head, map(str.strip, cells), strict=False))
                    yield lines.line_num, row
        except csv.Error as error:
            raise UsageError(f"{path}, line {lines.line_num}: {error}.") from error


async def import_warehouse(
    pool: AsyncConnectionPool[Any], clock: Clock, folder: Path, *, text_days: int,
    through: datetime | None = None, zones: bool = False,
    on_batch: Callable[[int], None] = lambda tickets: None,
) -> Imported:  # fmt: skip
    """Keep the tickets of a folder, a batch at a time; to do it again does no harm.

    `through`: the moment up to which the copy is complete; else that of its newest update.
    `zones`: give contacts without a time zone that of the user with their address. `on_batch` is
    told how many tickets each batch had. Raises UsageError.
    """
    warehouse = Warehouse(folder)
    importing = _Import(pool, clock, text_days)
    batch: list[TicketRecord] = []
    for each in warehouse.tickets():
        if isinstance(each, str):
            importing.refuse(each)
            continue
        batch.append(each)
        if len(batch) == BATCH:
            on_batch(len(batch))
            await importing.keep(batch)
            batch = []
    on_batch(len(batch))
    await importing.keep(batch)
    newest = through or importing.newest
    await importing.finish(newest)
    given = 0
    if zones:
        async with pool.connection() as connection, connection.transaction():
            given = await contact_zones.give_zones(connection, warehouse.zones(), clock.now())
    total = importing.total
    return Imported(
        total.new + total.updated + total.stale + total.same, total.new, total.updated,
        total.stale, total.same, total.unmatched, importing.refused, given,
        warehouse.absent, tuple(importing.problems), newest,
    )  # fmt: skip


class _Import:
    """What one import has kept so far."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock, text_days: int) -> None:
        self._pool = pool
        self._clock = clock
        self._text_days = text_days
        self.total = SavedTickets()
        self.newest: datetime | None = None
        self.refused = 0
        self.problems: list[str] = []

    def refuse(self, problem: str) -> None:
        self.refused += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    async def keep(self, batch: list[TicketRecord]) -> None:
        saved = await self._keep(batch)
        total = self.total
        self.total = SavedTickets(
            (), total.new + saved.new, total.updated + saved.updated, total.stale + saved.stale,
            total.same + saved.same, total.unmatched + saved.unmatched,
        )  # fmt: skip
        self.newest = max(
            (moment for moment in (self.newest, *(r.updated_at for r in batch)) if moment),
            default=None,
        )

    @again_after_deadlock
    async def _keep(self, batch: list[TicketRecord]) -> SavedTickets:
        async with self._pool.connection() as connection, connection.transaction():
            now = self._clock.now()
            saved = await save_tickets(connection, batch, now, text_days=self._text_days)
            await self._note(connection, received=len(batch))
            return saved

    async def finish(self, through: datetime | None) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await self._note(connection, refused=self.refused, complete_through=through)

    async def _note(self, connection: AsyncConnection[Any], **what: Any) -> None:
        further = await sources.note(
            connection, SOURCE, kind="warehouse", feeds=["tickets"], at=self._clock.now(), **what
        )
        if further:
            await enrollments.wake_by_feed(connection, "tickets")
