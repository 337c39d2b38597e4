"""What changes under an issue: texts, articles, blocks, days, workers that die, mail refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.newsletters.issue import State
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar, Freeze
from digital_cs.store.newsletters import issues
from digital_cs.store.newsletters import newsletters as store
from digital_cs.temporal import newsletters
from digital_cs.temporal.issue_answers import IssueStateError
from digital_cs.temporal.issue_planning import plan_due
from tests.activities.issue_house import CALENDAR, OPENING, IssueHouse, day, letter, opened


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[IssueHouse]:
    async with opened(database, tmp_path) as ready:
        yield ready


async def test_what_comes_out_otherwise_than_approved_is_not_sent_until_that_is_approved(
    desk: IssueHouse,
) -> None:
    """P21: nobody wrote, but an article that the issue shows was blocked after the approval."""
    await desk.articles("import-contacts", "invoices-and-plans")
    await desk.ask("import-contacts", "invoices-and-plans")
    id = await desk.frozen()
    await desk.approve(id)
    approved = await desk.issue(id)
    await desk.rows(
        "update content_items set blocked_because = 'wrong', blocked_at = %s, blocked_by = 'priya'"
        " where id = 'c-import-contacts'", desk.clock.now(),
    )  # fmt: skip
    await desk.advance(id, day(11, 30, 12))
    row = await desk.issue(id)
    assert (row.state, row.approved_hash) == (State.FROZEN, approved.approved_hash)
    assert row.texts_hash != approved.texts_hash
    assert await desk.rows("select * from broadcasts") == []
    assert await desk.shown(id) == [["c-invoices-and-plans"]]
    assert desk.told()[-1][1].startswith("To approve")
    tests = [subject for _, subject in desk.told() if subject.startswith("[Test")]
    assert len(tests) == 4  # the changed texts, too
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 13))
    assert (await desk.issue(id)).state is State.LEAVING


async def test_a_block_that_is_edited_in_the_last_minutes_keeps_the_issue_back(
    desk: IssueHouse,
) -> None:
    """P21."""
    id = await desk.frozen()
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 12))
    block = desk.content / "blocks" / "signature.md"
    block.write_text(block.read_text() + "\nOne more line.\n")
    desk.library.load()
    await desk.advance(id, day(11, 30, 12) + timedelta(minutes=11))
    assert (await desk.issue(id)).state is State.FROZEN
    assert await desk.rows("select * from broadcasts") == []
    assert any("A block or the layout was changed" in line for line in await desk.story(id))
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 13))
    await desk.advance(id, day(11, 30, 14))
    assert (await desk.issue(id)).state is State.SENDING


async def test_what_says_the_same_when_it_is_put_together_anew_is_approved_still(
    desk: IssueHouse,
) -> None:
    id = await desk.frozen()
    await desk.approve(id)
    await desk.write(id, "Something else")
    await desk.advance(id)
    assert not await _approved(desk, id)
    await desk.write(id, OPENING)
    await desk.advance(id)
    assert await _approved(desk, id)
    await newsletters.move(desk.gateway(), id, date(2026, 12, 2), "maya", CALENDAR)
    await desk.advance(id, day(11, 27, 12))
    assert await _approved(desk, id)
    await newsletters.move(desk.gateway(), id, date(2027, 1, 20), "maya", CALENDAR)
    await desk.advance(id)
    assert (await desk.issue(id)).state is State.OPEN


async def test_events_are_told_of_in_an_issue_that_was_moved_to_an_earlier_day(
    desk: IssueHouse,
) -> None:
    """The one of the day that it was moved from does not come any more."""
    id = await desk.publish()
    await newsletters.move(desk.gateway(), id, date(2026, 11, 24), "maya", CALENDAR)
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 19, 12))
    [plain, *_] = await desk.rows(
        "select source from newsletter_variants where issue_id = %s and name = ''", id
    )
    assert "getting ready for the holidays" in plain["source"]


async def _approved(desk: IssueHouse, id: str) -> bool:
    async with desk.pool.connection() as connection:
        return (await issues.facts(connection, await desk.issue(id))).approved


async def test_only_what_was_looked_at_is_approved(desk: IssueHouse) -> None:
    """P21: by the hash of a mail about a text that was changed since."""
    id = await desk.frozen()
    seen = (await desk.issue(id)).texts_hash
    assert seen is not None
    body = desk.mails()[-1].get_body(("plain",))
    assert body is not None
    assert f"newsletter approve {id} --text {seen[:12]}" in body.get_content()
    await desk.write(id, "Something else")
    await desk.advance(id)
    with pytest.raises(IssueStateError, match="since you looked at it"):
        await newsletters.approve(desk.gateway(), id, "maya", seen=seen[:12])
    now = (await desk.issue(id)).texts_hash
    assert now is not None
    await newsletters.approve(desk.gateway(), id, "maya", seen=now[:12])
    assert await _approved(desk, id)


async def test_who_writes_while_it_is_put_together_is_not_overlooked(desk: IssueHouse) -> None:
    """The race between a person and the activity: by what was read before, nothing is done."""
    id = await desk.frozen()
    await desk.approve(id)
    async with desk.pool.connection() as connection, connection.transaction():
        row = await desk.issue(id)
        assert await newsletters.write(desk.gateway(), desk.library, id, "opening", "New", "jonas")
        late = await issues.change(
            connection, id, (State.FROZEN,), seen=row.revision, state=State.LEAVING
        )
    assert not late


async def test_what_cannot_be_put_together_is_said_once_and_tried_until_it_is_mended(
    desk: IssueHouse,
) -> None:
    """Also when what is wrong is a file that nobody writes for the issue."""
    block = desk.content / "blocks" / "signature.md"
    good = block.read_text()
    id = await desk.publish()
    await desk.write(id, OPENING)
    block.write_text("{{ nonsense }}\n")
    desk.library.load()
    await desk.advance(id, day(11, 26, 12))
    reply = await desk.advance(id, day(11, 26, 13))
    assert reply.sleep_seconds == pytest.approx(3600, abs=5)
    said = [subject for _, subject in desk.told() if subject.startswith("Cannot be put together")]
    assert len(said) == 1
    block.write_text(good)
    desk.library.load()
    await desk.advance(id, day(11, 26, 14))
    assert (await desk.issue(id)).state is State.FROZEN


async def test_tests_that_a_crash_kept_back_are_sent_before_the_approval_is_asked_for(
    desk: IssueHouse,
) -> None:
    """P13: the worker died after the issue was put together, and before it told anybody."""
    id = await desk.frozen()
    sent = desk.told()
    await desk.rows("delete from newsletter_steps")
    await desk.rows("delete from colleague_mails where key like '%%/test/%%'")
    await desk.advance(id)
    again = desk.told()[len(sent) :]
    assert [subject.partition(",")[0] for _, subject in again] == ["[Test"]


async def test_who_cannot_be_written_to_keeps_nobody_else_from_being_told(
    desk: IssueHouse,
) -> None:
    id = await desk.frozen()
    await desk.approve(id)
    Faults(FaultMode.REFUSE_5XX).write(desk.sink.folder)
    before = len(desk.told())
    await desk.advance(id, day(11, 30, 12))
    assert (await desk.issue(id)).state is State.LEAVING
    assert len(desk.told()) == before
    assert "Leaves in 10 minutes: told nobody, for none of them can be reached." in (
        line.partition(": ")[2] for line in await desk.story(id)
    )


async def test_a_mail_that_is_refused_again_and_again_is_never_taken_for_told(
    desk: IssueHouse,
) -> None:
    """P15: the waits between tries grow beyond the rests of the issue."""
    id = await desk.publish()
    Faults(FaultMode.REFUSE_4XX).write(desk.sink.folder)
    for minutes in range(0, 60, 5):
        reply = await desk.advance(id, day(11, 10) + timedelta(minutes=minutes))
        assert reply.sleep_seconds == pytest.approx(300, abs=5)
    assert [row["key"] for row in await desk.rows("select * from newsletter_steps")] == []
    Faults(FaultMode.NONE).write(desk.sink.folder)
    await desk.advance(id, day(11, 10, 12))
    assert len(desk.told()) == 1


async def test_a_holiday_that_is_announced_later_moves_the_issue_and_no_second_one_comes(
    desk: IssueHouse,
) -> None:
    """P5."""
    id = await desk.publish()
    holiday = BusinessCalendar(holidays={EVERYWHERE: frozenset({date(2026, 12, 1)})})
    async with desk.pool.connection() as connection, connection.transaction():
        assert await plan_due(connection, holiday, "UTC", desk.clock.now()) == []
    assert (await desk.issue(id)).send_on == date(2026, 12, 2)
    assert "Moved from 2026-12-01 to 2026-12-02" in (await desk.story(id))[-1]


async def test_issues_that_a_freeze_brings_to_one_day_are_one(desk: IssueHouse) -> None:
    weeks = BusinessCalendar(freezes=(Freeze("move", date(2026, 11, 28), date(2026, 12, 20)),))
    weekly = letter(rhythm="every Monday", days_before={"opens": 10})
    async with desk.pool.connection() as connection, connection.transaction():
        await store.publish(connection, weekly, desk.clock.now())
        await plan_due(connection, weeks, "UTC", desk.clock.now())
        for number in (10, 20, 30):
            await plan_due(connection, weeks, "UTC", desk.clock.now() + timedelta(days=number))
        days = [row.send_on for row in await issues.issues(connection)]
    assert len(days) == len(set(days))
    assert date(2026, 12, 21) in days


async def test_an_issue_of_a_newsletter_that_comes_out_no_more_does_not_open(
    desk: IssueHouse,
) -> None:
    id = await desk.publish()
    await newsletters.publish(desk.gateway(), [], CALENDAR, "UTC")
    assert (await desk.advance(id, day(11, 10))).ended
    assert (await desk.issue(id)).state is State.SKIPPED
    assert desk.told() == []


async def test_what_an_account_got_in_another_email_is_not_shown_to_it_again(
    desk: IssueHouse,
) -> None:
    await desk.articles("import-contacts")
    await desk.ask("import-contacts")
    accounts = await desk.accounts(3)
    await desk.articles("tip", id="e-1", locator="emails/tip.md", kind=Kind.EMAIL, url=None)
    await desk.rows(
        "insert into content_uses (item_id, by_id, how)"
        " values ('c-import-contacts', 'e-1', 'includes')"
    )
    await desk.rows(
        "insert into broadcasts (id, name, owner, spec, state, created_at, changed_at, changed_by)"
        " values ('b', '', '', '{}', 'done', now(), now(), '')"
    )
    for account, state in zip(accounts, ("delivered", "skipped"), strict=False):
        await desk.rows(
            "insert into messages (key, broadcast_id, account_id, contact_id, email, kind,"
            " priority, state, due_at, attempts) values (%s, 'b', %s, %s, 'tip', 'marketing',"
            " 'normal', %s, now(), 1)", f"b/{account}", account, f"{account}-c1", state,
        )  # fmt: skip
    id = await desk.publish()
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    rows = await desk.rows("select account_id, wish from newsletter_readers order by 1")
    assert [len(row["wish"]) for row in rows] == [0, 1, 1]


async def test_of_what_waited_only_what_its_reader_still_wants_goes_along(
    desk: IssueHouse,
) -> None:
    """P16, P17: they switched its topic off since it was put aside."""
    accounts = await desk.accounts(2)
    for account in accounts:
        await desk.rows(
            "insert into merges (message_key, account_id, contact_id, program_id, email, topic,"
            " state, at, useful_until) values (%s, %s, %s, 'welcome', 'welcome-paid-3', 'tips',"
            " 'waiting', %s, %s)", f"k-{account}", account, f"{account}-c1", desk.clock.now(),
            day(12, 20),
        )  # fmt: skip
    await desk.rows(
        "insert into preferences (contact_id, topic, wanted, source, changed_at)"
        " values (%s, 'tips', false, 'page', now())", f"{accounts[0]}-c1",
    )  # fmt: skip
    id = await desk.publish()
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 12))
    await desk.advance(id, day(11, 30, 13))
    states = {row["account_id"]: row["state"] for row in await desk.rows("select * from merges")}
    assert states == {accounts[0]: "waiting", accounts[1]: "taken"}


async def test_a_block_that_is_edited_after_the_approval_is_noticed_before_it_leaves(
    desk: IssueHouse,
) -> None:
    """P21: not after the minutes of recall, when nobody has the time to approve it again."""
    id = await desk.frozen()
    await desk.approve(id)
    block = desk.content / "blocks" / "signature.md"
    block.write_text(block.read_text().replace("All the best", "Yours"))
    desk.library.load()
    await desk.advance(id, day(11, 30, 12))
    row = await desk.issue(id)
    assert (row.state, row.approved) == (State.FROZEN, False)
    assert desk.told()[-1][1].startswith("To approve")
    asked = next(m for m in desk.mails()[::-1] if str(m["Subject"]).startswith("To approve"))
    body = asked.get_body(("plain",))
    assert body is not None
    assert "It says something else than maya approved" in body.get_content()
