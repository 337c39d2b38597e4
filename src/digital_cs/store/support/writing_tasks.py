"""Tasks to write what the library lacks: one open task a topic, with tickets as samples."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

KIND = "writing"


async def open_task(
    connection: Connection, key: str, topic: str, *, title: str, note: str, assign_to: str,
    tickets: Sequence[str], now: datetime, due_at: datetime,
) -> bool:  # fmt: skip
    """Ask for an article about a topic, unless somebody is asked already; whether it is new.

    Call it in a transaction. `note` must hold nothing of what stands in tickets: it outlives them.
    """
    cursor = await connection.execute(
        "insert into tasks (key, kind, account_id, title, note, assign_to, state, opened_at,"
        " due_at) select %(key)s, %(kind)s, null, %(title)s, %(note)s, %(assign_to)s, 'open',"
        " %(now)s, %(due_at)s where not exists (select from writing_tasks w join tasks t"
        " on t.key = w.task where w.topic = %(topic)s and t.state = 'open') on conflict do nothing",
        {"key": key, "kind": KIND, "title": title, "note": note, "assign_to": assign_to,
         "now": now, "due_at": due_at, "topic": topic},
    )  # fmt: skip
    if cursor.rowcount:
        await connection.execute(
            "insert into writing_tasks (task, topic, tickets) values (%s, %s, %s)",
            (key, topic, list(tickets)),
        )
    return bool(cursor.rowcount)


async def open_by_topic(connection: Connection) -> dict[str, str]:
    """The key of the open task of each topic that has one."""
    cursor = await connection.execute(
        "select w.topic, w.task from writing_tasks w join tasks t on t.key = w.task"
        " where t.state = 'open'"
    )
    return dict(await cursor.fetchall())


async def samples_of(connection: Connection, key: str) -> list[str]:
    """The tickets that a task shows as samples."""
    cursor = await connection.execute("select tickets from writing_tasks where task = %s", (key,))
    row = await cursor.fetchone()
    return list(row[0]) if row else []
