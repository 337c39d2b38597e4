"""Alerts: what the owner of a program is told while it lasts (P12)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def tell(
    connection: Connection, *, program_id: str, step: str, kind: str, owner: str, words: str,
    now: datetime,
) -> None:  # fmt: skip
    """Open an alert, or count one more time on the open one of the same step and kind."""
    await connection.execute(
        "insert into alerts as a (program_id, step, kind, owner, words, times, first_at, last_at)"
        " values (%(program)s, %(step)s, %(kind)s, %(owner)s, %(words)s, 1, %(now)s, %(now)s)"
        " on conflict (program_id, step, kind) where closed_at is null do update set"
        " times = a.times + 1, last_at = excluded.last_at, words = excluded.words",
        {"program": program_id, "step": step, "kind": kind, "owner": owner, "words": words,
         "now": now},
    )  # fmt: skip


async def open_alerts(connection: Connection) -> list[dict[str, Any]]:
    """Every open alert, newest first."""
    cursor = await connection.execute(
        "select program_id, step, kind, owner, words, times, first_at, last_at from alerts"
        " where closed_at is null order by last_at desc"
    )
    names = ("program", "step", "kind", "owner", "words", "times", "first_at", "last_at")
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def close_and_wake(connection: Connection, kind: str, now: datetime) -> int:
    """Close the alerts of a kind and wake everybody held at their steps; returns how many."""
    cursor = await connection.execute(
        "with closed as (update alerts set closed_at = %(now)s where closed_at is null"
        " and kind = %(kind)s returning program_id, step)"
        " insert into outbox (kind, enrollment_id) select 'wake', e.id from enrollments e"
        " join closed c on c.program_id = e.program_id and c.step = e.step"
        " where e.ended_at is null",
        {"now": now, "kind": kind},
    )
    return cursor.rowcount


async def close_one(
    connection: Connection, program_id: str, now: datetime, kind: str | None = None
) -> None:
    """Close what is open about one program, or broadcast: of this kind, or all of it."""
    await connection.execute(
        "update alerts set closed_at = %(now)s where closed_at is null"
        " and program_id = %(program)s and (%(kind)s::text is null or kind = %(kind)s)",
        {"now": now, "program": program_id, "kind": kind},
    )
