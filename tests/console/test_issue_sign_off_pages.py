"""The page of an expert: a sign-off is bound to the text that they read, and an edit ends it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from digital_cs.domain.newsletters.issue import State
from digital_cs.temporal import newsletters
from digital_cs.temporal.issue_answers import IssueChangedError
from tests.activities.issue_house import day, letter
from tests.console.asked import SIGNED, Asked, asked, link_in, text_of

FREEZE = day(11, 26, 12)
OPENS = day(11, 10)
AN_HOUR = timedelta(hours=1)
DEEP = "Prices are **12 €** a seat for {{ account.name }}, <b>today</b>."


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Asked]:
    """An issue of which support was asked to sign one section off."""
    async with asked(database, tmp_path, letter(sections=SIGNED)) as ready:
        await ready.house.write(ready.id, DEEP, "deep")
        await ready.house.advance(ready.id, OPENS + AN_HOUR)
        ready.house.clock.moment += AN_HOUR
        yield ready


async def signed_by(desk: Asked) -> str | None:
    [row] = await desk.house.rows("select * from newsletter_texts where section = 'deep'")
    return row["signed_by"] if row["signed_hash"] == row["text_hash"] else None


async def test_looking_changes_nothing_and_shows_the_text_as_it_was_written(desk: Asked) -> None:
    link = desk.link("To look at")
    before = await desk.everything()
    for path in ("", "/sign", "/change"):
        text = await desk.get(f"{link}{path}")
    assert "To sign off: “In depth” of The Lantern letter, Tuesday 1 December" in text
    assert "Prices are **12 €** a seat for {{ account.name }}, &lt;b&gt;today&lt;/b&gt;." in text
    assert "What stands in braces is filled in for each reader." in text
    assert "jonas wrote it on" in text
    await desk.get(f"{link}/text/plain", 404)
    assert await desk.everything() == before


async def test_one_click_signs_off_and_the_issue_is_put_together(desk: Asked) -> None:
    link = desk.link("To look at")
    assert "It is signed off." in await desk.click(link, "sign")
    assert await signed_by(desk) == "Support"
    assert "It is signed off." in await desk.post(
        f"{link}/sign", {"seen": (await desk.house.rows(
            "select text_hash from newsletter_texts where section = 'deep'"))[0]["text_hash"]},
    )  # fmt: skip
    assert (await desk.story()).count("Support: Signed off the section deep.") == 1
    await desk.house.advance(desk.id, FREEZE)
    assert (await desk.issue()).state is State.FROZEN


async def test_a_text_that_changed_since_it_was_read_is_not_signed_but_shown(desk: Asked) -> None:
    link = desk.link("To look at")
    looked_at = await desk.get(link)
    await desk.house.write(desk.id, "Prices are 14 € a seat.", "deep")
    text = await desk.send(looked_at, link, "sign", 409)
    assert "was changed since you read it" in text
    assert "Prices are 14 € a seat." in text
    assert "It says something else than when you were written to." in text
    assert await signed_by(desk) is None
    await desk.send(looked_at, link, "change", 409, "Wrong.")
    await desk.send(text, link, "sign")
    assert await signed_by(desk) == "Support"


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_later_edit_unsigns_it_and_the_expert_is_asked_anew(
    desk: Asked, frozen: bool
) -> None:
    await desk.click(desk.link("To look at"), "sign")
    if frozen:
        await desk.house.advance(desk.id, FREEZE)
    await desk.house.write(desk.id, "Prices are 15 € a seat.", "deep")
    assert "What was signed off is not that any more." in (await desk.story())[-1]
    await desk.house.advance(desk.id, desk.house.clock.moment + AN_HOUR)
    assert await signed_by(desk) is None
    asked_of = [to for to, subject in desk.house.told() if subject.startswith("To look at")]
    assert asked_of == ["support@lantern.example"] * 2
    row = await desk.issue()
    assert not row.put_together
    link = desk.link("To look at")
    assert "Prices are 15 € a seat." in await desk.get(link)
    await desk.click(link, "sign")
    await desk.house.advance(desk.id, FREEZE + 2 * AN_HOUR)
    assert (await desk.issue()).put_together


async def test_who_does_not_agree_says_why_and_the_writer_is_told(desk: Asked) -> None:
    link = desk.link("To look at")
    await desk.click(link, "change", 422)
    text = await desk.click(link, "change", because="It is 13 €.")
    assert "Support wants a change: “It is 13 €.”" in text
    await desk.house.advance(desk.id)
    to, subject = desk.house.told()[-1]
    assert to == "programs@lantern.example"  # jonas, whose section it is, is not in the team
    assert subject == "To change: “In depth” of The Lantern letter, Tuesday 1 December"
    assert "Support wants a change: “It is 13 €.”" in text_of(desk.mail("To change"))
    # The expert is not reminded of what they refused; who writes it is.
    await desk.house.advance(desk.id, day(11, 25, 17))
    assert [s.partition(":")[0] for _, s in desk.house.told()][-1] == "Still to change"
    await desk.house.write(desk.id, "It is 13 €.", "deep")
    await desk.house.advance(desk.id, day(11, 25, 18))
    text = await desk.get(desk.link("To look at"))
    assert "wants a change" not in re.sub("<li>.*?</li>", "", text)
    await desk.click(desk.link("To look at"), "sign")
    assert await signed_by(desk) == "Support"


async def test_a_sign_off_can_be_taken_back(desk: Asked) -> None:
    link = desk.link("To look at")
    await desk.click(link, "sign")
    assert "signed exactly this off" in await desk.get(link)
    await desk.click(link, "change", because="On second thoughts, no.")
    assert await signed_by(desk) is None


async def test_a_reminder_has_a_link_too_and_comes_after_a_working_day(desk: Asked) -> None:
    await desk.house.advance(desk.id, day(11, 25, 17))
    mail = desk.mail("Still to look at")
    assert "It is signed off." in await desk.click(link_in(mail), "sign")


async def test_two_at_once_sign_it_once(desk: Asked) -> None:
    link = desk.link("To look at")
    looked_at = await desk.get(link)
    await asyncio.gather(*(desk.send(looked_at, link, "sign") for _ in range(3)))
    assert (await desk.story()).count("Support: Signed off the section deep.") == 1


async def test_when_it_left_nothing_is_signed_any_more(desk: Asked) -> None:
    link = desk.link("To look at")
    looked_at = await desk.get(link)
    await newsletters.skip(desk.house.gateway(), desk.id, "Nothing new", "programs")
    text = await desk.send(looked_at, link, "sign", 409)
    assert "The issue is left out, so nothing is to be signed off." in text
    assert await signed_by(desk) is None


async def test_a_section_that_was_taken_back_says_so(desk: Asked) -> None:
    link = desk.link("To look at")
    looked_at = await desk.get(link)
    await desk.house.write(desk.id, "", "deep")
    assert "Nothing is written for it any more." in await desk.get(link)
    await desk.send(looked_at, link, "sign", 422)


async def test_the_desk_signs_only_the_text_that_the_mail_is_about(desk: Asked) -> None:
    mark = re.findall(r"--text (\w+)", text_of(desk.mail("To look at")))[0]
    gateway = desk.house.gateway()
    await desk.house.write(desk.id, "Something else.", "deep")
    with pytest.raises(IssueChangedError, match="changed since you read it"):
        await newsletters.sign(gateway, desk.id, "deep", "dana", seen=mark)
    await newsletters.sign(gateway, desk.id, "deep", "dana")
    assert await signed_by(desk) == "dana"
