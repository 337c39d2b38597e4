"""Suppressions: addresses that are not written to, with what follows for every account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.store.changes import tell_all


async def suppress(
    connection: AsyncConnection[Any], contact_id: str, reason: str, source: str, now: datetime
) -> None:
    """Never write to this contact's address again; the first reason stays."""
    cursor = await connection.execute(
        "insert into suppressions (address, reason, source, created_at)"
        " select lower(email), %s, %s, %s from contacts where id = %s on conflict do nothing"
        " returning address",
        (reason, source, now, contact_id),
    )
    row = await cursor.fetchone()
    if row is not None:
        await _tell(connection, row[0])


async def suppress_address(
    connection: AsyncConnection[Any], address: str, reason: str, source: str, now: datetime
) -> tuple[bool, list[str]]:
    """Never write to this address again; wakes whoever would have written to it, if it is new.

    The address may be known in several accounts, and is suppressed in all of them. Returns
    (whether that is new, the contacts it is of). Call it in a transaction.
    """
    cursor = await connection.execute(
        "insert into suppressions (address, reason, source, created_at)"
        " values (lower(%s), %s, %s, %s) on conflict do nothing",
        (address, reason, source, now),
    )
    new = cursor.rowcount == 1
    if new:
        await _tell(connection, address)
    cursor = await connection.execute(
        "select id from contacts where lower(email) = lower(%s) order by id", (address,)
    )
    return new, [row[0] for row in await cursor.fetchall()]


async def unsubscribe(
    connection: AsyncConnection[Any], contact_id: str, source: str, now: datetime
) -> bool | None:
    """Never write to the address of this contact again, in none of its accounts.

    Returns whether that is new (a repeat wakes nobody), and None when there is no such contact.
    Call it in a transaction.
    """
    cursor = await connection.execute("select email from contacts where id = %s", (contact_id,))
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[0] is None:
        return False  # nothing was ever written to them
    new, _ = await suppress_address(connection, row[0], UNSUBSCRIBED, source, now)
    return new


async def _tell(connection: AsyncConnection[Any], address: str) -> None:
    """Say that the people changed, in every account where somebody has this address."""
    cursor = await connection.execute(
        "select distinct m.account_id from memberships m join contacts c on c.id = m.contact_id"
        " where lower(c.email) = lower(%s) and m.left_at is null order by 1",
        (address,),
    )
    await tell_all(connection, [row[0] for row in await cursor.fetchall()], ["contacts"])
