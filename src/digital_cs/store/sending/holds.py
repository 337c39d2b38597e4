"""Holds: who rests before a message that something else than time keeps back, and goes on."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.programs.touch import ABOUT_CONTENT, WAITS_FOR_CONTENT
from digital_cs.store.broadcasts.broadcasts import wake_running

Connection = AsyncConnection[Any]

SENDING = "sending"
"""The key that a step listens to while it waits to send."""

# Not all whose version listens (`changes.tell`): that is nearly everybody inside anything, and
# the relays would be busy with them for an hour. Who is being moved to a send at this moment does
# not listen yet, but is due.
_WAKE = """
insert into outbox (kind, enrollment_id)
select 'wake', e.id from enrollments e
 where e.ended_at is null and not e.paused
   and (%(key)s = any(e.listens) or e.wake_at <= %(now)s)
   and (%(program)s::text is null or e.program_id = %(program)s)
 order by e.wake_at, e.id
"""

LABELS = ", ".join(f"'hold: {reason}'" for reason in WAITS_FOR_CONTENT)
"""The labels of enrollments that rest for a review of what their message shows."""

# By the label, for among a hundred thousand that rest a few dozen may wait for content.
_WAKE_FOR_CONTENT = f"""
insert into outbox (kind, enrollment_id)
select 'wake', e.id from enrollments e
 where e.ended_at is null and not e.paused and (e.label in ({LABELS}) or e.wake_at <= %(now)s)
 order by e.wake_at, e.id
"""

_CLOSE_FOR_CONTENT = f"""
update alerts a set closed_at = %(now)s
 where a.closed_at is null and a.kind = %(kind)s and not exists (
   select from enrollments e where e.program_id = a.program_id and e.step = a.step
      and e.ended_at is null and e.label in ({LABELS}))
"""

_RESTING = """
  from enrollments e
  join lateral (select reason, verdict from decisions
                 where enrollment_id = e.id and visit = e.visit order by id desc limit 1) d
    on d.verdict = 'held' or d.reason in ('cap', 'rate')
 where e.ended_at is null and %(key)s = any(e.listens)
"""

_HELD = f"select e.program_id, d.reason, count(*) {_RESTING} group by 1, 2 order by 3 desc, 1, 2"

_OVERLOOKED = f"""
insert into outbox (kind, enrollment_id)
select 'wake', e.id {_RESTING}
   and not e.paused
   and (d.reason = 'stopped' and not exists (select from stops where lifted_at is null)
        or d.reason = 'incident' and not exists (select from incidents where closed_at is null))
 order by e.wake_at, e.id
"""


@dataclass(frozen=True, slots=True)
class Held:
    """How many of a program wait to send for one reason."""

    program: str
    reason: str
    enrollments: int


async def wake_held(connection: Connection, now: datetime, program_id: str | None = None) -> int:
    """Have whoever rests before a message decided anew, in one program or in all.

    Returns how many. They ask by themselves: what is overdue is spread out (P8). With all programs
    the broadcasts look again, too.
    """
    if program_id is None:
        await wake_running(connection)
    cursor = await connection.execute(_WAKE, {"key": SENDING, "now": now, "program": program_id})
    return cursor.rowcount


async def wake_for_content(connection: Connection, now: datetime) -> int:
    """Have whoever waits for a review of content decided anew (P25); returns how many.

    Call it in the transaction that makes an item fresh or takes a block back. Broadcasts look
    again, too.
    """
    await wake_running(connection)
    return (await connection.execute(_WAKE_FOR_CONTENT, {"now": now})).rowcount


async def close_for_content(connection: Connection, now: datetime) -> int:
    """Close the alerts about content for which nothing waits any more; returns how many."""
    return (
        await connection.execute(_CLOSE_FOR_CONTENT, {"now": now, "kind": ABOUT_CONTENT})
    ).rowcount


async def wake_overlooked(connection: Connection) -> int:
    """Wake who rests for a stop or an incident though there is none; returns how many.

    Who was woken early, found it stopped, and wrote that down when it was just being started again
    was not seen by `wake_held`.
    """
    return (await connection.execute(_OVERLOOKED, {"key": SENDING})).rowcount


async def held(connection: Connection) -> list[Held]:
    """Who waits to send and for what reason, by program; the most first.

    Who waits for the hour at which it may be sent is not held.
    """
    cursor = await connection.execute(_HELD, {"key": SENDING})
    return [Held(*row) for row in await cursor.fetchall()]
