"""What kept rules have to look at: accounts that changed, and accounts whose moment has come."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.rules.segments import OPEN

Connection = AsyncConnection[Any]

_SEED = 0x5E65
"""Keeps the locks of rules apart from other locks by name."""

LANES = 2
"""An account is always of the same one of so many lanes, and lanes are looked at side by side: the
usage of an account lies in as many places as there are days, and a backend waits for each."""

# A queue is empty most of the time. A plan that is made then, and kept, compares every row with
# every other one later, when ten thousand wait: what takes from a queue is planned each time.
_PREPARED = False

_LANE = f"mod(hashtextextended(account_id, {_SEED}) & 65535, {LANES}) = %(lane)s"


async def take_changes(connection: Connection, lane: int, most: int) -> dict[str, set[str]]:
    """The oldest changes in a lane: accounts by key. Others skip them, and a rollback puts them
    back."""
    cursor = await connection.execute(
        "with taken as (delete from account_changes where ctid = any(array("
        f" select ctid from account_changes where {_LANE} order by id limit %(most)s"
        " for update skip locked)) returning account_id, keys)"
        " select keys, array_agg(account_id) from taken group by 1",
        {"lane": lane, "most": most},
        prepare=_PREPARED,
    )
    found: dict[str, set[str]] = {}
    for keys, account_ids in await cursor.fetchall():
        for key in keys:
            found.setdefault(key, set()).update(account_ids)
    return found


async def take_due(
    connection: Connection, lane: int, now: datetime, most: int
) -> dict[str, dict[str, bool]]:
    """Accounts of a lane by rule whose moment has come, at most so many of each rule; and whether
    it was `look_later` that asked for it."""
    cursor = await connection.execute(
        f"""
        with due as (
          select s.id, f.account_id from segments s cross join lateral (
                 select account_id from segment_flips where segment_id = s.id and at <= %(now)s
                    and {_LANE} order by at limit %(most)s) f
           where s.state = 'kept' and {OPEN}),
        taken as (
          delete from segment_flips f using due
           where f.segment_id = due.id and f.account_id = due.account_id and f.at <= %(now)s
          returning f.segment_id, f.account_id, f.at = '-infinity' as asked)
        select segment_id, array_agg(account_id), array_agg(asked) from taken group by 1
        """,
        {"lane": lane, "now": now, "most": most},
        prepare=_PREPARED,
    )
    return {row[0]: dict(zip(row[1], row[2], strict=True)) for row in await cursor.fetchall()}


async def hold(connection: Connection, rule_id: str) -> None:
    """Be the only one who evaluates this rule until the transaction ends; waits for others.

    Two that evaluate one rule for an account at once could write down an older verdict over a newer
    one.
    """
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, %s))", (rule_id, _SEED)
    )


async def hold_lane(connection: Connection, rule_id: str, lane: int) -> bool:
    """The same for the accounts of a lane only; waits for nobody, and says whether it is so."""
    cursor = await connection.execute(
        "select pg_try_advisory_xact_lock_shared(hashtextextended(%(id)s, %(seed)s))"
        " and pg_try_advisory_xact_lock(hashtextextended(%(id)s, %(seed)s + 1 + %(lane)s))",
        {"id": rule_id, "seed": _SEED, "lane": lane},
    )
    return await cursor.fetchone() == (True,)


async def look_later(
    connection: Connection, rule_id: str, account_ids: Iterable[str], at: datetime | None = None
) -> None:
    """Have accounts looked at by a rule at a moment, or (None) as soon as whoever evaluates it now
    is done."""
    await connection.execute(
        "insert into segment_flips (segment_id, account_id, at)"
        " select %s, id, coalesce(%s::timestamptz, '-infinity') from accounts where id = any(%s)"
        " on conflict (segment_id, account_id) do update set at = excluded.at",
        (rule_id, at, sorted(account_ids)),
    )


async def waiting(connection: Connection) -> tuple[int, float]:
    """How many changes wait to be looked at, and the age of the oldest in real seconds."""
    cursor = await connection.execute(
        "select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)"
        " from account_changes"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), float(row[1])


async def feeds_now(connection: Connection, now: datetime, patience: float) -> dict[str, str]:
    """How far each feed is, as a text that differs when verdicts may: its last complete day, and
    whether it is complete up to `patience` seconds ago."""
    cursor = await connection.execute(
        "select feed, complete_day::text, complete_through >= %s::timestamptz"
        " - make_interval(secs => %s) from feeds",
        (now, patience),
    )
    return {
        feed: f"{day or 'unknown'}{' on time' if on_time and feed == 'tickets' else ''}"
        for feed, day, on_time in await cursor.fetchall()
    }
