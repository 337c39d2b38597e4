"""Loads: what becomes of the rows of each kind of CSV file once they are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.account import LEAVING_STAGES
from digital_cs.ingest.files.csv_files import BATCH, Format, Remark
from digital_cs.ingest.people.intake import Intake
from digital_cs.store.people import consistency
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.consistency import Contradiction
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.people.differences import (
    ACCOUNTS,
    CONTACTS,
    SUBSCRIPTIONS,
    TICKETS,
    Difference,
    Kept,
    difference,
)
from digital_cs.store.people.subscriptions import SubscriptionRecord
from digital_cs.store.product import sources
from digital_cs.store.support.tickets import TicketRecord

T = TypeVar("T")
Rows = Sequence[tuple[int, T]]


@dataclass(frozen=True, slots=True)
class Door:
    """Where a load brings its rows, and what was said about it.

    `through`: everything up to the end of this day is here, as the operator says. `compare`: a
    field of accounts and the value that should go with what is loaded. `dry`: change nothing.
    """

    pool: AsyncConnectionPool[Any]
    intake: Intake
    clock: Clock
    source: str
    dry: bool = False
    through: date | None = None
    compare: tuple[str, str] | None = None
    ticket_text_days: int = 0

    @property
    def now(self) -> datetime:
        """The moment, in business time."""
        return self.clock.now()


@dataclass(slots=True)
class Taken:
    """What became of a batch. `notes` count what it brought about."""

    rows: int = 0
    difference: Difference = field(default_factory=Difference)
    remarks: list[Remark] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Ending:
    """What is said at the end. `through`: the moment up to which the source is complete now."""

    warnings: list[str] = field(default_factory=list)
    through: datetime | None = None


class Load(ABC, Generic[T]):
    """One kind of file: its rows checked against what is known, compared with it, and saved."""

    batch: ClassVar[int] = BATCH
    feeds: ClassVar[tuple[str, ...]] = ()
    kept: ClassVar[Kept]

    def __init__(self, door: Door, form: Format[T]) -> None:
        self.door = door
        self.form = form

    async def take(self, rows: Rows[T], again: Collection[int] = ()) -> Taken:
        """Take a batch, in transactions of its own: what was taken stays, whatever comes after.

        `again`: lines of what the file told of before. They are taken, but not counted once more:
        a dry run could not tell what the first of them will have changed.
        """
        rows, remarks = await self.known(rows)
        first = [row for row in rows if row[0] not in again]
        taken = Taken(len(first), remarks=remarks)
        if first:
            taken.difference = await self.differ(first)
        if rows:
            if not self.door.dry:
                taken.notes = dict(await self.save([record for _, record in rows]))
            self.saw(rows)
        return taken

    async def known(self, rows: Rows[T]) -> tuple[Rows[T], list[Remark]]:
        """The rows whose account is known, and a remark for each of the others."""
        wanted = {record.account_id for _, record in rows}  # type: ignore[attr-defined]
        known = await self.door.intake.known_accounts(wanted)
        good, remarks = [], []
        for line, record in rows:
            id = record.account_id  # type: ignore[attr-defined]
            if id in known:
                good.append((line, record))
            else:
                remarks.append(Remark(line, "account_id", unknown_account(id)))
        return good, remarks

    async def differ(self, rows: Rows[T]) -> Difference:
        """How the rows differ from what is kept."""
        async with self.door.pool.connection() as connection:
            return await difference(connection, self.kept, [self.plain(r) for _, r in rows])

    def plain(self, record: T) -> Mapping[str, Any]:
        """A record as JSON, with the columns that are compared."""
        found = asdict(record)  # type: ignore[call-overload]
        return {name: _plain(found[name]) for name in (*self.kept.keys, *self.kept.values)}

    @abstractmethod
    async def save(self, records: list[T]) -> Mapping[str, int]:
        """Keep records with all that follows from them; counts of what it brought about."""

    def saw(self, rows: Rows[T]) -> None:
        """Remember what the end needs to know of rows that were taken."""

    async def end(self, taken: int, left_out: int) -> Ending:
        """What is to be said when all rows are through. Changes nothing in a dry run."""
        return Ending(through=self.complete_through() if taken else None)

    def complete_through(self) -> datetime | None:
        """Everything before this moment is here now; None when nobody can say.

        A file that lists what there is, is complete as of now, unless it was said to be older.
        """
        return self.stated_through() or self.door.now

    def stated_through(self) -> datetime | None:
        """The end of the day that the operator named."""
        return day_after(self.door.through) if self.door.through else None

    async def note(
        self, received: int, refused: int, through: datetime | None, error: str | None = None
    ) -> None:
        """Say what came from this source."""
        async with self.door.pool.connection() as connection, connection.transaction():
            await sources.note(
                connection, self.door.source, kind="csv", feeds=self.feeds, at=self.door.now,
                received=received, refused=refused, complete_through=through, error=error,
            )  # fmt: skip


def contradiction(found: Contradiction, first: str, second: str) -> list[str]:
    """A sentence for each way in which accounts contradict themselves."""
    ways = (
        (found.only_first, found.first_ids, first),
        (found.only_second, found.second_ids, second),
    )
    return [
        f"{count:,} {'account has' if count == 1 else 'accounts have'} {what}"
        f" ({', '.join(ids)}{', …' if count > len(ids) else ''})."
        for count, ids, what in ways
        if count
    ]  # fmt: skip


def unknown_account(id: str) -> str:
    """The complaint about a row of an account that nobody knows."""
    return f"There is no account '{id}'. Load it first."


def day_after(day: date) -> datetime:
    """The end of a UTC day."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _plain(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case None | bool() | int() | float() | dict():
            return value
    return str(value)


