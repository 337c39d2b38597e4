"""Steps that change the account or other programs: seen at once, written once, waking others."""

from __future__ import annotations

from typing import Any

from digital_cs.store.programs import programs
from digital_cs.store.programs.enrollments import skip_step
from digital_cs.store.programs.programs import State
from tests.activities.house import House

WAIT = {"wait": "3 days"}


def _send_if(condition: dict[str, Any], email: str = "welcome-trial-1") -> dict[str, Any]:
    return {"branch": [{"when": condition, "do": [{"send": email}]}], "otherwise": []}


async def test_what_a_step_sets_is_seen_by_the_steps_after_it(house: House) -> None:
    id = await house.start(
        {"set": {"stage": "paying", "traits": {"greeted": True, "plan": "pro"}}},
        _send_if({"all": [{"stage": "paying"}, {"trait": "plan", "is": "pro"}]}),
        WAIT,
    )

    await house.advance(id)

    (account,) = await house.rows("select stage, traits, updated_at from accounts")
    assert account == {
        "stage": "paying", "traits": {"plan": "pro", "greeted": True},
        "updated_at": house.clock.now(),
    }  # fmt: skip
    assert len(house.letters()) == 1


async def test_a_stage_that_a_step_sets_wakes_the_other_programs_of_the_account(
    house: House,
) -> None:
    await house.publish({"wait_for": {"trait": "plan", "is": "pro"}, "for_up_to": "30 days"},
                        id="upsell")  # fmt: skip
    await house.publish(WAIT, id="deaf")
    id = await house.start({"set": {"traits": {"plan": "pro"}}}, WAIT)
    upsell, deaf = await house.enroll(program="upsell"), await house.enroll(program="deaf")
    await house.advance(upsell)
    await house.advance(deaf)

    await house.advance(id)

    assert await house.woken() == {upsell}
    assert (await house.advance(upsell)).ended


async def test_a_stage_at_which_accounts_leave_takes_it_out_of_every_program(
    house: House,
) -> None:
    """P3."""
    await house.publish(WAIT, id="other")
    id = await house.start({"set": {"stage": "churned"}}, {"send": "welcome-trial-1"})
    other = await house.enroll(program="other")
    await house.advance(other)

    assert (await house.advance(id)).ended
    assert other in await house.woken()
    assert (await house.advance(other)).ended

    for each in (id, other):
        row = await house.enrollment(each)
        assert (row["ending"], row["because"]) == ("exited", "The account is churned.")
    assert house.letters() == []


async def test_a_step_enrolls_in_another_program_once(house: House) -> None:
    await house.publish(WAIT, id="nudges")
    id = await house.start({"enroll": "nudges"}, WAIT)

    await house.advance(id)
    await house.advance(id)

    (row,) = await house.rows("select id, source from enrollments where program_id = 'nudges'")
    assert row == {"id": "nudges:acme:1", "source": "program welcome"}
    assert await house.woken() == {"nudges:acme:1"}


async def test_a_step_that_enrolls_keeps_the_other_programs_rule_of_re_entry(
    house: House,
) -> None:
    await house.publish({"end": "Short."}, id="nudges")
    await house.publish({"enroll": "nudges"}, WAIT, {"enroll": "nudges"}, WAIT)
    await house.account("acme", "ada")
    id = await house.enroll()
    reply = await house.advance(id)
    assert (await house.advance("nudges:acme:1")).ended

    await house.sleep_and_advance(id, reply)

    (count,) = await house.rows("select count(*) as n from enrollments where program_id = 'nudges'")
    assert count["n"] == 1  # it says "again: never", as every program that says nothing


async def test_a_step_cannot_open_a_program_that_was_stopped(house: House) -> None:
    """P11."""
    await house.publish(WAIT, id="nudges")
    async with house.pool.connection() as connection:
        await programs.set_state(
            connection, "nudges", State.RUNNING, State.CLOSED, house.clock.now()
        )
    id = await house.start({"enroll": "nudges"}, WAIT)

    assert (await house.advance(id)).label == "wait 3 days"
    assert await house.rows("select 1 from enrollments where program_id = 'nudges'") == []


async def test_a_step_takes_the_account_out_of_another_program_at_once(house: House) -> None:
    """P6."""
    await house.publish({"wait": "30 days"}, id="nudges")
    id = await house.start({"leave": "nudges"}, WAIT)
    nudges = await house.enroll(program="nudges")
    await house.advance(nudges)

    await house.advance(id)

    assert await house.woken() == {nudges}
    assert (await house.advance(nudges)).ended
    row = await house.enrollment(nudges)
    assert row["because"] == "The program welcome took the account out."


async def test_effects_that_come_before_a_send_are_written_before_it(house: House) -> None:
    """So that a worker that dies in the dialogue leaves them done, and done once."""
    await house.publish(WAIT, id="nudges")
    id = await house.start({"enroll": "nudges"}, {"send": "welcome-trial-1"}, WAIT)

    await house.advance(id)

    assert house.channel.seen == [["claimed"]]
    assert await house.woken() == {"nudges:acme:1"}
    assert len(house.letters()) == 1


async def test_skipping_a_send_writes_why_it_did_not_go_out(house: House) -> None:
    id = await house.start(
        {"wait_for": {"event": "login"}, "for_up_to": "5 days", "if_it_happens": []}, WAIT,
    )  # fmt: skip
    await house.advance(id)
    async with house.pool.connection() as connection:
        assert await skip_step(connection, id)

    assert (await house.advance(id)).label == "wait 3 days"
    assert await house.decisions() == [("skipped", "operator")]
