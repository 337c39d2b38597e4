"""What an issue hands to its broadcast: which account gets which text."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

READ = "('accepted', 'delivered', 'complained')"
"""Messages that somebody got. Whether they opened them, nobody can know (P28)."""
REACHED = "('accepted', 'delivered', 'bounced', 'complained', 'unknown')"
"""Messages that were handed over: they are not handed over again."""


async def choose_variants(connection: Connection, issue: str, broadcast: str) -> int:
    """Tell a broadcast which account gets which variant; returns how many get another than ''."""
    await connection.execute("delete from broadcast_choices where broadcast_id = %s", (broadcast,))
    cursor = await connection.execute(
        "insert into broadcast_choices (broadcast_id, account_id, contact_id, variant)"
        " select %s, account_id, '', variant from newsletter_readers"
        " where issue_id = %s and variant <> ''",
        (broadcast, issue),
    )
    return cursor.rowcount
