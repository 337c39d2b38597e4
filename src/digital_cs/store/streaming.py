"""Reading many rows some at a time, with other statements between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

_BATCH = 5_000


async def streamed(
    connection: Connection, statement: str, values: Mapping[str, Any] | None = None
) -> AsyncIterator[Sequence[Any]]:
    """The rows of a statement, some at a time. Call it in a transaction; one at a time."""
    async with connection.cursor(name="streamed") as cursor:
        await cursor.execute(statement, values)
        while rows := await cursor.fetchmany(_BATCH):
            yield rows
