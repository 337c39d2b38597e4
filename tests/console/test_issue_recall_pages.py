"""The page that calls an issue back: how long is left, and what it comes to when it is too late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from digital_cs.domain.newsletters.issue import State
from tests.activities.issue_house import day
from tests.console.asked import Asked, asked, link_in, text_of

A_MINUTE = timedelta(minutes=1)
LEAVES = day(11, 30, 12)


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Asked]:
    """An issue that is approved, and leaves in ten minutes."""
    async with asked(database, tmp_path) as ready:
        await ready.house.advance(ready.id, day(11, 26, 12))
        await ready.click(ready.link("To approve"), "approve")
        await ready.house.advance(ready.id, LEAVES)
        yield ready


async def test_it_shows_how_long_is_left_and_looking_changes_nothing(desk: Asked) -> None:
    mail = desk.mail("Leaves in 10 minutes")
    assert "Call it back:\n" in text_of(mail)
    link = link_in(mail)
    before = await desk.everything()
    assert "Leaves in 10 minutes: The Lantern letter" in await desk.get(link)
    desk.house.clock.moment += 3 * A_MINUTE
    text = await desk.get(f"{link}/recall")
    assert "It leaves in 7 minutes, on Monday 30 November, 12:10 UTC." in text
    assert await desk.everything() == before


async def test_one_click_calls_it_back_and_it_waits_for_another_approval(desk: Asked) -> None:
    link = desk.link("Leaves in")
    text = await desk.click(link, "recall", because="A wrong link")
    assert "It is called back. Nobody has got it." in text
    row = await desk.issue()
    assert (row.state, row.approved_hash) == (State.FROZEN, None)
    assert "Maya Okafor: Called it back: A wrong link" in await desk.story()
    await desk.house.advance(desk.id, LEAVES + 20 * A_MINUTE)
    assert await desk.house.rows("select * from broadcasts") == []
    assert "“A wrong link”" in text_of(desk.mail("To change"))


async def test_in_a_hurry_no_reason_is_needed(desk: Asked) -> None:
    await desk.click(desk.link("Leaves in"), "recall")
    assert (await desk.issue()).state is State.FROZEN


async def test_twice_and_two_at_once_call_it_back_once(desk: Asked) -> None:
    link = desk.link("Leaves in")
    looked_at = await desk.get(link)
    answers = await asyncio.gather(
        *(desk.face.stranger.post(f"{link}/recall", data={"because": "x"}) for _ in range(3))
    )
    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    text = await desk.send(looked_at, link, "recall", 409)
    assert "It does not leave: Maya Okafor wants a change." in text
    assert sum("Called it back" in line for line in await desk.story()) == 1


async def test_too_late_it_says_who_has_it_and_nobody_more_gets_it(desk: Asked) -> None:
    link = desk.link("Leaves in")
    looked_at = await desk.get(link)
    await desk.house.advance(desk.id, LEAVES + 11 * A_MINUTE)
    assert (await desk.issue()).state is State.SENDING
    text = await desk.get(link)
    assert "The minutes are over. Nobody has got it yet." in text
    text = await desk.send(looked_at, link, "recall", because="A wrong link")
    assert "It is called back." in text
    [broadcast] = await desk.house.rows("select * from broadcasts")
    assert broadcast["state"] == "cancelled"
    text = await desk.send(looked_at, link, "recall")
    assert "It was called back before." in text
    assert "Maya Okafor called it back on" in text


async def test_a_link_to_approve_calls_nothing_back(desk: Asked) -> None:
    approve = desk.link("To approve")
    text = await desk.get(approve)
    assert "the mail that says so has the link to call it back" in text
    assert "<form" not in text
    await desk.post(f"{approve}/recall", {}, 404)
    await desk.post(f"{approve}/change", {"because": "x"}, 409)
    assert (await desk.issue()).state is State.LEAVING
