"""Milestones that accounts reached: from their usage as it changes, from history, or as given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

PATIENCE = 30.0
"""Real seconds for which `catch_up_again` waits for transactions that began before it."""

# Two heads and one tail. `days` are the days with usage of what is asked about.
_OF_CHANGES: LiteralString = """
with changed as (
  select * from unnest(%(accounts)s::text[], %(events)s::text[], %(days)s::date[])
           as c(account_id, event, day)),
wanted as materialized (
  select c.account_id, c.event, d.name, (d.rule->'reached_by'->>'times')::bigint as times,
         (d.rule->'reached_by'->>'users')::bigint as people
    from milestone_definitions d
    join changed c on c.event = d.rule->'reached_by'->>'event'
    left join milestones m on m.account_id = c.account_id and m.name = d.name
   where d.retired_at is null
     and (m.reached_at is null or c.day <= (m.reached_at at time zone 'UTC')::date)),
days as not materialized (
  select u.*, w.name, w.times, w.people
    from wanted w join usage_days u on u.account_id = w.account_id and u.event = w.event
   where u.n > 0),
"""

_OF_HISTORY: LiteralString = """
with wanted as materialized (
  select d.rule->'reached_by'->>'event' as event, d.name,
         (d.rule->'reached_by'->>'times')::bigint as times,
         (d.rule->'reached_by'->>'users')::bigint as people
    from milestone_definitions d
   where d.name = any(%(names)s) and d.retired_at is null),
days as not materialized (
  select u.*, w.name, w.times, w.people
    from wanted w join usage_days u on u.event = w.event
   where u.n > 0),
"""

# Of a day only its first and its last moment are known, and of one that came as a count not even
# those: then the day counts from its beginning. Where the first event is enough, no total over the
# days is made, and that is most of them. What is read once is materialized all the same: planned
# for few rows, it would be made again for each row of the other side.
_REACHED: LiteralString = """
by_first as (
  select account_id, name, min(coalesce(first_at, day::timestamp at time zone 'UTC')) as at
    from days where times = 1 and people is null
   group by account_id, name),
by_times as materialized (
  select distinct on (account_id, name) account_id, name, people,
         coalesce(case when times = total - n + 1 then first_at else last_at end,
                  day::timestamp at time zone 'UTC') as at
    from (select *, sum(n) over (partition by account_id, name order by day) as total
            from days where times > 1 or people is not null) d
   where total >= times
   order by account_id, name, day),
person as (
  select account_id, name, people, min(day) as day,
         (array_agg(case when people = 1 then first_at else last_at end order by day))[1] as at
    from days cross join unnest(user_keys) as k(user_key) where people is not null
   group by account_id, name, people, user_key),
enough as (
  select account_id, name, day, at
    from (select *, row_number() over (partition by account_id, name order by day, at) as nth
            from person) p
   where nth = people
  union all
  select account_id, name, day, case when people = 1 then first_at else last_at end
    from days where users >= people),
by_people as materialized (
  select distinct on (account_id, name) account_id, name,
         coalesce(at, day::timestamp at time zone 'UTC') as at
    from enough order by account_id, name, day, at),
found as (
  select account_id, name, at from by_first
  union all
  select t.account_id, t.name, greatest(t.at, p.at)
    from by_times t left join by_people p on p.account_id = t.account_id and p.name = t.name
   where t.people is null or p.at is not null),
reached as (
  insert into milestones as m (account_id, name, reached_at)
  select f.account_id, f.name, f.at from found f join accounts a on a.id = f.account_id
   order by 1, 2
  on conflict (account_id, name) do update set reached_at = excluded.reached_at
   where excluded.reached_at < m.reached_at
  returning account_id, name)
"""

_TELL: LiteralString = """,
woken as (
  insert into outbox (kind, enrollment_id)
  select distinct 'wake', e.id
    from reached r
    join enrollments e on e.account_id = r.account_id and e.ended_at is null
    join program_versions v on v.program_id = e.program_id and v.number = e.version
   where 'milestone:' || r.name = any(v.listens)),
told as (
  insert into account_changes (account_id, keys)
  select account_id, array_agg('milestone:' || name order by name) from reached
   where exists (select from segments s
                  where s.state = 'kept' and 'milestone:' || reached.name = any(s.reads))
   group by account_id)
select count(*) from reached
"""

_GIVE = """
with reached as (
  insert into milestones as m (account_id, name, reached_at)
  select g.account_id, g.name, g.at
    from unnest(%s::text[], %s::text[], %s::timestamptz[]) as g(account_id, name, at)
    join accounts a on a.id = g.account_id
   order by 1, 2
  on conflict (account_id, name) do update set reached_at = excluded.reached_at
   where excluded.reached_at < m.reached_at
  returning account_id, name)
select account_id, name from reached order by 1, 2
"""

_LIST: LiteralString = "select account_id, name from reached order by 1, 2"


async def reach(
    connection: Connection, changed: Mapping[tuple[str, str], date]
) -> list[tuple[str, str]]:
    """Reach what the usage of these (account, event) pairs reaches; after the rollup.

    The date is the earliest UTC day of which the usage of the pair changed. Returns (account,
    milestone) of each that is reached now, or was reached earlier than was thought. A date only
    ever moves back: never later, and nothing that was reached is taken away.
    """
    if not changed:
        return []
    pairs = list(changed)
    cursor = await connection.execute(
        _OF_CHANGES + _REACHED + _LIST,
        {
            "accounts": [account for account, _ in pairs], "events": [event for _, event in pairs],
            "days": list(changed.values()),
        },
    )  # fmt: skip
    return [(account, name) for account, name in await cursor.fetchall()]


async def give(
    connection: Connection, rows: Iterable[tuple[str, str, datetime]]
) -> list[tuple[str, str]]:
    """Keep (account, milestone, reached at) as somebody states it, of accounts that are known.

    Returns (account, milestone) of what is new or earlier than was known.
    """
    earliest: dict[tuple[str, str], datetime] = {}
    for account, name, at in rows:
        earliest[account, name] = min(at, earliest.get((account, name), at))
    cursor = await connection.execute(
        _GIVE,
        (
            [account for account, _ in earliest], [name for _, name in earliest],
            list(earliest.values()),
        ),
    )  # fmt: skip
    return [(account, name) for account, name in await cursor.fetchall()]


async def catch_up(connection: Connection, names: Iterable[str]) -> int:
    """Reach what all usage that is kept reaches, and tell whoever listens; returns how many."""
    cursor = await connection.execute(_OF_HISTORY + _REACHED + _TELL, {"names": sorted(set(names))})
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def catch_up_again(connection: Connection, names: Iterable[str]) -> int:
    """Catch up once more, after what the milestones are is committed; returns how many.

    What came in during the first time was judged by what they were before. Not within a
    transaction: it waits until all of those are over that may have been in the middle of it.
    """
    wanted = sorted(set(names))
    if not wanted:
        return 0
    row = await (await connection.execute("select pg_current_xact_id()::text")).fetchone()
    assert row is not None
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = await connection.execute(
            "select pg_snapshot_xmin(pg_current_snapshot()) > %s::text::xid8", (row[0],)
        )
        if await found.fetchone() == (True,):
            break
        await asyncio.sleep(0.05)
    return await catch_up(connection, wanted)
