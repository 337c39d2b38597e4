"""What an issue hands to its broadcast, and what became of it: readers, merged mail, figures."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.reason import Reason

Connection = AsyncConnection[Any]

READ = "('accepted', 'delivered', 'complained')"
"""Messages that somebody got. Whether they opened them, nobody can know (P28)."""
REACHED = "('accepted', 'delivered', 'bounced', 'complained', 'unknown')"
"""Messages that were handed over: they are not handed over again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages that wait for one reader's issue: their e-mails in order, and the ledger's keys."""

    account_id: str
    contact_id: str
    variant: str
    emails: tuple[str, ...]
    keys: tuple[str, ...]


async def choose_variants(connection: Connection, issue: str, broadcast: str) -> int:
    """Tell a broadcast which account gets which variant; returns how many get another than ''."""
    await connection.execute("delete from broadcast_choices where broadcast_id = %s", (broadcast,))
    cursor = await connection.execute(
        "insert into broadcast_choices (broadcast_id, account_id, contact_id, variant)"
        " select %s, account_id, '', variant from newsletter_readers"
        " where issue_id = %s and variant <> ''",
        (broadcast, issue),
    )
    return cursor.rowcount


async def waiting(connection: Connection, issue: str, useful_at: datetime) -> list[Waiting]:
    """Messages over budget that wait for a newsletter, of the readers of an issue.

    Those that are useful no more at a moment stay where they are, and those whose topic their
    reader has switched off since.
    """
    cursor = await connection.execute(
        "select m.account_id, m.contact_id, r.variant, array_agg(m.email order by m.at, m.email),"
        " array_agg(m.message_key order by m.at, m.email)"
        " from merges m join newsletter_readers r"
        "   on r.issue_id = %s and r.account_id = m.account_id"
        " where m.state = 'waiting' and m.useful_until > %s"
        "   and not exists (select from preferences p where p.contact_id = m.contact_id"
        "                      and p.topic = m.topic and not p.wanted)"
        " group by m.account_id, m.contact_id, r.variant order by 1, 2",
        (issue, useful_at),
    )
    return [
        Waiting(account, contact, variant, tuple(dict.fromkeys(emails)), tuple(keys))
        for account, contact, variant, emails, keys in await cursor.fetchall()
    ]


async def take(
    connection: Connection, broadcast: str, chosen: Mapping[str, Sequence[Waiting]], now: datetime
) -> None:
    """Let waiting messages go out with a broadcast: `chosen` by the variant that has them."""
    rows = [(each, variant) for variant, found in chosen.items() for each in found]
    if not rows:
        return
    await connection.execute(
        "insert into broadcast_choices (broadcast_id, account_id, contact_id, variant)"
        " select %s, * from unnest(%s::text[], %s::text[], %s::text[])",
        (broadcast, [each.account_id for each, _ in rows], [each.contact_id for each, _ in rows],
         [variant for _, variant in rows]),
    )  # fmt: skip
    await connection.execute(
        "update merges set state = 'taken', taken_by = %s, settled_at = %s"
        " where message_key = any(%s) and state = 'waiting'",
        (broadcast, now, [key for each, _ in rows for key in each.keys]),
    )


_GIVE_BACK = f"""
update merges x set state = 'waiting', taken_by = null, settled_at = null
 where x.taken_by = %(broadcast)s and x.state = 'taken'
   and not exists (
       select from messages m
         join broadcast_choices c on c.broadcast_id = %(broadcast)s
          and c.account_id = x.account_id and c.contact_id = x.contact_id
        where m.key = %(broadcast)s || '/' || x.contact_id and m.account_id = x.account_id
          and m.variant = c.variant and m.state in {REACHED})
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


async def close_merges(connection: Connection, broadcast: str, name: str, now: datetime) -> int:
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


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an issue. `states` are those of the ledger; `readers` got it; `clicks` are
    people by address of what they followed, scanners left out; `left` those who unsubscribed after
    it, or switched its topic off.
    """

    states: Mapping[str, int]
    variants: Mapping[str, int]
    readers: int
    clickers: int
    clicks: Mapping[str, int]
    left: int


async def report(connection: Connection, broadcast: str) -> Report:
    """The figures of a broadcast, counted now."""
    states = await _counts(
        connection, "select state, count(*) from messages where broadcast_id = %s group by 1",
        broadcast,
    )  # fmt: skip
    variants = await _counts(
        connection,
        f"select variant, count(*) from messages where broadcast_id = %s and state in {READ}"
        " group by 1",
        broadcast,
    )
    clicks = await _counts(
        connection,
        "select k.url, count(distinct m.contact_id) from messages m join clicks k"
        " on k.message_key = m.key and k.human where m.broadcast_id = %s group by 1",
        broadcast,
    )
    cursor = await connection.execute(
        "select count(distinct m.contact_id) filter (where exists (select from clicks k"
        "   where k.message_key = m.key and k.human)),"
        " count(distinct m.contact_id) filter (where exists (select from preferences p"
        "   where p.contact_id = m.contact_id and not p.wanted and p.topic = m.topic"
        "     and p.changed_at >= m.claimed_at)"
        "   or exists (select from suppression_entries e join contacts c on c.id = m.contact_id"
        "   where e.subject = 'address:' || lower(c.email) and e.reason = 'unsubscribed'"
        "     and e.created_at >= m.claimed_at))"
        f" from messages m where m.broadcast_id = %s and m.state in {READ}",
        (broadcast,),
    )
    row = await cursor.fetchone()
    assert row is not None
    return Report(states, variants, sum(variants.values()), row[0], clicks, row[1])


async def _counts(connection: Connection, statement: str, broadcast: str) -> dict[str, int]:
    cursor = await connection.execute(statement, (broadcast,))
    return dict(sorted(await cursor.fetchall(), key=lambda each: (-each[1], each[0])))
