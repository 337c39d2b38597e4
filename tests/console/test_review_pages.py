"""The page of a reviewer: looking changes nothing, one confirmation acts, the next is harmless."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from psycopg_pool import AsyncConnectionPool

from activities.review_answers import reviewed
from digital_cs.catalog.team import load_team
from digital_cs.domain.content.content_item import Checked, ContentItem
from digital_cs.domain.content.content_policy import Reviews
from digital_cs.domain.content.review_acts import told
from digital_cs.domain.content.review_case import Because, CaseStep, ReviewCase, Rules, opened
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.signing import Signer, person_id
from digital_cs.signing_reviews import Asked, ReviewSigner
from digital_cs.store.content import library, review_cases
from tests import rig
from tests.activities.reviewing import MONDAY, SOURCE, item
from tests.console.client import Face, face

KEY = "a-key-for-links-of-this-test"
ANN, BEN = "ann@lantern.example", "ben@lantern.example"
TEAM = """manager: maya
people:
  ann: {name: Ann Ray, address: ann@lantern.example}
  ben: {name: Ben Oduya, address: ben@lantern.example}
  maya: {name: Maya Okafor, address: maya@lantern.example}
"""
REVIEW = {"checked": ["steps", "links"], "changed": "no", "note": "The menu moved."}


@dataclass
class Desk:
    """A case of Ann's, told this Monday, and its pages."""

    face: Face
    pool: AsyncConnectionPool[Any]
    token: str

    def link(self, act: str = "") -> str:
        return f"/r/{self.token}{f'/{act}' if act else ''}"

    async def get(self, act: str = "") -> str:
        answer = await self.face.stranger.get(self.link(act))
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    async def post(self, act: str, form: dict[str, Any], status: int = 200) -> str:
        answer = await self.face.stranger.post(self.link(act), data=form)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    async def case(self) -> ReviewCase:
        async with self.pool.connection() as connection:
            kept = await review_cases.get(connection, "r-1")
        assert kept is not None
        return kept.case

    async def item(self) -> ContentItem:
        async with self.pool.connection() as connection:
            found = await library.get(connection, "c-1")
        assert found is not None
        return found

    async def story(self) -> list[CaseStep]:
        async with self.pool.connection() as connection:
            return await review_cases.steps_of(connection, "r-1")

    async def reviews(self) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                "select reviewed_by, changed, checked, note from content_reviews order by id"
            )
            found: list[tuple[Any, ...]] = await cursor.fetchall()
            return found


async def prepared(pool: AsyncConnectionPool[Any], about: ContentItem, rules: Rules) -> None:
    """The item in the library, with an open case that its owner was told of."""
    async with pool.connection() as connection, connection.transaction():
        await library.save_source(connection, SOURCE, MONDAY)
        for each in (about, replace(item("c-2", title="Welcome"), locator="emails/welcome.md")):
            await library._write(connection, [each])
        await connection.execute("insert into content_uses values ('c-1', 'c-2', 'includes')")
        begun = opened("r-1", about, Because.STALE, rules, MONDAY)
        await review_cases.open_many(connection, [begun])
        kept = await review_cases.get(connection, "r-1")
        assert kept is not None
        await review_cases.save(connection, kept, told(kept.case, about, rules, MONDAY))


@pytest.fixture
async def desk(pool: AsyncConnectionPool[Any], tmp_path: Path) -> AsyncIterator[Desk]:
    content = tmp_path / "content"
    content.mkdir()
    (content / "team.yaml").write_text(TEAM)
    shutil.copy(rig.ROOT / "content" / "holidays.yaml", content)
    about = item(title='Connect your "shop" <b>now</b>')
    rules = Rules(load_team(content).team, BusinessCalendar(), Reviews())
    await prepared(pool, about, rules)
    token = ReviewSigner(KEY).sign(Asked("r-1", person_id(ANN)))
    async with face(pool, content_dir=content, signing_key=KEY) as found:
        yield Desk(found, pool, token)


