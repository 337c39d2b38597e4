"""Stops: the switch that stops everything that is sent, and its undo."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from digital_cs.store.broadcasts.broadcasts import wake_running
from digital_cs.store.sending.holds import wake_held
from digital_cs.store.sending.locks import stop_claims

Connection = AsyncConnection[Any]

PATIENCE = "500ms"
"""So long a stop waits for claims that are under way; a worker that hangs must not keep it up."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A pressing of the switch; in force until it is lifted."""

    because: str
    by: str
    at: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None


_COLUMNS = "because, by, at, lifted_at, lifted_by"


async def stop(connection: Connection, because: str, by: str, now: datetime) -> tuple[Stop, bool]:
    """Let no message be claimed any more; (the stop in force, whether it is new).

    Call it in a transaction of its own: every claim that begins after its commit sees it, and
    those under way are waited for. A message that is being handed over still goes out. When it
    is stopped already, the first reason stays.
    """
    await wait_for_claims(connection)
    cursor = await connection.execute(
        "insert into stops (because, by, at) values (%s, %s, %s)"
        " on conflict (scope) where lifted_at is null do nothing",
        (because, by, now),
    )
    if cursor.rowcount:
        await wake_running(connection)  # so that it shows at once, and owners are told
    found = await current(connection)
    assert found is not None, "the insert waits for whoever lifts or presses at this moment"
    return found, bool(cursor.rowcount)


async def wait_for_claims(connection: Connection) -> None:
    """Wait for claims that are under way, but not for long; those that come after them see what
    this transaction says. In a transaction."""
    try:
        async with connection.transaction():
            await connection.execute("select set_config('lock_timeout', %s, true)", (PATIENCE,))
            await stop_claims(connection)
            await connection.execute("select set_config('lock_timeout', '0', true)")
    except LockNotAvailable:
        # Somebody's claim takes long. It may still be committed; all that come after it are not.
        return


async def start(connection: Connection, by: str, now: datetime) -> tuple[Stop | None, int]:
    """Lift the stop and wake who was held; (what was lifted, how many are woken).

    What is overdue by then is spread out, and skipped where it is no longer useful (P8). Call it
    in a transaction. None: it was not stopped.
    """
    cursor = await connection.execute(
        "update stops set lifted_at = %s, lifted_by = %s where lifted_at is null"
        f" returning {_COLUMNS}",
        (now, by),
    )
    row = await cursor.fetchone()
    if row is None:
        return None, 0
    return Stop(*row), await wake_held(connection, now)


async def current(connection: Connection) -> Stop | None:
    """The stop in force."""
    cursor = await connection.execute(f"select {_COLUMNS} from stops where lifted_at is null")
    row = await cursor.fetchone()
    return Stop(*row) if row is not None else None
