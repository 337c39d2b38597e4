"""Sums of events: what a group of new events adds to the usage of their days, and adding it."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate, chain
from typing import Any

import msgspec
from psycopg import AsyncConnection

from digital_cs.store.database import packing
from digital_cs.store.database.packing import MOST_REMEMBERED, Packed
from digital_cs.store.product.usage_settling import COLUMNS, TOGETHER, hold, may_be_settled

Connection = AsyncConnection[Any]

Key = tuple[str, str, str]
"""Account, event and UTC day (ISO)."""


class Sum(msgspec.Struct, gc=False):
    """What happened of one key: how often, by whom, worth what, and when first and last.

    Moments are those of `packing`. Nearly always there is one user: `others` is a set only where
    there are more, because sets are large.
    """

    first_at: int
    last_at: int
    n: int = 0
    value: float = 0.0
    user: str | None = None
    others: set[str] | None = None

    def seen(self, user: str | None) -> None:
        """Count a user, once."""
        if user == self.user or user is None:
            return
        if self.user is None:
            self.user = user
        elif self.others is None:
            self.others = {user}
        else:
            self.others.add(user)

    def users(self) -> set[str]:
        """All users."""
        return {*(() if self.user is None else (self.user,)), *(self.others or ())}


class Sums(dict[Key, Sum]):
    """Sums by key."""

    def count(self, key: Key, moment: int, user: str | None, value: float | None) -> None:
        """Count one event."""
        found = self.get(key)
        if found is None:
            found = self[key] = Sum(moment, moment)
        elif moment < found.first_at:
            found.first_at = moment
        elif moment > found.last_at:
            found.last_at = moment
        found.n += 1
        found.seen(user)
        if value is not None:
            found.value += value

    def merge(self, others: Mapping[Key, Sum]) -> None:
        """Count all of the others too."""
        for key, other in others.items():
            found = self.get(key)
            if found is None:
                found = self[key] = Sum(other.first_at, other.last_at)
            found.n += other.n
            found.value += other.value
            for user in other.users():
                found.seen(user)
            found.first_at = min(found.first_at, other.first_at)
            found.last_at = max(found.last_at, other.last_at)

    def last_days(self) -> dict[str, str]:
        """The last day by account."""
        last: dict[str, str] = {}
        for account, _, day in self:
            if day > last.get(account, ""):
                last[account] = day
        return last


def user_key(user_id: str) -> int:
    """A user as a signed 64-bit number: what distinct users are counted by."""
    digest = hashlib.blake2b(user_id.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class UserKeys(dict[str, int]):
    """The `user_key` of users, which remembers them: most come again and again."""

    def __missing__(self, user_id: str) -> int:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        found = self[user_id] = user_key(user_id)
        return found


user_keys = UserKeys()


# The keys of all users come as one array, of which each sum has a part.
_GIVEN = """
select account_id, event, day, n, cardinality(keys) as users, value, first_at, last_at,
       keys as user_keys
  from (select account_id, event, day, n, coalesce(value, 0) as value, first_at, last_at,
               every[first_key:last_key] as keys
          from (select %s::bigint[] as every offset 0) k,
               unnest(%s::text[], %s::text[], %s::date[], %s::bigint[], %s::float8[],
                      %s::timestamptz[], %s::timestamptz[], %s::int[], %s::int[])
            as x(account_id, event, day, n, value, first_at, last_at, first_key, last_key)) g
"""

# Always in order of the key, so that two who add to the same keys wait for each other.
_ADD = f"""
insert into usage_days_open as u ({COLUMNS}) {_GIVEN}
on conflict (account_id, event, day) do update set {TOGETHER}
"""

# Among days that are over, what is settled grows where it is.
_ADD_LATE = f"""
with given as materialized ({_GIVEN}),
     old as materialized (
       select s.account_id, s.event, s.day
         from usage_days_settled s join given g using (account_id, event, day)
        order by 1, 2, 3 for update of s),
     grown as (
       update usage_days_settled u set {TOGETHER}
         from (select * from given join old using (account_id, event, day)) excluded
        where (u.account_id, u.event, u.day) = (excluded.account_id, excluded.event, excluded.day))
insert into usage_days_open as u ({COLUMNS})
select {COLUMNS} from given g
 where not exists (select from old o
        where (o.account_id, o.event, o.day) = (g.account_id, g.event, g.day))
 order by account_id, event, day
on conflict (account_id, event, day) do update set {TOGETHER}
"""


async def add(
    connection: Connection, sums: Mapping[Key, Sum], known_as: Mapping[str, str], today: date
) -> None:
    """Add the sums to usage by day. `known_as`: contacts by the other ids that they have.

    Call it in a transaction. Raises psycopg.errors.DeadlockDetected, like all that locks several
    rows.
    """
    if not sums:
        return
    first_open = may_be_settled(today).isoformat()
    keys = sorted(sums)  # not the items: a tuple in a tuple is compared at four times the cost
    late = [key for key in keys if key[2] < first_open]
    if late:
        await hold(connection)
        await connection.execute(_ADD_LATE, _rows(sums, late, known_as))
        keys = [key for key in keys if key[2] >= first_open]
    if keys:
        await connection.execute(_ADD, _rows(sums, keys, known_as))


def _rows(
    sums: Mapping[Key, Sum], keys: Sequence[Key], known_as: Mapping[str, str]
) -> tuple[Packed | None, ...]:
    """What _GIVEN takes."""
    added = [sums[key] for key in keys]
    values = [each.value for each in added]
    users = [
        [user_keys[known_as.get(each.user, each.user)]]
        if each.others is None and each.user is not None
        else sorted({user_keys[known_as.get(user, user)] for user in each.users()})
        for each in added
    ]
    lasts = [*accumulate(map(len, users))]
    return (
        packing.bigints([*chain.from_iterable(users)]), packing.texts([key[0] for key in keys]),
        packing.texts([key[1] for key in keys]), packing.isodays([key[2] for key in keys]),
        packing.bigints([each.n for each in added]),
        packing.floats(values) if any(values) else None,
        packing.moments([each.first_at for each in added]),
        packing.moments([each.last_at for each in added]),
        packing.ints([1, *(last + 1 for last in lasts[:-1])]), packing.ints(lasts),
    )  # fmt: skip


# No raw event is needed for this: what a user did under the other id is what has its key.
_RENAME = """
update usage_days u
   set user_keys = o.keys, users = cardinality(o.keys)
  from (select d.account_id, d.event, d.day,
               array(select distinct case k when %(was)s then %(is)s else k end
                       from unnest(d.user_keys) as k order by 1) as keys
          from usage_days d
         where d.account_id = any(%(accounts)s) and d.user_keys @> array[%(was)s::bigint]
         order by 1, 2, 3 for update) o
 where (u.account_id, u.event, u.day) = (o.account_id, o.event, o.day)
returning u.account_id, u.event
"""


async def rename_user(
    connection: Connection, accounts: Iterable[str], was: str, now_known_as: str
) -> list[tuple[str, str]]:
    """Count a user under another id, who may have been counted under that one as well.

    Returns (account, event) of all days on which it changed. Call it in a transaction.
    """
    await hold(connection)
    cursor = await connection.execute(
        _RENAME,
        {
            "accounts": sorted(set(accounts)), "was": user_key(was),
            "is": user_key(now_known_as),
        },
    )  # fmt: skip
    return sorted({(row[0], row[1]) for row in await cursor.fetchall()})
