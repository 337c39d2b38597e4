"""What an issue hands to its broadcast, and what became of it: its readers, and the figures."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

READ = "('accepted', 'delivered', 'complained')"
"""Messages that somebody got. Whether they opened them, nobody can know (P28)."""
REACHED = "('accepted', 'delivered', 'bounced', 'complained', 'unknown')"
"""Messages that were handed over: they are not handed over again."""


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
