"""The gateway: what people may ask, and what must hold however often and whenever they ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import FastClock
from digital_cs.domain.programs.program import Program
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.programs import programs, touch_facts
from digital_cs.store.programs.programs import State
from digital_cs.temporal.gateway import ALL_NOW, Gateway, OverdueChoice
from tests import rig

Connection = AsyncConnection[Any]

TRIALS = {"when": [{"segment": {"stage": "trial"}}]}


@pytest.fixture
async def opened(database: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with pool.opened(database, 6) as found:
        yield found


@pytest.fixture
def gateway(opened: AsyncConnectionPool[Any]) -> Gateway:
    """A gateway on a Monday in March 2026, 09:00 UTC."""
    clock = FastClock(rig.MONDAY, datetime.now(UTC), 1.0)
    return Gateway(opened, clock, Entries(opened, clock, "UTC"))


@pytest.fixture
async def people(connection: Connection) -> list[str]:
    return await rig.people(connection, 5, rig.MONDAY)


def a_program(**parts: Any) -> Program:
    return rig.program("welcome", [{"wait": "3 days"}, {"send": "welcome-trial-1"}], **parts)


async def state_of(gateway: Gateway) -> str:
    async with gateway.pool.connection() as connection:
        return (await programs.list_programs(connection, ["welcome"]))[0].state


async def inside(connection: Connection) -> list[str]:
    cursor = await connection.execute(
        "select account_id from enrollments where ended_at is null and exit_because is null"
        " order by 1"
    )
    return [row[0] for row in await cursor.fetchall()]


async def woken(connection: Connection) -> list[str]:
    cursor = await connection.execute(
        "select distinct e.account_id from outbox o join enrollments e on e.id = o.enrollment_id"
        " where o.kind = 'wake' order by 1"
    )
    return [row[0] for row in await cursor.fetchall()]


async def stand_due(connection: Connection, days_ago: float) -> None:
    """Everybody inside stands at a step that was due so long before Monday."""
    due = rig.MONDAY - timedelta(days=days_ago)
    await connection.execute(
        "update enrollments set position = position || jsonb_build_object('due_at', %s::text)",
        (due.isoformat(),),
    )


# Publishing


async def test_publishing_the_same_again_makes_no_version(gateway: Gateway) -> None:
    [first] = await gateway.publish([a_program()])
    [again] = await gateway.publish([a_program()])

    assert (first.version, first.new, first.first) == (1, True, True)
    assert (again.version, again.new) == (1, False)


async def test_those_inside_stay_at_their_version_when_a_new_one_is_published_p20(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people[:2])

    [changed] = await gateway.publish([a_program(name="Another name")])
    await gateway.enroll("welcome", people)

    assert (changed.version, changed.inside) == (2, 2)
    cursor = await connection.execute("select version, count(*) from enrollments group by 1")
    assert dict(await cursor.fetchall()) == {1: 2, 2: 3}


async def test_who_matches_at_launch_is_counted_first_and_passed_over_for_good(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    program = a_program(enter=TRIALS)

    assert await gateway.count_matching(program) == 5
    [done] = await gateway.publish([program])
    await gateway.membership.turn()

    assert done.matching == 5
    assert await inside(connection) == []


async def test_who_matches_at_launch_enters_when_the_program_says_so(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    [done] = await gateway.publish([a_program(enter={**TRIALS, "at_launch": "enroll"})])

    assert (done.matching, done.inside) == (5, 5)
    assert await inside(connection) == people


async def test_a_version_with_other_entries_lets_no_crowd_in_p20(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    """What stands first among the entries is new to all who matched the second before."""
    nobody = {"segment": {"trait": "plan", "is": "none"}}
    await gateway.publish([a_program(enter=TRIALS)])

    [changed] = await gateway.publish([a_program(enter={"when": [nobody, *TRIALS["when"]]})])
    await gateway.membership.turn()

    assert (changed.version, changed.matching) == (2, 5)
    assert await inside(connection) == []


async def test_a_program_with_a_fault_in_its_structure_is_not_published(gateway: Gateway) -> None:
    broken = rig.program("welcome", [{"go_to": "nowhere"}])

    with pytest.raises(UsageError, match="nowhere"):
        await gateway.publish([broken])


# Enrolling


async def test_enrolling_respects_the_rule_of_re_entry(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program(enter={"again": "never"})])
    await gateway.enroll("welcome", people[:1])
    await connection.execute("update enrollments set ended_at = now(), ending = 'completed'")

    done = await gateway.enroll("welcome", people[:2])

    assert (done.enrolled, done.not_again) == ((people[1],), (people[0],))


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])

    done = await gateway.enroll("welcome", [*people, "nobody"], dry_run=True)

    assert sorted(done.enrolled) == people
    assert done.unknown == ("nobody",)
    cursor = await connection.execute("select count(*) from enrollments")
    assert await cursor.fetchone() == (0,)
    cursor = await connection.execute("select count(*) from outbox")
    assert await cursor.fetchone() == (0,)


async def test_a_program_that_is_not_published_is_named_with_those_that_are(
    gateway: Gateway,
) -> None:
    await gateway.publish([a_program()])

    with pytest.raises(NotFoundError, match=r"'welcom'.*Published are: welcome"):
        await gateway.enroll("welcom", ["acme"])
    with pytest.raises(NotFoundError, match="'welcom'"):
        await gateway.stop_all("welcom", "because")


# The three buttons, and the pause


async def test_stop_entering_leaves_those_inside_alone_p11(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people[:2])
    await connection.execute("delete from outbox")

    done = await gateway.stop_entering("welcome")
    refused = await gateway.enroll("welcome", people)

    assert (done.before, done.after, done.inside) == (State.RUNNING, State.CLOSED, 2)
    assert refused.closed
    assert not refused.enrolled
    assert await inside(connection) == people[:2]
    assert await woken(connection) == []
    await gateway.open_program("welcome")
    assert len((await gateway.enroll("welcome", people)).enrolled) == 3


async def test_finish_those_inside_lets_them_go_on_and_the_program_is_then_stopped_p11(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people[:2])

    await gateway.finish_inside("welcome")

    assert (await gateway.enroll("welcome", people)).closed
    assert await inside(connection) == people[:2]
    assert await state_of(gateway) == "finishing"
    await connection.execute("update enrollments set ended_at = now(), ending = 'completed'")
    assert await state_of(gateway) == "stopped"


async def test_stop_all_takes_everybody_out_at_once_p11(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people)

    done = await gateway.stop_all("welcome", "The product is gone.")

    assert (done.exited, done.after) == (5, State.STOPPED)
    assert await inside(connection) == []
    assert await woken(connection) == people
    cursor = await connection.execute("select distinct exit_because from enrollments")
    assert await cursor.fetchall() == [("The product is gone.",)]


async def test_nobody_slips_into_a_program_while_it_is_being_stopped(
    gateway: Gateway, connection: Connection
) -> None:
    people = await rig.people(connection, 60, rig.MONDAY)
    await gateway.publish([a_program()])

    async def enter(number: int) -> None:
        await asyncio.sleep(0.001 * number)
        await gateway.enroll("welcome", people[number * 6 : number * 6 + 6])

    async def press() -> None:
        await asyncio.sleep(0.005)
        await gateway.stop_all("welcome", "Stopped.")

    await asyncio.gather(press(), *(enter(number) for number in range(10)))

    assert await inside(connection) == []


async def test_stop_entering_does_not_lift_a_pause(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people[:1])
    await gateway.pause_program("welcome")

    done = await gateway.stop_entering("welcome")

    assert done.after is State.PAUSED_CLOSED
    loaded = await touch_facts.load(
        connection, f"welcome:{people[0]}:1", rig.MONDAY, BusinessCalendar()
    )
    assert loaded is not None
    assert loaded.controls.paused
    assert (await gateway.resume_program("welcome", ALL_NOW)).after is State.CLOSED


@pytest.mark.parametrize("button", ["resume_program", "finish_inside"])
async def test_nothing_overdue_is_let_loose_before_somebody_chooses_p10(
    gateway: Gateway, connection: Connection, people: list[str], button: str
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people)
    await gateway.pause_program("welcome")
    await stand_due(connection, days_ago=2)
    await connection.execute("delete from outbox")

    refused = await getattr(gateway, button)("welcome")

    assert (refused.refused, refused.overdue) == (True, 5)
    assert refused.after is State.PAUSED
    assert await state_of(gateway) == "paused"
    assert await woken(connection) == []


async def test_the_overdue_are_spread_over_the_span_that_was_chosen_p10(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people)
    await gateway.pause_program("welcome")
    await stand_due(connection, days_ago=2)

    done = await gateway.resume_program("welcome", OverdueChoice(spread=timedelta(days=3)))

    assert (done.refused, done.overdue, done.after) == (False, 5, State.RUNNING)
    cursor = await connection.execute("select not_before, skip_due_before from enrollments")
    found = await cursor.fetchall()
    now = gateway.clock.now()
    assert all(rig.MONDAY <= row[0] <= now + timedelta(days=3) for row in found)
    assert len({row[0] for row in found}) > 1
    assert all(row[1] is None for row in found)
    assert await woken(connection) == people


async def test_the_old_ones_are_skipped_when_that_was_chosen_p10(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people)
    await gateway.pause_program("welcome")
    await stand_due(connection, days_ago=9)

    await gateway.resume_program("welcome", OverdueChoice(skip_older_than=timedelta(days=7)))

    cursor = await connection.execute("select distinct not_before is null, skip_due_before"
                                      " < %s from enrollments", (rig.MONDAY,))  # fmt: skip
    assert await cursor.fetchall() == [(True, True)]


async def test_a_programs_resume_lets_nobody_loose_who_is_paused_by_hand(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people)
    await gateway.pause_enrollment(f"welcome:{people[0]}:1")
    await gateway.pause_program("welcome")
    await stand_due(connection, days_ago=2)

    done = await gateway.resume_program("welcome", OverdueChoice(spread=timedelta(days=3)))

    assert (done.overdue, done.paused_by_hand) == (4, 1)
    loaded = await touch_facts.load(
        connection, f"welcome:{people[0]}:1", rig.MONDAY, BusinessCalendar()
    )
    assert loaded is not None
    assert loaded.controls.paused
    assert loaded.controls.not_before is None


async def test_one_overdue_enrollment_waits_for_a_choice_too_p10(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people[:1])
    id = f"welcome:{people[0]}:1"
    assert await gateway.pause_enrollment(id)
    assert not await gateway.pause_enrollment(id)
    await stand_due(connection, days_ago=2)

    refused = await gateway.resume_enrollment(id)
    done = await gateway.resume_enrollment(id, ALL_NOW)
    again = await gateway.resume_enrollment(id)

    assert (refused.refused, refused.overdue, refused.changed) == (True, 1, False)
    assert (done.refused, done.changed) == (False, True)
    assert (again.refused, again.changed) == (False, False)


async def test_asking_for_an_exit_or_a_skip_wakes_the_enrollment_p6(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people[:2])

    assert await gateway.skip(f"welcome:{people[0]}:1")
    assert await gateway.exit_enrollment(f"welcome:{people[1]}:1", "Asked by phone.")
    assert not await gateway.exit_enrollment("welcome:nobody:1", "Asked by phone.")

    assert await woken(connection) == people[:2]
    assert await inside(connection) == people[:1]


async def test_a_task_is_done_once(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([a_program()])
    await gateway.enroll("welcome", people[:1])
    await connection.execute(
        "insert into tasks (key, enrollment_id, program_id, account_id, step, visit, title, note,"
        " assign_to, state, opened_at, due_at) values ('k', %s, 'welcome', %s, 's', 1, 'Call', '',"
        " 'csm', 'open', now(), now())",
        (f"welcome:{people[0]}:1", people[0]),
    )

    assert await gateway.complete_task("k", "jonas") == ("Call", f"welcome:{people[0]}:1")
    assert await gateway.complete_task("k", "maya") is None
    cursor = await connection.execute("select state, closed_by from tasks")
    assert await cursor.fetchall() == [("done", "jonas")]
    assert await woken(connection) == people[:1]


async def test_new_accounts_are_known_to_the_next_enrolling(gateway: Gateway) -> None:
    await gateway.publish([a_program()])
    await gateway.intake.save_accounts([AccountRecord("acme", "Acme")])

    assert (await gateway.enroll("welcome", ["acme"])).enrolled == ("acme",)
