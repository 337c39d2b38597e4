"""Preferences: what people said they want, shared by all contacts of the same address."""

# ruff: noqa: S608  statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.store.people.suppressions import REASON, SUPPRESSED, address_subject, hold
from digital_cs.store.rules.changes import tell_all

Connection = AsyncConnection[Any]

# A link that is older than a merge names the former id: the one who is left is meant.
_PERSON = """
with named as (
       select c.* from contacts c
        where c.id = coalesce((select contact_id from identities where alias = %(id)s), %(id)s)),
     person as (
       select c.* from contacts c, named n
        where c.id = n.id or lower(c.email) = lower(n.email))
"""

# The strictest of what any of them said holds.
_READ = f"""
{_PERSON}
select (select id from named) as contact_id, (select email from named) as email,
       (select language from named) as language,
       (select {REASON} from named c {SUPPRESSED}) as suppressed,
       exists (select from suppression_entries e, named n
                where e.subject = 'address:' || lower(n.email) and e.reason = %(unsubscribed)s
                  and e.lifted_at is null) as unsubscribed,
       (select max(quiet_until) from person where quiet_until > %(now)s) as quiet_until,
       coalesce((select bool_or(fewer) from person), false) as fewer,
       coalesce((select jsonb_object_agg(t.topic, t.wanted) from (
          select p.topic, bool_and(p.wanted) as wanted
            from preferences p join person on person.id = p.contact_id group by 1) t),
          '{{}}') as topics
 where exists (select from named)
"""

_SET = f"""
{_PERSON}
insert into preferences as p (contact_id, topic, wanted, source, changed_at)
select person.id, g.topic, g.wanted, %(source)s, %(now)s
  from person, unnest(%(topics)s::text[], %(wanted)s::bool[]) as g(topic, wanted)
 order by 1, 2
on conflict (contact_id, topic) do update
   set wanted = excluded.wanted, source = excluded.source, changed_at = excluded.changed_at
 where p.wanted <> excluded.wanted
"""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a contact wants. `topics` has only those that somebody said something about.

    `suppressed` is the weightiest reason why they are not written to, None when they are.
    `unsubscribed` says whether they unsubscribed themselves, whatever else there is.
    `quiet_until` is None unless a pause that they asked for is still running.
    """

    contact_id: str
    email: str | None
    language: str | None
    suppressed: str | None
    unsubscribed: bool
    quiet_until: datetime | None
    fewer: bool
    topics: dict[str, bool] = field(default_factory=dict)

    @property
    def by_wish_only(self) -> bool:
        """Whether nothing but that they unsubscribed keeps e-mails from them."""
        return self.unsubscribed and self.suppressed == UNSUBSCRIBED

    def wants(self, topic: str) -> bool:
        """Whether messages of a topic are wanted: until somebody says otherwise."""
        return self.topics.get(topic, True)


async def read(connection: Connection, contact_id: str, now: datetime) -> Preferences | None:
    """What a contact wants, with what others of the same address said; None: no such contact."""
    async with connection.cursor(row_factory=class_row(Preferences)) as cursor:
        await cursor.execute(
            _READ.encode(), {"id": contact_id, "now": now, "unsubscribed": UNSUBSCRIBED}
        )
        return await cursor.fetchone()


async def language_of(connection: Connection, contact_id: str) -> tuple[bool, str | None]:
    """Whether there is such a contact, and the language that is stated for them."""
    cursor = await connection.execute(
        f"{_PERSON} select language from named".encode(),
        {"id": contact_id},
    )
    row = await cursor.fetchone()
    return (True, row[0]) if row is not None else (False, None)


async def set_topics(
    connection: Connection, contact_id: str, wanted: Mapping[str, bool], source: str, now: datetime
) -> list[str]:
    """Keep which topics are wanted; wakes the accounts. Returns those of which that is new.

    What was wanted anyhow is not written down. Call it in a transaction.
    """
    before = await _hold(connection, contact_id, now)
    new = {t: w for t, w in wanted.items() if before is not None and before.wants(t) != w}
    if new:
        await connection.execute(
            _SET.encode(),
            {
                "id": contact_id, "topics": list(new), "wanted": list(new.values()),
                "source": source, "now": now,
            },
        )  # fmt: skip
        await _tell(connection, contact_id)
    return sorted(new)


async def pause_until(
    connection: Connection, contact_id: str, until: datetime | None, now: datetime
) -> bool:
    """Keep that nothing is wanted before a moment, or that the pause is over (None).

    Returns whether that is new. Call it in a transaction.
    """
    before = await _hold(connection, contact_id, now)
    if before is None or before.quiet_until == until:
        return False
    return await _update(connection, contact_id, "quiet_until = %(value)s", until, now)


async def fewer(connection: Connection, contact_id: str, wanted: bool, now: datetime) -> bool:
    """Keep whether fewer e-mails are wanted; returns whether that is new. In a transaction."""
    before = await _hold(connection, contact_id, now)
    if before is None or before.fewer == wanted:
        return False
    return await _update(connection, contact_id, "fewer = %(value)s", wanted, now)


async def _hold(connection: Connection, contact_id: str, now: datetime) -> Preferences | None:
    """What is wanted now, while no claim of theirs is under way and none begins (P16)."""
    found = await read(connection, contact_id, now)
    if found is None or found.email is None:
        return found
    await hold(connection, [address_subject(found.email)])
    return await read(connection, contact_id, now)


async def _update(
    connection: Connection, contact_id: str, change: str, value: object, now: datetime
) -> bool:
    await connection.execute(
        f"{_PERSON} update contacts c set {change}, updated_at = %(now)s from person"
        " where c.id = person.id".encode(),
        {"id": contact_id, "value": value, "now": now},
    )
    await _tell(connection, contact_id)
    return True


async def _tell(connection: Connection, contact_id: str) -> None:
    cursor = await connection.execute(
        f"{_PERSON} select distinct m.account_id from memberships m"
        " join person on person.id = m.contact_id where m.left_at is null order by 1".encode(),
        {"id": contact_id},
    )
    await tell_all(connection, [row[0] for row in await cursor.fetchall()], ["contacts"])
