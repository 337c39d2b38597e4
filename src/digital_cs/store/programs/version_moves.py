"""Those inside a program who are brought to its newest version (P20)."""

# ruff: noqa: S608  the statement is put together from constants, never from values

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.programs.enrollment import Position, Verdict
from digital_cs.domain.sending.reason import Reason
from digital_cs.store.programs.positions import position_to_json
from digital_cs.store.programs.touches import TELL

Connection = AsyncConnection[Any]

_PLACE = f"""
with placed as (
       update enrollments
          set position = %(position)s, step = %(step)s, visit = %(visit)s,
              entered_at = %(entered_at)s, started_at = coalesce(%(started_at)s, started_at),
              wake_at = %(now)s, revision = revision + 1, plans_at = null, plans_priority = null,
              plans_contact = null, plans_email = null
        where id = %(id)s
       returning id, account_id, program_id, version),
     noted as ({TELL}
       select %(now)s, id, account_id, program_id, version, %(step)s, %(visit)s, null,
              '{Verdict.TOOK}', '{Reason.VERSION}', %(words)s, null, null, null, null
         from placed)
insert into outbox (kind, enrollment_id) select 'wake', id from placed
"""


async def before(
    connection: Connection, program_id: str, newest: int, after: str, most: int
) -> list[str]:
    """A page of those inside at an older version than this one, in order of id."""
    cursor = await connection.execute(
        "select id from enrollments where program_id = %s and ended_at is null"
        " and version < %s and id > %s order by id limit %s",
        (program_id, newest, after, most),
    )
    return [row[0] for row in await cursor.fetchall()]


async def hold(connection: Connection, enrollment_id: str) -> tuple[int, str] | None:
    """(version, step) of an enrollment, which stay so until the transaction ends; None: it is
    over. Whoever acts for it meanwhile comes too late."""
    cursor = await connection.execute(
        "select version, step from enrollments where id = %s and ended_at is null for update",
        (enrollment_id,),
    )
    return await cursor.fetchone()


async def pin(connection: Connection, enrollment_id: str, version: int) -> None:
    """Pin an enrollment that is held to another version. Its position is that of the old one
    until `place`."""
    await connection.execute(
        "update enrollments set version = %s where id = %s", (version, enrollment_id)
    )


async def place(
    connection: Connection, enrollment_id: str, position: Position, words: str, now: datetime,
    *, started_at: datetime | None = None,
) -> None:  # fmt: skip
    """Put an enrollment that is held to a position of its new version, note why, and wake it.

    `started_at`: it begins anew, at that moment.
    """
    await connection.execute(
        _PLACE,
        {
            "id": enrollment_id, "position": Jsonb(position_to_json(position)),
            "step": position.step, "visit": position.visit, "entered_at": position.entered_at,
            "started_at": started_at, "words": words, "now": now,
        },
    )  # fmt: skip
