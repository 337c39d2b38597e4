"""Which of its texts an account gets: what it did not have, does not use, or is about to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from digital_cs.domain.newsletters.issue import State
from digital_cs.domain.newsletters.newsletter import Newsletter
from tests.activities.issue_house import IssueHouse, day, letter, opened

OPENING = "Hello."


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[IssueHouse]:
    async with opened(database, tmp_path) as ready:
        yield ready


ONLY_QUESTIONS = [
    {"section": "opening", "required": True},
    {"section": "questions", "title": "What people asked", "filler": "top_questions"},
]


async def test_an_article_that_somebody_of_the_account_followed_is_not_shown_to_it_again(
    desk: IssueHouse,
) -> None:
    await desk.articles("import-contacts")
    await desk.ask("import-contacts")
    followed, _ = await desk.accounts(2)
    await desk.rows(
        "insert into messages (key, broadcast_id, account_id, email, kind, priority, state, due_at,"
        " claimed_at, attempts) values ('m-1', 'b', %s, 'x', 'marketing', 'low', 'accepted', %s,"
        " %s, 1)", followed, desk.clock.now(), desk.clock.now(),
    )  # fmt: skip
    for human in (False, True):
        await desk.rows("delete from clicks")
        await desk.rows(
            "insert into clicks (message_key, nth, url, at, human, why) values ('m-1', 1, %s, %s,"
            " %s, 'said')", "https://lantern.example/help/import-contacts", desk.clock.now(), human,
        )  # fmt: skip
        id = await _put_together(desk, letter(sections=ONLY_QUESTIONS))
        [reader] = await desk.rows(
            "select wish from newsletter_readers where issue_id = %s and account_id = %s",
            id, followed,
        )  # fmt: skip
        assert reader["wish"] == ([] if human else ["c-import-contacts"])


async def test_a_question_is_answered_to_those_of_a_stage_and_age_at_which_it_is_asked(
    desk: IssueHouse,
) -> None:
    await desk.articles("import-contacts")
    await desk.ask("import-contacts")
    askers = await desk.accounts(6, stage="onboarding")
    active = await desk.rows(
        "insert into accounts (id, name, stage, created_at, updated_at) values"
        " ('old-hand', 'Old hand', 'active', %s, %s) returning id",
        desk.clock.now(), desk.clock.now(),
    )  # fmt: skip
    await desk.rows(
        "update accounts set created_at = %s where id = any(%s)",
        day(11, 12), [askers[5], "old-hand"],
    )  # fmt: skip
    for account in askers[:5]:
        await desk.rows(
            "insert into tickets (id, source, account_id, status, topic, opened_at, updated_at)"
            " values (%s, 'desk', %s, 'solved', 'topic-import-contacts', %s, %s)",
            f"t-{account}", account, day(11, 20), day(11, 20),
        )  # fmt: skip
    id = await _put_together(desk, letter(sections=ONLY_QUESTIONS))
    wishes = await desk.rows(
        "select account_id, wish from newsletter_readers where issue_id = %s", id
    )
    shown = {row["account_id"] for row in wishes if row["wish"]}
    assert shown == {askers[5]}, "those who asked have their answer, and active ones do not ask"
    assert active[0]["id"] in {row["account_id"] for row in wishes}


async def test_tickets_from_before_an_account_was_known_tell_nothing_of_its_age(
    desk: IssueHouse,
) -> None:
    """Else the first issues after accounts were loaded would answer nothing to anybody."""
    await desk.articles("import-contacts")
    await desk.ask("import-contacts")
    askers = await desk.accounts(6, stage="onboarding")
    await desk.rows("update accounts set created_at = %s", day(11, 25))
    for account in askers[:5]:
        await desk.rows(
            "insert into tickets (id, source, account_id, status, topic, opened_at, updated_at)"
            " values (%s, 'desk', %s, 'solved', 'topic-import-contacts', %s, %s)",
            f"t-{account}", account, day(11, 20), day(11, 20),
        )  # fmt: skip
    id = await _put_together(desk, letter(sections=ONLY_QUESTIONS))
    wishes = await desk.rows(
        "select account_id, wish from newsletter_readers where issue_id = %s", id
    )
    assert {row["account_id"] for row in wishes if row["wish"]} == {askers[5]}


async def test_what_an_account_does_not_use_is_worth_knowing_to_it_alone(desk: IssueHouse) -> None:
    await desk.articles("first-automation")
    trial = await desk.accounts(2, stage="onboarding")
    await desk.rows("update accounts set stage = 'active' where id = %s", trial[0])
    id = await _put_together(
        desk,
        letter(sections=[
            {"section": "opening", "required": True},
            {"section": "worth", "filler": "worth_knowing", "suggestions": [
                {"show": "articles/first-automation.md", "to": {"stage": "active"}},
            ]},
        ]),
    )  # fmt: skip
    wishes = await desk.rows(
        "select account_id, wish from newsletter_readers where issue_id = %s", id
    )
    assert {row["account_id"]: row["wish"] for row in wishes} == {
        trial[0]: ["c-first-automation"], trial[1]: [],
    }  # fmt: skip


async def _put_together(desk: IssueHouse, newsletter: Newsletter) -> str:
    """An issue that is put together, of a newsletter that was never published before."""
    await desk.rows("truncate newsletters cascade")
    desk.clock.moment = day(11, 2)
    id = await desk.publish(newsletter)
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    assert (await desk.issue(id)).state is State.FROZEN
    return id
