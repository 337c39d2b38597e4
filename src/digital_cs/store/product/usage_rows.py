"""Usage rows that a source knows by an id: each counts once in its day, however often it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.store.product.usage import UsageRecord

Connection = AsyncConnection[Any]


class UsageRow(NamedTuple):
    """A part of a usage day, and the id by which its source knows it."""

    id: str
    part: UsageRecord


@dataclass(frozen=True, slots=True)
class Folded:
    """What rows came to. `days` are the usage days that they are parts of, with what each is now.

    Save those as the whole of their days; `new`, `updated` and `same` count the rows.
    """

    days: tuple[UsageRecord, ...] = ()
    new: int = 0
    updated: int = 0
    same: int = 0


_KEEP = """
with given as (
  select * from jsonb_to_recordset(%(rows)s) as g(row_id text, account_id text, event text,
         day date, n bigint, users int, value float8)),
old as (
  select r.* from usage_rows r join given g on r.row_id = g.row_id
   where r.source = %(source)s order by r.row_id for update of r),
saved as (
  insert into usage_rows as r (source, row_id, account_id, event, day, n, users, value)
  select %(source)s, g.row_id, g.account_id, g.event, g.day, g.n, g.users, g.value
    from given g left join old o on o.row_id = g.row_id
   order by g.row_id
  on conflict (source, row_id) do update set account_id = excluded.account_id,
         event = excluded.event, day = excluded.day, n = excluded.n, users = excluded.users,
         value = excluded.value
   where (r.account_id, r.event, r.day, r.n, r.users, r.value) is distinct from
         (excluded.account_id, excluded.event, excluded.day, excluded.n, excluded.users,
          excluded.value)
  returning row_id)
select (select count(*) from saved where row_id not in (select row_id from old)),
       (select count(*) from saved where row_id in (select row_id from old)),
       (select count(*) from given) - (select count(*) from saved),
       (select coalesce(jsonb_agg(to_jsonb(o) - 'row_id'), '[]') from old o)
"""

# People of several rows may be the same ones: at least as many as the largest row has.
_DAYS = """
select k.account_id, k.day, k.event, coalesce(sum(r.n), 0)::bigint, coalesce(max(r.users), 0),
       coalesce(sum(r.value), 0)
  from (select distinct account_id, event, day from jsonb_to_recordset(%(keys)s)
               as k(account_id text, event text, day date)) k
  left join usage_rows r using (account_id, event, day)
 group by 1, 2, 3
"""


async def fold(connection: Connection, source: str, rows: Sequence[UsageRow]) -> Folded:
    """Keep rows, a repeat replaces; returns the days that they are, or were before, parts of.

    A repeat returns its days as well: whoever was interrupted before saving them does it then.
    """
    given = [
        {
            "row_id": row.id, "account_id": row.part.account_id, "event": row.part.event,
            "day": row.part.day.isoformat(), "n": row.part.n, "users": row.part.users,
            "value": row.part.value,
        }
        for row in {row.id: row for row in rows}.values()
    ]  # fmt: skip
    cursor = await connection.execute(_KEEP, {"rows": Jsonb(given), "source": source})
    counts = await cursor.fetchone()
    assert counts is not None
    new, updated, same, before = counts
    cursor = await connection.execute(_DAYS, {"keys": Jsonb([*given, *before])})
    days = tuple(UsageRecord(*row) for row in await cursor.fetchall())
    return Folded(days, new, updated, same)
