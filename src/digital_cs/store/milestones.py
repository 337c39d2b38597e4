"""Milestones: which product events count as one, and what is caught up when that changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def names(connection: Connection) -> set[str]:
    """Every milestone that a published version speaks of: old ones too, for those inside."""
    cursor = await connection.execute(
        "select distinct found #>> '{}' from program_versions,"
        """ jsonb_path_query(spec, '$.**.milestone ? (@.type() == "string")') found"""
    )
    return {row[0] for row in await cursor.fetchall()}


async def catch_up(connection: Connection, wanted: Iterable[str]) -> int:
    """Count events from before anybody spoke of their milestone; returns how many were reached."""
    cursor = await connection.execute(
        "insert into milestones (account_id, name, reached_at)"
        " select account_id, name, min(at) from product_events where name = any(%s)"
        " group by 1, 2 on conflict do nothing",
        (sorted(set(wanted)),),
    )
    return cursor.rowcount
