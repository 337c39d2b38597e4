"""Those inside a program that was changed: told with counts, and brought along if wished (P20)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import FastClock
from digital_cs.domain.programs.enrollment import Outcome
from digital_cs.domain.programs.program import Program
from digital_cs.errors import NotFoundError
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool
from digital_cs.store.programs import programs, touch_facts, touches
from digital_cs.temporal import version_changes
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.version_changes import Brought, Wish, bring, standing
from tests import rig
from tests.domain.rehearsal import some_facts

Connection = AsyncConnection[Any]
DAY = timedelta(days=1)
HELLO = {"send": "welcome-trial-1"}


@pytest.fixture
async def opened(database: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with pool.opened(database, 6) as found:
        yield found


@pytest.fixture
def gateway(opened: AsyncConnectionPool[Any]) -> Gateway:
    clock = FastClock(rig.MONDAY, datetime.now(UTC), 1.0)
    return Gateway(opened, clock, Entries(opened, clock, "UTC"))


def welcome(*steps: dict[str, Any], **parts: Any) -> Program:
    return rig.program("welcome", list(steps), **parts)


async def inside(gateway: Gateway, connection: Connection, count: int, days: float) -> list[str]:
    """So many are in a wait of thirty days, since so many days ago."""
    await gateway.publish([welcome({"wait": "30 days"}, HELLO)])
    people = await rig.people(connection, count, rig.MONDAY)
    await gateway.enroll("welcome", people)
    since = rig.MONDAY - timedelta(days=days)
    await connection.execute(
        "update enrollments set started_at = %s, entered_at = %s, position = position"
        " || jsonb_build_object('entered_at', %s::text, 'due_at', %s::text)",
        (since, since, since.isoformat(), (since + 30 * DAY).isoformat()),
    )
    await connection.execute("delete from outbox")
    return people


async def rows(connection: Connection, what: str) -> list[Any]:
    cursor = await connection.execute(f"select {what} from enrollments order by id")
    return [row[0] if len(row) == 1 else row for row in await cursor.fetchall()]


async def test_a_change_says_before_it_is_published_who_stands_where_and_what_becomes_of_it(
    gateway: Gateway, connection: Connection
) -> None:
    await inside(gateway, connection, 3, 20)
    changed = welcome({"wait": "10 days"}, HELLO, {"send": "welcome-trial-2"})

    (found,) = await standing(gateway, "welcome", changed)

    assert (found.version, found.accounts) == (1, 3)
    assert (found.says, found.becomes) == ("wait 30 days", "wait 10 days")
    assert await rows(connection, "version") == [1, 1, 1]


async def test_who_moves_keeps_the_visit_is_woken_and_noted_and_no_crowd_is_let_loose(
    gateway: Gateway, connection: Connection
) -> None:
    await inside(gateway, connection, 40, 20)
    await gateway.publish([welcome({"wait": "10 days"}, HELLO)])

    done = await bring(gateway, "welcome", Wish.MOVE)

    assert done == Brought(moved=40, spread=40)
    assert await standing(gateway, "welcome") == []
    found = await rows(connection, "version, visit, (position->>'rests_until')::timestamptz")
    assert {(version, visit) for version, visit, _ in found} == {(2, 1)}
    until = sorted(moment for _, _, moment in found)
    assert until[-1] - until[0] > 2 * DAY
    cursor = await connection.execute("select count(*) from outbox where kind = 'wake'")
    assert await cursor.fetchone() == (40,)
    cursor = await connection.execute("select words, version from decisions where reason='version'")
    assert set(await cursor.fetchall()) == {
        ("The program was changed, and this account goes on with version 2.", 2)
    }


async def test_whose_step_is_gone_stay_at_their_version_and_are_counted(
    gateway: Gateway, connection: Connection
) -> None:
    await inside(gateway, connection, 2, 20)
    await gateway.publish([welcome(HELLO)])

    (found,) = await standing(gateway, "welcome")
    done = await bring(gateway, "welcome", Wish.MOVE)

    assert found.becomes is None
    assert done == Brought(stay=2)
    assert await rows(connection, "version") == [1, 1]
    assert await bring(gateway, "welcome", Wish.STAY) == Brought()


async def test_who_restarts_begins_anew_from_the_moment_of_their_own(
    gateway: Gateway, connection: Connection
) -> None:
    await inside(gateway, connection, 2, 20)
    await gateway.publish([welcome(HELLO)])

    assert await bring(gateway, "welcome", Wish.RESTART) == Brought(restarted=2, spread=2)

    for version, visit, started_at, entered_at in await rows(
        connection, "version, visit, started_at, entered_at"
    ):
        assert (version, visit) == (2, 2)
        assert started_at == entered_at >= rig.MONDAY


async def test_an_interrupted_move_goes_on_where_it_was(
    gateway: Gateway, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await inside(gateway, connection, 6, 20)
    await gateway.publish([welcome({"wait": "40 days"}, HELLO)])
    monkeypatch.setattr(version_changes, "PAGE", 2)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await bring(gateway, "welcome", Wish.MOVE, told=interrupt)
    assert sorted(await rows(connection, "version")) == [1, 1, 1, 1, 2, 2]

    told: list[int] = []
    assert await bring(gateway, "welcome", Wish.MOVE, told=told.append) == Brought(moved=4)
    assert told == [2, 2]
    assert await bring(gateway, "welcome", Wish.MOVE) == Brought()


async def test_two_people_at_once_move_everybody_once(
    gateway: Gateway, connection: Connection
) -> None:
    await inside(gateway, connection, 20, 20)
    await gateway.publish([welcome({"wait": "40 days"}, HELLO)])

    both = await asyncio.gather(*(bring(gateway, "welcome", Wish.MOVE) for _ in range(2)))

    assert sum(each.moved for each in both) == 20
    assert set(await rows(connection, "revision")) == {1}


async def test_a_worker_that_has_read_the_old_position_comes_too_late(
    gateway: Gateway, connection: Connection
) -> None:
    await inside(gateway, connection, 1, 29)
    await gateway.publish([welcome({"wait": "40 days"}, HELLO)])
    (id,) = await rows(connection, "id")
    now = gateway.clock.now()
    loaded = await touch_facts.load(connection, id, now, some_facts().calendar)
    assert loaded is not None

    await bring(gateway, "welcome", Wish.MOVE)

    outcome = Outcome(loaded.position)
    assert not await touches.move(
        connection, enrollment_id=id, revision=loaded.revision, outcome=outcome, now=now, as_of=now
    )


async def test_who_has_left_or_is_at_the_newest_version_is_let_be(
    gateway: Gateway, connection: Connection
) -> None:
    people = await inside(gateway, connection, 2, 20)
    await connection.execute(
        "update enrollments set ended_at = now() where account_id = %s", (people[0],)
    )
    await gateway.publish([welcome({"wait": "40 days"}, HELLO)])
    await bring(gateway, "welcome", Wish.MOVE)

    assert await rows(connection, "version") == [1, 2]
    async with gateway.pool.connection() as asked:
        assert await programs.who_is_where(asked, "welcome") == [(2, "wait-1", 1)]


async def test_a_program_that_is_not_published_is_told(gateway: Gateway) -> None:
    with pytest.raises(NotFoundError, match="no published program 'nowhere'"):
        await bring(gateway, "nowhere", Wish.MOVE)
