"""Broadcasts are told at once of what holds them, or lets them go: in the same transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Rollback

from digital_cs.domain.content.content_item import Review
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.content import reviews
from digital_cs.store.database.pool import opened
from digital_cs.store.sending import incidents, stops
from tests import rig
from tests.store.broadcast_worlds import a_plan
from tests.store.test_doubts import add, sources

Connection = AsyncConnection[Any]

NOW = rig.MONDAY
ITEM = "footer"


async def running(connection: Connection, id: str = "spring") -> str:
    """A broadcast that runs, and whose workflow knows all that was said so far."""
    await broadcasts.save_draft(connection, id, "Spring", "maya", a_plan(), None, "test", NOW)
    await broadcasts.start(connection, id, a_plan(), "test", NOW)
    await connection.execute("update broadcasts set wished_at = null where id = %s", (id,))
    return id


async def woken(connection: Connection) -> list[str]:
    return [id for id, _ in await broadcasts.wishes(connection)]


async def _stop(connection: Connection) -> None:
    await stops.stop(connection, "Wrong prices", "maya", NOW)


async def _start(connection: Connection) -> None:
    await stops.start(connection, "maya", NOW)


async def _incident(connection: Connection) -> None:
    await incidents.open_incident(connection, "Login is down", "maya", NOW)


async def _over(connection: Connection) -> None:
    [found] = await incidents.list_incidents(connection)
    await incidents.close(connection, found.id, "maya", NOW)


async def _block(connection: Connection) -> None:
    assert await reviews.block(connection, ITEM, "Wrong.", "maya", NOW)


async def _unblock(connection: Connection) -> None:
    assert await reviews.unblock(connection, ITEM, NOW)


async def _review(connection: Connection) -> None:
    await reviews.record(connection, Review(ITEM, NOW.date(), "maya", False), NOW)


Step = Callable[[Connection], Awaitable[None]]


@pytest.mark.parametrize(
    "steps",
    [(_stop, _start), (_incident, _over), (_block, _unblock), (_block, _review)],
    ids=["the stop switch", "an incident for all", "blocked content", "a review"],
)
async def test_what_is_placed_or_lifted_wakes_what_runs_in_the_same_transaction(
    connection: Connection, steps: tuple[Step, Step]
) -> None:
    """P6, P25."""
    await sources(connection)
    await add(connection, ITEM, "blocks/footer.md")
    id = await running(connection)
    for step in steps:
        async with connection.transaction():
            await step(connection)
            raise Rollback
        assert await woken(connection) == []
        async with connection.transaction():
            await step(connection)
        [(found, wished_at)] = await broadcasts.wishes(connection)
        assert found == id
        await broadcasts.told(connection, id, wished_at)


async def test_what_does_not_run_is_left_asleep(connection: Connection) -> None:
    for id in ("draft", "paused", "over", "cancelled", "spring"):
        await running(connection, id)
    await connection.execute("update broadcasts set state = 'draft' where id = 'draft'")
    await connection.execute("update broadcasts set paused = true where id = 'paused'")
    await connection.execute(
        "update broadcasts set state = id, ended_at = now() where id in ('over', 'cancelled')"
    )
    async with connection.transaction():
        await _stop(connection)
    assert await woken(connection) == ["spring"]
    async with connection.transaction():
        await _stop(connection)  # it is stopped already


async def test_a_wish_that_comes_while_another_is_told_stays(connection: Connection) -> None:
    await running(connection)
    async with connection.transaction():
        await _stop(connection)
    [(id, first)] = await broadcasts.wishes(connection)
    async with connection.transaction():
        await _start(connection)
    await broadcasts.told(connection, id, first)
    assert await woken(connection) == [id]


async def test_a_stop_does_not_wait_for_an_audience_that_is_being_fixed(
    database: str, connection: Connection
) -> None:
    """Which takes a minute for a million, with the broadcast's row in its hand."""
    id = await running(connection)
    async with opened(database, 1) as pool, pool.connection() as other, other.transaction():
        await other.execute("select from broadcasts where id = %s for update", (id,))
        async with connection.transaction():
            await connection.execute("set local lock_timeout = '2s'")
            _, new = await stops.stop(connection, "Wrong prices", "maya", NOW)
        assert new


async def test_who_waits_for_an_incident_of_their_account_is_asked_again_when_it_is_over(
    connection: Connection,
) -> None:
    """P18: not a quarter of an hour later. Whoever waits for something else waits on."""
    accounts = await rig.people(connection, 3, NOW)
    id = await running(connection)
    later = NOW + timedelta(minutes=15)
    for account, reason in zip(accounts, ("incident", "incident", "ticket"), strict=True):
        await connection.execute(
            "insert into messages (key, broadcast_id, account_id, contact_id, email, kind,"
            " priority, state, due_at, retry_at, reason, attempts) values (%s, %s, %s, %s, 'x',"
            " 'marketing', 'normal', 'planned', %s, %s, %s, 0)",
            (f"{id}/{account}", id, account, f"{account}-c1", NOW, later, reason),
        )
    async with connection.transaction():
        found = await incidents.open_incident(
            connection, "Exports fail", "maya", NOW, [accounts[0], accounts[2]]
        )
    assert await woken(connection) == []  # each asks by itself
    async with connection.transaction():
        await incidents.close(connection, found.id, "maya", NOW)
    assert await woken(connection) == [id]
    cursor = await connection.execute("select retry_at from messages order by account_id")
    assert [row[0] for row in await cursor.fetchall()] == [None, later, later]
