"""Suppressions to look at: lists in pages, the history of one subject, all of them to export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.store.people.differences import Difference
from digital_cs.store.people.suppressions import Entry

Connection = AsyncConnection[Any]

PAGE = 2000
"""Entries that are read at once for an export."""


@dataclass(frozen=True, slots=True)
class EntryView:
    """One reason not to write to a subject, with what became of it.

    `kind` is address, domain or account. In force while `lifted_at` is None.
    """

    id: int
    kind: str
    name: str
    reason: str
    note: str
    source: str
    created_at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None


_SEEN = """
select e.id, split_part(e.subject, ':', 1) as kind,
       substr(e.subject, strpos(e.subject, ':') + 1) as name, e.reason, e.note, e.source,
       e.created_at, e.expires_at, e.lifted_at, e.lifted_by
  from suppression_entries e
"""


async def listing(
    connection: Connection, *, search: str = "", kind: str | None = None,
    reason: str | None = None, lifted: bool = False, before: int | None = None, most: int = 100,
) -> list[EntryView]:  # fmt: skip
    """Entries, the newest first; only those in force unless `lifted` says so.

    `search` is a part of the address, domain or account, in any case. `before` is the id of the
    last entry of the page before.
    """
    async with connection.cursor(row_factory=class_row(EntryView)) as cursor:
        await cursor.execute(
            _SEEN + " where (%(lifted)s or e.lifted_at is null)"
            " and (%(kind)s::text is null or split_part(e.subject, ':', 1) = %(kind)s)"
            " and (%(reason)s::text is null or e.reason = %(reason)s)"
            " and strpos(lower(substr(e.subject, strpos(e.subject, ':') + 1)), %(search)s) > 0"
            " and (%(before)s::bigint is null or e.id < %(before)s)"
            " order by e.id desc limit %(most)s",
            {
                "search": search.strip().lower(), "kind": kind, "reason": reason,
                "lifted": lifted, "before": before, "most": most,
            },
        )  # fmt: skip
        return await cursor.fetchall()


async def history(connection: Connection, subjects: Sequence[str]) -> list[EntryView]:
    """Every entry that these subjects ever had, the oldest first."""
    async with connection.cursor(row_factory=class_row(EntryView)) as cursor:
        await cursor.execute(
            _SEEN + " where e.subject = any(%s) order by e.created_at, e.id", (list(subjects),)
        )
        return await cursor.fetchall()


async def in_force(connection: Connection) -> AsyncIterator[EntryView]:
    """All entries in force, the oldest first, read a page at a time."""
    last = 0
    while True:
        async with connection.cursor(row_factory=class_row(EntryView)) as cursor:
            await cursor.execute(
                _SEEN + " where e.lifted_at is null and e.id > %s order by e.id limit %s",
                (last, PAGE),
            )
            page = await cursor.fetchall()
        for entry in page:
            yield entry
        if len(page) < PAGE:
            return
        last = page[-1].id


async def difference(connection: Connection, entries: Sequence[Entry]) -> Difference:
    """How many of these entries would be new, would last longer, or are in force as they are."""
    cursor = await connection.execute(
        "select count(*) filter (where e.id is null), count(*) filter (where e.expires_at is not"
        " null and (g.expires_at is null or g.expires_at > e.expires_at)), count(*)"
        " from unnest(%s::text[], %s::text[], %s::timestamptz[]) as g(subject, reason, expires_at)"
        " left join suppression_entries e on e.subject = g.subject and e.reason = g.reason"
        " and e.lifted_at is null",
        (
            [entry.subject for entry in entries], [entry.reason for entry in entries],
            [entry.expires_at for entry in entries],
        ),
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    new, longer, all_of_them = row
    return Difference(new, longer, all_of_them - new - longer)
