"""An issue that is called back while it goes out, and the corrected one that comes after it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from digital_cs.domain.newsletters.issue import Reach, State
from digital_cs.domain.sending.broadcast import BroadcastState
from digital_cs.errors import UsageError
from digital_cs.store.broadcasts import broadcasts
from digital_cs.temporal import newsletter_recall, newsletters
from digital_cs.temporal.issue_answers import IssueStateError
from tests.activities.issue_house import ARTICLES, CALENDAR, day
from tests.activities.issue_road import LONDON, LOS_ANGELES, Road, on_the_road

TOMORROW = day(12, 2).date()


@pytest.fixture
async def road(database: str, tmp_path: Path) -> AsyncIterator[Road]:
    async with on_the_road(database, tmp_path) as ready:
        yield ready


async def recall(road: Road, id: str) -> newsletter_recall.Recalled:
    return await newsletters.recall(road.desk.gateway(), id, "A wrong price", "maya")


async def half_way(road: Road) -> str:
    """Those in London have it, those in Los Angeles do not."""
    id = await road.leave()
    await road.send(id, LONDON)
    assert sorted(road.readers()) == ["acct-00000", "acct-00001", "acct-00002"]
    return id


async def test_nobody_more_gets_it_and_it_says_who_had_it(road: Road) -> None:
    id = await half_way(road)
    found = await recall(road, id)
    assert (found.nobody, found.had, found.reached.missed) == (False, 3, 3)
    row = await road.desk.issue(id)
    assert (row.standing, row.recalled_by, row.recalled_because) == (
        "recalled", "maya", "A wrong price",
    )  # fmt: skip
    await road.send(id, LOS_ANGELES)
    assert len(road.readers()) == 3
    async with road.desk.pool.connection() as connection:
        broadcast = await broadcasts.get(connection, id)
    assert broadcast is not None
    assert broadcast.state is BroadcastState.CANCELLED
    await road.desk.advance(id)
    story = await road.desk.story(id)
    assert story[-3:] == [
        "maya: Called it back: A wrong price",
        "maya: 3 had it already; 3 do not get it any more.",
        "digital-cs: 3 had it already; 3 do not get it any more.",
    ]
    again = await recall(road, id)
    assert (again.again, again.had) == (True, 3)
    assert await road.desk.story(id) == story


async def test_a_claim_that_begins_after_the_recall_hands_nothing_over(road: Road) -> None:
    """P13: the worker has read its chunk, and decides, when somebody calls the issue back."""
    id = await road.leave()
    sending = road.activities._sending
    hand = sending.send

    async def late(*given: object) -> object:
        await recall(road, id)
        return await hand(*given)  # type: ignore[arg-type]

    sending.send = late  # type: ignore[method-assign, assignment]
    await road.send(id, LONDON)
    assert road.readers() == {}


async def test_a_week_later_its_report_says_so(road: Road) -> None:
    id = await half_way(road)
    await recall(road, id)
    await road.send(id)
    await road.desk.advance(id)
    await road.desk.advance(id, day(12, 8, 18))
    assert (await road.desk.issue(id)).state is State.DONE
    mail = road.desk.mails()[-1]
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "It was recalled by maya on Tuesday 1 December: “A wrong price”" in text
    assert "3 people got it" in text
    assert "3 do not get it any more" in text


async def test_the_corrected_one_reaches_those_who_missed_it_and_only_them(road: Road) -> None:
    id = await half_way(road)
    await recall(road, id)
    await road.send(id)
    await road.desk.advance(id)
    made = await newsletter_recall.correct(
        road.desk.gateway(), id, TOMORROW, Reach.MISSED, "maya", CALENDAR
    )
    assert made == "lantern-letter/2026-12-02"
    await road.desk.advance(made)  # it says what the other one said, and is put together at once
    await road.desk.write(made, "The price is nine euros.")
    await road.go(made, day(12, 1, 17), day(12, 1, 18))
    before = set(road.readers())
    await road.send(made, day(12, 2, 17))
    got = road.readers()
    assert set(got) - before == {"acct-00003", "acct-00004", "acct-00005"}
    assert all("nine euros" in got[each] for each in set(got) - before)
    assert await road.why(made, "acct-00000") == [
        "They had the issue before it was called back, and this one corrects it for those who"
        " missed it."
    ]


async def test_the_corrected_one_can_go_on_the_same_day_to_whose_hour_is_past_at_once(
    road: Road,
) -> None:
    desk = road.desk
    id = await half_way(road)  # ten o'clock in London
    await desk.rows(
        "update contacts set zone = case id when 'acct-00003-c1' then 'Europe/London' when"
        " 'acct-00004-c1' then 'Asia/Tokyo' else zone end"
    )
    desk.clock.moment = LONDON + timedelta(hours=1)
    await recall(road, id)
    await road.send(id)
    await desk.advance(id)
    made = await newsletter_recall.correct(
        desk.gateway(), id, LONDON.date(), Reach.MISSED, "maya", CALENDAR
    )
    assert made == "lantern-letter/2026-12-01-2"
    await desk.write(made, "The price is nine euros.")
    await desk.advance(made)
    to, subject = desk.told()[-1]
    assert (to, subject.partition(":")[0]) == ("maya@lantern.example", "To approve")
    body = desk.mails()[-1].get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert f"It corrects {id}, which maya called back: “A wrong price”" in text
    assert "Of the accounts that are counted, those who had it do not get it again." in text
    assert "It leaves 10 minutes after it is approved: at once where 9:00 is past" in text

    before = set(road.readers())
    await desk.approve(made)
    await desk.advance(made, LONDON + timedelta(hours=2))
    await desk.advance(made, LONDON + timedelta(hours=2, minutes=11))
    assert (await desk.issue(made)).state is State.SENDING
    # Eleven in London, three at night in Los Angeles, and eight in the evening in Tokyo.
    for at, reader in (
        (LONDON + timedelta(hours=2, minutes=11), "acct-00003"),
        (LOS_ANGELES, "acct-00005"), (day(12, 2, 0), "acct-00004"),
    ):  # fmt: skip
        await road.send(made, at)
        assert set(road.readers()) - before == {reader}
        assert "nine euros" in road.readers()[reader]
        before.add(reader)
    async with desk.pool.connection() as connection:
        corrected = await broadcasts.get(connection, made)
    assert corrected is not None
    assert corrected.recipients == 6


async def test_no_corrected_one_goes_on_a_day_that_is_over_or_has_an_issue(road: Road) -> None:
    desk = road.desk
    id = await half_way(road)
    desk.clock.moment = LONDON
    await recall(road, id)
    await newsletters.plan_extra(
        desk.gateway(), "lantern-letter", TOMORROW, "maya", CALENDAR
    )  # fmt: skip
    for wanted, why in ((day(11, 27).date(), "over everywhere"), (TOMORROW, "already")):
        with pytest.raises(UsageError, match=why):
            await newsletter_recall.correct(
                desk.gateway(), id, wanted, Reach.MISSED, "maya", CALENDAR
            )


async def test_the_same_person_in_another_account_does_not_get_it_again(road: Road) -> None:
    """P2: they had it for an account that has left since."""
    id = await half_way(road)
    await road.desk.rows(
        "update contacts set email = (select email from contacts where id = 'acct-00000-c1')"
        " where id = 'acct-00003-c1'"
    )
    await recall(road, id)
    await road.send(id)
    await road.desk.advance(id)
    await road.desk.rows("update accounts set stage = 'churned' where id = 'acct-00000'")
    made = await newsletter_recall.correct(
        road.desk.gateway(), id, TOMORROW, Reach.MISSED, "maya", CALENDAR
    )
    await road.desk.advance(made)
    await road.go(made, day(12, 1, 17), day(12, 1, 18))
    await road.send(made, day(12, 2, 17))
    assert set(road.readers()) == {f"acct-0000{n}" for n in (0, 1, 2, 4, 5)}


async def test_for_everybody_it_goes_to_those_who_had_it_too_and_shows_the_same(
    road: Road,
) -> None:
    desk = road.desk
    await desk.articles(*ARTICLES)
    await desk.ask("import-contacts", "invoices-and-plans")
    id = await road.leave()
    shown = await desk.shown(id)
    assert shown
    assert await desk.rows("select * from topic_coverage where by = %s", id)
    await road.send(id, LONDON)
    await recall(road, id)
    assert await desk.rows("select * from topic_coverage where by = %s", id) == []
    await road.send(id)
    await desk.advance(id)
    made = await newsletter_recall.correct(
        desk.gateway(), id, TOMORROW, Reach.EVERYBODY, "maya", CALENDAR
    )
    await desk.advance(made)
    await road.go(made, day(12, 1, 17), day(12, 1, 18))
    assert await desk.shown(made) == shown
    rows = await desk.rows(
        "select state, count(*) as n from messages where broadcast_id = %s group by 1", made
    )
    assert {row["state"]: row["n"] for row in rows} == {"planned": 6}


async def test_one_that_was_sent_to_everybody_can_still_be_taken_down(road: Road) -> None:
    id = await road.leave()
    await road.send(id, LOS_ANGELES)
    await road.desk.advance(id)
    assert (await road.desk.issue(id)).state is State.SENT
    found = await recall(road, id)
    assert (found.had, found.reached.missed) == (6, 0)
    assert (await road.desk.issue(id)).standing == "recalled"


async def test_what_cannot_be_recalled_or_corrected_is_said_in_a_sentence(road: Road) -> None:
    id = await half_way(road)
    gateway = road.desk.gateway()
    with pytest.raises(UsageError, match="Say why"):
        await newsletters.recall(gateway, id, " ", "maya")
    with pytest.raises(IssueStateError, match="that was called back"):
        await newsletter_recall.correct(gateway, id, TOMORROW, Reach.MISSED, "maya", CALENDAR)
    await recall(road, id)
    made = await newsletter_recall.correct(
        gateway, id, TOMORROW, Reach.MISSED, "maya", CALENDAR
    )  # fmt: skip
    with pytest.raises(UsageError, match=f"{made} corrects it already"):
        await newsletter_recall.correct(gateway, id, TOMORROW, Reach.MISSED, "maya", CALENDAR)
    with pytest.raises(IssueStateError, match="planned"):
        await newsletters.recall(gateway, made, "No", "maya")
