"""Messages over budget that go along with an issue: who may take them, who took them, who did not.

A merged message rides on each copy of the issue that could reach its reader: one person may be in
several accounts, and gets the issue for one of them (P2), which one is known only at the freeze.
"""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.sending.reason import Reason
from digital_cs.store.newsletters.issue_sending import REACHED
from digital_cs.store.sending import locks

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Copy:
    """The issue as one contact of one account would get it. `person` is the address, lower case."""

    person: str
    account_id: str
    contact_id: str
    variant: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits for the issue of one person, on behalf of one of their accounts."""

    key: str
    person: str
    account_id: str
    email: str


@dataclass(frozen=True, slots=True)
class Riding:
    """A copy with the messages that go along: in a text of its own, `variant`."""

    copy: Copy
    variant: str
    keys: tuple[str, ...]


async def waiting(
    connection: Connection, issue: str, useful_at: datetime
) -> tuple[list[Waiting], list[Copy]]:
    """Messages that wait for a newsletter, the oldest first, and all copies of the issue that could
    reach their readers.

    Those that are useful no more at a moment stay where they are, and those whose topic their
    reader has switched off since.
    """
    cursor = await connection.execute(
        "select m.message_key, lower(c.email), m.account_id, m.email"
        " from merges m join contacts c on c.id = m.contact_id"
        " where m.state = 'waiting' and m.useful_until > %s and c.email is not null"
        "   and not exists (select from preferences p join contacts o on o.id = p.contact_id"
        "                    where lower(o.email) = lower(c.email) and p.topic = m.topic"
        "                      and not p.wanted)"
        " order by m.at, m.email, m.message_key",
        (useful_at,),
    )
    found = [Waiting(*row) for row in await cursor.fetchall()]
    cursor = await connection.execute(
        "select lower(c.email), r.account_id, c.id, r.variant"
        " from contacts c join memberships b on b.contact_id = c.id and b.left_at is null"
        " join newsletter_readers r on r.issue_id = %s and r.account_id = b.account_id"
        " where lower(c.email) = any(%s) order by 1, 2, 3",
        (issue, sorted({each.person for each in found})),
    )
    return found, [Copy(*row) for row in await cursor.fetchall()]


async def take(
    connection: Connection, broadcast: str, riding: Iterable[Riding], now: datetime
) -> None:
    """Let waiting messages go along with these copies. Call it in a transaction."""
    copies = list(riding)
    if not copies:
        return
    await connection.execute(
        "insert into broadcast_choices (broadcast_id, account_id, contact_id, variant)"
        " select %s, * from unnest(%s::text[], %s::text[], %s::text[])",
        (broadcast, [each.copy.account_id for each in copies],
         [each.copy.contact_id for each in copies], [each.variant for each in copies]),
    )  # fmt: skip
    rides = [(key, each.copy) for each in copies for key in each.keys]
    await connection.execute(
        "insert into merge_rides (broadcast_id, message_key, account_id, contact_id)"
        " select %s, * from unnest(%s::text[], %s::text[], %s::text[])",
        (broadcast, [key for key, _ in rides], [copy.account_id for _, copy in rides],
         [copy.contact_id for _, copy in rides]),
    )  # fmt: skip
    await connection.execute(
        "update merges set state = 'taken', taken_by = %s, settled_at = %s"
        " where message_key = any(%s) and state = 'waiting'",
        (broadcast, now, sorted({key for key, _ in rides})),
    )


_STILL_TO_GO = """
select from messages m
 where m.broadcast_id = %(id)s and m.state = 'planned' and m.variant = any(%(from)s::text[])
"""
_GO_WITHOUT = """
update messages m set variant = g.instead, retry_at = null
  from unnest(%(from)s::text[], %(to)s::text[]) as g(variant, instead)
 where m.broadcast_id = %(id)s and m.state = 'planned' and m.variant = g.variant
"""


async def let_wait_on(connection: Connection, broadcast: str, instead: Mapping[str, str]) -> int:
    """Send the rest of these variants without the messages that go along: `instead` is the variant
    in the place of each. Returns how many recipients that are.

    Claims that are under way are waited for, so that of each copy it is known what stood in it.
    """
    values = {"id": broadcast, "from": list(instead), "to": list(instead.values())}
    cursor = await connection.execute(f"select exists({_STILL_TO_GO})", values)
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return 0
    async with connection.transaction():
        await locks.stop_claims(connection)
        cursor = await connection.execute(_GO_WITHOUT, values)
    return cursor.rowcount


_GIVE_BACK = f"""
update merges x set state = 'waiting', taken_by = null, settled_at = null
 where x.taken_by = %(broadcast)s and x.state = 'taken'
   and not exists (
       select from merge_rides d
         join broadcast_choices c on c.broadcast_id = d.broadcast_id
          and c.account_id = d.account_id and c.contact_id = d.contact_id
         join messages m on m.key = d.broadcast_id || '/' || d.contact_id
          and m.account_id = d.account_id and m.variant = c.variant and m.state in {REACHED}
        where d.broadcast_id = %(broadcast)s and d.message_key = x.message_key)
"""
_WENT = """
with went as (
       update messages m set reason = %(reason)s, detail = %(words)s, settled_at = %(now)s
         from merges x where x.taken_by = %(broadcast)s and x.state = 'taken'
          and m.key = x.message_key and m.state = 'skipped' and m.reason is distinct from %(reason)s
       returning m.*)
insert into decisions (at, enrollment_id, account_id, program_id, version, step, visit, contact_id,
                       verdict, reason, words, rule, policy)
select %(now)s, enrollment_id, account_id, program_id, version, step, visit, contact_id,
       'sent', %(reason)s, %(words)s, 'budget.merge', policy from went
"""


async def close(connection: Connection, broadcast: str, name: str, now: datetime) -> int:
    """Say of each merged message that it went out with a broadcast; those whose reader did not get
    it wait for the next one. Returns how many went. Repeating it is harmless."""
    await connection.execute(_GIVE_BACK, {"broadcast": broadcast})
    reason = Reason.IN_NEWSLETTER
    cursor = await connection.execute(
        _WENT,
        {"broadcast": broadcast, "now": now, "reason": reason.value,
         "words": reason.sentence(name=name)},
    )  # fmt: skip
    return cursor.rowcount
