"""Issues of newsletters, from their planning to their report: P13, P17, P21 in one place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from digital_cs.domain.newsletters.issue import State
from digital_cs.errors import UsageError
from digital_cs.rendering.issue_text import legible
from digital_cs.temporal import newsletters
from digital_cs.temporal.issue_answers import IssueStateError
from digital_cs.temporal.issue_planning import plan_due
from tests.activities.issue_house import (
    ARTICLES,
    CALENDAR,
    OPENING,
    IssueHouse,
    day,
    letter,
    opened,
)


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[IssueHouse]:
    async with opened(database, tmp_path) as ready:
        yield ready


async def test_the_next_issue_is_planned_once_and_sleeps_until_it_opens(desk: IssueHouse) -> None:
    id = await desk.publish()
    assert id == "lantern-letter/2026-12-01"
    again = await newsletters.publish(desk.gateway(), [letter()], CALENDAR, "UTC")
    assert (again.same, again.planned) == (("lantern-letter",), ())
    reply = await desk.advance(id)
    assert (await desk.issue(id)).state is State.PLANNED
    assert reply.sleep_seconds == pytest.approx(timedelta(days=8).total_seconds(), abs=5)


async def test_owners_are_told_reminded_and_then_somebody_else_is_asked(desk: IssueHouse) -> None:
    id = await desk.publish()
    await desk.advance(id, day(11, 10))
    assert desk.told() == [
        (
            "programs@lantern.example",
            "To write: “opening” of The Lantern letter, Tuesday 1 December",
        )
    ]
    await desk.advance(id, day(11, 10, 10))
    assert len(desk.told()) == 1
    await desk.advance(id, day(11, 20, 17))
    await desk.advance(id, day(11, 23, 17))
    assert [to for to, _ in desk.told()] == [
        "programs@lantern.example", "programs@lantern.example", "support@lantern.example",
    ]  # fmt: skip
    assert desk.told()[-1][1].startswith("Not written: “opening”")


async def test_a_mail_that_is_refused_for_now_is_tried_again_and_told_once(
    desk: IssueHouse,
) -> None:
    from digital_cs.channels.sink_faults import FaultMode, Faults

    id = await desk.publish()
    Faults(FaultMode.REFUSE_4XX).write(desk.sink.folder)
    reply = await desk.advance(id, day(11, 10))
    assert reply.sleep_seconds == pytest.approx(300, abs=5)
    Faults(FaultMode.NONE).write(desk.sink.folder)
    await desk.advance(id, day(11, 10, 10))
    await desk.advance(id, day(11, 10, 11))
    assert len(desk.told()) == 1


async def test_without_a_required_section_nothing_is_put_together(desk: IssueHouse) -> None:
    id = await desk.publish()
    await desk.advance(id, day(11, 26, 12))
    assert (await desk.issue(id)).state is State.OPEN
    assert desk.told()[-1][1].startswith("Cannot be put together")
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 13))
    assert (await desk.issue(id)).state is State.FROZEN


async def test_a_text_that_cannot_stand_in_an_email_is_refused_with_its_line(
    desk: IssueHouse,
) -> None:
    id = await desk.publish()
    with pytest.raises(UsageError, match=r"opening:3:.*nonsense"):
        await desk.write(id, "Hello,\n\n{{ nonsense }}")
    with pytest.raises(UsageError, match="is not a section that somebody writes: opening"):
        await desk.write(id, "Hello", "questions")
    assert await desk.rows("select * from newsletter_texts") == []


async def test_what_was_put_together_is_sent_to_the_approver_as_readers_will_get_it(
    desk: IssueHouse,
) -> None:
    await desk.frozen()
    tests = [(to, subject) for to, subject in desk.told() if subject.startswith("[Test")]
    assert tests == [
        ("maya@lantern.example", "[Test, 3 accounts] The Lantern letter: what is new, and what"
         " people asked")
    ]  # fmt: skip
    test = next(mail for mail in desk.mails() if str(mail["Subject"]).startswith("[Test"))
    body = test.get_body(("plain",))
    assert body is not None
    assert "this month is about lists" in body.get_content()
    assert desk.told()[-1] == (
        "maya@lantern.example", "To approve: The Lantern letter, Tuesday 1 December",
    )  # fmt: skip


async def test_accounts_get_what_suits_them_in_few_variants(desk: IssueHouse) -> None:
    ids = await desk.articles(*ARTICLES)
    await desk.ask("import-contacts", "invoices-and-plans")
    accounts = await desk.accounts(6)
    asked = accounts[0]
    await desk.rows(
        "insert into tickets (id, source, account_id, status, topic, opened_at, updated_at)"
        " values ('t-1', 'desk', %s, 'solved', 'topic-import-contacts', %s, %s)",
        asked, desk.clock.now(), desk.clock.now(),
    )  # fmt: skip
    id = await desk.publish(letter(sections=[
        {"section": "opening", "required": True},
        {"section": "questions", "title": "What people asked", "filler": "top_questions"},
    ]))  # fmt: skip
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    rows = await desk.rows("select * from newsletter_variants order by accounts desc")
    both = [ids["import-contacts"], ids["invoices-and-plans"]]
    assert [(row["items"], row["accounts"]) for row in rows] == [
        (both, 5), ([ids["invoices-and-plans"]], 1), ([], 0),
    ]  # fmt: skip
    assert rows[0]["topics"] == ["topic-import-contacts", "topic-invoices-and-plans"]
    assert "[Import contacts](<https://lantern.example/help/import-contacts>)" in rows[0]["source"]
    [reader] = await desk.rows("select * from newsletter_readers where account_id = %s", asked)
    assert reader["wish"] == [ids["invoices-and-plans"]]


async def test_nothing_stale_is_shown_and_nothing_that_was_shown_or_followed_before(
    desk: IssueHouse,
) -> None:
    await desk.articles("import-contacts")
    await desk.articles("invoices-and-plans", reviewed_on=date(2025, 1, 1))
    await desk.ask("import-contacts", "invoices-and-plans")
    await desk.accounts(2)
    only = letter(sections=[{"section": "questions", "filler": "top_questions"}])
    id = await desk.publish(only)
    await desk.advance(id, day(11, 26, 12))
    assert await desk.shown(id) == [["c-import-contacts"]]
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 18) + timedelta(minutes=50))
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    assert (await desk.issue(id)).state is State.SENDING
    async with desk.pool.connection() as connection, connection.transaction():
        [following] = await plan_due(connection, CALENDAR, "UTC", day(12, 10))
    assert following == "lantern-letter/2027-01-05"
    await desk.advance(following, day(1, 1, 12))
    assert await desk.shown(following) == []


async def test_an_approval_is_bound_to_what_was_approved(desk: IssueHouse) -> None:
    """P21."""
    id = await desk.frozen()
    await desk.approve(id)
    assert await desk.write(id, OPENING + " And forms.")
    with pytest.raises(IssueStateError, match="put together anew"):
        await desk.approve(id)
    await desk.advance(id, day(11, 30, 17))
    row = await desk.issue(id)
    assert row.state is State.FROZEN
    assert row.approved_hash != row.frozen_hash
    assert desk.told()[-1][1].startswith("To approve")
    # Whoever is asked late has an hour to answer.
    await desk.advance(id, day(11, 30, 17) + timedelta(minutes=61))
    assert desk.told()[-1][1].startswith("Not approved")


async def test_without_an_approval_it_is_held_and_never_sent(desk: IssueHouse) -> None:
    id = await desk.frozen()
    for moment in (day(11, 27, 12), day(11, 30, 12), day(11, 30, 19)):
        await desk.advance(id, moment)
    subjects = [subject.partition(":")[0] for _, subject in desk.told()][-4:]
    assert subjects == ["To approve", "Still to approve", "Not approved", "Held"]
    reply = await desk.advance(id, day(12, 30))
    assert (await desk.issue(id)).state is State.FROZEN
    assert reply.sleep_seconds is None


async def test_what_is_approved_too_late_goes_on_the_next_whole_business_day(
    desk: IssueHouse,
) -> None:
    id = await desk.frozen()
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    desk.clock.moment = day(12, 1, 15)
    await desk.approve(id)
    await desk.advance(id)
    row = await desk.issue(id)
    assert (row.send_on, row.state) == (date(2026, 12, 3), State.FROZEN)
    assert desk.told()[-1][1] == "Moved: The Lantern letter, Tuesday 1 December"


async def test_it_can_be_called_back_in_its_last_minutes_and_then_it_goes(
    desk: IssueHouse,
) -> None:
    id = await desk.frozen()
    await desk.approve(id)
    leaves = day(11, 30, 18) + timedelta(minutes=50)
    await desk.advance(id, leaves)
    assert (await desk.issue(id)).state is State.LEAVING
    with pytest.raises(IssueStateError, match="call it back first"):
        await desk.write(id, "Too late")
    assert (await newsletters.recall(desk.gateway(), id, "A wrong link", "maya")).waits
    row = await desk.issue(id)
    assert (row.state, row.approved_hash) == (State.FROZEN, None)
    await desk.advance(id)
    assert await desk.rows("select * from broadcasts") == []
    await desk.approve(id)
    await desk.advance(id, leaves + timedelta(minutes=2))
    await desk.advance(id, leaves + timedelta(minutes=13))
    [broadcast] = await desk.rows("select * from broadcasts")
    assert (broadcast["id"], broadcast["state"]) == (id, "running")
    assert "maya: Called it back: A wrong link" in await desk.story(id)


async def test_sending_becomes_one_approved_broadcast_at_nine_where_each_reader_is(
    desk: IssueHouse,
) -> None:
    id = await desk.frozen()
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 18) + timedelta(minutes=50))
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    [broadcast] = await desk.rows("select * from broadcasts")
    assert broadcast["spec"]["at"] == "2026-12-01T09:00:00"
    assert broadcast["spec"]["topic"] == "newsletter"
    assert broadcast["approved_by"] == "maya"
    assert broadcast["approved_hash"] is not None
    assert len(await desk.rows("select * from broadcast_texts")) == 1


async def test_when_all_is_sent_it_is_closed_and_a_week_later_reported(desk: IssueHouse) -> None:
    id = await desk.frozen()
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 18) + timedelta(minutes=50))
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    await desk.rows("update broadcasts set state = 'done', ended_at = %s", day(12, 1, 22))
    await desk.advance(id, day(12, 1, 22))
    assert (await desk.issue(id)).state is State.SENT
    reply = await desk.advance(id, day(12, 8, 23))
    row = await desk.issue(id)
    assert (reply.ended, row.state) == (True, State.DONE)
    assert row.report["readers"] == 0
    assert desk.told()[-1] == (
        "programs@lantern.example", "A week later: The Lantern letter, Tuesday 1 December",
    )  # fmt: skip


async def test_a_day_has_one_issue_unless_that_was_left_out(desk: IssueHouse) -> None:
    id = await desk.publish()
    gateway, free = desk.gateway(), date(2026, 12, 16)
    extra = await newsletters.plan_extra(gateway, "lantern-letter", free, "maya", CALENDAR)
    for again in (
        newsletters.plan_extra(gateway, "lantern-letter", free, "maya", CALENDAR),
        newsletters.move(gateway, id, free, "maya", CALENDAR),
    ):
        with pytest.raises(UsageError, match="already"):
            await again
    await newsletters.skip(gateway, extra, "By mistake", "maya")
    again_after_all = await newsletters.plan_extra(
        gateway, "lantern-letter", free, "maya", CALENDAR
    )  # fmt: skip
    assert again_after_all == f"{extra}-2"


async def test_an_issue_is_moved_left_out_or_added(desk: IssueHouse) -> None:
    id = await desk.publish()
    await newsletters.move(desk.gateway(), id, date(2026, 12, 3), "maya", CALENDAR)
    assert (await desk.issue(id)).send_on == date(2026, 12, 3)
    with pytest.raises(UsageError, match="no business day"):
        await newsletters.move(desk.gateway(), id, date(2026, 12, 5), "maya", CALENDAR)
    extra = await newsletters.plan_extra(
        desk.gateway(), "lantern-letter", date(2026, 12, 17), "maya", CALENDAR
    )
    assert extra == "lantern-letter/2026-12-17"
    await newsletters.skip(desk.gateway(), id, "Nothing new", "maya")
    assert (await desk.advance(id)).ended
    with pytest.raises(IssueStateError, match="skipped"):
        await newsletters.move(desk.gateway(), id, date(2026, 12, 4), "maya", CALENDAR)


async def test_messages_over_budget_go_out_in_their_section_and_the_ledger_says_so(
    desk: IssueHouse,
) -> None:
    """P17."""
    [account, *_] = await desk.accounts(2)
    [contact] = await desk.rows(
        "select contact_id as id from memberships where account_id = %s", account
    )
    key = f"welcome:{account}:1/4/{contact['id']}"
    now = desk.clock.now()
    await desk.rows(
        "insert into programs (id, state, version, changed_at) values ('welcome', 'open', 1, %s)",
        now,
    )
    await desk.rows(
        "insert into enrollments (id, program_id, version, account_id, nth, source, started_at,"
        " step, visit, entered_at, touched_at) values (%s, 'welcome', 1, %s, 1, 'hand', %s, 'mail',"
        " 4, %s, %s)", f"welcome:{account}:1", account, now, now, now,
    )  # fmt: skip
    await desk.rows(
        "insert into messages (key, enrollment_id, program_id, version, step, visit, account_id,"
        " contact_id, email, kind, priority, state, due_at, attempts) values (%s, %s, 'welcome', 1,"
        " 'mail', 4, %s, %s, 'welcome-paid-3', 'marketing', 'low', 'skipped', %s, 0)",
        key, f"welcome:{account}:1", account, contact["id"], now,
    )  # fmt: skip
    await desk.rows(
        "insert into merges (message_key, account_id, contact_id, program_id, email, state, at,"
        " useful_until) values (%s, %s, %s, 'welcome', 'welcome-paid-3', 'waiting', %s, %s)",
        key, account, contact["id"], desk.clock.now(), day(12, 20),
    )  # fmt: skip
    id = await desk.publish()
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 18) + timedelta(minutes=50))
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    [choice] = await desk.rows("select * from broadcast_choices")
    assert (choice["contact_id"], choice["variant"]) == (contact["id"], "plain-m1")
    [text] = await desk.rows("select source from broadcast_texts where variant = 'plain-m1'")
    assert "## Also for you\n\n### The one automation to begin with" in legible(text["source"])
    assert (await desk.rows("select state, taken_by from merges"))[0] == {
        "state": "taken", "taken_by": id,
    }  # fmt: skip
    await desk.rows(
        "insert into messages (key, broadcast_id, account_id, contact_id, email, variant, kind,"
        " priority, state, due_at, attempts) values (%s, %s, %s, %s, %s, 'plain-m1', 'marketing',"
        " 'normal', 'accepted', %s, 1)", f"{id}/{contact['id']}", id, account, contact["id"], id,
        desk.clock.now(),
    )  # fmt: skip
    await desk.rows("update broadcasts set state = 'done', ended_at = %s", day(12, 1, 22))
    await desk.advance(id, day(12, 1, 22))
    [was] = await desk.rows("select reason, detail from messages where key = %s", key)
    assert was["reason"] == "in_newsletter"
    assert "The Lantern letter of 1 Dec 2026" in was["detail"]


async def test_a_merged_message_whose_reader_did_not_get_the_issue_waits_on(
    desk: IssueHouse,
) -> None:
    """P17."""
    [account] = await desk.accounts(1)
    [contact] = await desk.rows("select contact_id as id from memberships")
    await desk.rows(
        "insert into merges (message_key, account_id, contact_id, program_id, email, state, at,"
        " useful_until) values ('k', %s, %s, 'welcome', 'welcome-paid-3', 'waiting', %s, %s)",
        account, contact["id"], desk.clock.now(), day(12, 20),
    )  # fmt: skip
    id = await desk.publish()
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 18) + timedelta(minutes=50))
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    await desk.rows("update broadcasts set state = 'done', ended_at = %s", day(12, 1, 22))
    await desk.advance(id, day(12, 1, 22))
    assert await desk.rows("select state, taken_by from merges") == [
        {"state": "waiting", "taken_by": None}
    ]
