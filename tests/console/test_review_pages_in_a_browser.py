"""The page of a reviewer as people use it: on a small phone, by keyboard, without scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from digital_cs.catalog.team import load_team
from digital_cs.domain.content.content_policy import Reviews
from digital_cs.domain.content.review_case import Rules
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.signing import person_id
from digital_cs.signing_reviews import Asked, ReviewSigner
from digital_cs.store.content import review_cases
from tests.activities.reviewing import item
from tests.console.browser import ENTER, SPACE, TAB, Tab, browsing, chromium
from tests.console.serving import SIGNING_KEY, served
from tests.console.test_review_pages import ANN, TEAM, prepared

PHONE, DESK = 320, 1100
TOKEN = ReviewSigner(SIGNING_KEY).sign(Asked("r-1", person_id(ANN)))
_TARGETS = """JSON.stringify([...document.querySelectorAll(
  'label:not(.field), button, select, textarea, input[type=date], input[type=email], ul.links a')]
  .map(each => [each.getBoundingClientRect().height, each.getBoundingClientRect().width]))"""


@dataclass(frozen=True)
class Desk:
    """A served app, a browser on it, and the cases behind it."""

    url: str
    tab: Tab
    pool: AsyncConnectionPool[Any]

    async def look(self, act: str = "", width: int = PHONE) -> None:
        await self.tab.open(f"{self.url}/r/{TOKEN}{act}", width)

    async def ended_as(self) -> str | None:
        async with self.pool.connection() as connection:
            kept = await review_cases.get(connection, "r-1")
        assert kept is not None
        return kept.case.ended_as


@pytest.fixture
async def desk(
    pool: AsyncConnectionPool[Any], database: str, tmp_path: Path
) -> AsyncIterator[Desk]:
    chromium()
    content = tmp_path / "content"
    content.mkdir()
    (content / "team.yaml").write_text(TEAM)
    about = item(
        title="How to connect your shop to Lantern, and what it then knows of orders",
        url="https://docs.lantern.example/guides/connect-your-shop-to-lantern",
    )
    rules = Rules(load_team(content).team, BusinessCalendar(), Reviews())
    await prepared(pool, about, rules)
    async with served(database, content_dir=content) as url, browsing() as tab:
        yield Desk(url, tab, pool)


async def test_it_fits_on_a_small_phone_with_targets_for_a_finger(desk: Desk) -> None:
    for act in ("", "/snooze", "/reassign", "/retire"):
        await desk.look(act)
        assert await desk.tab.ask("document.documentElement.scrollWidth") == PHONE
        sizes = re.findall(r"\[([\d.]+),([\d.]+)\]", await desk.tab.ask(_TARGETS))
        assert sizes
        assert all(float(high) >= 44 and float(wide) >= 250 for high, wide in sizes), act
    await desk.look("", DESK)
    assert await desk.tab.ask("document.querySelector('main').offsetWidth") <= 500
    assert [each for each in desk.tab.complaints if "favicon" not in each] == []


async def test_by_keyboard_and_without_script_a_review_can_be_told(desk: Desk) -> None:
    tab = desk.tab
    await tab.call("Emulation.setScriptExecutionDisabled", value=True)
    await desk.look("/still-right")
    await tab.press(TAB)  # past the link to the item
    await tab.press(TAB)
    await tab.press(SPACE)  # the steps
    for _ in range(7):  # four more boxes, the choice, the note, the button
        await tab.press(TAB)
    await tab.press(ENTER)
    await tab.loaded()
    assert await desk.ended_as() == "still-right"
    names = [name for role, name, _ in await tab.controls() if role == "heading"]
    assert names[0].startswith("Done on ")


async def test_a_screen_reader_hears_what_everything_is(desk: Desk) -> None:
    await desk.look()
    found = await desk.tab.controls()
    headings = [name for role, name, _ in found if role == "heading"]
    assert headings[1:] == [
        "Why it is asked for", "Who is about to read it", "What shows it", "Your review", "Or"
    ]  # fmt: skip
    assert [name for role, name, _ in found if role == "group"] == [
        "What I checked",
        "What I found",
    ]
    assert [name for role, name, _ in found if role == "button"] == ["That is my review"]
    assert sum(role == "checkbox" for role, _, _ in found) == 5
