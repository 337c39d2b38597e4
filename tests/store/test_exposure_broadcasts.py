"""Broadcasts that are started show content, too: before their audience is fixed, and after."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.broadcasts import broadcast_audience, broadcasts
from digital_cs.store.content import exposure
from digital_cs.store.content.exposure import Showing
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


async def test_an_issue_on_its_way_shows_what_each_reader_gets(connection: Connection) -> None:
    """Before its audience is fixed, and after, also where messages that waited were put in."""
    await keep(connection, [block("help")], {})
    ids = await rig.people(connection, 3, rig.MONDAY)
    await connection.execute(
        "insert into newsletters (id, version, content_hash, published_at)"
        " values ('letter', 1, '', now())"
    )
    await connection.execute(
        "insert into newsletter_issues (id, newsletter_id, day, send_on, state, subject, preview,"
        " created_at, broadcast_id) values ('spring', 'letter', '2026-03-03', '2026-03-03',"
        " 'sending', '', '', now(), 'spring')"
    )
    await connection.execute(
        "insert into newsletter_variants (issue_id, name, items, shown, accounts, source) values"
        " ('spring', '', '{}', '{}', 1, ''),"
        " ('spring', 'v1', '{blocks/help.md}', '{blocks/help.md}', 2, '')"
    )
    await connection.execute(
        "insert into newsletter_readers (issue_id, account_id, variant)"
        " select 'spring', id, case when id = %s then '' else 'v1' end from unnest(%s::text[]) id",
        (ids[0], ids),
    )
    broadcast = await start(connection, a_plan(email=None))
    before = await shown(connection)
    assert before is not None
    assert (before.accounts, before.people) == (2, 2)
    assert [each.email for each in before.through] == ["spring/v1"]
    await connection.execute(
        "insert into broadcast_choices (broadcast_id, account_id, contact_id, variant)"
        " values ('spring', %s, '', 'v1'), ('spring', %s, '', 'v1-m1'),"
        " ('spring', %s, '', 'plain-m2')", (ids[1], ids[2], ids[0]),
    )  # fmt: skip
    await broadcast_audience.freeze(connection, broadcast, "newsletter", rig.MONDAY, "UTC")
    assert await shown(connection) == before
