"""Refused for now, for good, or by a fault of ours: tried again, recorded, suppressed (P15)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from digital_cs.channels.sink import FaultMode, Sink
from digital_cs.messages.enrollment import AdvanceReply
from tests.activities.house import House, opened

SEND = {"send": "welcome-trial-1", "useful_for": "1 day"}
WAIT = {"wait": "3 days"}


async def test_refused_for_now_is_tried_again_later_and_later_while_it_is_useful(
    house: House,
) -> None:
    id = await house.start(SEND, WAIT)
    began = house.clock.now()
    house.misbehave(FaultMode.REFUSE_4XX)
    reply, waits = await house.advance(id), []
    while reply.label == "try again: send welcome-trial-1":
        row = await house.message()
        assert (row["state"], row["smtp_code"]) == ("planned", 451)
        waits.append(reply.sleep_seconds or 0)
        reply = await house.sleep_and_advance(id, reply)

    assert 45 <= waits[0] <= 75
    assert all(later > earlier * 1.5 for earlier, later in pairwise(waits[:5]))
    assert reply.label == "wait 3 days"
    assert house.clock.now() == began + timedelta(days=1)  # not later than it was useful
    row = await house.message()
    assert (row["state"], row["reason"], row["contact_id"]) == (
        "skipped", "no_longer_useful", "ada"
    )  # fmt: skip
    assert row["attempts"] == len(waits)
    assert house.letters() == []


async def test_refused_for_now_and_taken_later(house: House) -> None:
    id = await house.start(SEND, WAIT)
    house.misbehave(FaultMode.REFUSE_4XX)
    reply = await house.advance(id)
    await house.advance(id)  # woken by something else meanwhile: no reason to try earlier
    house.misbehave(FaultMode.NONE)

    assert (await house.sleep_and_advance(id, reply)).label == "wait 3 days"

    row = await house.message()
    assert (row["state"], row["attempts"]) == ("accepted", 2)
    assert await house.decisions() == [("deferred", "refused_for_now"), ("sent", "accepted")]


async def test_refused_for_good_is_recorded_and_not_tried_again(house: House) -> None:
    id = await house.start(SEND, WAIT, {"send": "welcome-trial-2"})
    house.misbehave(FaultMode.REFUSE_5XX)

    reply = await house.advance(id)

    assert reply.label == "wait 3 days"
    row = await house.message()
    assert (row["state"], row["smtp_code"], row["reason"]) == ("failed", 554, "refused")
    assert await house.rows("select * from suppressions") == []  # it was the text, not the address
    house.misbehave(FaultMode.NONE)
    await house.sleep_and_advance(id, reply)
    assert [letter.to for letter in house.letters()] == ["ada@acme.test"]


async def test_a_hard_bounce_suppresses_the_address_and_the_next_touch_takes_the_next_contact(
    house: House,
) -> None:
    await house.publish(SEND, {"send": "welcome-trial-2"}, WAIT)
    await house.account("acme", "ada", "bob")
    id = await house.enroll()
    # Met is the first try of the touch, spared the second one.
    house.misbehave(FaultMode.REFUSE_RCPT_UNKNOWN, share=0.5, seed=1)

    await house.advance(id)

    one, two = await house.ledger()
    assert (one["contact_id"], one["state"], one["reason"]) == ("ada", "failed", "hard_bounce")
    assert (two["contact_id"], two["state"]) == ("bob", "accepted")
    (suppressed,) = await house.rows("select subject, reason, source from suppression_entries")
    assert suppressed == {
        "subject": "address:ada@acme.test", "reason": "hard bounce", "source": "smtp"
    }  # fmt: skip
    assert [letter.to for letter in house.letters()] == ["bob@acme.test"]


async def test_no_reason_in_the_ledger_repeats_an_address(house: House) -> None:
    id = await house.start(SEND, WAIT)
    house.misbehave(FaultMode.REFUSE_RCPT_UNKNOWN)

    await house.advance(id)

    assert "@" not in (await house.message())["detail"]
    (told,) = await house.rows("select words from decisions")
    assert "(550)" in told["words"]
    assert "@" not in told["words"]


async def test_a_mail_server_that_is_down_is_our_fault_and_its_owner_is_told(
    house: House,
) -> None:
    """P12: nobody falls out of the program because of us."""
    id = await house.start({**SEND, "useful_for": "10 days"}, WAIT)
    await house.sink.__aexit__(None, None, None)

    reply = await house.advance(id)
    for attempt in range(2, 6):
        assert reply.label == "try again: send welcome-trial-1"
        assert await house.open_alerts() == []
        reply = await house.sleep_and_advance(id, reply)
        assert (await house.message())["attempts"] == attempt
    (alert,) = await house.open_alerts()
    assert (alert["program"], alert["step"], alert["kind"], alert["owner"]) == (
        "welcome", "welcome-trial-1", "smtp", "maya"
    )  # fmt: skip
    assert await house.decisions() == [("deferred", "fault")] * 5

    async with Sink(house.sink.folder, port=house.sink.port):
        assert (await house.sleep_and_advance(id, reply)).label == "wait 3 days"
        assert len(house.letters()) == 1
    assert await house.open_alerts() == []
    await house.sink.__aenter__()  # for the fixture to close


async def test_unsubscribing_between_the_decision_and_the_claim_is_respected(
    database: str, tmp_path: Path
) -> None:
    """P16: the next contact of the chain gets it, and the first one nothing."""
    async with opened(database, tmp_path, connections=1) as house:
        await house.publish(SEND, WAIT)
        await house.account("acme", "ada", "bob")
        id = await house.enroll()

        reply = await house.advance_while(id, house.unsubscribed("ada@acme.test"))

        assert reply.label == "wait 3 days"
        assert [letter.to for letter in house.letters()] == ["else@somebody.test", "bob@acme.test"]
        assert {row["contact_id"] for row in await house.ledger()} == {"else", "bob"}


async def test_a_contact_who_leaves_while_a_try_waits_is_replaced(house: House) -> None:
    await house.publish(SEND, WAIT)
    await house.account("acme", "ada", "bob")
    id = await house.enroll()
    house.misbehave(FaultMode.REFUSE_4XX)
    reply = await house.advance(id)
    house.misbehave(FaultMode.NONE)
    await house.person("ada", "acme", "champion", active=False)

    assert await house.sleep_and_advance(id, reply) == AdvanceReply(
        False, timedelta(days=3).total_seconds(), "wait 3 days", "end"
    )

    found = {row["contact_id"]: (row["state"], row["reason"]) for row in await house.ledger()}
    assert found == {"ada": ("skipped", "other_contact"), "bob": ("accepted", "accepted")}
