"""Reading many rows some at a time, with other statements between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

_FETCH = "fetch 5000 from streamed"


async def streamed(
    connection: Connection, statement: str, values: Mapping[str, Any] | None = None
) -> AsyncIterator[Sequence[Any]]:
    """The rows of a statement, some at a time. Call it in a transaction, whose end ends it; only
    one at a time."""
    # Not a cursor object of ours: whoever is cancelled between two batches would leave it open.
    await connection.execute(f"declare streamed no scroll cursor for {statement}", values)
    while rows := await (await connection.execute(_FETCH)).fetchall():
        yield rows
    await connection.execute("close streamed")
