"""Changes: what is different about accounts now, told to whoever reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]

# Only keys that somebody reads are written: most of what comes in changes nothing for anybody.
# Enrollments are woken by all that their version ever listens to, not by the present step: one
# may be moving to a step that listens while the change is written.
_TELL = """
with given as (
       select g.account_id, array_agg(distinct g.key order by g.key) as keys
         from jsonb_to_recordset(%(rows)s) as g(account_id text, key text)
        where g.key in (select key from listened_keys)
        group by 1),
     told as (
       insert into account_changes (account_id, keys) select account_id, keys from given
        where exists (select from segments s where s.state = 'kept' and s.reads && given.keys))
insert into outbox (kind, enrollment_id)
select 'wake', e.id
  from given g
  join enrollments e on e.account_id = g.account_id and e.ended_at is null
  join program_versions v on v.program_id = e.program_id and v.number = e.version
 where v.listens && g.keys
"""


async def tell(connection: Connection, changed: Mapping[str, Iterable[str]]) -> int:
    """Say which keys changed for which accounts, in the transaction that changed them.

    Wakes the enrollments that listen, and has the segments that read one of the keys looked at
    again for those accounts. Returns how many enrollments are woken.
    """
    rows = [{"account_id": id, "key": key} for id, keys in changed.items() for key in set(keys)]
    if not rows:
        return 0
    return (await connection.execute(_TELL, {"rows": Jsonb(rows)})).rowcount


async def tell_all(connection: Connection, account_ids: Iterable[str], keys: Iterable[str]) -> int:
    """Say that the same keys changed for all of these accounts."""
    wanted = tuple(keys)
    return await tell(connection, dict.fromkeys(account_ids, wanted))


async def tell_readers(connection: Connection, account_ids: Iterable[str], key: str) -> None:
    """Have accounts looked at again by the kept rules that read this key, and wake nobody."""
    await connection.execute(
        "insert into account_changes (account_id, keys) select id, array[%(key)s]"
        " from unnest(%(ids)s::text[]) as id where exists (select from segments s"
        " where s.state = 'kept' and %(key)s = any(s.reads))",
        {"ids": sorted(set(account_ids)), "key": key},
    )


async def heard(connection: Connection) -> tuple[set[str], set[str]]:
    """The keys that somebody reads, and the events that may reach a milestone."""
    cursor = await connection.execute(
        "select array(select key from listened_keys), array(select d.rule->'reached_by'->>'event'"
        " from milestone_definitions d where d.retired_at is null"
        " and jsonb_typeof(d.rule->'reached_by') = 'object')"
    )
    row = await cursor.fetchone()
    assert row is not None
    return set(row[0]), set(row[1])


def of_usage(days: Mapping[tuple[str, str], date], today: date) -> dict[str, set[str]]:
    """The keys by account that changed with the usage of these (account, event) pairs.

    The date is the earliest UTC day of which the usage of the pair changed.
    """
    keys: dict[str, set[str]] = {}
    for (account, event), day in days.items():
        keys.setdefault(account, set()).update(usage_keys(event, day < today))
    return keys


def usage_keys(event: str, past: bool) -> set[str]:
    """The keys that change with the usage of an event, today's or that of a day that is over.

    They are apart because rules over whole days have nothing to do with what happens today, which
    is nearly all that ever happens.
    """
    keys = {"usage:*", f"usage:{event}", f"event:{event}"}
    return keys | {"past:*", f"past:{event}"} if past else keys