async def test_looking_changes_nothing_however_often_and_shows_why_and_where(desk: Desk) -> None:
    before = (await desk.case(), await desk.item(), await desk.story())
    for act in ("", "still-right", "edited", "snooze", "reassign", "retire"):
        for _ in range(2):
            text = await desk.get(act)
            assert (await desk.face.stranger.head(desk.link(act))).status_code == 200
    assert "Connect your &quot;shop&quot; &lt;b&gt;now&lt;/b&gt;" in text
    assert "Its review was due on 1 February 2026" in text
    assert "No message is about to show it." in text
    assert "Welcome (emails/welcome.md)" in text
    assert (await desk.case(), await desk.item(), await desk.story()) == before


async def test_one_confirmation_keeps_the_review_and_ends_the_case_P23(desk: Desk) -> None:
    text = await desk.post("review", REVIEW)
    assert "Ann Ray checked steps, links: all is still right. The menu moved." in text
    assert "It is due again on 2 September 2026." in text
    assert await desk.reviews() == [("Ann Ray", False, ["steps", "links"], "The menu moved.")]
    case = await desk.case()
    assert (case.ended_as, case.in_line) == ("still-right", None)
    assert (await desk.item()).reviewed_on == date(2026, 3, 2)


async def test_its_links_lead_on_from_wherever_it_is_served(desk: Desk) -> None:
    """Behind a proxy, PUBLIC_URL may have a path before ours."""
    for act in ("", "snooze"):
        text = await desk.get(act)
        page_at = f"https://mail.lantern.example/below{desk.link(act)}"
        targets = re.findall(r'(?:action|href)="([^"]+)"', text)
        assert len(targets) >= 3
        for target in targets:
            assert urljoin(page_at, target).startswith(
                f"https://mail.lantern.example/below{desk.link()}"
            )


async def test_sending_it_again_is_harmless_and_says_what_happened(desk: Desk) -> None:
    await desk.post("review", REVIEW)
    for act in ("review", "snooze", "reassign", "retire"):
        text = await desk.post(act, {**REVIEW, "because": "x", "until": "2026-03-09", "to": "ben"})
        assert "Done on 2 March 2026" in text
        assert "Ann Ray checked steps, links" in text
    assert len(await desk.reviews()) == 1
    assert (await desk.item()).retired is None
    assert "Done on 2 March 2026" in await desk.get("retire")


@pytest.mark.parametrize("act", ["still-right", "edited"])
async def test_the_button_that_was_followed_is_chosen_before_and_the_form_decides(
    desk: Desk, act: str
) -> None:
    value = {"still-right": "no", "edited": "yes"}[act]
    assert f'name="changed" value="{value}" required checked' in await desk.get(act)
    await desk.post(act, {**REVIEW, "changed": "yes"})
    assert (await desk.case()).ended_as == "edited"


