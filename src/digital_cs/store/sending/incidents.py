"""Incidents: something is wrong with the product, and marketing waits until it is over (P18)."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.sending.reason import Reason
from digital_cs.store.broadcasts.broadcasts import ask_again, wake_running
from digital_cs.store.rules.changes import tell_all
from digital_cs.store.sending.holds import SENDING, wake_held

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Incident:
    """Without accounts (None) it is about all of them; open while `closed_at` is None."""

    id: int
    title: str
    accounts: list[str] | None
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None = None
    closed_by: str | None = None


_COLUMNS = "id, title, account_ids, opened_at, opened_by, closed_at, closed_by"


async def open_incident(
    connection: Connection, title: str, by: str, now: datetime,
    accounts: Sequence[str] | None = None,
) -> Incident:  # fmt: skip
    """Quiet these accounts, or all of them. Call it in a transaction.

    Everybody's next message asks by itself; who is named is told, so that it shows at once.
    """
    named = sorted(set(accounts)) if accounts is not None else None
    cursor = await connection.execute(
        "insert into incidents (title, account_ids, opened_at, opened_by)"
        f" values (%s, %s, %s, %s) returning {_COLUMNS}",
        (title, named, now, by),
    )
    row = await cursor.fetchone()
    assert row is not None
    if named:
        await tell_all(connection, named, [SENDING])
    elif named is None:
        await wake_running(connection)
    return Incident(*row)


async def close(connection: Connection, id: int, by: str, now: datetime) -> Incident | None:
    """End an incident and wake who waited for that; None: there is no open one of this id.

    Call it in a transaction.
    """
    cursor = await connection.execute(
        "update incidents set closed_at = %s, closed_by = %s where id = %s and closed_at is null"
        f" returning {_COLUMNS}",
        (now, by, id),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    done = Incident(*row)
    if done.accounts is None:
        await wake_held(connection, now)
    else:
        await tell_all(connection, done.accounts, [SENDING])
        if await ask_again(connection, done.accounts, Reason.INCIDENT):
            await wake_running(connection)
    return done


async def list_incidents(
    connection: Connection, *, closed: bool = False, most: int = 100
) -> list[Incident]:
    """Those that are open, the oldest first; or those that are over, the latest first."""
    cursor = await connection.execute(
        f"select {_COLUMNS} from incidents where (closed_at is not null) = %(closed)s"
        " order by case when %(closed)s then - extract(epoch from closed_at)"
        " else extract(epoch from opened_at) end, id limit %(most)s",
        {"closed": closed, "most": most},
    )
    return [Incident(*row) for row in await cursor.fetchall()]


async def unknown_accounts(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Those of these ids that no account has."""
    cursor = await connection.execute(
        "select g.id from unnest(%s::text[]) as g(id)"
        " where not exists (select from accounts a where a.id = g.id) order by 1",
        (sorted(set(ids)),),
    )
    return [row[0] for row in await cursor.fetchall()]
