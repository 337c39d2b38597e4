"""Enrolling: once, however often and by how many it is asked; and always with its outbox row."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.errors import AdminShutdown

from digital_cs.domain.programs.program import ReEntry
from digital_cs.domain.timing.span import Span
from digital_cs.messages.keys import enrollment_id
from digital_cs.store.programs import programs
from digital_cs.store.programs.enrollments import Again, Enrolled, ask_to_exit, enroll
from digital_cs.store.programs.programs import State
from tests import rig

Connection = AsyncConnection[Any]


async def _put_in(
    connection: Connection, *accounts: str, again: Again = "never", days: float = 0,
    program: str = "welcome",
) -> Enrolled:  # fmt: skip
    now = rig.MONDAY + timedelta(days=days)
    return await enroll(connection, program, accounts, source="test", now=now, again=again)


async def _rows(connection: Connection) -> list[tuple[str, int]]:
    """(id, how many wishes to start it) of every enrollment."""
    cursor = await connection.execute(
        "select e.id, count(o.id) from enrollments e left join outbox o on o.enrollment_id = e.id"
        " and o.kind = 'start' group by 1 order by 1"
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def _end(connection: Connection, id: str) -> None:
    await connection.execute(
        "update enrollments set ended_at = %s, ending = 'completed' where id = %s", (rig.MONDAY, id)
    )


async def test_an_enrollment_stands_at_the_first_step_with_a_wish_to_start_it(
    connection: Connection, accounts: list[str]
) -> None:
    found = await _put_in(connection, *accounts[:2])

    assert sorted(found.enrolled) == accounts[:2]
    assert await _rows(connection) == [(enrollment_id("welcome", a, 1), 1) for a in accounts[:2]]
    cursor = await connection.execute("select distinct version, step, visit from enrollments")
    assert await cursor.fetchall() == [(1, "touch-1", 1)]


async def test_enrolling_twice_changes_nothing(connection: Connection, accounts: list[str]) -> None:
    await _put_in(connection, accounts[0])
    again = await _put_in(connection, accounts[0], accounts[0], again="always")

    assert again == Enrolled(inside=(accounts[0],))
    assert await _rows(connection) == [(f"welcome:{accounts[0]}:1", 1)]


async def test_many_who_enroll_the_same_account_at_once_make_one_enrollment(
    connection: Connection, other: Connection, accounts: list[str]
) -> None:
    async def often(somebody: Connection) -> list[Enrolled]:
        return [await _put_in(somebody, *accounts[:3], again="always") for _ in range(100)]

    found = [
        each for some in await asyncio.gather(often(connection), often(other)) for each in some
    ]

    assert sum(len(each.enrolled) for each in found) == 3
    assert all(sorted(each.enrolled + each.inside) == accounts[:3] for each in found)
    assert await _rows(connection) == [(f"welcome:{a}:1", 1) for a in accounts[:3]]


async def test_opposite_orders_at_once_are_no_deadlock(
    connection: Connection, other: Connection
) -> None:
    await rig.publish(connection, rig.drip("welcome", 1, "1 day"), rig.MONDAY)
    crowd = await rig.people(connection, 300, rig.MONDAY, prefix="crowd")

    one, two = await asyncio.gather(_put_in(connection, *crowd), _put_in(other, *reversed(crowd)))

    assert len(one.enrolled) + len(two.enrolled) == 300
    assert len(await _rows(connection)) == 300


async def test_the_loser_of_a_race_is_told_that_the_account_is_inside(
    connection: Connection, other: Connection, accounts: list[str]
) -> None:
    async with connection.transaction():
        await _put_in(connection, accounts[0])
        second = asyncio.create_task(_put_in(other, accounts[0]))
        await asyncio.sleep(0.05)  # it waits for the first one's transaction; either way it is told
    assert await second == Enrolled(inside=(accounts[0],))


@pytest.mark.parametrize(("again", "allowed"), [("never", False), ("always", True)])
async def test_whether_an_account_that_left_may_enter_again(
    connection: Connection, accounts: list[str], again: Again, allowed: bool
) -> None:
    await _put_in(connection, accounts[0])
    await _end(connection, f"welcome:{accounts[0]}:1")

    found = await _put_in(connection, accounts[0], again=again, days=1)

    assert found == (
        Enrolled(enrolled=(accounts[0],)) if allowed else Enrolled(not_again=(accounts[0],))
    )
    assert len(await _rows(connection)) == 1 + allowed


async def test_at_most_two_entries_within_thirty_days(
    connection: Connection, accounts: list[str]
) -> None:
    twice = ReEntry(at_most=2, per=Span.parse("30 days"))
    entered = []
    for day in (0, 10, 20, 30, 31, 41):
        found = await _put_in(connection, accounts[0], again=twice, days=day)
        for nth in range(1, 6):
            await _end(connection, f"welcome:{accounts[0]}:{nth}")
        if found.enrolled:
            entered.append(day)

    # On day 20 two are within the span; on day 30 the first one just is not any more.
    assert entered == [0, 10, 30, 41]


@pytest.mark.parametrize(
    ("state", "open_"),
    [
        (State.RUNNING, True), (State.PAUSED, True), (State.CLOSED, False),
        (State.PAUSED_CLOSED, False), (State.FINISHING, False), (State.STOPPED, False),
    ],
)  # fmt: skip
async def test_a_program_is_entered_only_while_it_is_open(
    connection: Connection, accounts: list[str], state: State, open_: bool
) -> None:
    """P11: "stop entering" keeps everybody out, a pause only holds those who come in."""
    await connection.execute("update programs set state = %s", (state,))

    found = await _put_in(connection, accounts[0])

    assert found == (Enrolled(enrolled=(accounts[0],)) if open_ else Enrolled(closed=True))


async def test_unknown_accounts_and_programs_are_told(
    connection: Connection, accounts: list[str]
) -> None:
    assert await _put_in(connection, accounts[0], "nobody") == Enrolled(
        enrolled=(accounts[0],), unknown=("nobody",)
    )
    assert (await _put_in(connection, accounts[1], program="no-such")).closed


async def test_who_enters_gets_the_newest_version_and_those_inside_keep_theirs(
    connection: Connection, accounts: list[str]
) -> None:
    """P20: an enrollment is pinned to its version."""
    await _put_in(connection, accounts[0])
    await rig.publish(connection, rig.drip("welcome", 3, "1 day"), rig.MONDAY)
    await _put_in(connection, accounts[1])

    assert await programs.who_is_where(connection, "welcome") == [
        (1, "touch-1", 1), (2, "touch-1", 1)
    ]  # fmt: skip


async def test_neither_the_enrollment_nor_its_wish_survives_a_death_in_the_transaction(
    connection: Connection, other: Connection, accounts: list[str]
) -> None:
    """The start of an enrollment and the wish to run it are committed together, or not at all."""
    pid = other.info.backend_pid

    async def dies() -> None:
        async with other.transaction():
            await _put_in(other, *accounts)
            await ask_to_exit(other, program_id="welcome", because="never seen by anybody")
            await connection.execute("select pg_terminate_backend(%s)", (pid,))
            await other.execute("select 1")

    with pytest.raises(AdminShutdown):
        await dies()

    assert await _rows(connection) == []
    cursor = await connection.execute("select count(*) from outbox")
    assert await cursor.fetchone() == (0,)