class AccountLoad(Load[AccountRecord]):
    """Accounts."""

    feeds = ("accounts",)
    kept = ACCOUNTS

    async def known(self, rows: Rows[AccountRecord]) -> tuple[Rows[AccountRecord], list[Remark]]:
        return rows, []

    async def save(self, records: list[AccountRecord]) -> Mapping[str, int]:
        await self.door.intake.save_accounts(records)
        return {}


class ContactLoad(Load[ContactRecord]):
    """Contacts, each in an account."""

    feeds = ("contacts",)
    kept = CONTACTS

    async def save(self, records: list[ContactRecord]) -> Mapping[str, int]:
        await self.door.intake.save_contacts(records, self.door.source)
        return {}


class SubscriptionLoad(Load[SubscriptionRecord]):
    """Subscriptions."""

    feeds = ("subscriptions",)
    kept = SUBSCRIPTIONS

    async def save(self, records: list[SubscriptionRecord]) -> Mapping[str, int]:
        await self.door.intake.save_subscriptions(records, self.door.source)
        return {}

    async def end(self, taken: int, left_out: int) -> Ending:
        ending = await super().end(taken, left_out)
        async with self.door.pool.connection() as connection:
            found = await consistency.stage_and_subscriptions(
                connection, LEAVING_STAGES, self.door.now.date()
            )
        stages = f"{', '.join(LEAVING_STAGES[:-1])} or {LEAVING_STAGES[-1]}"
        ending.warnings += contradiction(
            found,
            f"the stage {stages}, but a subscription that runs",
            "another stage, but no subscription that still runs",
        )
        return ending


class TicketLoad(Load[TicketRecord]):
    """Tickets of a help desk. One whose account is not known waits for it."""

    feeds = ("tickets",)
    kept = TICKETS

    def __init__(self, door: Door, form: Format[TicketRecord]) -> None:
        super().__init__(door, form)
        self._last: datetime | None = None

    async def known(self, rows: Rows[TicketRecord]) -> tuple[Rows[TicketRecord], list[Remark]]:
        return rows, []

    def plain(self, record: TicketRecord) -> Mapping[str, Any]:
        names = self.kept.values
        return {"id": record.id, **{name: _plain(getattr(record, name)) for name in names}}

    async def save(self, records: list[TicketRecord]) -> Mapping[str, int]:
        saved = await self.door.intake.save_tickets(records, text_days=self.door.ticket_text_days)
        counts = {"older than what is known, and left as it is": saved.stale,
                  "whose account is not known yet": saved.unmatched}  # fmt: skip
        return {what: count for what, count in counts.items() if count}

    def saw(self, rows: Rows[TicketRecord]) -> None:
        last = max(record.updated_at for _, record in rows)
        self._last = max(last, self._last or last)

    def complete_through(self) -> datetime | None:
        stated = self.stated_through()
        last = min(self._last, self.door.now) if self._last else None
        return stated or last
