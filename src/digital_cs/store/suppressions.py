"""Suppressions that people ask for themselves, with what follows for every account they are in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.store.accounts import suppress_address
from digital_cs.store.enrollments import wake_listeners


async def unsubscribe(
    connection: AsyncConnection[Any], contact_id: str, source: str, now: datetime
) -> bool | None:
    """Never write to the address of this contact again; wakes whoever would have written to it.

    The address may be known in several accounts, and is suppressed in all of them. Returns
    whether that is new (a repeat wakes nobody), and None when there is no such contact. Call it
    in a transaction.
    """
    cursor = await connection.execute("select email from contacts where id = %s", (contact_id,))
    row = await cursor.fetchone()
    if row is None:
        return None
    new, contacts = await suppress_address(connection, row[0], UNSUBSCRIBED, source, now)
    if new:
        cursor = await connection.execute(
            "select distinct account_id from contacts where id = any(%s) order by 1", (contacts,)
        )
        accounts = [row[0] for row in await cursor.fetchall()]
        await wake_listeners(connection, accounts, ["contacts"])
    return new