@pytest.mark.parametrize(
    ("act", "form", "sentence"),
    [
        ("review", {"changed": "no"}, "Say what you checked"),
        ("review", {"checked": "steps"}, "Say whether all is still right"),
        ("review", {"checked": "nonsense", "changed": "no"}, "Say what you checked"),
        ("snooze", {"until": "2026-03-09"}, "Say why it is put off"),
        ("snooze", {"until": "soon", "because": "x"}, "Say until when"),
        ("snooze", {"until": "2027-01-01", "because": "x"}, "and not to 1 Jan 2027"),
        ("reassign", {}, "Say to whom"),
        ("reassign", {"to": "zed"}, "nobody in the team is called &#x27;zed&#x27;"),
        ("retire", {}, "Say why it is no longer needed"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence_and_nothing_is_lost(
    desk: Desk, act: str, form: dict[str, Any], sentence: str
) -> None:
    before = await desk.case()
    text = await desk.post(act, {**form, "note": "Keep <me>."}, 422)
    assert sentence in text
    assert await desk.case() == before
    if act == "review":
        assert "Keep &lt;me&gt;." in text


async def test_it_can_be_put_off_once(desk: Desk) -> None:
    form = {"until": "2026-03-16", "because": "The release is late."}
    text = await desk.post("snooze", form)
    assert "Ann Ray put it off until 16 Mar 2026: The release is late." in text
    assert (await desk.case()).snoozed_until is not None
    again = await desk.post("snooze", form, 422)
    assert "It was put off once already, on 2 Mar 2026" in again
    assert ">Put it off</a>" not in await desk.get()


async def test_it_can_be_given_to_somebody_of_the_team_or_to_an_address(desk: Desk) -> None:
    assert "Ann Ray gave it to Ben Oduya." in await desk.post("reassign", {"to": "ben"})
    case = await desk.case()
    assert (case.holder, case.told_at, case.in_line) == ("ben", None, "tell")
    assert "It is the turn of Ben Oduya now" in await desk.get()
    await desk.post("reassign", {"to": "ben", "address": "zoe@lantern.example"})
    assert (await desk.case()).reviewer == "zoe@lantern.example"


async def test_it_can_be_retired_with_a_reason(desk: Desk) -> None:
    text = await desk.post("retire", {"because": "The feature is gone."})
    assert "Ann Ray retired it: The feature is gone." in text
    assert (await desk.case()).ended_as == "retired"
    assert (await desk.item()).retired is not None


async def test_whose_link_it_is_is_known_by_the_link_alone(desk: Desk) -> None:
    token = ReviewSigner(KEY).sign(Asked("r-1", person_id(BEN)))
    assert BEN not in token
    assert "@" not in token
    desk.token = token
    await desk.post("review", REVIEW)
    assert (await desk.reviews())[0][0] == "Ben Oduya"


async def test_a_case_that_somebody_else_ended_says_so(desk: Desk) -> None:
    async with desk.pool.connection() as connection, connection.transaction():
        await reviewed(
            connection, await desk.item(), changed=True, checked=(Checked.PRICES,), note="",
            by="Zoe", now=MONDAY,
        )  # fmt: skip
    assert "Zoe checked prices and changed something." in await desk.get("snooze")


TOKEN = ReviewSigner(KEY).sign(Asked("r-1", person_id(ANN)))


@pytest.mark.parametrize(
    "token",
    ["", "x", TOKEN[:-1], f"{TOKEN}=", TOKEN.replace(".", "%2E", 1) + "x", "r-1",
     ReviewSigner("another key").sign(Asked("r-1", person_id(ANN))),
     ReviewSigner(KEY).sign(Asked("r-2", person_id(ANN))),
     Signer(KEY).sign_contact("r-1|x"), "a" * 5000],
)  # fmt: skip
async def test_a_link_that_is_not_ours_leads_nowhere(desk: Desk, token: str) -> None:
    for act in ("", "/review", "/snooze"):
        answer = await desk.face.stranger.get(f"/r/{token}{act}")
        assert answer.status_code == 404
        if act:
            answer = await desk.face.stranger.post(f"/r/{token}{act}", data=REVIEW)
            assert answer.status_code in (404, 405)
    assert (await desk.case()).ended_at is None


async def test_only_what_there_is_can_be_asked_for(desk: Desk) -> None:
    for act in ("delete", "review/x", "%00"):
        assert (await desk.face.stranger.get(desk.link(act))).status_code == 404
        answer = await desk.face.stranger.post(desk.link(act), data=REVIEW)
        assert answer.status_code == 404
    answer = await desk.face.stranger.post(desk.link(), data=REVIEW)
    assert answer.status_code == 405


async def test_hostile_forms_do_no_harm(desk: Desk) -> None:
    for form in ({"note": "\0" * 3 + "x" * 100_000, **REVIEW}, {"checked": ["steps"] * 400}):
        answer = await desk.face.stranger.post(desk.link("review"), data=form)
        assert answer.status_code in (200, 422)
    answer = await desk.face.stranger.post(desk.link("review"), content=b"\xff\xfe%zz&&&=;")
    assert answer.status_code in (200, 422)


async def test_the_page_may_be_kept_nowhere_and_loads_nothing(desk: Desk) -> None:
    answer = await desk.face.stranger.get(desk.link())
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "script" not in answer.text
