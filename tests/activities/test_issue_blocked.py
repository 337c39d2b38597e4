"""P25: what turns out to be wrong while an issue goes out is not in what still has to go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.activities.issue_house import letter
from tests.activities.issue_road import LONDON, LOS_ANGELES, Road, on_the_road

QUESTIONS = [
    {"section": "opening", "required": True},
    {"section": "questions", "title": "What people asked", "filler": "top_questions"},
]


@pytest.fixture
async def road(database: str, tmp_path: Path) -> AsyncIterator[Road]:
    async with on_the_road(database, tmp_path) as ready:
        yield ready


async def asked(road: Road, **parts: object) -> str:
    """An issue that answers two questions, and that those in London have."""
    await road.desk.articles("import-contacts", "more-seats", **parts)
    await road.desk.ask("import-contacts", "more-seats")
    id = await road.leave(letter(sections=QUESTIONS))
    await road.send(id, LONDON)
    assert all("More seats" in text for text in road.readers().values())
    assert len(road.readers()) == 3
    return id


@pytest.mark.parametrize("page", ["a page", "no page"])
async def test_a_blocked_article_is_left_out_of_what_still_has_to_go(road: Road, page: str) -> None:
    """Also one without a page, that nothing links to."""
    id = await asked(road, **({} if page == "a page" else {"url": None}))
    await road.block("c-more-seats")
    await road.send(id, LOS_ANGELES)
    late = {each: text for each, text in road.readers().items() if each > "acct-00002"}
    assert len(late) == 3
    for text in late.values():
        assert "More seats" not in text
        assert "Import contacts" in text
    assert (await road.why(id, "acct-00005"))[-1].endswith(
        " It went without “More seats”, known to be wrong."
    )
    [row] = await road.desk.rows("select held_because, state from broadcasts")
    assert (row["held_because"], row["state"]) == (None, "done")


async def test_when_nothing_of_a_section_is_left_its_heading_goes_too(road: Road) -> None:
    id = await asked(road)
    await road.block("c-more-seats")
    await road.block("c-import-contacts")
    await road.send(id, LOS_ANGELES)
    text = road.readers()["acct-00005"]
    assert "WHAT PEOPLE ASKED" not in text.upper()
    assert "this month is about lists" in text


async def test_what_is_right_again_is_shown_again(road: Road) -> None:
    id = await asked(road)
    await road.block("c-more-seats")
    await road.desk.rows("update content_items set blocked_at = null, blocked_because = null")
    await road.send(id, LOS_ANGELES)
    assert all("More seats" in text for text in road.readers().values())


async def test_what_becomes_stale_on_the_way_is_left_out_too(road: Road) -> None:
    """An issue shows nothing stale; one that goes round the earth takes a day and more."""
    id = await asked(road)
    await road.desk.rows(
        "update content_items set stale_on = %s, stale_because = 'Its page changed.'"
        " where id = 'c-more-seats'", LONDON.date(),
    )  # fmt: skip
    await road.send(id, LOS_ANGELES)
    assert "More seats" not in road.readers()["acct-00005"]


async def test_a_link_that_somebody_wrote_to_what_is_wrong_holds_the_rest(road: Road) -> None:
    """Nobody but them can say what the sentence around it is to be; they can recall it, too."""
    await road.desk.articles("import-contacts")
    page = "https://lantern.example/help/import-contacts"
    id = await road.leave(text=f"Have a look at [our page]({page}) of imports.")
    await road.send(id, LONDON)
    await road.block("c-import-contacts")
    await road.send(id, LOS_ANGELES)
    assert len(road.readers()) == 3
    [row] = await road.desk.rows("select held_because from broadcasts")
    assert "Import contacts" in row["held_because"]
