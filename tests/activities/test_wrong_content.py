"""What somebody said is wrong goes out in no message (P25)."""

from __future__ import annotations

import pytest

from digital_cs.domain.content.content_item import Review
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.ingest.content.library import import_source
from digital_cs.store.content import library, reviews
from tests.activities.house import House

SEND = {"send": "welcome-trial-1", "useful_for": "10 days"}
WAIT = {"wait": "3 days"}


async def blocked(house: House, place: str) -> str:
    """Take the content folder into the library, and say that this part of it is wrong."""
    async with house.pool.connection() as connection:
        source = ContentSource("content", SourceKind.CONTENT, str(house.content))
        await import_source(connection, source, house.clock.now())
        (item,) = [
            each for each in await library.items(connection, source="content")
            if each.locator == place
        ]  # fmt: skip
        assert await reviews.block(
            connection, item.id, "The price is wrong.", "maya", house.clock.now()
        )
    return item.id


@pytest.mark.parametrize("place", ["emails/welcome-trial-1.md", "blocks/footer.md"])
async def test_a_message_waits_until_what_it_shows_was_reviewed(house: House, place: str) -> None:
    id = await house.start(SEND, WAIT)
    item = await blocked(house, place)

    held = await house.advance(id)

    assert (held.label, house.letters()) == ("hold: content_blocked", [])
    (decision,) = await house.rows("select * from decisions")
    assert (decision["verdict"], decision["rule"]) == ("held", "content")
    assert decision["words"].endswith(": The price is wrong.")
    async with house.pool.connection() as connection, connection.transaction():
        today = house.clock.now().date()
        await reviews.record(
            connection, Review(item, today, "maya", changed=True), house.clock.now()
        )
    assert await house.woken() == {id}
    await house.advance(id)
    assert len(house.letters()) == 1


async def test_a_block_that_is_taken_back_releases_what_it_held(house: House) -> None:
    id = await house.start(SEND, WAIT)
    item = await blocked(house, "emails/welcome-trial-1.md")
    await house.advance(id)
    async with house.pool.connection() as connection, connection.transaction():
        assert await reviews.unblock(connection, item, house.clock.now())
        assert not await reviews.unblock(connection, item, house.clock.now())
    assert await house.woken() == {id}
    await house.advance(id)
    assert len(house.letters()) == 1


async def test_what_else_is_wrong_holds_nothing(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await blocked(house, "emails/welcome-trial-2.md")
    await house.advance(id)
    assert len(house.letters()) == 1


async def test_what_is_still_wrong_when_it_is_too_late_is_left_out(house: House) -> None:
    id = await house.start(SEND)
    await blocked(house, "emails/welcome-trial-1.md")
    reply = await house.advance(id)
    assert (await house.sleep_and_advance(id, reply)).ended
    last = (await house.rows("select * from decisions order by id"))[-1]
    assert (last["verdict"], last["reason"]) == ("skipped", "no_longer_useful")
    assert "known to be wrong" in last["words"]
