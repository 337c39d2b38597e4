"""The stories of readers: who had enough, wrote back, or switched something off."""

from __future__ import annotations

import pytest

from digital_cs.demo.reader_stories import tell_of_readers
from digital_cs.demo.told import MOST_LINES
from tests.demo.conftest import Scene, day


@pytest.fixture
async def shop(scene: Scene) -> str:
    await scene.program("welcome-trial", "Welcome to the trial")
    await scene.account("shop", "Corner Shop", ("Ada Byron", "champion"), ("Bo Here", "admin"))
    return await scene.enrollment("welcome-trial", "shop", 1)


async def only_story(scene: Scene, title: str) -> tuple[str, ...]:
    (story,) = await tell_of_readers(scene.connection, without=[])
    assert (story.title, story.account) == (title, "Corner Shop")
    assert story.message_id is not None
    return story.lines


async def test_who_had_enough_is_told_of_with_what_they_had(scene: Scene, shop: str) -> None:
    """P17: put off, and sent later, with the sentence that says why."""
    await scene.message(shop, 2, "welcome-trial-1", 1)
    await scene.message(shop, 3, "for-the-admin", 2)
    words = "Ada Byron already had 1 message in a week."
    for at in (5, 5.5):
        await scene.decision(
            shop, at, "tip", "deferred", "budget_person", words, visit=9, contact_id="shop-p1"
        )
    await scene.message(shop, 9, "tip", 1, visit=9)
    assert await only_story(scene, "Had enough for the week") == (
        " 4 Mar  welcome-trial-1 to Ada Byron",
        " 7 Mar  tip put off: Ada Byron already had 1 message in a week.",
        "11 Mar  tip to Ada Byron",
    )


async def test_days_are_those_of_the_reader_and_a_broadcast_has_its_name(
    scene: Scene, shop: str
) -> None:
    """P4: what is put off until Monday comes on Monday, wherever the reader is."""
    execute = scene.connection.execute
    await execute("update contacts set zone = 'Pacific/Auckland' where id = 'shop-p1'")
    await scene.message(shop, 2, "welcome-trial-1", 1)
    await scene.decision(
        shop, 5.75, "tip", "deferred", "budget_person", "Enough.", contact_id="shop-p1"
    )
    await execute(
        "update decisions set enrollment_id = null, program_id = null, version = null,"
        " step = null, visit = null, broadcast_id = 'letter/2026-03-03'"
    )
    assert await only_story(scene, "Had enough for the week") == (
        " 4 Mar  welcome-trial-1 to Ada Byron",
        " 8 Mar  letter/2026-03-03 put off: Enough.",
    )


async def test_who_wrote_back_is_told_of_with_what_followed(scene: Scene, shop: str) -> None:
    """P18: the account is quiet until somebody has looked."""
    await scene.message(shop, 2, "welcome-trial-1", 1)
    key = await scene.reply("shop", 1, 3, "Could you call me?")
    await scene.connection.execute(
        "update tasks set state = 'done', closed_at = %s, closed_by = 'priya' where key = %s",
        (day(4), key),
    )
    await scene.message(shop, 5, "welcome-trial-2", 1)
    assert await only_story(scene, "Wrote back") == (
        " 4 Mar  welcome-trial-1 to Ada Byron",
        " 5 Mar  Ada Byron wrote back: “Could you call me?”",
        " 5 Mar  a task was opened; all to this account waits for it",
        " 6 Mar  priya looked at it, and everything goes on",
        " 7 Mar  welcome-trial-2 to Ada Byron",
    )


async def test_who_switched_a_topic_off_is_told_of_in_the_words_of_the_page(
    scene: Scene, shop: str
) -> None:
    await scene.message(shop, 2, "welcome-trial-1", 1, topic="tips")
    await scene.connection.execute(
        "insert into preferences (contact_id, topic, wanted, source, changed_at)"
        " values ('shop-p1', 'product', false, 'page', %s)", (day(3),),
    )  # fmt: skip
    await scene.decision(shop, 5, "news", "skipped", "topic_off", "Ada has switched it off.")
    await scene.message(shop, 6, "what-is-new", 2, topic="product")
    assert await only_story(scene, "Switched it off") == (
        " 4 Mar  welcome-trial-1 to Ada Byron (“Tips”)",
        " 5 Mar  Ada Byron switched off “Product notices” on the page of preferences",
        " 7 Mar  news left out: Ada has switched it off.",
        " 8 Mar  what-is-new to Bo Here (“Product notices”)",
    )


async def test_who_unsubscribed_is_told_of_with_who_is_written_to_instead(
    scene: Scene, shop: str
) -> None:
    await scene.message(shop, 2, "welcome-trial-1", 1)
    await scene.connection.execute(
        "insert into suppression_entries (subject, reason, source, created_at)"
        " values ('address:shop-p1@shop.example', 'unsubscribed', 'link', %s)", (day(3),),
    )  # fmt: skip
    await scene.message(shop, 5, "welcome-trial-2", 2)
    assert await only_story(scene, "Switched it off") == (
        " 4 Mar  welcome-trial-1 to Ada Byron",
        " 5 Mar  Ada Byron unsubscribed, in one click",
        " 7 Mar  welcome-trial-2 to Bo Here",
    )


async def test_a_story_has_few_lines_and_no_account_has_two(scene: Scene, shop: str) -> None:
    await scene.reply("shop", 1, 3, "Hello?")
    for number in range(12):
        await scene.message(shop, 1 + number, f"mail-{number}", 1)
        await scene.decision(
            shop, 2, "tip", "deferred", "budget_person", "Enough.", contact_id="shop-p1"
        )
    (story,) = await tell_of_readers(scene.connection, without=[])
    assert len(story.lines) == MOST_LINES
    assert await tell_of_readers(scene.connection, without=["shop"]) == []
