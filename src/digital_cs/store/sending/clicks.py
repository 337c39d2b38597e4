"""Clicks on the links of messages, those of people and of scanners apart; and openings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import kwargs_row

from digital_cs.domain.sending.click import Click, Why, judge

Connection = AsyncConnection[Any]

MOST = 200
"""Clicks, and openings, that are kept of one message: who has a link can follow it without end."""


@dataclass(frozen=True, slots=True)
class ClickView:
    """A click as it was recorded; `nth` is 0 for the link that people do not see."""

    nth: int
    url: str
    at: datetime
    agent: str
    method: str
    human: bool
    why: Why


@dataclass(frozen=True, slots=True)
class Counts:
    """All clicks on one message, and those of people among them."""

    raw: int = 0
    human: int = 0


async def record(
    connection: Connection, message_id: str, click: Click, url: str, links: int
) -> Why | None:
    """Keep a click and judge all clicks of its message anew. Call it in a transaction.

    `links` is how many the message has, `url` where this one led. Returns who made it; None when
    there is no such message, or so much was kept of it already.
    """
    cursor = await connection.execute(
        # One at a time for each message: a label rests on all of its clicks.
        "select key, claimed_at, pg_advisory_xact_lock(hashtextextended('clicks:' || key, 0))"
        " from messages where lower(message_id) = %s",
        (message_id.lower(),),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    key, handed_over, _ = row
    cursor = await connection.execute(
        "select id, nth, at, agent, method, why from clicks where message_key = %s order by id",
        (key,),
    )
    before = await cursor.fetchall()
    if len(before) >= MOST:
        return None
    known = [Click(nth, at, agent, method) for _, nth, at, agent, method, _ in before]
    *others, why = judge([*known, click], links, handed_over)
    await connection.execute(
        "insert into clicks (message_key, nth, url, at, agent, method, human, why)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (key, click.nth, url, click.at, click.agent, click.method, why.human, why),
    )
    changed = {row[0]: label for row, label in zip(before, others, strict=True) if row[5] != label}
    if changed:
        await connection.execute(
            "update clicks c set why = n.why, human = n.human"
            " from unnest(%s::bigint[], %s::text[], %s::bool[]) n (id, why, human)"
            " where c.id = n.id",
            (list(changed), list(changed.values()), [each.human for each in changed.values()]),
        )
    return why


async def record_opening(connection: Connection, message_id: str, agent: str, at: datetime) -> bool:
    """Keep that a message's picture was loaded; False when there is no such message, or enough."""
    cursor = await connection.execute(
        "insert into openings (message_key, at, agent)"
        " select m.key, %(at)s, %(agent)s from messages m where lower(m.message_id) = %(id)s"
        " and (select count(*) from openings o where o.message_key = m.key) < %(most)s"
        " returning id",
        {"at": at, "agent": agent, "id": message_id.lower(), "most": MOST},
    )
    return await cursor.fetchone() is not None


async def message_key_of(connection: Connection, named: str) -> str | None:
    """The key of the message that somebody names by its key or by its Message-ID."""
    message_id = f"<{named.strip().strip('<>').lower()}>"
    cursor = await connection.execute(
        "select key from messages where key = %s or lower(message_id) = %s",
        (named.strip(), message_id),
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else None


async def of_message(connection: Connection, key: str) -> list[ClickView]:
    """Every click on a message, the first first."""
    async with connection.cursor(row_factory=kwargs_row(_view)) as cursor:
        await cursor.execute(
            "select nth, url, at, agent, method, human, why from clicks"
            " where message_key = %s order by at, id",
            (key,),
        )
        return await cursor.fetchall()


def _view(**row: Any) -> ClickView:
    return ClickView(**{**row, "why": Why(row["why"])})


async def counts(connection: Connection, keys: Sequence[str]) -> dict[str, Counts]:
    """The clicks on each of these messages, raw and human apart; all keys are in it."""
    cursor = await connection.execute(
        "select message_key, count(*), count(*) filter (where human) from clicks"
        " where message_key = any(%s) group by message_key",
        (list(keys),),
    )
    found = {key: Counts(raw, human) for key, raw, human in await cursor.fetchall()}
    return {key: found.get(key, Counts()) for key in keys}
