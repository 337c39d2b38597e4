"""Lists of suppressions: how a file of them is read and taken, and the rows of one that is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from digital_cs.channels.mail import MailError, wire_address
from digital_cs.domain.sending.suppression import Kind, Why, end_of, subject_of, until_in_words
from digital_cs.ingest.files.csv_cells import CellError, Cells
from digital_cs.ingest.files.csv_columns import Fields
from digital_cs.ingest.files.csv_files import Format, Remark
from digital_cs.ingest.files.csv_loads import Door, Load, Rows
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import suppression_lists, suppressions
from digital_cs.store.people.differences import Difference
from digital_cs.store.people.suppression_lists import EntryView
from digital_cs.store.people.suppressions import MOST_AT_ONCE, Entry

COLUMNS = ("address", "domain", "account", "reason", "note", "until")
MOST_NOTE = 500


def suppressions_format(reason: Why, now: datetime) -> Format[Entry]:
    """Files of suppressions, and plain lists of addresses. `reason` is that of rows without one."""
    return Format(
        Fields(
            "suppressions", required=(), one_of=(("address", "domain", "account"),),
            optional=("reason", "note", "until"),
        ),
        parse=lambda cells: _entry(cells, reason, now),
        key=lambda entry: f"{entry.reason}:{entry.subject}",
        dates=("until",),
        bare=lambda first: ("address",) if first and "@" in first[0] else (),
    )  # fmt: skip


def read_reason(text: str) -> Why | None:
    """A reason as people and other systems write it: hard bounce, HARD_BOUNCE, hard-bounce."""
    plain = text.casefold().replace("_", " ").replace("-", " ")
    return next((why for why in Why if why.value == plain), None)


def domain(text: str) -> str:
    """A domain, also written with an @ before it. Raises MailError for what is none."""
    found = text.strip().removeprefix("@").lower()
    wire_address(f"x@{found}")
    return found


def row_of(entry: EntryView) -> list[str]:
    """An entry in force as a row of COLUMNS, which importing takes back."""
    named = [entry.name if entry.kind == kind else "" for kind in COLUMNS[:3]]
    until = ""
    if entry.expires_at is not None:
        until = until_in_words(entry.expires_at)
    return [*named, entry.reason, entry.note, until]


class SuppressionLoad(Load[Entry]):
    """Suppressions."""

    batch = MOST_AT_ONCE

    def __init__(self, door: Door, reason: Why) -> None:
        super().__init__(door, suppressions_format(reason, door.now))

    async def known(self, rows: Rows[Entry]) -> tuple[Rows[Entry], list[Remark]]:
        return rows, []  # nobody has to be known to be left in peace

    async def differ(self, rows: Rows[Entry]) -> Difference:
        async with self.door.pool.connection() as connection:
            return await suppression_lists.difference(connection, [entry for _, entry in rows])

    async def save(self, records: list[Entry]) -> Mapping[str, int]:
        await self._add(records)
        return {}

    @again_after_deadlock
    async def _add(self, entries: Sequence[Entry]) -> None:
        async with self.door.pool.connection() as connection, connection.transaction():
            await suppressions.add_entries(connection, entries, self.door.source, self.door.now)

    def complete_through(self) -> datetime | None:
        return self.stated_through()  # a list of some is not all that there is


def _entry(cells: Cells, reason: Why, now: datetime) -> Entry:
    named = [kind for kind in Kind if cells.text(kind.value)]
    if len(named) != 1:
        message = "Name an address, a domain or an account"
        column = named[1].value if named else "address"
        raise CellError(column, f"{message}, and only one." if named else f"{message}.")
    (kind,) = named
    note = cells.long_text("note") or ""
    if len(note) > MOST_NOTE:
        raise CellError("note", f"A note has at most {MOST_NOTE} characters.")
    words = ", ".join(Why)
    why = cells.word_of("reason", read_reason, f"one of: {words}") or reason
    return Entry(subject_of(kind, _name(cells, kind)), why.value, note, _until(cells, now))


def _name(cells: Cells, kind: Kind) -> str:
    match kind:
        case Kind.ADDRESS:
            return cells.address(kind.value)
        case Kind.ACCOUNT:
            return cells.id(kind.value)
        case Kind.DOMAIN:
            try:
                return domain(cells.text(kind.value))
            except MailError as error:
                raise CellError(kind.value, "It is no domain such as example.com.") from error


def _until(cells: Cells, now: datetime) -> datetime | None:
    if ":" in cells.text("until"):
        end = cells.maybe_moment("until")
    else:
        day = cells.maybe_day("until")
        end = end_of(day) if day is not None else None
    if end is not None and end <= now:
        raise CellError("until", f"It was over with {until_in_words(end)}.")
    return end
