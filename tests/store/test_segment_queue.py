"""The queues of kept rules: what was true of them while they were empty is not kept."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.store.rules import changes, segment_queue
from tests import rig

Connection = AsyncConnection[Any]

MORE_THAN_BECOME_A_KEPT_PLAN = 15
"""psycopg prepares what ran five times, and Postgres keeps a plan after five more."""


@pytest.mark.parametrize("queue", ["account_changes", "segment_flips"])
async def test_no_plan_that_was_made_for_an_empty_queue_is_used_for_a_full_one(
    connection: Connection, queue: str
) -> None:
    for _ in range(MORE_THAN_BECOME_A_KEPT_PLAN):
        await segment_queue.take_changes(connection, 0, 10)
        await segment_queue.take_due(connection, 0, rig.MONDAY, 10)
        await changes.tell(connection, {"acct": ["usage:*"]})

    cursor = await connection.execute("select statement from pg_prepared_statements")
    kept = [row[0] for row in await cursor.fetchall()]

    assert kept, "what is no queue is prepared"
    assert not [statement for statement in kept if f"delete from {queue}" in statement]
