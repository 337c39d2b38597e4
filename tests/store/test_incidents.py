"""Incidents: opened for all or for some, closed once, and who waited is told (P18)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.sending import incidents
from tests import rig
from tests.store.claiming_many import due, resting_at_a_send, resting_elsewhere, woken

Connection = AsyncConnection[Any]
LATER = rig.MONDAY + timedelta(hours=1)


async def test_one_about_some_accounts_tells_them_when_it_opens_and_when_it_ends(
    connection: Connection,
) -> None:
    first, second, third = await due(connection, 3)
    accounts = [second.account, first.account, second.account]

    async with connection.transaction():
        opened = await incidents.open_incident(
            connection, "No exports", "maya", rig.MONDAY, accounts
        )

    assert opened.accounts == [first.account, second.account]
    assert await woken(connection) == [first.enrollment, second.enrollment]
    assert await incidents.list_incidents(connection) == [opened]
    await resting_at_a_send(connection, first, second, third)

    async with connection.transaction():
        closed = await incidents.close(connection, opened.id, "jonas", LATER)

    assert closed is not None
    assert (closed.closed_at, closed.closed_by) == (LATER, "jonas")
    assert sorted(await woken(connection)) == [first.enrollment, second.enrollment]
    assert await incidents.list_incidents(connection) == []
    assert await incidents.list_incidents(connection, closed=True) == [closed]


async def test_one_about_all_wakes_at_its_end_only_who_waits_to_send(
    connection: Connection,
) -> None:
    """At its beginning nobody: who is due asks by itself, and nobody else has anything to do."""
    waiting, elsewhere = await due(connection, 2)
    await resting_elsewhere(connection, elsewhere)
    async with connection.transaction():
        opened = await incidents.open_incident(connection, "All is down", "maya", rig.MONDAY)
    assert opened.accounts is None
    assert await woken(connection) == []
    await resting_at_a_send(connection, waiting)

    async with connection.transaction():
        await incidents.close(connection, opened.id, "jonas", LATER)

    assert await woken(connection) == [waiting.enrollment]


async def test_it_is_closed_once(connection: Connection) -> None:
    async with connection.transaction():
        opened = await incidents.open_incident(connection, "All is down", "maya", rig.MONDAY)
        assert await incidents.close(connection, opened.id, "jonas", LATER) is not None
        assert await incidents.close(connection, opened.id, "ada", LATER) is None
        assert await incidents.close(connection, 12345, "ada", LATER) is None

    [closed] = await incidents.list_incidents(connection, closed=True)
    assert closed.closed_by == "jonas"


async def test_accounts_that_do_not_exist_are_named(connection: Connection) -> None:
    known = await rig.people(connection, 1, rig.MONDAY)

    assert await incidents.unknown_accounts(connection, ["zoo", *known, "ape"]) == ["ape", "zoo"]
