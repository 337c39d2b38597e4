"""What may or may not have arrived: listed, and resolved by rule (P14)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from digital_cs.channels.sink import FaultMode
from digital_cs.domain.programs.touch import MOST_RESENDS
from digital_cs.store.programs import worklists
from digital_cs.store.programs.enrollments import ask_to_exit
from digital_cs.store.sending import claims
from tests.activities.house import House

SEND = {"send": "welcome-trial-1", "useful_for": "3 days"}
SERVICE = {**SEND, "kind": "service"}
WAIT = {"wait": "3 days"}


async def _dies_while_handing_over(house: House, id: str) -> None:
    """A worker that is killed after its claim, before anything was answered."""
    house.misbehave(FaultMode.STALL)
    worker = asyncio.create_task(house.advance(id))
    while not await house.ledger():
        await asyncio.sleep(0.01)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    house.misbehave(FaultMode.NONE)


async def _let_the_claim_run_out(house: House) -> None:
    """Claims are in real time, which no test waits for."""
    await house.rows("update messages set claim_until = now() - interval '1 second'")


async def test_a_marketing_message_without_an_answer_is_never_sent_again(house: House) -> None:
    id = await house.start(SEND, WAIT)
    house.misbehave(FaultMode.DROP_AFTER_DATA)

    reply = await house.advance(id)

    assert reply.label == "wait 3 days"
    row = await house.message()
    assert (row["state"], row["reason"]) == ("unknown", "no_answer")
    assert row["settled_at"] == house.clock.now()
    assert await house.decisions() == [("unknown", "no_answer")]
    house.misbehave(FaultMode.NONE)
    await house.advance(id)
    assert (await house.sleep_and_advance(id, reply)).ended
    assert len(house.letters()) == 1  # it had arrived


async def test_a_service_message_without_an_answer_is_sent_again_under_the_same_id(
    house: House,
) -> None:
    id = await house.start(SERVICE, WAIT)
    # The seed that meets the first try, and spares the second.
    house.misbehave(FaultMode.DROP_AFTER_DATA, share=0.5, seed=1)

    assert (await house.advance(id)).label == "wait 3 days"

    one, two = house.letters()
    assert one.message_id == two.message_id == (await house.message())["message_id"]
    assert (await house.message())["state"] == "accepted"
    assert (await house.message())["attempts"] == 2
    assert await house.decisions() == [("unknown", "no_answer"), ("sent", "accepted")]


async def test_a_service_message_is_sent_again_a_few_times_at_most(house: House) -> None:
    id = await house.start(SERVICE, WAIT)
    house.misbehave(FaultMode.DROP_AFTER_DATA)

    assert (await house.advance(id)).label == "wait 3 days"

    assert len(house.letters()) == MOST_RESENDS
    assert len({letter.message_id for letter in house.letters()}) == 1
    assert (await house.message())["state"] == "unknown"


async def test_the_claim_of_a_dead_worker_is_waited_for_then_listed_as_unknown(
    house: House,
) -> None:
    id = await house.start(SEND, WAIT)
    await _dies_while_handing_over(house, id)
    assert (await house.message())["state"] == "claimed"

    reply = await house.advance(id)
    assert reply.label == "learn: send welcome-trial-1"
    assert (await house.message())["state"] == "claimed"

    await _let_the_claim_run_out(house)
    moment = house.later(seconds=5)
    assert (await house.advance(id)).label == "wait 3 days"

    row = await house.message()
    assert (row["state"], row["reason"], row["settled_at"]) == ("unknown", "crash", moment)
    assert await house.decisions() == [("unknown", "crash")]
    async with house.pool.connection() as connection:
        (listed,) = await worklists.list_messages(connection, states=["unknown"])
    assert (listed.account, listed.settled_at) == ("acme", moment)
    assert house.letters() == []


async def test_the_service_message_of_a_dead_worker_is_sent_again_under_the_same_id(
    house: House,
) -> None:
    id = await house.start(SERVICE, WAIT)
    await _dies_while_handing_over(house, id)
    before = await house.message()
    await _let_the_claim_run_out(house)

    assert (await house.advance(id)).label == "wait 3 days"

    after = await house.message()
    assert (after["state"], after["attempts"]) == ("accepted", 2)
    (letter,) = house.letters()
    assert letter.message_id == before["message_id"] == after["message_id"]
    assert await house.decisions() == [("unknown", "crash"), ("sent", "accepted")]


async def test_a_dead_worker_that_had_come_through_instant_steps_is_understood(
    house: House,
) -> None:
    """The position in the database still stands before the steps that rode in the same touch."""
    id = await house.start(
        {"wait": "1 day"}, {"split": [{"name": "a", "share": 1}, {"name": "b", "share": 0}]},
        SEND, WAIT,
    )  # fmt: skip
    reply = await house.advance(id)
    house.clock.moment += timedelta(seconds=reply.sleep_seconds or 0)
    await _dies_while_handing_over(house, id)
    assert (await house.enrollment(id))["visit"] == 1
    assert (await house.message())["visit"] == 3
    await _let_the_claim_run_out(house)

    assert (await house.advance(id)).label == "wait 3 days"

    assert (await house.message())["state"] == "unknown"
    assert house.letters() == []


async def test_an_account_that_leaves_during_a_dead_workers_claim_leaves_nothing_open(
    house: House,
) -> None:
    """P6 and P14: it is out at once, and the message still becomes unknown, with its moment."""
    id = await house.start(SEND, WAIT)
    await _dies_while_handing_over(house, id)
    async with house.pool.connection() as connection:
        await ask_to_exit(connection, enrollment_id=id, because="asked")

    assert (await house.advance(id)).ended
    assert (await house.enrollment(id))["ending"] == "exited"
    assert (await house.message())["state"] == "claimed"

    await house.rows("update messages set claim_until = now() - interval '61 seconds'")
    moment = house.later(minutes=2)
    async with house.pool.connection() as connection:  # as the keeper does, for whoever left
        assert await claims.give_up_claim(connection, None, moment)
    row = await house.message()
    assert (row["state"], row["settled_at"]) == ("unknown", moment)
