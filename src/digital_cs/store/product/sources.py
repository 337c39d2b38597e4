"""Sources: how far each feed is complete, what it brought, and what went wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.domain.source import RATE_WINDOW, Source

Connection = AsyncConnection[Any]

USAGE_THROUGH = "(select complete_day from feeds where feed = 'usage')"
"""SQL: the last UTC day of which all usage is here, over all sources that give any (a date).

Null while one of them has not said how far it is, and where there is none.
"""

TICKETS_THROUGH = "(select complete_through from feeds where feed = 'tickets')"
"""SQL: the moment up to which all tickets are here, over all sources; null as with usage."""

_NOTE = """
with old as (select complete_through from sources where name = %(name)s),
saved as (
  insert into sources as s (name, kind, feeds, complete_through, last_received_at, received,
    refused, rate_per_minute, expected_every, last_error, last_error_at)
  values (%(name)s, %(kind)s, %(feeds)s, %(through)s,
    case when %(received)s > 0 then %(at)s::timestamptz end, %(received)s, %(refused)s,
    %(received)s * 60 / %(window)s::float8, extract(epoch from %(expected)s::interval),
    %(error)s, case when %(error)s::text is not null then %(at)s::timestamptz end)
  on conflict (name) do update set
    kind = excluded.kind,
    feeds = array(select distinct f from unnest(s.feeds || excluded.feeds) f order by 1),
    complete_through = greatest(s.complete_through, excluded.complete_through),
    last_received_at = greatest(s.last_received_at, excluded.last_received_at),
    received = s.received + excluded.received,
    refused = s.refused + excluded.refused,
    rate_per_minute = case when excluded.received = 0 then s.rate_per_minute else
      s.rate_per_minute * exp(greatest(-700, least(0,
        extract(epoch from s.last_received_at - excluded.last_received_at) / %(window)s::float8)))
      + excluded.rate_per_minute end,
    expected_every = coalesce(excluded.expected_every, s.expected_every),
    last_error = coalesce(excluded.last_error, s.last_error),
    last_error_at = coalesce(excluded.last_error_at, s.last_error_at),
    retired_at = case when excluded.received = 0 then s.retired_at end
  returning complete_through)
select date_trunc('day', saved.complete_through, 'UTC')
       is distinct from date_trunc('day', old.complete_through, 'UTC')
  from saved left join old on true
"""


async def note(
    connection: Connection, name: str, *, kind: str, feeds: Iterable[str], at: datetime,
    received: int = 0, refused: int = 0, complete_through: datetime | None = None,
    error: str | None = None, expected_every: timedelta | None = None,
) -> bool:  # fmt: skip
    """Keep what a source brought: counts are added, and how far it is complete never goes back.

    `complete_through` is exclusive: everything before it is here (a file that ends on 27 February
    is complete through 28 February 00:00 UTC). Returns whether a further whole day is complete
    now, so that whoever listens to `feed:NAME` of its feeds should be told. What was retired
    counts again as soon as it receives something. No address or name of a person in `error`.

    The row stays locked until the transaction ends: in a busy one, note last.
    """
    cursor = await connection.execute(
        _NOTE,
        {
            "name": name, "kind": kind, "feeds": sorted(set(feeds)), "through": complete_through,
            "received": received, "refused": refused, "at": at, "error": error,
            "expected": expected_every, "window": RATE_WINDOW.total_seconds(),
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    return bool(row[0])


async def usage_through(connection: Connection) -> date | None:
    """The last UTC day of which all usage is here; None where nobody can say."""
    row = await (await connection.execute(f"select {USAGE_THROUGH}")).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


async def tickets_through(connection: Connection) -> datetime | None:
    """The moment up to which all tickets are here; None where nobody can say."""
    row = await (await connection.execute(f"select {TICKETS_THROUGH}")).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


_SELECT = (
    "select name, kind, feeds, complete_through, last_received_at, received, refused,"
    " rate_per_minute, make_interval(secs => expected_every) as expected_every, last_error,"
    " last_error_at, cursor, retired_at from sources"
)


async def list_sources(connection: Connection, *, retired: bool = True) -> list[Source]:
    """All sources in order of name, or only those that are not retired."""
    async with connection.cursor(row_factory=class_row(Source)) as cursor:
        await cursor.execute(
            f"{_SELECT} where %s or retired_at is null order by name",
            (retired,),
        )
        return await cursor.fetchall()


async def get(connection: Connection, name: str) -> Source | None:
    """One source by its name."""
    async with connection.cursor(row_factory=class_row(Source)) as cursor:
        await cursor.execute(f"{_SELECT} where name = %s", (name,))
        return await cursor.fetchone()


async def retire(connection: Connection, name: str, now: datetime) -> bool:
    """Wait for this source no longer; False if there is none, or it is retired already."""
    cursor = await connection.execute(
        "update sources set retired_at = %s where name = %s and retired_at is null", (now, name)
    )
    return cursor.rowcount == 1


async def expect(connection: Connection, name: str, every: timedelta) -> bool:
    """Set how old the data of a source may become before it is late; False if there is none."""
    cursor = await connection.execute(
        "update sources set expected_every = extract(epoch from %s::interval) where name = %s",
        (every, name),
    )
    return cursor.rowcount == 1


async def cursor(connection: Connection, name: str) -> str | None:
    """The place at which the next pull goes on, as the source itself writes it."""
    found = await connection.execute("select cursor from sources where name = %s", (name,))
    row = await found.fetchone()
    return row[0] if row else None


async def set_cursor(connection: Connection, name: str, cursor: str) -> None:
    """Keep the place for the next pull, of a source that was noted before."""
    await connection.execute("update sources set cursor = %s where name = %s", (cursor, name))
