"""What people ask of somebody inside: pause, skip, exit; at once, also in the middle of a wait."""

from __future__ import annotations

from datetime import timedelta

from digital_cs.channels.sink import FaultMode
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.store.programs import programs
from digital_cs.store.programs.enrollments import (
    ask_to_exit,
    count_overdue,
    set_paused,
    settle_overdue,
    skip_step,
    wake_program,
)
from digital_cs.store.programs.programs import State
from tests.activities.house import House

SEND = {"send": "welcome-trial-1", "useful_for": "3 days"}
WAIT = {"wait": "3 days"}
LOGIN = {
    "wait_for": {"event": "login"}, "for_up_to": "10 days",
    "if_it_happens": [{"send": "welcome-trial-2", "useful_for": "30 days"}],
    "if_not": [{"send": "welcome-trial-3", "useful_for": "30 days"}],
}  # fmt: skip


async def _pause(house: House, id: str, paused: bool = True) -> None:
    async with house.pool.connection() as connection:
        assert await set_paused(connection, id, paused)
    assert await house.woken() == {id}


async def _happens(house: House, name: str, account: str = "acme") -> None:
    await house.intake.record_events(
        [EventRecord(f"{name}-{house.clock.now()}", account, name, house.clock.now())]
    )


async def test_a_pause_holds_a_message_and_a_resume_lets_it_go(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await _pause(house, id)

    reply = await house.advance(id)
    assert (reply.label, reply.sleep_seconds) == ("paused", None)
    assert house.letters() == []

    await _pause(house, id, False)
    assert (await house.advance(id)).label == "wait 3 days"
    assert len(house.letters()) == 1


async def test_an_event_during_a_pause_counts_at_resume(house: House) -> None:
    """P10: a pause stops actions, never ears."""
    id = await house.start(LOGIN, WAIT)
    await house.advance(id)
    await _pause(house, id)
    await house.advance(id)
    house.later(days=2)
    await _happens(house, "login")
    assert await house.woken() == {id}
    assert (await house.advance(id)).label == "paused"
    house.later(days=30)  # long after the time would have been up

    await _pause(house, id, False)
    await house.advance(id)

    assert [row["email"] for row in await house.ledger()] == ["welcome-trial-2"]


async def test_a_whole_program_is_paused_and_its_overdue_are_skipped_at_resume(
    house: House,
) -> None:
    """P10: the program manager sees how many are overdue, and chooses."""
    id = await house.start(WAIT, SEND, WAIT)
    await house.advance(id)
    async with house.pool.connection() as connection:
        await programs.set_state(
            connection, "welcome", State.RUNNING, State.PAUSED, house.clock.now()
        )
        await wake_program(connection, "welcome")
    assert await house.woken() == {id}
    assert (await house.advance(id)).label == "paused"
    now = house.later(days=8)

    async with house.pool.connection() as connection:
        assert await count_overdue(connection, now, program_id="welcome") == 1
        await settle_overdue(
            connection, now, program_id="welcome", skip_due_before=now - timedelta(days=2)
        )
        await programs.set_state(connection, "welcome", State.PAUSED, State.RUNNING, now)
    assert (await house.advance(id)).label == "wait 3 days"

    row = await house.message()
    assert (row["state"], row["reason"]) == ("skipped", "overdue_at_resume")
    assert house.letters() == []


async def test_the_overdue_are_spread_when_that_is_chosen(house: House) -> None:
    """P10."""
    id = await house.start(WAIT, SEND, WAIT)
    await house.advance(id)
    await _pause(house, id)
    await house.advance(id)
    now = house.later(days=8)

    async with house.pool.connection() as connection:
        await settle_overdue(connection, now, enrollment_id=id, spread_seconds=2 * 86_400)
        await settle_overdue(connection, now, enrollment_id=id, spread_seconds=2 * 86_400)
    await _pause(house, id, False)
    reply = await house.advance(id)

    chosen = (await house.enrollment(id))["not_before"]
    assert now <= chosen <= now + timedelta(days=2)
    assert reply.sleep_seconds == (chosen - now).total_seconds()
    assert await house.decisions() == [("deferred", "spread_at_resume")]
    assert (await house.sleep_and_advance(id, reply)).label == "wait 3 days"
    assert len(house.letters()) == 1


async def test_a_skip_is_of_the_step_at_which_it_stands_and_of_no_other(house: House) -> None:
    id = await house.start({"wait": "30 days"}, SEND, WAIT)
    await house.advance(id)
    async with house.pool.connection() as connection:
        assert await skip_step(connection, id)

    assert (await house.advance(id)).label == "wait 3 days"

    assert len(house.letters()) == 1
    assert await house.decisions() == [("skipped", "operator"), ("sent", "accepted")]


async def test_an_exit_takes_effect_in_the_middle_of_a_wait(house: House) -> None:
    """P6."""
    id = await house.start({"wait": "30 days"}, SEND)
    await house.advance(id)
    now = house.later(days=1)
    async with house.pool.connection() as connection:
        assert await ask_to_exit(connection, enrollment_id=id, because="asked") == [id]
    assert await house.woken() == {id}

    assert (await house.advance(id)).ended

    row = await house.enrollment(id)
    assert (row["ended_at"], row["ending"], row["because"]) == (now, "exited", "asked")
    async with house.pool.connection() as connection:
        assert await ask_to_exit(connection, enrollment_id=id, because="again") == []
        assert not await skip_step(connection, id)
        assert not await set_paused(connection, id, True)


async def test_an_exit_wins_over_a_pause(house: House) -> None:
    """P6."""
    id = await house.start(SEND)
    await _pause(house, id)
    await house.advance(id)
    async with house.pool.connection() as connection:
        await ask_to_exit(connection, account_id="acme", because="deleted")

    assert (await house.advance(id)).ended
    assert house.letters() == []


async def test_an_account_that_churns_leaves_in_the_middle_of_a_wait(house: House) -> None:
    """P3 and P6."""
    id = await house.start({"wait": "30 days"}, SEND)
    await house.advance(id)

    await house.intake.save_accounts([AccountRecord("acme", "Acme", stage="churned")])

    assert await house.woken() == {id}
    assert (await house.advance(id)).ended
    assert (await house.enrollment(id))["because"] == "The account is churned."


async def test_a_goal_that_is_reached_while_a_message_waits_for_its_retry_withdraws_it(
    house: House,
) -> None:
    """P6: it leaves at once, and the ledger does not keep a message that never will go out."""
    await house.publish(SEND, WAIT, goal={"name": "Logged in", "when": {"event": "login"}})
    await house.account("acme", "ada")
    id = await house.enroll()
    house.misbehave(FaultMode.REFUSE_4XX)
    assert (await house.advance(id)).label == "try again: send welcome-trial-1"
    house.later(seconds=20)
    await _happens(house, "login")
    assert await house.woken() == {id}

    assert (await house.advance(id)).ended

    assert (await house.enrollment(id))["ending"] == "goal"
    row = await house.message()
    assert (row["state"], row["reason"]) == ("skipped", "left")
