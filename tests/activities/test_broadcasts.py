"""A broadcast through all its states: each recipient one row, and each message at most once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digital_cs.channels.sink import FaultMode
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.sending.broadcast import BroadcastState, Hold
from digital_cs.ingest.content.library import import_source
from digital_cs.messages.broadcast import ChunkRequest
from digital_cs.stack.ports import free_port
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.content import library, reviews
from tests.activities.broadcast_house import BroadcastHouse, build, opened
from tests.store.broadcast_worlds import a_plan

EMAIL = "welcome-trial-1"


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[BroadcastHouse]:
    async with opened(database, tmp_path) as ready:
        yield ready


async def test_everybody_gets_it_once_and_it_is_done_when_all_are_settled(
    house: BroadcastHouse,
) -> None:
    """P13: one row, one message, one Message-ID a recipient; one decision each."""
    await house.people(250)
    await house.start()
    reply = await house.until_rest()

    assert reply.ended
    assert await house.states() == Counter(accepted=250)
    letters = house.letters()
    ledger = await house.rows("select message_id, content_hash, key from messages")
    assert Counter(each.message_id for each in letters) == Counter(
        row["message_id"] for row in ledger
    )
    assert all(row["key"].startswith("spring/acct-") and row["content_hash"] for row in ledger)
    decisions = await house.rows("select verdict, reason, broadcast_id from decisions")
    assert Counter(tuple(row.values()) for row in decisions) == {
        ("sent", "accepted", "spring"): 250
    }
    found = await house.found()
    assert (found.state, found.recipients) == (BroadcastState.DONE, 250)
    assert found.ended_at is not None


async def test_whatever_runs_twice_does_nothing_twice(house: BroadcastHouse) -> None:
    await house.people(60)
    await house.start()
    await house.look()
    await asyncio.gather(*(house.chunk(0) for _ in range(4)))
    await house.chunk(0)
    assert (await house.until_rest()).ended
    assert (await house.look()).ended
    assert len(house.letters()) == 60
    assert await house.states() == Counter(accepted=60)


async def test_two_workers_at_the_same_chunks_never_send_twice(
    house: BroadcastHouse, database: str
) -> None:
    await house.people(400)
    await house.start()
    (reply,) = [await house.look()]
    other, _, lines = build(house.pool, house.clock, house.library, house.sink.port)
    await asyncio.gather(
        *(house.chunk(chunk) for chunk in reply.chunks),
        *(house.environment.run(other.send_chunk, ChunkRequest("spring", chunk))
          for chunk in reply.chunks),
    )  # fmt: skip
    for line in lines:
        await line.close()
    assert (await house.until_rest()).ended
    assert Counter(Counter(each.message_id for each in house.letters()).values()) == {1: 400}


async def test_a_pause_in_the_middle_stops_it_and_it_goes_on_where_it_was(
    house: BroadcastHouse,
) -> None:
    await house.people(400)
    await house.start()
    reply = await house.look()
    house.misbehave(FaultMode.DELAY, seconds=0.05)
    sending = asyncio.gather(*(house.chunk(each) for each in reply.chunks))
    while not house.letters():
        await asyncio.sleep(0.01)
    await house.say(broadcasts.pause)
    house.misbehave(FaultMode.NONE)
    await sending
    sent = len(house.letters())
    assert 0 < sent < 400
    assert (await house.look()) == await house.look()
    paused = await house.look()
    assert (paused.sleep_seconds, paused.chunks, paused.label) == (None, (), "paused")
    assert len(house.letters()) == sent

    await house.say(broadcasts.resume)
    assert (await house.until_rest()).ended
    assert Counter(Counter(each.message_id for each in house.letters()).values()) == {1: 400}


async def test_who_is_not_reached_before_it_is_cancelled_is_skipped_with_that_reason(
    house: BroadcastHouse,
) -> None:
    await house.people(250)
    await house.start()
    await house.look()
    await house.chunk(0)
    await house.say(broadcasts.cancel)
    assert (await house.chunk(1)).handed_over == 0
    assert (await house.until_rest()).ended

    assert await house.states() == Counter({"accepted": 200, "skipped cancelled": 50})
    assert (await house.found()).state is BroadcastState.CANCELLED
    told = await house.rows("select count(*) from decisions where reason = 'cancelled'")
    assert told == [{"count": 50}]


async def test_nothing_goes_out_unapproved_nor_after_a_change(house: BroadcastHouse) -> None:
    """P21: an approval is of what it was given for."""
    await house.people(3)
    await house.start(approve=False)
    held = await house.until_rest()
    assert held.label == f"held: {Hold.UNAPPROVED}"
    assert (await house.found()).frozen_at is None
    (alert,) = await house.open_alerts()
    assert (alert["owner"], alert["program"]) == ("maya", "broadcast:spring")

    await house.approve()
    path = house.content / "emails" / f"{EMAIL}.md"
    path.write_text(path.read_text().replace("\n---\n", "\n---\nOne more thing.\n\n", 1))
    house.library.load()
    assert (await house.until_rest()).label == f"held: {Hold.CHANGED}"
    assert not house.letters()

    await house.approve()
    assert (await house.until_rest()).ended
    assert len(house.letters()) == 3
    assert await house.open_alerts() == []


async def test_a_change_after_the_start_holds_the_rest(house: BroadcastHouse) -> None:
    await house.people(250)
    await house.start()
    await house.look()
    await house.chunk(0)
    block = house.content / "blocks" / "footer.md"
    block.write_text(block.read_text() + "\nAnd more.\n")
    house.library.load()
    assert (await house.chunk(1)).handed_over == 0
    assert (await house.until_rest()).label == f"held: {Hold.CHANGED}"
    assert len(house.letters()) == 200


async def test_the_stop_switch_and_an_incident_hold_all_of_it_and_it_goes_on_by_itself(
    house: BroadcastHouse,
) -> None:
    await house.people(5)
    await house.start()
    await house.rows("insert into stops (because, by, at) values ('too fast', 'maya', now())")
    assert (await house.until_rest()).label == f"held: {Hold.STOPPED}"
    assert "too fast" in str((await house.found()).held_because)
    await house.rows("update stops set lifted_at = now()")
    await house.rows(
        "insert into policies select 2, 'x', jsonb_set(spec, '{quiet,incidents}', 'true'),"
        " published_at from policies"
    )
    await house.rows(
        "insert into incidents (title, opened_at, opened_by) values ('Down', now(), 'maya')"
    )
    assert (await house.until_rest()).label == f"held: {Hold.INCIDENT}"
    assert not house.letters()
    await house.rows("update incidents set closed_at = now()")
    assert (await house.until_rest()).ended
    assert len(house.letters()) == 5
    assert (await house.found()).held_because is None


async def _blocked(house: BroadcastHouse, place: str) -> str:
    """Say that a part of the content folder is wrong; returns the item."""
    async with house.pool.connection() as connection:
        source = ContentSource("content", SourceKind.CONTENT, str(house.content))
        await import_source(connection, source, house.clock.now())
        items = await library.items(connection, source="content")
        (item,) = [each for each in items if each.locator == place]
        await reviews.block(connection, item.id, "The price is wrong.", "maya", house.clock.now())
    return item.id


async def test_wrong_content_holds_all_of_it_until_it_is_right(house: BroadcastHouse) -> None:
    """P25: in the middle, too, and it goes on by itself."""
    await house.people(250)
    await house.start()
    await house.look()
    await house.chunk(0)
    item = await _blocked(house, "blocks/footer.md")
    assert (await house.chunk(1)).handed_over == 0
    assert (await house.until_rest()).label == f"held: {Hold.CONTENT}"
    assert "The price is wrong" in str((await house.found()).held_because)
    assert [each["owner"] for each in await house.open_alerts()] == ["maya"]
    assert len(house.letters()) == 200
    async with house.pool.connection() as connection, connection.transaction():
        assert await reviews.unblock(connection, item, house.clock.now())
    assert (await house.until_rest()).ended
    assert len(house.letters()) == 250
    assert await house.open_alerts() == []


async def test_what_is_held_until_it_is_too_late_is_skipped_and_it_ends(
    house: BroadcastHouse,
) -> None:
    """P8."""
    await house.people(3)
    await house.start(useful_for="1 day")
    await house.look()
    await _blocked(house, f"emails/{EMAIL}.md")
    await house.until_rest()
    house.clock.moment += timedelta(days=2)
    assert (await house.until_rest()).ended
    assert await house.states() == Counter({"skipped no_longer_useful": 3})
    (words,) = {row["words"] for row in await house.rows("select words from decisions")}
    assert words.endswith("The price is wrong. It was only useful until 3 Mar 2026 09:00 UTC.")


async def test_what_is_refused_for_now_is_tried_again_and_useless_at_its_end(
    house: BroadcastHouse,
) -> None:
    """P15, P8."""
    await house.people(30)
    await house.start(useful_for="2 hours")
    house.misbehave(FaultMode.REFUSE_4XX)
    reply = await house.until_rest()
    assert reply.sleep_seconds, "it does not go on at once with a server that takes nothing"
    assert await house.states() == Counter({"planned refused_for_now": 15, "planned": 15})
    house.misbehave(FaultMode.REFUSE_4XX, share=0.5, seed=4)
    house.clock.moment += timedelta(minutes=2)
    await house.until_rest()
    states = await house.states()
    assert 0 < states["accepted"] < 30
    house.misbehave(FaultMode.REFUSE_4XX)
    house.clock.moment += timedelta(hours=3)
    assert (await house.until_rest()).ended
    states = await house.states()
    assert states["skipped no_longer_useful"] == 30 - states["accepted"] > 0


async def test_a_server_that_is_away_loses_nothing(house: BroadcastHouse) -> None:
    await house.people(90)
    await house.start()
    await house.look()
    away, _, lines = build(house.pool, house.clock, house.library, free_port())
    first = await house.environment.run(away.send_chunk, ChunkRequest("spring", 0))
    assert first.rest_seconds > 0
    assert set(await house.states()) == {"planned fault", "planned"}
    for _ in range(3):
        house.clock.moment += timedelta(minutes=5)
        reply = await house.until_rest()
    assert reply.ended
    assert await house.states() == Counter(accepted=90)
    assert len(house.letters()) == 90
    for line in lines:
        await line.close()


async def test_its_owner_is_told_of_a_server_that_is_away_until_it_is_back_P12(
    house: BroadcastHouse,
) -> None:
    await house.people(30)
    await house.start()
    await house.look()
    away, _, lines = build(house.pool, house.clock, house.library, free_port())
    await house.environment.run(away.send_chunk, ChunkRequest("spring", 0))
    (alert,) = await house.open_alerts()
    assert alert["words"].startswith("The mail server could not be used: ")
    assert alert["owner"] == "maya"
    await house.look()
    await house.chunk(0)
    assert house.letters()
    assert await house.open_alerts() == []
    for line in lines:
        await line.close()


async def test_a_wire_that_is_cut_leaves_what_was_under_way_unknown_and_no_more(
    house: BroadcastHouse,
) -> None:
    await house.people(90)
    await house.start()
    house.misbehave(FaultMode.DROP_AFTER_DATA)
    await house.until_rest()
    house.misbehave(FaultMode.NONE)
    house.clock.moment += timedelta(minutes=5)
    assert (await house.until_rest()).ended
    states = await house.states()
    assert 0 < states["unknown"] <= 20
    assert states["accepted"] == 90 - states["unknown"]
    assert max(Counter(each.message_id for each in house.letters()).values()) == 1


async def test_dead_addresses_are_suppressed(house: BroadcastHouse) -> None:
    await house.people(10)
    await house.start()
    house.misbehave(FaultMode.REFUSE_RCPT_UNKNOWN)
    assert (await house.until_rest()).ended
    assert await house.states() == Counter(failed=10)
    assert len(await house.rows("select * from suppressions where reason = 'hard bounce'")) == 10


async def test_what_was_in_hand_when_a_worker_died_is_unknown_and_listed(
    house: BroadcastHouse,
) -> None:
    """P14: marketing is never sent again by itself."""
    await house.people(45)
    await house.start()
    await house.look()
    house.misbehave(FaultMode.DELAY, seconds=30)
    sending = asyncio.create_task(house.chunk(0))
    while not (await house.states())["claimed"]:
        await asyncio.sleep(0.01)
    while not sending.done():  # asked once it would settle them; it is killed
        sending.cancel()
        await asyncio.wait([sending], timeout=0.01)
    assert sending.cancelled()
    house.misbehave(FaultMode.NONE)
    states = await house.states()
    assert states["claimed"] == 15
    await house.rows("update messages set claim_until = now() where state = 'claimed'")

    assert (await house.until_rest()).ended
    assert await house.states() == Counter(accepted=30, unknown=15)
    told = await house.rows("select count(*) from decisions where verdict = 'unknown'")
    assert told == [{"count": 15}]


async def test_a_service_notice_of_unknown_fate_goes_again_with_the_same_message_id(
    house: BroadcastHouse,
) -> None:
    """P14."""
    await house.people(5)
    await house.start(kind="service")
    house.misbehave(FaultMode.DROP_AFTER_DATA_UNSTORED)
    await house.until_rest()
    house.misbehave(FaultMode.NONE)
    first = {row["key"]: row["message_id"] for row in await house.rows("select * from messages")}
    house.clock.moment += timedelta(minutes=5)
    await house.look()
    await house.chunk(0)
    await house.rows(
        "update messages set state = 'claimed', claim_until = now() where key = %s", min(first)
    )
    assert (await house.until_rest()).ended
    assert await house.states() == Counter(accepted=5)
    again = {row["key"]: row["message_id"] for row in await house.rows("select * from messages")}
    assert again == first
    verdicts = await house.rows("select count(*) from decisions where verdict = 'unknown'")
    assert verdicts[0]["count"] >= 2


async def test_while_something_is_in_hand_it_is_not_at_its_end(house: BroadcastHouse) -> None:
    await house.people(3)
    await house.start()
    await house.look()
    await house.rows(
        "update messages set state = 'claimed', claim_until = now() + interval '5 seconds'"
    )
    reply = await house.look()
    assert not reply.ended
    assert reply.sleep_seconds is not None
    assert 4 < reply.sleep_seconds < 6


async def test_who_is_gone_since_the_freeze_is_skipped_and_holds_nobody_up(
    house: BroadcastHouse,
) -> None:
    one, two, *_ = await house.people(4)
    await house.start()
    await house.look()
    await house.rows("delete from memberships where account_id = %s", one)
    await house.rows("delete from contacts where id = %s", f"{one}-c1")
    await house.rows("update contacts set email = null where id = %s", f"{two}-c1")
    assert (await house.until_rest()).ended
    assert await house.states() == Counter({"accepted": 2, "skipped nobody": 2})


async def test_each_gets_it_at_nine_where_they_are(house: BroadcastHouse) -> None:
    await house.people(3)
    await house.rows("update contacts set zone = 'Asia/Tokyo' where id = 'acct-00000-c1'")
    await house.rows("update contacts set zone = 'America/New_York' where id = 'acct-00001-c1'")
    await house.start(at=datetime(2026, 3, 4, 9))
    waits = await house.until_rest()
    assert waits.sleep_seconds == pytest.approx(
        (timedelta(hours=9 + 0.8 / 60)).total_seconds(), 1e9
    )
    seen = []
    for _ in range(6):
        before = len(house.letters())
        reply = await house.until_rest()
        if len(house.letters()) > before:
            seen.append(house.clock.moment)
        if reply.ended:
            break
        assert reply.sleep_seconds is not None
        house.clock.moment += timedelta(seconds=reply.sleep_seconds)
    assert [f"{moment:%d %H}" for moment in seen] == ["04 00", "04 09", "04 14"]


async def test_a_limit_of_its_own_is_kept_to_by_all_lines_together(house: BroadcastHouse) -> None:
    await house.people(40)
    await house.start()
    await house.say(broadcasts.set_rate, "spring", 600.0)
    began = asyncio.get_running_loop().time()
    assert (await house.until_rest()).ended
    took = asyncio.get_running_loop().time() - began
    assert took > (40 - 10 - 1) / 10 * 0.9  # a burst of one second goes at once
    assert len(house.letters()) == 40


async def test_texts_that_are_kept_with_it_are_sent_by_variant(house: BroadcastHouse) -> None:
    one, two = await house.people(2)
    front = (
        "---\nsubject: {}\npreview: x\ntopic: newsletter\nowner: maya\n---\n\n"
        "Hello {{{{ account.traits.what | default('you') }}}}.\n"
    )
    async with house.pool.connection() as connection, connection.transaction():
        await broadcasts.save_draft(
            connection,
            "spring",
            "Spring",
            "maya",
            a_plan(email=None),
            None,
            "t",
            house.clock.now(),
        )
        await broadcasts.save_texts(
            connection, "spring", {"": front.format("Plain"), "b": front.format("Special")}
        )
        await broadcasts.save_choices(
            connection, "spring", [broadcasts.Choice(two, "b", traits={"what": "exports"})]
        )
    await house.start(email=None)
    assert (await house.until_rest()).ended
    by_subject = {}
    for letter in house.letters():
        text = (house.sink.folder / letter.file).read_text()
        by_subject["Special" if "Subject: Special" in text else "Plain"] = text
    assert "exports" in by_subject["Special"]
    assert "exports" not in by_subject["Plain"]
    assert one in str(await house.rows("select account_id from messages where variant = ''"))


async def test_a_text_that_cannot_be_made_for_somebody_waits_and_its_owner_is_told(
    house: BroadcastHouse,
) -> None:
    """P12: and who approves a better one does not wait for another try."""
    one, two = await house.people(2)
    path = house.content / "emails" / f"{EMAIL}.md"
    path.write_text(path.read_text() + "\nYou have {{ account.traits.seats }} seats.\n")
    await house.rows("update accounts set traits = traits - 'seats' where id = %s", two)
    await house.start()
    await house.until_rest()
    assert await house.states() == Counter({"accepted": 1, "planned fault": 1})
    (alert,) = await house.open_alerts()
    assert (alert["owner"], alert["kind"]) == ("maya", "template")
    assert one in str(await house.rows("select account_id from messages where state = 'accepted'"))

    path.write_text(path.read_text().replace("{{ account.traits.seats }}", "some"))
    house.library.load()
    await house.approve()
    assert (await house.until_rest()).ended
    assert len(house.letters()) == 2
