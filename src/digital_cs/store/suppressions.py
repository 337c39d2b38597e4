"""Suppressions: addresses that are not written to, with what follows for every account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.store.enrollments import wake_listeners


async def suppress(
    connection: AsyncConnection[Any], contact_id: str, reason: str, source: str, now: datetime
) -> None:
    """Never write to this contact's address again; the first reason stays."""
    await connection.execute(
        "insert into suppressions (address, reason, source, created_at)"
        " select lower(email), %s, %s, %s from contacts where id = %s on conflict do nothing",
        (reason, source, now, contact_id),
    )


async def suppress_address(
    connection: AsyncConnection[Any], address: str, reason: str, source: str, now: datetime
) -> tuple[bool, list[str]]:
    """Never write to this address again; returns (whether that is new, the contacts it is of)."""
    cursor = await connection.execute(
        "insert into suppressions (address, reason, source, created_at)"
        " values (lower(%s), %s, %s, %s) on conflict do nothing",
        (address, reason, source, now),
    )
    new = cursor.rowcount == 1
    cursor = await connection.execute(
        "select id from contacts where lower(email) = lower(%s) order by id", (address,)
    )
    return new, [row[0] for row in await cursor.fetchall()]


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
            "select distinct account_id from memberships where contact_id = any(%s)"
            " and left_at is null order by 1",
            (contacts,),
        )
        accounts = [row[0] for row in await cursor.fetchall()]
        await wake_listeners(connection, accounts, ["contacts"])
    return new
