"""The audience: fixed in one statement, one row a recipient, chosen as programs choose."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.account import LEAVING_STAGES, Account
from digital_cs.domain.programs.touch import choose_recipient
from digital_cs.domain.rules.reads import Reads
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.broadcasts import broadcast_audience, broadcasts
from digital_cs.store.programs.facts import facts_page
from tests import rig
from tests.store.broadcast_worlds import NOW, a_plan, populate, start

Connection = AsyncConnection[Any]

ROWS = "select contact_id, account_id, state, reason, detail, due_at, zone, chunk from messages"


async def _accounts(connection: Connection) -> list[Account]:
    """The accounts as programs see them, with what their people asked for."""
    found = await facts_page(
        connection, NOW, BusinessCalendar(), reads=Reads(contacts=True), most=10_000
    )
    cursor = await connection.execute(
        "select c.id, (select max(o.quiet_until) from contacts o"
        "                where lower(o.email) = lower(c.email)),"
        " array(select p.topic from preferences p join contacts o on o.id = p.contact_id"
        "        where lower(o.email) = lower(c.email) and not p.wanted) from contacts c"
    )
    asked = {id: (until, frozenset(topics)) for id, until, topics in await cursor.fetchall()}
    return [
        replace(
            account,
            contacts=tuple(
                replace(each, quiet_until=asked[each.id][0], unwanted=asked[each.id][1])
                for each in account.contacts
            ),
        )
        for account in found
    ]


@pytest.mark.parametrize("seed", range(12))
async def test_it_chooses_whom_a_program_would_choose_and_everybody_once(
    connection: Connection, seed: int
) -> None:
    """P1, P2, and the numbers add up: each account of the audience has a row that says why."""
    await populate(connection, seed)
    roles = ("champion", "admin", "any") if seed % 2 else ("admin", "billing")
    broadcast = await start(connection, a_plan(to=roles))
    frozen = await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")

    rows = await (await connection.execute(ROWS)).fetchall()
    assert frozen == len(rows)
    by_account: dict[str, list[Any]] = {}
    for row in rows:
        by_account.setdefault(row[1], []).append(row)
    addresses = dict(
        await (await connection.execute("select id, lower(email) from contacts")).fetchall()
    )
    wanted: dict[str, list[str]] = {}
    for account in await _accounts(connection):
        (contact_id, _, state, reason, words, *_) = by_account.pop(account.id)[0]
        chosen = choose_recipient(account.contacts, roles, "marketing", "newsletter", NOW)
        if account.stage in LEAVING_STAGES:
            assert (state, reason) == ("skipped", Reason.STAGE)
        elif chosen is None:
            assert (state, reason) == ("skipped", Reason.NOBODY)
            assert words.endswith(".")
        else:
            assert contact_id == chosen.id
            wanted.setdefault(addresses[chosen.id], []).append(state)
    assert not by_account
    for states in wanted.values():
        assert Counter(states)["planned"] == 1
        assert set(states) <= {"planned", "skipped"}

    again = await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")
    assert again is None
    cursor = await connection.execute("select count(*) from messages")
    assert await cursor.fetchone() == (frozen,)
    noted = await connection.execute("select count(*) from decisions where verdict = 'skipped'")
    assert await noted.fetchone() == (sum(row[2] == "skipped" for row in rows),)


async def test_everybody_means_each_person_who_may_be_written_to(connection: Connection) -> None:
    await populate(connection, 3)
    broadcast = await start(connection, a_plan(to=("everybody",)))
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")

    cursor = await connection.execute(
        "select count(distinct lower(c.email)), count(*) from messages m"
        " join contacts c on c.id = m.contact_id where m.state = 'planned'"
    )
    row = await cursor.fetchone()
    assert row is not None
    assert row[0] == row[1] > 10
    cursor = await connection.execute(
        "select count(distinct lower(c.email)) from contacts c"
        " join memberships b on b.contact_id = c.id and b.left_at is null"
        " join accounts a on a.id = b.account_id and a.stage is distinct from 'churned'"
        " where c.active and c.email is not null and not exists (select from suppressions s"
        "  where s.subject in ('address:' || lower(c.email), 'account:' || a.id))"
    )
    assert await cursor.fetchone() == (row[0],)


async def test_what_is_counted_beforehand_is_what_is_frozen(connection: Connection) -> None:
    await populate(connection, 5)
    broadcast = await start(connection, a_plan())
    shares = await broadcast_audience.count(connection, broadcast, "newsletter", NOW, "UTC")
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")

    cursor = await connection.execute("select reason, count(*) from messages group by 1")
    assert {share.reason: share.recipients for share in shares} == {
        Reason(reason) if reason else None: n for reason, n in await cursor.fetchall()
    }


async def test_everybody_has_nine_o_clock_where_they_are(connection: Connection) -> None:
    """P4: by the zone of the person, else of the account, else of the workspace."""
    await populate(connection, 7)
    plan = a_plan(at=datetime(2026, 3, 10, 9))
    broadcast = await start(connection, plan)
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "Europe/Berlin")

    rows = await (
        await connection.execute(f"{ROWS} where state = 'planned' order by due_at")
    ).fetchall()
    expected = {
        "Europe/Berlin": datetime(2026, 3, 10, 8, tzinfo=UTC),
        "America/New_York": datetime(2026, 3, 10, 13, tzinfo=UTC),
        "Asia/Tokyo": datetime(2026, 3, 10, 0, tzinfo=UTC),
        "Pacific/Apia": datetime(2026, 3, 9, 20, tzinfo=UTC),
    }
    assert {row[6] for row in rows} == set(expected)
    assert all(expected[row[6]] == row[5] for row in rows)


async def test_a_spread_keeps_to_its_span_and_chunks_go_by_time(connection: Connection) -> None:
    await rig.people(connection, 900, NOW)
    broadcast = await start(connection, a_plan(spread="4 hours"))
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")

    cursor = await connection.execute(
        "select chunk, count(*), min(due_at), max(due_at) from messages group by 1 order by 1"
    )
    rows = await cursor.fetchall()
    assert [row[1] for row in rows] == [200, 200, 200, 200, 100]
    assert all(before[3] <= after[2] for before, after in pairwise(rows))
    assert NOW <= rows[0][2] < NOW + timedelta(minutes=5)
    assert NOW + timedelta(hours=3, minutes=55) < rows[-1][3] < NOW + timedelta(hours=4)


async def test_a_rule_or_a_segment_makes_the_audience(connection: Connection) -> None:
    ids = await populate(connection, 9)
    await connection.execute("update accounts set stage = 'active', traits = '{\"plan\": \"x\"}'")
    await connection.execute(
        'update accounts set traits = \'{"plan": "pro"}\' where id = any(%s)', (ids[:7],)
    )
    broadcast = await start(connection, a_plan(audience={"trait": "plan", "is": "pro"}))
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")

    cursor = await connection.execute("select distinct account_id from messages order by 1")
    assert [row[0] for row in await cursor.fetchall()] == ids[:7]


async def test_each_account_gets_its_variant_and_a_person_may_have_another(
    connection: Connection,
) -> None:
    one, two, three = await rig.people(connection, 3, NOW)
    broadcast = await start(connection, a_plan())
    await broadcasts.save_choices(
        connection, "spring",
        [broadcasts.Choice(one, "a"), broadcasts.Choice(two, "a"),
         broadcasts.Choice(two, "b", f"{two}-c1", {"question": "exports"})],
    )  # fmt: skip
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")

    cursor = await connection.execute("select account_id, variant from messages")
    assert dict(await cursor.fetchall()) == {one: "a", two: "b", three: ""}


async def test_a_paused_or_cancelled_broadcast_is_not_frozen(connection: Connection) -> None:
    await populate(connection, 1)
    broadcast = await start(connection, a_plan())
    await broadcasts.pause(connection, "spring", "test", NOW)
    assert await broadcast_audience.freeze(connection, broadcast, None, NOW, "UTC") is None
    await broadcasts.cancel(connection, "spring", "test", NOW)
    assert await broadcast_audience.freeze(connection, broadcast, None, NOW, "UTC") is None
