"""Usage: what happened of each event, in each account, on each day."""

# ruff: noqa: S608  the statement is put together from constants

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.store.product import usage_settling

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """How often an event happened on a UTC day, how many used it, and what it was worth."""

    account_id: str
    day: date
    event: str
    n: int
    users: int = 0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class SavedUsage:
    """Which days are others now than before, and ids of accounts with a later active day."""

    changed: tuple[UsageRecord, ...] = ()
    moved: tuple[str, ...] = ()


# Who its users were is not known any more of a day that comes as a count.
_OTHERWISE = """
   set n = excluded.n, users = excluded.users, value = excluded.value, user_keys = null
"""
_DIFFERENT = "(u.n, u.users, u.value) is distinct from (excluded.n, excluded.users, excluded.value)"
_REPLACE = f"""
with given as materialized (
       select g.*
         from jsonb_to_recordset(%s) as
              g(account_id text, day date, event text, n bigint, users int, value float8)
         join accounts a on a.id = g.account_id),
     old as materialized (
       select s.account_id, s.event, s.day
         from usage_days_settled s join given g using (account_id, event, day)
        order by 1, 2, 3 for update of s),
     settled as (
       update usage_days_settled u {_OTHERWISE}
         from (select * from given join old using (account_id, event, day)) excluded
        where (u.account_id, u.event, u.day) = (excluded.account_id, excluded.event, excluded.day)
          and {_DIFFERENT}
       returning u.account_id, u.event, u.day),
     open as (
       insert into usage_days_open as u (account_id, day, event, n, users, value)
       select g.account_id, g.day, g.event, g.n, g.users, g.value from given g
        where not exists (select from old o
               where (o.account_id, o.event, o.day) = (g.account_id, g.event, g.day))
       on conflict (account_id, event, day) do update {_OTHERWISE} where {_DIFFERENT}
       returning account_id, event, day)
select * from settled union all select * from open
"""


_ON_COUNTED_DAYS = """
select count(*)
  from jsonb_to_recordset(%s) as g(id text, account_id text, event text, day date)
  join usage_days u using (account_id, event, day)
 where u.user_keys is null and u.n > 0
   and not exists (select from product_events p where p.day = g.day and p.id = g.id)
"""


async def save_usage(
    connection: Connection, records: Sequence[UsageRecord], now: datetime
) -> SavedUsage:
    """Keep usage by day, a repeat replaces; what says nothing new is not written again.

    Call it in a transaction.
    """
    rows = [
        {"account_id": r.account_id, "day": r.day.isoformat(), "event": r.event, "n": r.n,
         "users": r.users, "value": r.value}
        for r in records
    ]  # fmt: skip
    await usage_settling.hold(connection)
    cursor = await connection.execute(_REPLACE, (Jsonb(rows),))
    keys = set(await cursor.fetchall())
    changed = tuple(r for r in records if (r.account_id, r.event, r.day) in keys)
    last: dict[str, date] = {}
    for record in changed:
        if record.n > 0:
            last[record.account_id] = max(record.day, last.get(record.account_id, record.day))
    return SavedUsage(changed, tuple(await move_last_active(connection, last, now)))


async def new_on_counted_days(connection: Connection, events: Sequence[Mapping[str, str]]) -> int:
    """How many of these events (id, account_id, event, day) are not kept yet, and of a day that
    came as a count: that may have them in it."""
    cursor = await connection.execute(_ON_COUNTED_DAYS, (Jsonb(list(events)),))
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def move_last_active(
    connection: Connection, last: dict[str, date], now: datetime
) -> list[str]:
    """Say on which day accounts were last seen, never going back; returns those that moved."""
    cursor = await connection.execute(
        "update accounts a set last_active_on = g.day, updated_at = %s"
        " from unnest(%s::text[], %s::date[]) as g(id, day)"
        " where a.id = g.id and (a.last_active_on is null or a.last_active_on < g.day)"
        " returning a.id",
        (now, list(last), list(last.values())),
    )
    return [row[0] for row in await cursor.fetchall()]
