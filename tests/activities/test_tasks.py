"""Tasks of people: opened, done, expired, withdrawn; each wakes or ends what waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from digital_cs.store.programs import worklists
from digital_cs.store.programs.enrollments import ask_to_exit, complete_task, skip_step
from tests.activities.house import House, opened

TASK = {
    "task": "Call them", "note": "They are quiet.", "assign_to": "csm", "due_in": "2 days",
    "when_done": [{"send": "welcome-trial-2"}], "when_expired": [{"send": "welcome-trial-3"}],
}  # fmt: skip
WAIT = {"wait": "3 days"}


async def _tasks(house: House, *states: str) -> list[worklists.TaskView]:
    async with house.pool.connection() as connection:
        return await worklists.list_tasks(connection, states=states or ("open",))


async def _emails(house: House) -> list[Any]:
    return [row["email"] for row in await house.ledger()]


async def test_a_task_is_opened_once_and_waited_for(house: House) -> None:
    id = await house.start(TASK, WAIT)

    reply = await house.advance(id)
    await house.advance(id)

    assert reply.label == "wait for task: Call them"
    (task,) = await _tasks(house)
    assert (task.title, task.note, task.assign_to, task.account) == (
        "Call them", "They are quiet.", "csm", "acme"
    )  # fmt: skip
    assert (task.due_at - house.clock.now()).days == 2


async def test_doing_it_wakes_the_program_which_goes_its_way(house: House) -> None:
    id = await house.start(TASK, WAIT)
    await house.advance(id)
    (task,) = await _tasks(house)
    now = house.later(hours=5)
    async with house.pool.connection() as connection:
        done = await complete_task(connection, task.key, by="maya", now=now)
        assert done == ("Call them", id)
        assert await complete_task(connection, task.key, by="maya", now=now) is None
    assert await house.woken() == {id}

    assert (await house.advance(id)).label == "wait 3 days"

    assert await _emails(house) == ["welcome-trial-2"]
    (task,) = await _tasks(house, "done")
    assert (task.closed_at, task.closed_by) == (now, "maya")


async def test_a_task_that_is_done_stays_done_when_the_send_after_it_is_decided_anew(
    database: str, tmp_path: Path
) -> None:
    """The position still stands at the task while the message after it is about to go out."""
    async with opened(database, tmp_path, connections=1) as house:
        await house.publish(TASK, WAIT)
        await house.account("acme", "ada", "bob")
        id = await house.enroll()
        await house.advance(id)
        async with house.pool.connection() as connection:
            await complete_task(connection, f"{id}/1", by="maya", now=house.clock.now())

        reply = await house.advance_while(id, house.unsubscribed("ada@acme.test"))

        assert reply.label == "wait 3 days"
        assert house.letters()[-1].to == "bob@acme.test"


async def test_what_nobody_does_expires_and_goes_the_other_way(house: House) -> None:
    id = await house.start(TASK, WAIT)

    assert (await house.sleep_and_advance(id, await house.advance(id))).label == "wait 3 days"

    assert await _emails(house) == ["welcome-trial-3"]
    assert len(await _tasks(house, "expired")) == 1
    async with house.pool.connection() as connection:
        late = await complete_task(connection, f"{id}/1", by="maya", now=house.clock.now())
    assert late is None  # it says so, instead of doing nothing quietly


async def test_an_account_that_leaves_takes_its_open_task_along(house: House) -> None:
    """P6."""
    id = await house.start(TASK)
    await house.advance(id)
    async with house.pool.connection() as connection:
        await ask_to_exit(connection, enrollment_id=id, because="They have a manager now.")

    assert (await house.advance(id)).ended

    (task,) = await _tasks(house, "cancelled")
    assert task.closed_by == "They have a manager now."


async def test_skipping_a_task_goes_the_way_of_not_done(house: House) -> None:
    id = await house.start(TASK, WAIT)
    await house.advance(id)
    async with house.pool.connection() as connection:
        assert await skip_step(connection, id)

    assert (await house.advance(id)).label == "wait 3 days"

    assert await _emails(house) == ["welcome-trial-3"]
    assert len(await _tasks(house, "cancelled")) == 1
