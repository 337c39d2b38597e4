"""The report of an issue says what happened: who has it, who not and why, and what they did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digital_cs.domain.newsletters.issue import State
from digital_cs.domain.newsletters.issue_report import IssueFigures, VariantFigures, lines
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.newsletters import issue_figures
from digital_cs.store.people import suppressions
from digital_cs.temporal import newsletter_figures
from tests import rig
from tests.activities.issue_house import day, letter
from tests.activities.issue_road import LONDON, LOS_ANGELES, Road, on_the_road

PAGE, OTHER = "https://lantern.example/help/import-contacts", "https://lantern.example/pricing"
SECTIONS = [
    {"section": "opening", "required": True},
    {"section": "questions", "title": "What people asked", "filler": "top_questions"},
]


@pytest.fixture
async def road(database: str, tmp_path: Path) -> AsyncIterator[Road]:
    async with on_the_road(database, tmp_path) as ready:
        yield ready


async def clicked(road: Road, id: str, account: str, url: str, *, human: bool) -> None:
    await road.desk.rows(
        "insert into clicks (message_key, nth, url, at, human, why) values (%s, 1, %s, %s, %s, '')",
        f"{id}/{account}-c1", url, road.desk.clock.now(), human,
    )  # fmt: skip


async def counted(road: Road, id: str) -> IssueFigures:
    async with road.desk.pool.connection() as connection:
        return await issue_figures.count(connection, id)


async def prefers(road: Road, account: str, at: Any, topic: str = "newsletter") -> None:
    await road.desk.rows(
        "insert into preferences (contact_id, topic, wanted, source, changed_at)"
        " values (%s, %s, false, 'page', %s)", f"{account}-c1", topic, at,
    )  # fmt: skip


async def a_full_week(road: Road) -> str:
    """Ten accounts, each with a fate of its own; the one of 9 asked what the issue answers."""
    desk = road.desk
    await desk.accounts(10)
    await desk.articles("import-contacts")
    await desk.ask("import-contacts")
    await desk.rows(
        "insert into tickets (id, source, account_id, status, topic, opened_at, updated_at)"
        " values ('t', 'desk', 'acct-00009', 'solved', 'topic-import-contacts', %s, %s)",
        desk.clock.now(), desk.clock.now(),
    )  # fmt: skip
    await prefers(road, "acct-00000", desk.clock.now())
    await desk.rows("update accounts set stage = 'active'")
    id = await road.leave(letter(sections=SECTIONS))
    await desk.rows(
        "update policies set spec = jsonb_set(spec, '{quiet,severities}', '[\"urgent\"]')"
    )
    await desk.rows(  # it has a serious ticket until the evening, and then it is useful still
        "insert into tickets (id, source, account_id, status, severity, opened_at, updated_at)"
        " values ('u', 'desk', 'acct-00001', 'open', 'urgent', %s, %s)",
        desk.clock.now(), desk.clock.now(),
    )  # fmt: skip
    await road.send(id, LONDON)
    await desk.rows("update tickets set status = 'solved' where id = 'u'")
    await road.send(id, LOS_ANGELES)
    await desk.advance(id)
    late = LOS_ANGELES + timedelta(hours=1)
    desk.clock.moment = late
    for account in ("acct-00002", "acct-00003"):
        await clicked(road, id, account, PAGE, human=True)
        await clicked(road, id, account, PAGE, human=True)
    await clicked(road, id, "acct-00003", OTHER, human=True)
    await clicked(road, id, "acct-00003", OTHER, human=False)
    await clicked(road, id, "acct-00004", OTHER, human=False)
    await prefers(road, "acct-00005", late)
    await prefers(road, "acct-00006", late, "tips")  # of another topic
    async with desk.pool.connection() as connection, connection.transaction():
        subject = suppressions.address_subject(f"acct-00009@{rig.MAIL_DOMAIN}")
        await suppressions.add(connection, [subject], "unsubscribed", "link", late)
    for account, state in (("acct-00007", "bounced"), ("acct-00008", "complained")):
        await desk.rows(
            "update messages set state = %s where key = %s", state, f"{id}/{account}-c1"
        )
    return id


async def test_every_figure_is_what_happened(road: Road) -> None:
    id = await a_full_week(road)
    found = await counted(road, id)
    assert found.states == {"accepted": 7, "bounced": 1, "complained": 1, "skipped": 1}
    assert sum(found.states.values()) == 10
    assert found.skipped == {"topic_off": 1}
    assert found.waited == {"ticket": 1}
    assert (found.readers, found.clickers, found.scanned, found.left) == (8, 2, 1, 2)
    assert found.clicks == {PAGE: 2, OTHER: 1}
    assert found.variants == {
        "v1": VariantFigures(recipients=9, readers=7, clickers=2, left=1),
        "": VariantFigures(recipients=1, readers=1, clickers=0, left=1),
    }
    assert found.readers == sum(each.readers for each in found.variants.values())


async def test_it_is_told_a_week_later_kept_and_shown_as_it_was(road: Road) -> None:
    id = await a_full_week(road)
    gateway = road.desk.gateway()
    before = await newsletter_figures.show(gateway, id)
    assert before.made_at is None
    await road.desk.advance(id, day(12, 8, 18))
    assert (await road.desk.issue(id)).state is State.DONE
    body = road.desk.mails()[-1].get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    for words in (
        "8 people got it, and 2 of them followed a link. 2 left after it, and 1 complained.",
        "Not written to: 1 because the reader had switched the topic off.",
        "Had to wait: 1 because a serious ticket was open.",
        "In 1 mail only machines followed links", f"2 people: {PAGE}",
        "Text v1: 7 got it, 2 followed a link, 1 left.",
    ):  # fmt: skip
        assert words in text
    await clicked(road, id, "acct-00001", PAGE, human=True)
    after = await newsletter_figures.show(gateway, id)
    assert after.figures == before.figures
    assert after.made_at is not None
    assert after.made_at.date() == day(12, 8).date()


async def test_before_it_goes_out_there_is_nothing_to_report(road: Road) -> None:
    id = await road.desk.publish()
    with pytest.raises(UsageError, match="nothing to report yet"):
        await newsletter_figures.show(road.desk.gateway(), id)
    with pytest.raises(NotFoundError, match="There is no issue"):
        await newsletter_figures.show(road.desk.gateway(), "x/2026-01-01")


def test_of_an_issue_that_nobody_followed_that_is_said() -> None:
    said = list(lines(IssueFigures(states={"accepted": 1}, readers=1)))
    assert said == [
        "1 person got it, and 0 of them followed a link. 0 left after it.",
        "Nobody followed a link.",
    ]
