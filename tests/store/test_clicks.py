"""Clicks are kept raw, and labelled anew with every other that comes (P28)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.sending.click import HIDDEN, Click, Why
from digital_cs.store.sending import clicks
from tests import rig
from tests.store.clicking import FIREFOX, GUIDE, MESSAGE_ID, a_sent_message, click
from tests.store.touching import KEY, rows

Connection = AsyncConnection[Any]


@pytest.fixture
async def message(connection: Connection) -> str:
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), rig.MONDAY)
    await rig.people(connection, 1, rig.MONDAY)
    await a_sent_message(connection)
    return KEY


async def followed(connection: Connection, each: Click, *, links: int = 3) -> Why | None:
    async with connection.transaction():
        return await clicks.record(connection, MESSAGE_ID, each, GUIDE if each.nth else "", links)


async def test_a_persons_click_is_kept_as_it_was(connection: Connection, message: str) -> None:
    assert await followed(connection, click(1)) is Why.PERSON

    assert await clicks.of_message(connection, message) == [
        clicks.ClickView(1, GUIDE, rig.MONDAY, FIREFOX, "GET", True, Why.PERSON)
    ]
    assert await clicks.counts(connection, [message, "other"]) == {
        message: clicks.Counts(1, 1), "other": clicks.Counts(0, 0)
    }  # fmt: skip


async def test_later_evidence_labels_the_earlier_clicks_of_its_burst(
    connection: Connection, message: str
) -> None:
    await followed(connection, click(2, -100))
    assert await followed(connection, click(1)) is Why.PERSON
    assert await clicks.counts(connection, [message]) == {message: clicks.Counts(2, 2)}

    assert await followed(connection, click(HIDDEN, 2, "another agent")) is Why.HIDDEN_LINK

    found = [(c.nth, c.human, c.why) for c in await clicks.of_message(connection, message)]
    assert found == [
        (2, True, "person"), (1, False, "same_burst"), (HIDDEN, False, "hidden_link")
    ]  # fmt: skip
    assert await clicks.counts(connection, [message]) == {message: clicks.Counts(3, 1)}


async def test_a_scan_is_known_by_the_moment_of_handing_over(
    connection: Connection, message: str
) -> None:
    """Not by that of the last news of the message: a complaint days later must not move it."""
    assert await followed(connection, click(1, -118)) is Why.AT_ONCE
    await connection.execute(
        "update messages set state = 'complained', settled_at = %s", (rig.MONDAY,)
    )
    assert await followed(connection, click(2)) is Why.PERSON


async def test_how_it_was_asked_for_is_remembered(connection: Connection, message: str) -> None:
    assert await followed(connection, click(1, method="HEAD")) is Why.HEAD_REQUEST
    assert await followed(connection, click(1, 3)) is Why.SAME_BURST


async def test_a_message_that_is_not_in_the_ledger_has_no_clicks(
    connection: Connection, message: str
) -> None:
    async with connection.transaction():
        assert await clicks.record(connection, "<no@such>", click(1), GUIDE, 1) is None
    assert not await clicks.record_opening(connection, "<no@such>", FIREFOX, rig.MONDAY)
    assert await rows(connection, "clicks") == await rows(connection, "openings") == []


async def test_who_follows_a_link_without_end_fills_no_disk(
    connection: Connection, message: str
) -> None:
    for second in range(clicks.MOST):
        assert await followed(connection, click(1, second * 10)) is not None
    assert await followed(connection, click(1, 9999)) is None
    assert len(await rows(connection, "clicks")) == clicks.MOST

    await connection.execute(
        "insert into openings (message_key, at) select %s, %s from generate_series(1, %s)",
        (message, rig.MONDAY, clicks.MOST - 1),
    )
    assert await clicks.record_opening(connection, MESSAGE_ID, FIREFOX, rig.MONDAY)
    assert not await clicks.record_opening(connection, MESSAGE_ID, FIREFOX, rig.MONDAY)


async def test_a_burst_over_many_connections_is_one_burst(
    database: str, connection: Connection, message: str
) -> None:
    """Each sees those before it, or a scan of all links would look like as many people."""

    async def one(nth: int) -> None:
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            await followed(own, click(nth, nth / 10), links=8)

    await asyncio.gather(*map(one, range(1, 9)))

    assert await clicks.counts(connection, [message]) == {message: clicks.Counts(8, 0)}


async def test_clicks_of_other_messages_are_not_touched(
    connection: Connection, message: str
) -> None:
    await a_sent_message(connection, "other", "<other@digital-cs.test>")
    async with connection.transaction():
        await clicks.record(connection, "<OTHER@digital-cs.test>", click(1), GUIDE, 3)
    await followed(connection, click(HIDDEN, 1))
    assert await clicks.counts(connection, ["other"]) == {"other": clicks.Counts(1, 1)}


@pytest.mark.parametrize("named", [KEY, MESSAGE_ID, MESSAGE_ID.strip("<>").upper(), f" {KEY} "])
async def test_a_message_is_found_by_its_key_and_by_its_message_id(
    connection: Connection, message: str, named: str
) -> None:
    assert await clicks.message_key_of(connection, named) == message


async def test_a_message_that_nobody_sent_is_not_found(connection: Connection) -> None:
    assert await clicks.message_key_of(connection, "<no@such>") is None
