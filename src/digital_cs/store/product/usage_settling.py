"""Settling: days of usage that are over move to where they are read from in order of account."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

Key = tuple[str, str, date]
"""Account, event and UTC day."""

BEGINNING: Key = ("", "", date.min)

OPEN_DAYS = timedelta(days=2)
"""So many days before today stay open: what comes in of these is not looked for among what is
settled, and that is nearly all."""

MARGIN = timedelta(hours=2)
"""The keeper's today begins so much later: for the clocks of servers, and for who is about to
commit what came before midnight."""

_LOCK = 0x75736765

COLUMNS = "account_id, event, day, n, users, value, first_at, last_at, user_keys"

# What is added to a row. Where a source gave a mere count of users, nobody can say who they were:
# it stays. In an update, what is added is called `excluded` as well.
TOGETHER = """
       n = u.n + excluded.n, value = u.value + excluded.value,
       first_at = least(u.first_at, excluded.first_at),
       last_at = greatest(u.last_at, excluded.last_at),
       user_keys = case when u.user_keys is null or u.user_keys @> excluded.user_keys
                        then u.user_keys
                        else array(select distinct k from unnest(u.user_keys || excluded.user_keys)
                                     as k order by k) end,
       users = case when u.user_keys is null or u.user_keys @> excluded.user_keys
                    then u.users
                    else (select count(distinct k) from unnest(u.user_keys || excluded.user_keys)
                            as k) end
"""

# A key that is in both places is one of a clock that ran hours ahead: it is put together here.
_SETTLE = f"""
with old as materialized (
       select account_id, event, day from usage_days_open
        where (account_id, event, day) > (%(account)s::text, %(event)s::text, %(day)s::date)
          and day < %(before)s
        order by account_id, event, day limit %(most)s for update skip locked),
     gone as (
       delete from usage_days_open u using old
        where (u.account_id, u.event, u.day) = (old.account_id, old.event, old.day)
       returning u.*),
     kept as (
       insert into usage_days_settled as u ({COLUMNS})
       select {COLUMNS} from gone order by account_id, event, day
       on conflict (account_id, event, day) do update set {TOGETHER})
select account_id, event, day from old order by account_id, event, day
"""


def may_be_settled(today: date) -> date:
    """What is of days before this one may have been settled."""
    return today - OPEN_DAYS


async def hold(connection: Connection) -> None:
    """Have nothing settled until the transaction ends: for who writes to days that may be.

    Without it a row could move while a statement looks for it, which would find it nowhere.
    """
    await connection.execute("select pg_advisory_xact_lock_shared(%s)", (_LOCK,))


def settling_today(now: datetime) -> date:
    """The day from which a keeper counts."""
    return (now - MARGIN).astimezone(UTC).date()


async def settle(
    connection: Connection, today: date, after: Key, most: int
) -> tuple[int, Key | None] | None:
    """Settle some of the days that are over for OPEN_DAYS, in order of key, from `after` on.

    Returns how many moved, and the key to go on after or None when there are no more. None: others
    write to such days just now, nothing was done. Call it in a transaction of its own.
    """
    cursor = await connection.execute("select pg_try_advisory_xact_lock(%s)", (_LOCK,))
    if await cursor.fetchone() != (True,):
        return None
    account, event, day = after
    cursor = await connection.execute(
        _SETTLE,
        {
            "account": account, "event": event, "day": day, "most": most,
            "before": today - OPEN_DAYS,
        },
    )  # fmt: skip
    moved = await cursor.fetchall()
    return len(moved), moved[-1] if len(moved) == most else None
