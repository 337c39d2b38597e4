"""One touch from end to end: decided, rendered, claimed, handed over, recorded; and once."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from pathlib import Path

from digital_cs.channels.mail import message_id_for
from digital_cs.channels.sink import FaultMode
from digital_cs.messages.enrollment import AdvanceReply
from digital_cs.store.database.pool import CountingConnection
from tests import rig
from tests.activities.house import House, opened

SEND = {"send": "welcome-trial-1", "useful_for": "3 days"}
WAIT = {"wait": "3 days"}
DAYS_3 = timedelta(days=3)


async def test_a_touch_from_end_to_end(house: House) -> None:
    id = await house.start(SEND, WAIT, {"send": "welcome-trial-2"})

    reply = await house.advance(id)

    assert reply == AdvanceReply(
        False, DAYS_3.total_seconds(), "wait 3 days", "send welcome-trial-2"
    )
    (letter,) = house.letters()
    assert letter.to == "ada@acme.test"
    assert letter.subject.startswith("Welcome to Lantern")
    text = (house.sink.folder / letter.file).read_text()
    assert "To: Ada <ada@acme.test>" in text
    assert "List-Unsubscribe: <https://mail.vendor.test/u/" in text
    assert "Hi Ada," in text

    row = await house.message()
    assert (row["state"], row["smtp_code"], row["attempts"]) == ("accepted", 250, 1)
    assert row["message_id"] == letter.message_id == message_id_for(row["key"], "vendor.test")
    assert (row["zone"], row["zone_source"]) == ("UTC", "workspace")
    assert await house.decisions() == [("sent", "accepted")]
    assert (await house.enrollment(id))["wake_at"] == house.clock.now() + DAYS_3


async def test_answers_go_where_the_email_says(house: House) -> None:
    email = house.content / "emails" / "welcome-trial-1.md"
    email.write_text(email.read_text().replace("topic: tips", "topic: tips\nreply_to: a@b.test", 1))
    house.library.load()
    await house.advance(await house.start(SEND))

    (letter,) = house.letters()
    assert "\nReply-To: a@b.test\n" in (house.sink.folder / letter.file).read_text()


async def test_a_server_with_ids_of_its_own_is_told_ours(house: House) -> None:
    house.activities._mailing._letters._sender = dataclasses.replace(
        house.activities._mailing._letters._sender, postmark=True
    )
    await house.advance(await house.start(SEND))

    (letter,) = house.letters()
    text = (house.sink.folder / letter.file).read_text()
    assert f"X-PM-Metadata-message-id: {letter.message_id.strip('<>')}" in text


async def test_the_ledger_says_claimed_before_the_mail_server_is_spoken_to(house: House) -> None:
    """P13."""
    id = await house.start(SEND)

    await house.advance(id)

    assert house.channel.seen == [["claimed"]]


async def test_asking_again_sends_nothing_again(house: House) -> None:
    """A workflow may be woken, or run its activity a second time, whenever it likes."""
    id = await house.start(SEND, WAIT, {"send": "welcome-trial-2"})
    first = await house.advance(id)
    house.later(hours=1)

    for _ in range(3):
        again = await house.advance(id)
        assert again.sleep_seconds == first.sleep_seconds - 3600
    assert len(house.letters()) == 1

    await house.sleep_and_advance(id, again)
    assert await house.advance(id) == AdvanceReply(ended=True)
    assert len(house.letters()) == 2


async def test_several_instant_steps_ride_in_one_touch(house: House) -> None:
    id = await house.start(
        {"branch": [{"when": {"stage": "trial"}, "do": [SEND]}], "otherwise": []},
        {"set": {"traits": {"greeted": True}}},
        {"send": "welcome-trial-2"},
    )

    assert await house.advance(id) == AdvanceReply(ended=True)

    assert len(house.letters()) == 2
    assert [row["step"] for row in await house.ledger()] == ["welcome-trial-1", "welcome-trial-2"]
    assert (await house.enrollment(id))["ending"] == "completed"


async def test_who_ran_an_activity_twice_at_once_sent_one_message(house: House) -> None:
    await house.publish(SEND, WAIT)
    await house.account("acme", "ada")
    await house.account("globex", "bob")
    for id in (await house.enroll("acme"), await house.enroll("globex")):
        await asyncio.gather(*(house.advance(id) for _ in range(5)))

    assert sorted(letter.to for letter in house.letters()) == ["ada@acme.test", "bob@globex.test"]
    assert [row["state"] for row in await house.ledger()] == ["accepted"] * 2


async def test_while_another_worker_sends_the_second_rests_and_the_first_records(
    house: House,
) -> None:
    id = await house.start(SEND, WAIT)
    house.misbehave(FaultMode.DELAY, seconds=0.3)
    first = asyncio.create_task(house.advance(id))
    while not house.letters():
        await asyncio.sleep(0.01)

    second = await house.advance(id)

    assert second.label == "learn: send welcome-trial-1"
    assert second.sleep_seconds is not None
    assert second.sleep_seconds < 10  # until the first one's claim has run out
    assert (await first).label == "wait 3 days"
    assert (await house.message())["state"] == "accepted"
    assert (await house.sleep_and_advance(id, second)).label == "wait 3 days"
    assert len(house.letters()) == 1


async def test_a_touch_costs_at_most_four_round_trips_to_postgres(
    database: str, tmp_path: Path
) -> None:
    """The promise of "what one touch may cost", counted where the driver waits for the server."""
    async with opened(database, tmp_path, counting=True) as house:
        await house.publish(*[part for _ in range(16) for part in (WAIT, SEND)])
        await house.account("acme", "ada")
        id = await house.enroll()
        reply = await house.advance(id)
        costs = []
        for _ in range(16):
            before = CountingConnection.round_trips
            reply = await house.sleep_and_advance(id, reply)
            watched = 1  # the channel of these tests looks into the ledger
            costs.append(CountingConnection.round_trips - before - watched)

        assert len(house.letters()) == 16
        # The first ones read the program and have their statements prepared.
        assert max(costs[8:]) <= 4
        assert reply.ended


async def test_an_enrollment_that_is_over_or_was_never_there_has_nothing_to_do(
    house: House,
) -> None:
    assert await house.advance("welcome:nobody:1") == AdvanceReply(ended=True)


async def test_a_touch_that_is_hardly_late_counts_as_on_time(house: House) -> None:
    """And a wait after it begins where the plan had it, so that nothing drifts."""
    id = await house.start(WAIT, {"send": "welcome-trial-1", "useful_for": "1 day"}, WAIT)
    await house.advance(id)
    house.later(days=3, seconds=20)

    await house.advance(id)

    row = await house.message()
    assert row["claimed_at"] == rig.MONDAY + DAYS_3 + timedelta(microseconds=1)
    assert row["due_at"] == row["claimed_at"]
