"""At the first publishing: who matches already is counted, and passed over or let in."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.program import Program
from digital_cs.store import marks
from tests import rig
from tests.ingest.door import Door

PRO = {"segment": {"trait": "plan", "is": "pro"}}


async def _launch(door: Door, program: Program, *, enroll_them: bool) -> int:
    async with door.pool.connection() as connection:
        return await door.entries.launch(connection, program, enroll_them=enroll_them)


async def test_who_matches_already_is_counted_and_passed_over(door: Door) -> None:
    for number in range(3):
        await door.account(f"a{number}", traits={"plan": "pro"})
    await door.account("b", traits={"plan": "free"})
    program = await door.publish(when=[PRO], again="always")

    assert await _launch(door, program, enroll_them=False) == 3
    assert await door.entries.sweep() == 0
    await door.account("b", traits={"plan": "pro"})
    assert await door.entries.sweep() == 1
    assert await door.ids() == ["p:b:1"]


async def test_who_matches_already_is_counted_and_enters_with_the_next_sweep(door: Door) -> None:
    for number in range(3):
        await door.account(f"a{number}", traits={"plan": "pro"})
    program = await door.publish(when=[PRO])

    assert await _launch(door, program, enroll_them=True) == 3
    assert await door.ids() == []
    assert await door.entries.sweep() == 3


async def test_dates_that_have_come_already_are_passed_over_too(door: Door) -> None:
    await door.account(traits={"renewal_on": "2026-05-01"})
    program = await door.publish(when=[{"date": "renewal_on", "shift": "90 days before"}])
    assert await _launch(door, program, enroll_them=False) == 1
    assert await door.entries.sweep() == 0


async def test_what_must_hold_besides_may_be_an_event(door: Door) -> None:
    """The count sees what the sweep will see."""
    await door.account(traits={"plan": "pro"})
    await door.happens("invited")
    program = await door.publish(when=[PRO], only_if={"event": "invited"})
    assert await _launch(door, program, enroll_them=False) == 1
    assert await door.entries.sweep() == 0


async def test_marks_that_are_kept_are_neither_new_nor_gone(
    connection: AsyncConnection[Any],
) -> None:
    await rig.publish(connection, rig.drip("p", 1, "1 day"), rig.MONDAY)
    (id,) = await rig.people(connection, 1, rig.MONDAY)

    async def replace(*found: str, kept: tuple[str, ...] = ()) -> list[str]:
        fresh = await marks.replace(connection, "p", {id: found}, rig.MONDAY, kept={id: kept})
        return [mark for _, mark in fresh]

    assert await replace("a", "b") == ["a", "b"]
    assert await replace("a", kept=("b", "c")) == []
    assert await replace("a", "b", "c") == ["c"]
    assert await replace() == []
    assert await replace("a") == ["a"]
