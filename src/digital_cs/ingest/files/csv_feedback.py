"""The loads of what content was good for: its uses on tickets, and what readers say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from digital_cs.domain.content.item_names import ItemNames
from digital_cs.ingest.files.csv_cells import CellError, Cells
from digital_cs.ingest.files.csv_columns import Fields
from digital_cs.ingest.files.csv_files import Format, Remark
from digital_cs.ingest.files.csv_formats import BETWEEN
from digital_cs.ingest.files.csv_loads import Load, Rows
from digital_cs.store.content import feedback, library
from digital_cs.store.content.feedback import UseOnTicket, Vote
from digital_cs.store.people.differences import CONTENT_USES, CONTENT_VOTES
from digital_cs.store.sending import holds

T = TypeVar("T", UseOnTicket, Vote)

SOURCE = "file"


def _use(cells: Cells) -> UseOnTicket:
    return UseOnTicket(
        cells.text("article"), cells.id("ticket"), cells.past_moment("at"), SOURCE
    )  # fmt: skip


def _vote(cells: Cells) -> Vote:
    helpful = cells.flag("helpful")
    if helpful is None:
        raise CellError("helpful", "It is empty. Write true or false.")
    return Vote(
        cells.text("article"), cells.id("reader"), helpful, cells.past_moment("at"), SOURCE
    )  # fmt: skip


USES = Format(
    Fields("content-uses", required=("article", "ticket", "at")),
    parse=_use,
    key=lambda use: BETWEEN.join((use.item, use.ticket)),
    dates=("at",),
)
VOTES = Format(
    Fields("content-votes", required=("article", "reader", "helpful", "at")),
    parse=_vote,
    key=lambda vote: BETWEEN.join((vote.item, vote.voter)),
    dates=("at",),
    all_count=True,  # the latest counts, wherever it stands
)


class _ItemLoad(Load[T]):
    """What was told of items, which a file may call by id, place or address."""

    _names: ItemNames | None = None

    async def known(self, rows: Rows[T]) -> tuple[Rows[T], list[Remark]]:
        if self._names is None:
            async with self.door.pool.connection() as connection:
                self._names = ItemNames(await library.names(connection))
        good: list[tuple[int, T]] = []
        remarks = []
        for line, record in rows:
            item = self._names.find(record.item)
            if item is not None:
                good.append((line, replace(record, item=item)))
            else:
                remarks.append(Remark(line, "article", _UNKNOWN))
        return good, remarks

    def complete_through(self) -> datetime | None:
        return None


_UNKNOWN = "No item is called so, or several are. `digital-cs content list --search` looks for it."


class UseLoad(_ItemLoad[UseOnTicket]):
    """Uses on tickets. Those of solved tickets renew their items."""

    kept = CONTENT_USES

    def plain(self, record: UseOnTicket) -> Mapping[str, Any]:
        return {"item_id": record.item, "ticket_id": record.ticket}

    async def save(self, records: list[UseOnTicket]) -> Mapping[str, int]:
        now = self.door.now
        async with self.door.pool.connection() as connection, connection.transaction():
            await feedback.keep_uses(connection, records)
            renewed = await feedback.renew(connection, now, [each.item for each in records])
            if renewed:
                await holds.wake_for_content(connection, now)
        return {"items renewed": len(renewed)} if renewed else {}


class VoteLoad(_ItemLoad[Vote]):
    """Votes of readers, of which the latest on an item counts."""

    kept = CONTENT_VOTES

    def plain(self, record: Vote) -> Mapping[str, Any]:
        return {
            "item_id": record.item, "voter": record.voter, "helpful": record.helpful,
            "at": record.at.isoformat(),
        }  # fmt: skip

    async def save(self, records: list[Vote]) -> Mapping[str, int]:
        async with self.door.pool.connection() as connection:
            await feedback.keep_votes(connection, records)
        return {}
