"""Reads for people: what waits for somebody, tasks to do and messages to look into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]

LISTED = frozenset({"unknown", "failed"})
"""States of messages that somebody may have to look at: they have an index."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task of a person. States: open, done, expired, cancelled.

    `kind` is step, or reply: the note is what the contact wrote. A reply may be of no program. One
    of kind writing asks for an article, and is of no account.
    """

    key: str
    kind: str
    title: str
    note: str
    assign_to: str
    state: str
    account: str | None
    account_name: str | None
    contact: str | None
    program: str | None
    step: str | None
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None
    closed_by: str | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """A row of the ledger, without an address."""

    key: str
    email: str
    state: str
    account: str
    account_name: str
    contact: str | None
    program: str | None
    step: str | None
    broadcast: str | None
    due_at: datetime
    useful_until: datetime | None
    settled_at: datetime | None
    retry_at: datetime | None
    attempts: int
    zone: str | None
    zone_source: str | None
    message_id: str | None
    smtp_code: int | None
    reason: str | None
    detail: str | None


_TASK = """
select t.key, t.kind, t.title, t.note, t.assign_to, t.state, t.account_id as account,
       a.name as account_name, coalesce(nullif(c.full_name, ''), t.contact_id) as contact,
       t.program_id as program, t.step, t.opened_at, t.due_at, t.closed_at, t.closed_by
  from tasks t left join accounts a on a.id = t.account_id
  left join contacts c on c.id = t.contact_id
"""


async def list_tasks(
    connection: Connection, *, states: Sequence[str] = ("open",), assign_to: str | None = None,
    account: str | None = None, most: int = 200,
) -> list[TaskView]:  # fmt: skip
    """Tasks, the most urgent first."""
    async with connection.cursor(row_factory=class_row(TaskView)) as cursor:
        await cursor.execute(
            f"{_TASK} where t.state = any(%(states)s)"
            " and (%(assign_to)s::text is null or t.assign_to = %(assign_to)s)"
            " and (%(account)s::text is null or t.account_id = %(account)s)"
            " order by t.due_at, t.key limit %(most)s",
            {"states": list(states), "assign_to": assign_to, "account": account, "most": most},
        )
        return await cursor.fetchall()


async def task(connection: Connection, key: str) -> TaskView | None:
    """One task by its key; that of a reply is long, and a beginning that is of no other will do."""
    async with connection.cursor(row_factory=class_row(TaskView)) as cursor:
        await cursor.execute(
            f"{_TASK} where t.key = %(key)s or t.kind = 'reply' and starts_with(t.key, %(key)s)"
            " order by t.key <> %(key)s limit 2",
            {"key": key},
        )
        found = await cursor.fetchall()
    return found[0] if len(found) == 1 or (found and found[0].key == key) else None


async def list_messages(
    connection: Connection, *, states: Sequence[str], program: str | None = None,
    account: str | None = None, most: int = 200,
) -> list[MessageView]:  # fmt: skip
    """Messages in these states, the latest first."""
    async with connection.cursor(row_factory=class_row(MessageView)) as cursor:
        await cursor.execute(
            "select m.key, m.email, m.state, m.account_id as account, a.name as account_name,"
            " m.contact_id as contact, m.program_id as program, m.step,"
            " m.broadcast_id as broadcast, m.due_at, m.useful_until,"
            " m.settled_at, m.retry_at, m.attempts, m.zone, m.zone_source, m.message_id,"
            " m.smtp_code, m.reason, m.detail from messages m"
            " join accounts a on a.id = m.account_id where m.state = any(%(states)s)"
            " and (not %(listed)s or m.open_state is not null)"
            " and (%(program)s::text is null"
            "      or coalesce(m.program_id, m.broadcast_id) = %(program)s)"
            " and (%(account)s::text is null or m.account_id = %(account)s)"
            " order by coalesce(m.settled_at, m.claimed_at, m.due_at) desc, m.key limit %(most)s",
            {
                "states": list(states),
                "listed": set(states) <= LISTED,
                "program": program,
                "account": account,
                "most": most,
            },
        )
        return await cursor.fetchall()
