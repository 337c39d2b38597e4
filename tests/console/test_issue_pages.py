"""The page of who approves an issue: what it shows, and that a yes is bound to it (P21)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urljoin

import pytest

from digital_cs.config import load_settings
from digital_cs.domain.newsletters.issue import State
from digital_cs.signing import Signer, person_id
from digital_cs.signing_issues import Invitation, IssueSigner
from digital_cs.signing_reviews import Asked as AskedReviewer
from digital_cs.signing_reviews import ReviewSigner
from digital_cs.temporal import newsletters
from tests.activities.issue_house import CALENDAR, LINK_KEY, OPENING, START, day
from tests.console.asked import PUBLIC, Asked, asked, form_of, link_in, text_of
from tests.console.client import Face

MAYA = "maya@lantern.example"
FREEZE = day(11, 26, 12)
A_MINUTE = timedelta(minutes=1)


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Asked]:
    """An issue that was put together, so that Maya was asked to approve it."""
    async with asked(database, tmp_path) as ready:
        await ready.house.advance(ready.id, FREEZE)
        ready.house.clock.moment += A_MINUTE
        yield ready


async def test_looking_changes_nothing_however_often(desk: Asked) -> None:
    link = desk.link("To approve")
    before = await desk.everything()
    for path in ("", "/approve", "/change", "/text/plain"):
        for _ in range(2):
            await desk.get(f"{link}{path}")
            assert (await desk.face.stranger.head(f"{link}{path}")).status_code == 200
    assert await desk.everything() == before


async def test_it_shows_what_would_go_out_to_whom_and_when(desk: Asked) -> None:
    text = await desk.get(desk.link("To approve"))
    for words in (
        "To approve: The Lantern letter, Tuesday 1 December",
        "The Lantern letter: what is new, and what people asked",
        "this month is about lists",
        "3 accounts (stage is active or onboarding), and of each the champion, else any active",
        "at 9:00 where each reader is: the first one on Monday 30 November, 19:00 UTC",
        "Please answer by Monday 30 November, 12:00 UTC: what nobody approves is not sent.",
        "Then it leaves, after 10 minutes in which it can still be called back.",
        "All that it shows from the library is fresh.",
    ):
        assert words in text
    as_read = await desk.face.stranger.get(f"{desk.link('To approve')}/text/plain")
    assert "this month is about" in as_read.text
    assert "form-action 'none'" in as_read.headers["content-security-policy"]
    await desk.get(f"{desk.link('To approve')}/text/v9", 404)


async def test_every_text_is_there_with_its_reach_and_the_odd_ones_out(
    database: str, tmp_path: Path
) -> None:
    from tests.activities.issue_house import letter

    sections = [
        {"section": "opening", "required": True},
        {"section": "questions", "filler": "top_questions", "title": "You asked"},
    ]
    async with asked(database, tmp_path, letter(sections=sections, variants=2)) as desk:
        house = desk.house
        await house.articles("import-contacts", "invoices-and-plans")
        await house.ask("import-contacts", "invoices-and-plans")
        [account] = await house.rows("select min(id) as id from accounts")
        await house.rows(
            "insert into tickets (id, source, account_id, status, topic, opened_at, updated_at)"
            " values ('t', 'desk', %s, 'solved', 'topic-import-contacts', %s, %s)",
            account["id"], START, START,
        )  # fmt: skip
        await house.advance(desk.id, FREEZE)
        text = await desk.get(desk.link("To approve"))
        assert "What goes out: 2 texts" in text
        summaries = re.findall(r"<summary>(.*?)</summary>", text)
        shown = await house.rows("select * from newsletter_variants order by accounts desc")
        assert [int(each.split(": ")[1].split()[0]) for each in summaries] == [
            row["accounts"] for row in shown
        ]
        odd = await house.rows(
            "select r.account_id from newsletter_readers r join newsletter_variants v"
            " on v.issue_id = r.issue_id and v.name = r.variant"
            " where cardinality(r.wish) > cardinality(v.items)"
        )
        assert odd
        assert "Odd ones out: 1 account would be shown more, with a text of its own." in text
        assert all(f"<li>{row['account_id']}: " in text for row in odd)


async def test_one_click_approves_exactly_what_the_page_showed_P21(desk: Asked) -> None:
    text = await desk.click(desk.link("To approve"), "approve")
    assert "It is approved." in text
    row = await desk.issue()
    assert row.approved
    assert row.approved_by == "Maya Okafor"
    assert (await desk.story())[-1] == "Maya Okafor: Approved it."
    await desk.house.advance(desk.id, day(11, 30, 12))
    assert (await desk.issue()).state is State.LEAVING


async def test_what_changed_meanwhile_is_not_approved_but_said_and_shown_P21(desk: Asked) -> None:
    link = desk.link("To approve")
    looked_at = await desk.get(link)
    await desk.house.write(desk.id, OPENING + "\n\nAnd about forms.")
    text = await desk.send(looked_at, link, "approve", 409)
    assert "put together anew" in text
    assert "approve" not in re.findall(r'action="[^"]*/(\w+)"', text)
    await desk.house.advance(desk.id, FREEZE + timedelta(hours=1))
    text = await desk.send(looked_at, link, "approve", 409)
    assert "put together anew since you looked at it" in text
    assert "And about forms." in text
    assert "It says something else than when you were written to." in text
    assert "jonas: Wrote the section opening." in text
    assert (await desk.issue()).approved_hash is None
    assert "It is approved." in await desk.send(text, link, "approve")
    assert (await desk.issue()).approved


async def test_who_approves_has_seen_the_day_too(desk: Asked) -> None:
    link = desk.link("To approve")
    looked_at = await desk.get(link)
    gateway = desk.house.gateway()
    await newsletters.move(gateway, desk.id, date(2026, 12, 3), "programs", CALENDAR)
    await desk.house.advance(desk.id, day(11, 30, 13))
    text = await desk.send(looked_at, link, "approve", 409)
    assert "it goes out on Thursday 3 December now" in text
    assert not (await desk.issue()).approved


async def test_an_edit_after_the_approval_is_told_on_the_page(desk: Asked) -> None:
    link = desk.link("To approve")
    await desk.click(link, "approve")
    await desk.house.write(desk.id, OPENING + "\n\nMore.")
    await desk.house.advance(desk.id, FREEZE + timedelta(hours=1))
    text = await desk.get(link)
    assert "It says something else now, so that approval is void." in text
    assert "Wrote the section opening. The approval is void." in text
    assert link_in(desk.mail("To approve")) != link


async def test_the_same_link_twice_and_two_approvers_at_once_approve_it_once(desk: Asked) -> None:
    link = desk.link("To approve")
    other = link.replace(link.removeprefix("/i/"), invited("programs@lantern.example"))
    looked_at = await desk.get(link)
    texts = await asyncio.gather(
        *(desk.send(looked_at, each, "approve") for each in (link, other, link))
    )
    by = (await desk.issue()).approved_by
    assert by in ("Maya Okafor", "Customer programs")
    approvals = [line for line in await desk.story() if line.endswith("Approved it.")]
    assert approvals == [f"{by}: Approved it."]
    said = [re.findall(r'role="status">(.*?)</p>', each)[0] for each in texts]
    assert set(said) == {"It is approved.", f"It was approved already, by {by}."}
    assert f"{by} approved exactly this" in await desk.get(link)


async def test_a_change_can_be_asked_for_and_whoever_owns_it_is_told_why(desk: Asked) -> None:
    link = desk.link("To approve")
    await desk.click(link, "change", 422)
    text = await desk.click(link, "change", because="The date is wrong: it is <3 May>.")
    assert "whoever writes it is told" in text
    assert "The date is wrong: it is &lt;3 May&gt;." in text
    await desk.house.advance(desk.id)
    to, subject = desk.house.told()[-1]
    assert (to, subject) == (
        "programs@lantern.example", "To change: The Lantern letter, Tuesday 1 December",
    )  # fmt: skip
    assert "Maya Okafor wants a change: “The date is wrong" in text_of(desk.mail("To change"))
    # The approver is not reminded of a text that they refused; it is held, and says why.
    for moment in (day(11, 27, 12), day(11, 30, 12), day(11, 30, 19)):
        await desk.house.advance(desk.id, moment)
    subjects = [subject.partition(":")[0] for _, subject in desk.house.told()]
    assert subjects[-3:] == ["To change", "Still to change", "Held"]
    held = desk.mail("Held")
    assert "Maya Okafor wants a change" in text_of(held)
    # They may still change their mind.
    assert "It is approved." in await desk.click(link_in(held), "approve")
    assert (await desk.issue()).refused_hash is None


async def test_an_approval_can_be_taken_back_with_a_reason(desk: Asked) -> None:
    link = desk.link("To approve")
    await desk.click(link, "approve")
    await desk.click(link, "change", because="A typo.")
    row = await desk.issue()
    assert (row.approved_hash, row.refused_by) == (None, "Maya Okafor")
    await desk.house.write(desk.id, OPENING + " Mended.")
    await desk.house.advance(desk.id, FREEZE + timedelta(hours=1))
    text = await desk.get(link)
    assert "Maya Okafor: Wants a change: A typo. The approval is void." in text
    assert "wants a change: “A typo.”" not in text


async def test_what_is_not_fresh_any_more_is_not_approved_P25(desk: Asked) -> None:
    house = desk.house
    await house.articles("import-contacts")
    await house.rows(
        "update newsletter_variants set shown = array['c-import-contacts'] where issue_id = %s",
        desk.id,
    )
    link = desk.link("To approve")
    looked_at = await desk.get(link)
    await house.rows("update content_items set retired_at = %s", house.clock.now())
    text = await desk.send(looked_at, link, "approve")
    assert "It shows what is not to be shown any more: “Import contacts”." in text
    assert not (await desk.issue()).approved
    await house.advance(desk.id, FREEZE + timedelta(hours=1))
    assert "It is approved." in await desk.click(link, "approve")


async def test_a_block_that_was_edited_since_is_noticed_before_it_is_approved_P21(
    desk: Asked,
) -> None:
    link = desk.link("To approve")
    looked_at = await desk.get(link)
    block = desk.house.content / "blocks" / "signature.md"
    block.write_text(block.read_text().replace("All the best", "Yours"))
    desk.house.library.load()
    text = await desk.get(link)
    assert "A block or the layout was changed after it was put together." in text
    assert re.findall(r'action="[^"]*/(\w+)"', text) == ["anew"]
    text = await desk.send(looked_at, link, "approve")
    assert "It is not approved, for a block or the layout was changed" in text
    assert not (await desk.issue()).approved
    for _ in range(2):
        text = await desk.post(f"{link}/anew", {})
        assert "Look at this page again in a moment." in text
    assert (await desk.story()).count("Maya Okafor: Had it put together anew.") == 1
    await desk.house.advance(desk.id, FREEZE + timedelta(hours=1))
    text = await desk.send(looked_at, link, "approve", 409)
    assert "Yours," in text
    assert "It is approved." in await desk.send(text, link, "approve")


async def test_what_is_approved_too_late_says_on_which_day_it_goes(desk: Asked) -> None:
    desk.house.clock.moment = day(12, 1, 15)
    text = await desk.get(desk.link("To approve"))
    assert "Approved now, it goes out on Thursday 3 December" in text


async def test_every_mail_about_the_approval_has_a_link_of_its_reader(desk: Asked) -> None:
    for moment in (day(11, 27, 12), day(11, 30, 12), day(11, 30, 19)):
        await desk.house.advance(desk.id, moment)
    by = {"[Test": "Maya", "To approve": "Maya", "Still to": "Maya", "Not approved": "Customer"}
    for subject, name in {**by, "Held": "Customer"}.items():
        mail = desk.mail(subject)
        link = link_in(mail)
        assert "@" not in link
        read = IssueSigner(LINK_KEY).read(link.removeprefix("/i/"))
        assert read is not None
        assert read.person == person_id(str(mail["To"].addresses[0].addr_spec))
        text = await desk.click(link, "approve")
        assert "It is approved." in text
        assert ((await desk.issue()).approved_by or "").startswith(name)
        await desk.click(link, "change", because="Not yet.")


def invited(
    address: str = MAYA, *, act: str = "approve", issue: str = "lantern-letter/2026-12-01",
    key: str = LINK_KEY, until: timedelta = timedelta(days=30), section: str = "",
) -> str:  # fmt: skip
    return IssueSigner(key).sign(
        Invitation(act, issue, section, person_id(address), "", FREEZE, FREEZE + until)
    )


TOKEN = invited()


@pytest.mark.parametrize(
    "token",
    ["", "x", TOKEN[:-1], f"{TOKEN}=", TOKEN.replace(".", "%2E") + "x", TOKEN.swapcase(),
     invited(key="another key"), invited(issue="lantern-letter/2027-01-05"), "a" * 5000,
     Signer(LINK_KEY).sign_contact(f"approve|x||{person_id(MAYA)}||1|9999999999"),
     ReviewSigner(LINK_KEY).sign(AskedReviewer("r-1", person_id(MAYA)))],
)  # fmt: skip
async def test_a_link_that_is_not_ours_leads_nowhere(desk: Asked, token: str) -> None:
    before = await desk.everything()
    form = form_of(await desk.get(desk.link("To approve")), "approve")
    for act in ("", "/approve", "/change", "/recall", "/text/plain"):
        assert (await desk.face.stranger.get(f"/i/{token}{act}")).status_code == 404
        answer = await desk.face.stranger.post(f"/i/{token}{act}", data=form)
        assert answer.status_code in (404, 405)
    assert await desk.everything() == before


async def test_a_link_is_good_for_its_act_alone(desk: Asked) -> None:
    form = form_of(await desk.get(desk.link("To approve")), "approve")
    for act, good in (("approve", ("approve", "change", "anew")), ("recall", ("recall",)),
                      ("sign", ("sign", "change"))):  # fmt: skip
        token = invited(act=act, section="opening" if act == "sign" else "")
        for tried in {"approve", "change", "anew", "recall", "sign", "delete", "%00"} - set(good):
            answer = await desk.face.stranger.post(f"/i/{token}/{tried}", data=form)
            assert answer.status_code == 404, (act, tried)
    assert not (await desk.issue()).approved
    assert (await desk.face.stranger.post(f"/i/{TOKEN}", data=form)).status_code == 405


async def test_an_old_link_says_so_and_does_nothing(desk: Asked) -> None:
    link = desk.link("To approve")
    looked_at = await desk.get(link)
    desk.house.clock.moment = day(12, 30)
    assert "It was good until 15 December 2026." in await desk.get(link, 410)
    await desk.send(looked_at, link, "approve", 410)
    await desk.get(f"{link}/text/plain", 410)
    assert not (await desk.issue()).approved


async def test_a_link_of_somebody_who_left_the_team_does_nothing(desk: Asked) -> None:
    link = desk.link("To approve")
    looked_at = await desk.get(link)
    team = desk.house.content / "team.yaml"
    told = team.read_text()
    team.write_text(told.replace("name: Maya Okafor", "name: Maya Okafor\n    gone: 2026-11-20"))
    assert "not in the team now" in await desk.get(link, 410)
    await desk.send(looked_at, link, "approve", 410)
    team.write_text(told.replace("maya@lantern", "maya.okafor@lantern"))
    await desk.send(looked_at, link, "approve", 410)
    assert not (await desk.issue()).approved


@pytest.mark.parametrize(
    "form",
    [{}, {"seen": ""}, {"seen": "a"}, {"seen": "0" * 64, "day": "2026-12-01"},
     {"day": "2026-12-01"}, {"seen": "\0" * 64, "day": "\0"}, {"seen": "x" * 900_000}],
)  # fmt: skip
async def test_without_what_was_seen_nothing_is_approved(desk: Asked, form: dict[str, str]) -> None:
    await desk.post(f"/i/{TOKEN}/approve", form, 409)
    whole = (await desk.issue()).texts_hash or ""
    await desk.post(f"/i/{TOKEN}/approve", {"seen": whole[:12], "day": "2026-12-01"}, 409)
    await desk.post(f"/i/{TOKEN}/approve", {"seen": whole, "day": "soon"}, 409)
    assert not (await desk.issue()).approved


async def test_while_the_database_is_away_it_says_so(api_without_database: Face) -> None:
    link = f"/i/{invited(key=load_settings().link_keys()[0])}"
    stranger = api_without_database.stranger
    for answer in (
        await stranger.get(link), await stranger.get(f"{link}/text/plain"),
        await stranger.post(f"{link}/approve", data={"seen": "0" * 64}),
    ):  # fmt: skip
        assert answer.status_code == 503
        assert "Please try again in a minute" in answer.text


async def test_what_is_no_form_does_no_harm(desk: Asked) -> None:
    for content in (b"\xff\xfe%zz&&&=;", b"seen=" * 400, b"\0" * 1000):
        answer = await desk.face.stranger.post(f"/i/{TOKEN}/approve", content=content)
        assert answer.status_code == 409
    assert not (await desk.issue()).approved


async def test_the_page_is_kept_nowhere_loads_nothing_and_its_links_lead_on(desk: Asked) -> None:
    """Behind a proxy, PUBLIC_URL may have a path before ours."""
    link = desk.link("To approve")
    for act in ("", "/approve"):
        answer = await desk.face.stranger.get(f"{link}{act}")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "script" not in answer.text
        for target in re.findall(r'(?:action|href)="([^"]+)"', answer.text):
            there = urljoin(f"{PUBLIC}/below{link}{act}", target)
            assert there.startswith(f"{PUBLIC}/below{link}/")
