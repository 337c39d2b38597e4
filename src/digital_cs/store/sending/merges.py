"""Messages over budget that wait to be part of the next newsletter, and their end (P17)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.sending.reason import Reason

Connection = AsyncConnection[Any]

# The ledger says it, too: for what is asked about a message is asked there.
_EXPIRE = """
with over as (
       update merges set state = 'expired', settled_at = %(now)s
        where state = 'waiting' and useful_until <= %(now)s returning message_key),
     told as (
       update messages m set reason = %(reason)s, detail = %(words)s, settled_at = %(now)s
         from over where m.key = over.message_key and m.state = 'skipped' returning m.*)
insert into decisions (at, enrollment_id, account_id, program_id, version, step, visit, contact_id,
                       verdict, reason, words, rule, policy)
select %(now)s, enrollment_id, account_id, program_id, version, step, visit, contact_id,
       'skipped', %(reason)s, %(words)s, 'budget.merge', policy from told
"""


async def expire(connection: Connection, now: datetime) -> int:
    """End the wait of those that no newsletter took while they were useful; returns how many."""
    cursor = await connection.execute(
        _EXPIRE,
        {"now": now, "reason": Reason.NO_NEWSLETTER, "words": Reason.NO_NEWSLETTER.sentence()},
    )
    return cursor.rowcount
