"""Preferences as they are kept: shared by all contacts of an address, and heard by who waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.store.people import people, preferences
from digital_cs.store.people.preferences import Preferences
from tests import rig
from tests.store.touching import ACME, ADA, ID, enrolled, rows

Connection = AsyncConnection[Any]
TWIN = "acct-00001-c1"
LATER = rig.MONDAY + timedelta(days=30)


@pytest.fixture
async def twins(connection: Connection) -> None:
    """One person in two accounts, of which the first waits inside a program."""
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), rig.MONDAY)
    await rig.people(connection, 3, rig.MONDAY)
    await enrolled(connection)
    await connection.execute(
        "update contacts set email = upper(%s) where id = %s",
        (f"{ACME}@{rig.MAIL_DOMAIN}", TWIN),
    )


async def read(connection: Connection, contact: str = ADA, at: Any = rig.MONDAY) -> Preferences:
    found = await preferences.read(connection, contact, at)
    assert found is not None
    return found


async def woken(connection: Connection) -> list[str]:
    found = [row["enrollment_id"] for row in await rows(connection, "outbox")]
    await connection.execute("delete from outbox")
    return found


async def test_nothing_said_is_everything_wanted(connection: Connection, twins: None) -> None:
    found = await read(connection)

    assert found.wants("newsletter")
    assert (found.topics, found.fewer, found.quiet_until, found.suppressed) == (
        {},
        False,
        None,
        None,
    )
    assert await preferences.read(connection, "nobody", rig.MONDAY) is None


async def test_what_one_of_the_same_address_says_holds_for_all_and_wakes_them(
    connection: Connection, twins: None
) -> None:
    async with connection.transaction():
        done = await preferences.set_topics(
            connection, TWIN, {"tips": False, "events": True}, "page", rig.MONDAY
        )
        assert await preferences.fewer(connection, TWIN, True, rig.MONDAY)
        assert await preferences.pause_until(connection, TWIN, LATER, rig.MONDAY)

    found = await read(connection)
    assert done == ["tips"]
    assert (found.topics, found.fewer, found.quiet_until) == ({"tips": False}, True, LATER)
    assert await woken(connection) == [ID] * 3
    kept = {(row["contact_id"], row["source"]) for row in await rows(connection, "preferences")}
    assert kept == {(ADA, "page"), (TWIN, "page")}


async def test_saying_the_same_again_changes_nothing_and_wakes_nobody(
    connection: Connection, twins: None
) -> None:
    for expected in (True, False):
        async with connection.transaction():
            said = {"tips": False}
            topics = await preferences.set_topics(connection, ADA, said, "page", rig.MONDAY)
            fewer = await preferences.fewer(connection, TWIN, True, rig.MONDAY)
            pause = await preferences.pause_until(connection, ADA, LATER, rig.MONDAY)
        assert (bool(topics), fewer, pause) == (expected, expected, expected)
        assert bool(await woken(connection)) is expected


async def test_all_of_it_can_be_taken_back(connection: Connection, twins: None) -> None:
    for wanted, until in ((False, LATER), (True, None)):
        async with connection.transaction():
            await preferences.set_topics(connection, ADA, {"tips": wanted}, "page", rig.MONDAY)
            await preferences.fewer(connection, ADA, not wanted, rig.MONDAY)
            await preferences.pause_until(connection, ADA, until, rig.MONDAY)

    found = await read(connection, TWIN)
    assert (found.topics, found.fewer, found.quiet_until) == ({"tips": True}, False, None)


async def test_a_pause_ends_by_itself(connection: Connection, twins: None) -> None:
    async with connection.transaction():
        await preferences.pause_until(connection, ADA, LATER, rig.MONDAY)

    assert (await read(connection, at=LATER - timedelta(seconds=1))).quiet_until == LATER
    assert (await read(connection, at=LATER)).quiet_until is None


async def test_who_joined_the_address_later_is_under_the_strictest_of_what_was_said(
    connection: Connection, twins: None
) -> None:
    late = "acct-00002-c1"
    async with connection.transaction():
        await preferences.set_topics(connection, ADA, {"tips": False}, "page", rig.MONDAY)
        await preferences.set_topics(connection, late, {"events": False}, "page", rig.MONDAY)
    await connection.execute(
        "update contacts set email = (select email from contacts where id = %s) where id = %s",
        (ADA, late),
    )
    assert (await read(connection, late)).topics == {"tips": False, "events": False}

    async with connection.transaction():
        await preferences.set_topics(connection, late, {"tips": True}, "page", rig.MONDAY)
    assert (await read(connection, ADA)).topics == {"tips": True, "events": False}


async def test_a_former_id_speaks_for_who_is_left(connection: Connection, twins: None) -> None:
    await connection.execute(
        "insert into identities (alias, contact_id, kind, at) values ('old', %s, 'merged', %s)",
        (ADA, rig.MONDAY),
    )
    async with connection.transaction():
        await preferences.set_topics(connection, "old", {"tips": False}, "page", rig.MONDAY)

    assert (await read(connection, "old")).contact_id == ADA
    assert (await read(connection)).topics == {"tips": False}


async def test_after_a_merge_what_either_of_them_did_not_want_is_not_wanted(
    connection: Connection, twins: None
) -> None:
    other = "acct-00002-c1"
    async with connection.transaction():
        await preferences.set_topics(
            connection, other, {"tips": False, "events": False}, "page", rig.MONDAY
        )
        await preferences.set_topics(connection, other, {"events": True}, "page", rig.MONDAY)
        await preferences.set_topics(connection, ADA, {"events": False}, "page", rig.MONDAY)
        await preferences.fewer(connection, other, True, rig.MONDAY)
        await preferences.pause_until(connection, other, LATER, rig.MONDAY)

        await people.change(connection)
        await people.merge(connection, other, ADA, rig.MONDAY, "test", rig.MONDAY)

    found = await read(connection)
    assert found.topics == {"tips": False, "events": False}
    assert (found.fewer, found.quiet_until) == (True, LATER)


async def test_somebody_without_an_address_can_say_what_they_want(
    connection: Connection, twins: None
) -> None:
    await connection.execute("update contacts set email = null where id = %s", (ADA,))
    async with connection.transaction():
        assert await preferences.set_topics(connection, ADA, {"tips": False}, "x", rig.MONDAY)

    assert (await read(connection)).topics == {"tips": False}
    assert (await read(connection, TWIN)).topics == {}
