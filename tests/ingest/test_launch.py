"""At the first publishing: who matches already is counted, and passed over or let in."""

from __future__ import annotations

from typing import Any

from digital_cs.domain.programs.program import Program
from digital_cs.domain.rules.kept_rule import entry_rules
from digital_cs.store.rules.segment_members import count_accounts
from digital_cs.store.rules.segments import ask_anew
from tests.ingest.door import Door

PRO = {"segment": {"trait": "plan", "is": "pro"}}


async def _pass_over(door: Door, program: Program) -> int:
    """Who matches already is known from now on; returns how many."""
    rules = list(entry_rules(program.program, program.enter))
    async with door.pool.connection() as connection, connection.transaction():
        await door.membership.settle(connection, rules, "")
        return await count_accounts(connection, rules)


async def _pros(door: Door, **enter: Any) -> Program:
    for number in range(3):
        await door.account(f"a{number}", traits={"plan": "pro"})
    await door.account("b", traits={"plan": "free"})
    return await door.publish(when=[PRO], **enter)


async def test_who_matches_already_is_counted_and_passed_over(door: Door) -> None:
    program = await _pros(door, again="always")

    assert await _pass_over(door, program) == 3
    assert await door.sweep() == 0
    await door.account("b", traits={"plan": "pro"})
    assert await door.sweep() == 1
    assert await door.ids() == ["p:b:1"]


async def test_who_matches_already_enters_if_nobody_passes_them_over(door: Door) -> None:
    await _pros(door)
    assert await door.sweep() == 3


async def test_dates_that_have_come_already_are_passed_over_too(door: Door) -> None:
    await door.account(traits={"renewal_on": "2026-05-01"})
    program = await door.publish(when=[{"date": "renewal_on", "shift": "90 days before"}])
    assert await _pass_over(door, program) == 1
    assert await door.sweep() == 0


async def test_what_must_hold_besides_may_be_an_event(door: Door) -> None:
    """The count sees what the keeper will see."""
    await door.account(traits={"plan": "pro"})
    await door.happens("invited")
    program = await door.publish(when=[PRO], only_if={"event": "invited"})
    assert await _pass_over(door, program) == 1
    assert await door.sweep() == 0


async def test_who_is_not_known_yet_comes_in_when_it_is_known_p9(door: Door) -> None:
    """Passed over is only who matches: a missing answer is neither."""
    await door.account(traits={"plan": "pro"}, stage=None)
    program = await door.publish(when=[PRO], only_if={"stage": "paying"})
    assert await _pass_over(door, program) == 0
    assert await door.sweep() == 0
    await door.account(stage="paying")
    assert await door.sweep() == 1


async def test_an_entry_that_another_version_has_no_more_is_forgotten(door: Door) -> None:
    await _pros(door)
    await door.sweep()
    await door.publish(when=[{"event": "login"}])
    assert await door.sweep() == 0
    async with door.pool.connection() as connection:
        cursor = await connection.execute(
            "select state, (select count(*) from segment_members) from segments"
        )
        assert await cursor.fetchall() == [("retired", 0)]


async def test_who_came_to_match_while_nobody_could_enter_comes_in_at_the_opening_p11(
    door: Door,
) -> None:
    await door.publish(when=[PRO])
    async with door.pool.connection() as connection:
        await connection.execute("update programs set state = 'closed'")
    await door.account(traits={"plan": "pro"})
    assert await door.sweep() == 0
    async with door.pool.connection() as connection:
        await connection.execute("update programs set state = 'running'")
        await ask_anew(connection, "p")
    assert await door.sweep() == 1
