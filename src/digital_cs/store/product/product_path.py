"""How far an account has come on its product path."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.milestone import Waypoint, product_path
from digital_cs.store.product.milestone_definitions import declared

Connection = AsyncConnection[Any]


async def path_of(connection: Connection, account_id: str, now: datetime) -> list[Waypoint]:
    """How far an account has come on its product path; nothing for an unknown account."""
    cursor = await connection.execute(
        "select a.traits, (select complete_through from feeds where feed = 'usage'),"
        " (select coalesce(jsonb_object_agg(m.name, m.reached_at), '{}') from milestones m"
        "   where m.account_id = a.id) from accounts a where a.id = %s",
        (account_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return []
    traits, complete_through, reached = row
    moments = {name: datetime.fromisoformat(at) for name, at in reached.items()}
    return product_path(await declared(connection), moments, traits, complete_through, now)
