"""The pages about an issue as people use them: on a small phone, by keyboard, without scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digital_cs.domain.newsletters.issue import State
from tests.activities.issue_house import LINK_KEY, day, letter
from tests.console.asked import Asked, asked
from tests.console.browser import ENTER, SPACE, TAB, Tab, browsing, chromium
from tests.console.serving import served

PHONE, DESK = 320, 1280
_TARGETS = """JSON.stringify([...document.querySelectorAll(
  'summary, button, textarea, ul.links a')].filter(each => each.checkVisibility())
  .map(each => [each.getBoundingClientRect().height, each.getBoundingClientRect().width]))"""
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"
SECTIONS = [
    {"section": "opening", "required": True},
    {"section": "deep", "title": "In depth", "sign_off": "support"},
    {"section": "questions", "title": "What people asked us", "filler": "top_questions"},
]


@dataclass(frozen=True)
class Desk:
    """A served app, a browser on it, and the issue behind it."""

    asked: Asked
    url: str
    tab: Tab

    async def look(self, subject: str, width: int = PHONE) -> None:
        await self.tab.open(f"{self.url}{self.asked.link(subject)}", width)


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """An issue that was signed off and put together in two texts."""
    chromium()
    async with asked(database, tmp_path, letter(sections=SECTIONS, variants=2)) as ready:
        house = ready.house
        await house.articles("import-contacts", "invoices-and-plans")
        await house.ask("import-contacts", "invoices-and-plans")
        await house.rows(
            "insert into tickets (id, source, account_id, status, topic, opened_at, updated_at)"
            " select 't', 'desk', min(id), 'solved', 'topic-import-contacts', %s, %s from accounts",
            house.clock.now(), house.clock.now(),
        )  # fmt: skip
        await house.write(ready.id, "A seat costs **12 €** from 1 January on.", "deep")
        await house.advance(ready.id, day(11, 10, 10))
        async with (
            served(
                database, content_dir=house.content, signing_keys_old=LINK_KEY,
                clock_origin=day(11, 26, 13), clock_started=datetime.now(UTC),
            ) as url,
            browsing() as tab,
        ):  # fmt: skip
            yield Desk(ready, url, tab)


async def put_together(desk: Desk) -> None:
    link = desk.asked.link("To look at")
    await desk.asked.click(link, "sign")
    await desk.asked.house.advance(desk.asked.id, day(11, 26, 12))


async def test_they_fit_on_a_small_phone_with_targets_for_a_finger(desk: Desk) -> None:
    await put_together(desk)
    for subject in ("To look at", "To approve"):
        for width in (PHONE, DESK):
            await desk.look(subject, width)
            await desk.tab.ask(_OPEN_ALL)
            assert await desk.tab.ask(_TOO_WIDE) == 0, subject
            sizes = re.findall(r"\[([\d.]+),([\d.]+)\]", await desk.tab.ask(_TARGETS))
            assert sizes
            assert all(float(high) >= 44 for high, _ in sizes), (subject, sizes)
            assert await desk.tab.ask("document.querySelector('main').offsetWidth") <= 500
    assert [each for each in desk.tab.complaints if "favicon" not in each] == []


async def test_by_keyboard_and_without_script_an_issue_is_read_and_approved(desk: Desk) -> None:
    await put_together(desk)
    tab = desk.tab
    await tab.call("Emulation.setScriptExecutionDisabled", value=True)
    await desk.look("To approve")
    await tab.press(TAB)
    await tab.press(SPACE)  # the first text is unfolded
    for _ in range(2):  # its words, and the link to see it as a reader does
        await tab.press(TAB)
    for _ in range(2):  # the second text, and the button
        await tab.press(TAB)
    await tab.press(ENTER)
    await tab.loaded()
    assert (await desk.asked.issue()).approved
    names = [name for role, name, _ in await tab.controls() if role == "heading"]
    assert names[0] == "Approved: The Lantern letter, Tuesday 1 December"


async def test_a_screen_reader_hears_what_everything_is(desk: Desk) -> None:
    await put_together(desk)
    await desk.look("To approve")
    found = await desk.tab.controls()
    assert [name for role, name, _ in found if role == "heading"] == [
        "To approve: The Lantern letter, Tuesday 1 December", "What goes out: 2 texts",
        "Is it fresh?", "Who gets it", "When it goes out", "Your answer",
        "Or say what has to change",
    ]  # fmt: skip
    assert [name for role, name, _ in found if role == "button"] == [
        "Approve exactly this", "Ask for a change",
    ]  # fmt: skip


async def test_the_last_minutes_are_counted_where_it_can_be_called_back(desk: Desk) -> None:
    await put_together(desk)
    await desk.asked.click(desk.asked.link("To approve"), "approve")
    house = desk.asked.house
    await house.rows("update newsletter_issues set send_on = '2026-11-27'")
    await house.advance(desk.asked.id, day(11, 26, 13) - timedelta(minutes=3))
    assert (await desk.asked.issue()).state is State.LEAVING
    await desk.look("Leaves in")
    names = [name for role, name, _ in await desk.tab.controls() if role == "heading"]
    assert re.match(r"Leaves in [67] minutes: The Lantern letter", names[0])
    for _ in range(2):
        await desk.tab.press(TAB)
    await desk.tab.press(ENTER)
    await desk.tab.loaded()
    assert (await desk.asked.issue()).state is State.FROZEN
