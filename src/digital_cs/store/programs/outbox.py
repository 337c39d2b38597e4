"""The outbox: wishes to start or wake workflows, taken in batches and never lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """Start (`wake`: start or wake) one enrollment's workflow; `ids` are the rows that said so."""

    enrollment_id: str
    program_id: str
    account_id: str
    ids: tuple[int, ...]
    wake: bool
    ended: bool


_TAKE = """
with batch as (
  select id, kind, enrollment_id from outbox order by id limit %s for update skip locked)
select b.enrollment_id, e.program_id, e.account_id, array_agg(b.id), bool_or(b.kind = 'wake'),
       e.ended_at is not null
  from batch b join enrollments e on e.id = b.enrollment_id
 group by 1, 2, 3, 6 order by min(b.id)
"""


async def take(connection: Connection, most: int) -> list[Wish]:
    """Take the oldest wishes, locked until the transaction ends. Other relays skip them."""
    cursor = await connection.execute(_TAKE, (most,))
    return [Wish(r[0], r[1], r[2], tuple(r[3]), r[4], r[5]) for r in await cursor.fetchall()]


async def fulfilled(connection: Connection, ids: list[int]) -> None:
    """Forget wishes that Temporal has taken."""
    await connection.execute("delete from outbox where id = any(%s)", (ids,))


async def lag(connection: Connection) -> tuple[int, float]:
    """How many wishes wait, and the age of the oldest in real seconds."""
    cursor = await connection.execute(
        "select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)"
        " from outbox"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), float(row[1])


async def wish_starts(connection: Connection, enrollment_ids: list[str]) -> None:
    """Wish to start these enrollments again: their workflows were found to be missing."""
    await connection.execute(
        "insert into outbox (kind, enrollment_id)"
        " select 'start', e.id from enrollments e where e.id = any(%s) and e.ended_at is null"
        " and not exists (select 1 from outbox o where o.enrollment_id = e.id)",
        (enrollment_ids,),
    )


async def inside(connection: Connection, settled_before: datetime) -> set[str]:
    """Enrollments that should have a workflow: inside, not changed lately, no wish pending."""
    cursor = await connection.execute(
        "select e.id from enrollments e where e.ended_at is null and e.touched_at < %s"
        " and not exists (select 1 from outbox o where o.enrollment_id = e.id)",
        (settled_before,),
    )
    return {row[0] for row in await cursor.fetchall()}


async def overdue(connection: Connection, due_before: datetime) -> list[str]:
    """Enrollments whose moment has long passed and that nobody has moved."""
    cursor = await connection.execute(
        "select e.id from enrollments e join programs p on p.id = e.program_id"
        " where e.ended_at is null and e.wake_at < %s and not e.paused"
        " and p.state not in ('paused', 'paused-closed')"
        " and not exists (select 1 from outbox o where o.enrollment_id = e.id)"
        " order by e.wake_at limit 500",
        (due_before,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def known(connection: Connection, enrollment_ids: list[str]) -> set[str]:
    """Those of these ids that are inside a program."""
    cursor = await connection.execute(
        "select id from enrollments where id = any(%s) and ended_at is null", (enrollment_ids,)
    )
    return {row[0] for row in await cursor.fetchall()}


async def due_counts(connection: Connection, now: datetime, late: datetime) -> tuple[int, int]:
    """How many enrollments are due at `now`, and how many have been since before `late`."""
    cursor = await connection.execute(
        "select count(*), count(*) filter (where wake_at <= %s) from enrollments"
        " where ended_at is null and wake_at <= %s",
        (late, now),
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
