"""Broadcasts that are started show content, too: before their audience is fixed, and after."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store import broadcast_audience, broadcasts, exposure
from digital_cs.store.exposure import Showing
from tests import rig
from tests.store.broadcast_worlds import a_plan, start
from tests.store.showing import at, block, email, keep, stand

Connection = AsyncConnection[Any]

WELCOME = "welcome-trial-1"


async def library(connection: Connection) -> None:
    await keep(
        connection, [email(WELCOME), block("help")], {f"emails/{WELCOME}.md": ["blocks/help.md"]}
    )


async def shown(connection: Connection) -> exposure.Exposure | None:
    return (await exposure.of_items(connection, rig.MONDAY)).get("blocks/help.md")


async def test_a_broadcast_counts_from_its_start_until_it_is_through(
    connection: Connection,
) -> None:
    await library(connection)
    ids = await rig.people(connection, 3, rig.MONDAY)
    await connection.execute("update accounts set zone = 'Asia/Tokyo' where id = %s", (ids[0],))
    await connection.execute("update contacts set active = false where id = %s", (f"{ids[2]}-c1",))
    assert await shown(connection) is None
    broadcast = await start(connection, a_plan(at="2026-03-10 20:00"))
    before = await shown(connection)
    assert before is not None
    assert (before.people, before.accounts) == (2, 2)
    assert before.through == (
        Showing(WELCOME, "broadcast:spring", date(2026, 3, 10), 2, True),
    )  # fmt: skip
    await broadcast_audience.freeze(connection, broadcast, "newsletter", rig.MONDAY, "UTC")
    assert await shown(connection) == before

    await connection.execute("update messages set state = 'accepted' where account_id = %s", (
        ids[0],))  # fmt: skip
    left = await shown(connection)
    assert left is not None
    assert left.accounts == 1
    await broadcasts.pause(connection, "spring", "maya", rig.MONDAY)
    assert await shown(connection) is None


async def test_who_gets_it_from_a_program_as_well_is_one_reader(connection: Connection) -> None:
    await library(connection)
    await rig.publish(connection, rig.drip("welcome", 1, "3 days"), rig.MONDAY)
    ids = await rig.people(connection, 2, rig.MONDAY)
    await stand(connection, "welcome", ids[0], "touch-1", plans_at=at(4))
    await connection.execute("update holdouts set held = false")
    await start(connection, a_plan())
    found = await shown(connection)
    assert found is not None
    assert (found.people, found.accounts, found.first_on) == (2, 2, date(2026, 3, 2))
    assert [(each.program, each.accounts) for each in found.through] == [
        ("broadcast:spring", 2), ("welcome", 1),
    ]  # fmt: skip


async def test_one_that_is_far_off_is_not_about_to_go_out(connection: Connection) -> None:
    await library(connection)
    await rig.people(connection, 1, rig.MONDAY)
    await start(connection, a_plan(at="2026-03-30 20:00"))
    assert await shown(connection) is None
