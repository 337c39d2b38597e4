"""The pages for recipients as people use them: on a phone, by keyboard, read aloud."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.console import page
from digital_cs.console.recipient_texts import WORDS
from digital_cs.signing import Signer
from tests import rig
from tests.console.browser import ENTER, SPACE, TAB, Tab, browsing, chromium
from tests.console.serving import SIGNING_KEY, served
from tests.store.touching import ADA, rows

Connection = AsyncConnection[Any]
TOKEN = Signer(SIGNING_KEY).sign_contact(ADA)
PHONE, DESK = 320, 1100

# Of everything that a finger should meet: how high, how wide.
_TARGETS = """JSON.stringify([...document.querySelectorAll('label, button')].map(
  each => [each.getBoundingClientRect().height, each.getBoundingClientRect().width]))"""


@dataclass(frozen=True)
class Desk:
    """A served app, a browser on it, and the database behind it."""

    url: str
    tab: Tab
    connection: Connection

    async def look(self, path: str, width: int = PHONE) -> None:
        await self.tab.open(f"{self.url}/{path}/{TOKEN}", width)


@pytest.fixture
async def desk(connection: Connection, database: str) -> AsyncIterator[Desk]:
    chromium()
    await connection.execute("delete from policies")  # so that there are the topics of the house
    await rig.people(connection, 1, rig.MONDAY)
    async with (
        served(database, mail_from="Customer team <hello@digital-cs.test>") as url,
        browsing() as tab,
    ):
        yield Desk(url, tab, connection)


@pytest.mark.parametrize("path", ["u", "p"])
async def test_it_fits_on_a_small_phone_in_every_language(desk: Desk, path: str) -> None:
    for language in WORDS:
        await desk.connection.execute("update contacts set language = %s", (language,))
        await desk.look(path)
        assert await desk.tab.ask("document.documentElement.lang") == language
        assert await desk.tab.ask("document.documentElement.scrollWidth") == PHONE
        sizes = re.findall(r"\[([\d.]+),([\d.]+)\]", await desk.tab.ask(_TARGETS))
        assert sizes
        assert all(float(high) >= 44 and float(wide) >= 250 for high, wide in sizes)
    await desk.look(path, DESK)
    assert await desk.tab.ask("document.querySelector('main').offsetWidth") <= 500


async def test_by_keyboard_alone_and_without_script_everything_can_be_chosen(desk: Desk) -> None:
    tab = desk.tab
    await tab.call("Emulation.setScriptExecutionDisabled", value=True)
    await desk.look("p")

    await tab.press(TAB)
    await tab.press(SPACE)  # the first topic is off
    for _ in range(4):
        await tab.press(TAB)
    await tab.press(SPACE)  # fewer
    await tab.press(TAB)
    await tab.press(ENTER)  # save
    await tab.loaded()

    assert "status" in [role for role, _, _ in await tab.controls()]
    (kept,) = await rows(desk.connection, "preferences")
    (contact,) = await rows(desk.connection, "contacts")
    assert (kept["topic"], kept["wanted"], contact["fewer"]) == ("newsletter", False, True)

    for _ in range(8):
        await tab.press(TAB)
    await tab.press(ENTER)  # unsubscribe from all
    await tab.loaded()
    (entry,) = await rows(desk.connection, "suppression_entries")
    assert (entry["reason"], entry["lifted_at"]) == ("unsubscribed", None)

    await tab.press(TAB)
    await tab.press(ENTER)  # and again
    await tab.loaded()
    assert await rows(desk.connection, "suppressions") == []


async def test_a_screen_reader_hears_what_everything_is_and_does(desk: Desk) -> None:
    await desk.look("p")
    found = await desk.tab.controls()

    words = WORDS["en"]
    names = {role: [name for each, name, _ in found if each == role] for role, _, _ in found}
    assert names["heading"] == [words.title, words.pause_title, words.off_title]
    assert names["group"] == [words.topics, words.amount]
    assert len(names["checkbox"]) == 5
    assert names["checkbox"][0].startswith("Newsletter What is new")
    assert [("button", words.save, ""), ("button", words.pause, words.pause_about),
            ("button", words.off, words.off_about)] == [each for each in found
                                                       if each[0] == "button"]  # fmt: skip

    await desk.look("u")
    assert [each for each in await desk.tab.controls() if each[0] != "heading"] == [
        ("button", words.unsubscribe, ""), ("link", words.choose_instead, "")
    ]  # fmt: skip


async def test_one_click_unsubscribes_and_the_next_link_takes_it_back(desk: Desk) -> None:
    await desk.look("u")
    await desk.tab.press(TAB)
    await desk.tab.press(ENTER)
    await desk.tab.loaded()
    assert len(await rows(desk.connection, "suppressions")) == 1

    await desk.tab.press(TAB)
    await desk.tab.press(ENTER)
    await desk.tab.loaded()
    assert await desk.tab.ask("location.pathname") == f"/p/{TOKEN}"
    await desk.tab.press(TAB)
    await desk.tab.press(ENTER)
    await desk.tab.loaded()
    assert await rows(desk.connection, "suppressions") == []


async def test_nothing_is_asked_of_anybody_else_and_the_browser_has_no_complaint(
    desk: Desk,
) -> None:
    for path in ("u", "p"):
        await desk.look(path)

    ours = {f"{desk.url}/u/{TOKEN}", f"{desk.url}/p/{TOKEN}", f"{desk.url}/favicon.ico"}
    assert set(desk.tab.asked_for) <= ours
    assert [
        text for text in desk.tab.complaints if "favicon" not in text and "404" not in text
    ] == []


def brightness(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb, as WCAG computes it."""
    digits = colour if len(colour) == 6 else "".join(each * 2 for each in colour)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
              for each in parts]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [("ink", "paper"), ("soft", "paper"), ("button", "paper"), ("label", "button"),
     ("ink", "ground")],
)  # fmt: skip
def test_every_text_stands_out_from_what_is_behind_it(scheme: int, text: str, ground: str) -> None:
    """WCAG AA: 4.5 to 1."""
    colours = [re.findall(rf"--{name}: #(\w+)", page._STYLE)[scheme] for name in (text, ground)]
    dark, bright = sorted(map(brightness, colours))
    assert (bright + 0.05) / (dark + 0.05) >= 4.5
