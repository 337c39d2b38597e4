"""Rows of broadcasts stay where they are: claims and their ends write into no index."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from digital_cs.channels.mail import message_id_for
from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.sending.reason import Reason
from digital_cs.store.broadcasts import broadcast_audience, broadcast_claims
from digital_cs.store.broadcasts.broadcast_claims import Due, Result
from tests import rig
from tests.store.broadcast_worlds import NOW, a_plan, start

Connection = AsyncConnection[Any]

_CHANGED = """
select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'messages'
"""


async def _frozen(connection: Connection, count: int) -> list[Due]:
    await rig.people(connection, count, NOW)
    broadcast = await start(connection, a_plan())
    await broadcast_audience.freeze(
        connection, broadcast, "newsletter", NOW, "UTC", mail_domain="Company.test"
    )
    return await broadcast_claims.due(connection, "spring", 0, NOW)


async def _claimed(connection: Connection, due: list[Due]) -> dict[str, int]:
    messages = [(each.key, message_id_for(each.key, "Company.test"), "f" * 64) for each in due]
    cursor = await broadcast_claims.claim(
        connection,
        "spring",
        messages,
        token="t",
        approved="approved",
        policy=1,
        now=NOW,
        seconds=60,
    )
    return await broadcast_claims.claimed_of(cursor)


async def _changed(connection: Connection) -> tuple[int, int]:
    """Rows of the ledger that were changed so far, and how many of them in no index."""
    await connection.execute("select pg_stat_force_next_flush()")
    row = await (await connection.execute(_CHANGED)).fetchone()
    assert row is not None
    return row[0], row[1]


async def test_a_message_id_is_written_at_the_freeze_as_the_claim_would_write_it(
    connection: Connection,
) -> None:
    await _frozen(connection, 3)
    cursor = await connection.execute("select key, message_id from messages")
    rows = await cursor.fetchall()
    assert len(rows) == 3
    assert all(id == message_id_for(key, "Company.test") for key, id in rows)


async def test_a_page_has_room_for_all_its_claims(connection: Connection) -> None:
    due = await _frozen(connection, 100)
    assert len(await _claimed(connection, due)) == 100
    assert await _changed(connection) == (100, 100)


async def test_what_became_of_a_message_is_written_into_no_index(connection: Connection) -> None:
    due = await _frozen(connection, 5)
    await _claimed(connection, due)
    results = [
        Result(
            each.key, MessageState.ACCEPTED, Verdict.SENT, Reason.ACCEPTED, "Sent.", 250, "queued"
        )
        for each in due
    ]
    await broadcast_claims.settle(connection, "spring", "t", results, NOW)
    assert await _changed(connection) == (10, 10)


async def test_what_is_unknown_or_failed_is_found_by_its_index(connection: Connection) -> None:
    due = await _frozen(connection, 5)
    await _claimed(connection, due)
    ends = (MessageState.UNKNOWN, MessageState.FAILED, MessageState.ACCEPTED)
    results = [
        Result(each.key, end, Verdict.FAILED, Reason.REFUSED, "It is a test.")
        for each, end in zip(due, ends, strict=False)
    ]
    await broadcast_claims.settle(connection, "spring", "t", results, NOW)
    cursor = await connection.execute(
        "select state, open_state from messages order by state, open_state"
    )
    assert await cursor.fetchall() == [
        ("accepted", None), ("claimed", None), ("claimed", None), ("failed", "failed"),
        ("unknown", "unknown"),
    ]  # fmt: skip
