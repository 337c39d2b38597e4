"""Caps: how many messages a program may send on one UTC day, counted to the last one."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from digital_cs.domain.sending.policy import DayShare
from digital_cs.store.programs.alerts import tell
from digital_cs.store.sending.holds import wake_held

Connection = AsyncConnection[Any]

ALERT = "cap"
EVERY_STEP = "*"
"""Stands for the step in an alert that is about a whole program."""


@dataclass(frozen=True, slots=True)
class Day:
    """What a program sent on a day and may send; `cap` None: no limit. `allowed_by` changed it."""

    program: str
    day: date
    sent: int
    cap: int | None
    allowed_by: str | None = None


# The statement that claims a message counts it, too, so that a cap costs no round trip. It locks
# the day until it is committed: claims of one program take turns there. Where nobody has opened the
# day there is no cap.
_TODAY = "(%(now)s::timestamptz at time zone 'UTC')::date"

ROOM = f"""room as materialized (
       select d.sent, d.cap from program_days d join enrollments e on e.program_id = d.program_id
        where e.id = %(enrollment_id)s and d.day = {_TODAY} for update of d)"""
"""A part of the claim: the day, as the claim before left it."""

ROOM_FIRST = "(select count(*) from room) >= 0"
"""Always true, and not known before ROOM is: what depends on it locks nothing earlier."""

HAS_ROOM = "not exists (select from room where room.sent >= room.cap)"
"""Whether one more message may go, over ROOM."""

COUNTED = f"""counted as (
update program_days d set sent = d.sent + 1 from claimed
 where claimed.fresh and d.program_id = claimed.program_id and d.day = {_TODAY})"""
"""A part of the claim: the message is one more of the day, however often it has to be tried."""

_COLUMNS = "program_id, day, sent, cap, allowed_by"

_OPEN = f"""
insert into program_days as d (program_id, day, cap)
select %(program)s, %(day)s, coalesce(%(own)s::int,
         case when %(share)s::float8 is not null then greatest(%(at_least)s::int, floor(
           %(share)s / 100.0 * (select count(*) from accounts
             where stage is null or stage not in ('churned', 'deleted')))::int) end)
    on conflict (program_id, day) do update set sent = d.sent  -- locks it, and so reads the newest
returning {_COLUMNS}
"""

_ALLOW = f"""
insert into program_days as d (program_id, day, cap, allowed_by)
values (%(program)s, %(day)s, %(cap)s, %(by)s)
    on conflict (program_id, day) do update set cap = excluded.cap, allowed_by = excluded.allowed_by
returning {_COLUMNS}
"""


async def opening_day(
    connection: Connection, program_id: str, day: date, own_cap: int | None,
    day_share: DayShare | None,
) -> AsyncCursor[Any]:  # fmt: skip
    """Make the program's row of a day with its cap, if this is the first look of that day.

    `own_cap` is what the program says, else the policy's share of all accounts counts; neither:
    no limit. What is published later on that day counts from the next one. In a pipeline the
    answer need not be waited for.
    """
    return await connection.execute(
        _OPEN,
        {
            "program": program_id, "day": day, "own": own_cap,
            "share": day_share.share if day_share else None,
            "at_least": day_share.at_least if day_share else None,
        },
    )  # fmt: skip


async def open_day(
    connection: Connection, program_id: str, day: date, own_cap: int | None,
    day_share: DayShare | None,
) -> Day:  # fmt: skip
    """The program's row of a day, made by `opening_day` if there was none."""
    row = await (await opening_day(connection, program_id, day, own_cap, day_share)).fetchone()
    assert row is not None
    return Day(*row)


async def tell_owner(connection: Connection, program_id: str, owner: str, now: datetime) -> None:
    """Tell the owner of a program that its messages are kept back, once while that lasts."""
    await tell(
        connection, program_id=program_id, step=EVERY_STEP, kind=ALERT, owner=owner, now=now,
        words="It has sent all that it may on one day. What is due waits for tomorrow (UTC), or"
        f" until somebody says `digital-cs program allow {program_id}`.",
    )  # fmt: skip


async def allow(
    connection: Connection, program_id: str, day: date, by: str, up_to: int | None, now: datetime
) -> tuple[Day, int]:
    """Set a program's cap of one day, None: lift it; (the day, how many who waited are woken).

    Call it in a transaction.
    """
    cursor = await connection.execute(
        _ALLOW, {"program": program_id, "day": day, "cap": up_to, "by": by}
    )
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute(
        "update alerts set closed_at = %s where closed_at is null and kind = %s"
        " and program_id = %s",
        (now, ALERT, program_id),
    )
    return Day(*row), await wake_held(connection, now, program_id)


async def end_yesterday(connection: Connection, now: datetime) -> int:
    """Close the alerts about caps of days that are over; returns how many."""
    cursor = await connection.execute(
        "update alerts set closed_at = %(now)s where closed_at is null and kind = %(kind)s"
        " and last_at < date_trunc('day', %(now)s, 'UTC')",
        {"now": now, "kind": ALERT},
    )
    return cursor.rowcount


async def list_days(connection: Connection, day: date) -> list[Day]:
    """What every program sent on a day, by program."""
    cursor = await connection.execute(
        f"select {_COLUMNS} from program_days where day = %s order by program_id", (day,)
    )
    return [Day(*row) for row in await cursor.fetchall()]
