"""Replies: what a contact wrote back is a task, and quiets their account until it is done (P18)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.sending.locks import stop_claims_for

Connection = AsyncConnection[Any]

AWAITED = """exists (select from tasks q where q.account_id = {account}
       and q.kind = 'reply' and q.state = 'open')"""
"""Whether somebody of an account wrote back and nobody has looked yet; `account` is SQL."""

SINCE = """(select min(q.opened_at) from tasks q where q.account_id = {account}
       and q.kind = 'reply' and q.state = 'open')"""
"""Since when; null where nobody waits."""

PREFIX = "reply:"


async def open_task(
    connection: Connection, returned_id: str, *, account_id: str, contact_id: str | None,
    program_id: str | None, step: str | None, visit: int | None, title: str, note: str,
    assign_to: str, now: datetime, due_at: datetime,
) -> None:  # fmt: skip
    """Ask somebody to look at a reply. Call it in a transaction; a repeat changes nothing.

    No message to the account is claimed after that transaction committed: it waits for claims
    that are under way, and later ones see it (P16).
    """
    await stop_claims_for(connection, accounts=[account_id])
    cursor = await connection.execute(
        "insert into tasks (key, kind, program_id, account_id, contact_id, step, visit, title,"
        " note, assign_to, state, opened_at, due_at) values (%s, 'reply', %s, %s, %s, %s, %s, %s,"
        " %s, %s, 'open', %s, %s) on conflict (key) do nothing",
        (f"{PREFIX}{returned_id}", program_id, account_id, contact_id, step, visit, title, note,
         assign_to, now, due_at),
    )  # fmt: skip
    if cursor.rowcount:
        await wake_account(connection, account_id)


async def settle(connection: Connection, key: str, account_id: str) -> None:
    """After a reply's task was closed: the reply itself is not kept, and the account goes on."""
    await connection.execute(
        "update returned_messages set raw = null, raw_kept_until = null where id = %s",
        (key.removeprefix(PREFIX),),
    )
    await wake_account(connection, account_id)


async def wake_account(connection: Connection, account_id: str) -> None:
    """Wake everything inside, whatever it listens to: a reply pauses all, and its end lets all go
    on."""
    await connection.execute(
        "insert into outbox (kind, enrollment_id)"
        " select 'wake', id from enrollments where account_id = %s and ended_at is null",
        (account_id,),
    )
