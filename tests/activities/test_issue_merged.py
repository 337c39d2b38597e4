"""Messages over budget that go along with an issue: P17, and P2 for a person in two accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.activities.issue_house import day
from tests.activities.issue_road import LONDON, LOS_ANGELES, Road, on_the_road

A, B, C = "acct-00000", "acct-00001", "acct-00002"
"""Accounts in London; the champion of the first two is one person."""
SAYS_THE_SAME, SAYS_THE_ACCOUNT = "tip-of-the-week", "seats-of-the-account"


@pytest.fixture
async def road(database: str, tmp_path: Path) -> AsyncIterator[Road]:
    async with on_the_road(database, tmp_path) as ready:
        for name, text in (
            (SAYS_THE_SAME, "Press K to search."),
            (SAYS_THE_ACCOUNT, "{{ account.name }} has few seats left."),
        ):
            front = f"subject: {name}\npreview: {name}\ntopic: tips\nowner: programs"
            file = ready.desk.content / "emails" / f"{name}.md"
            file.write_text(f"---\n{front}\n---\n{text}\n")
        ready.desk.library.load()
        yield ready


async def waits(road: Road, account: str, email: str) -> str:
    """A message of a program that is over budget, and waits for the newsletter; its key."""
    now, enrollment = road.desk.clock.now(), f"{email}:{account}:1"
    key = f"{account}/{email}"
    await road.desk.rows(
        "insert into programs (id, state, version, changed_at) values (%s, 'open', 1, %s)"
        " on conflict do nothing", email, now,
    )  # fmt: skip
    await road.desk.rows(
        "insert into enrollments (id, program_id, version, account_id, nth, source, started_at,"
        " step, visit, entered_at, touched_at) values (%s, %s, 1, %s, 1, 'hand', %s, 'mail', 4,"
        " %s, %s)", enrollment, email, account, now, now, now,
    )  # fmt: skip
    await road.desk.rows(
        "insert into messages (key, enrollment_id, program_id, version, step, visit, account_id,"
        " contact_id, email, kind, priority, state, due_at, reason, attempts) values (%s, %s, %s,"
        " 1, 'mail', 4, %s, %s, %s, 'marketing', 'low', 'skipped', %s, 'merged', 0)",
        key, enrollment, email, account, f"{account}-c1", email, now,
    )  # fmt: skip
    await road.desk.rows(
        "insert into merges (message_key, account_id, contact_id, program_id, email, state, at,"
        " useful_until) values (%s, %s, %s, 'welcome', %s, 'waiting', %s, %s)",
        key, account, f"{account}-c1", email, road.desk.clock.now(), day(12, 20),
    )  # fmt: skip
    return key


async def one_person(road: Road) -> None:
    await road.desk.accounts(6)
    await road.desk.rows(
        "update contacts set email = (select upper(email) from contacts where id = %s)"
        " where id = %s", f"{A}-c1", f"{B}-c1",
    )  # fmt: skip


async def sent(road: Road) -> str:
    """An issue that everybody has, and that is closed."""
    id = await road.leave()
    await road.send(id, LOS_ANGELES)
    await road.desk.advance(id)
    return id


async def states(road: Road) -> dict[str, str]:
    rows = await road.desk.rows("select message_key, state from merges")
    return {row["message_key"]: row["state"] for row in rows}


async def reasons(road: Road) -> dict[str, str]:
    rows = await road.desk.rows("select key, reason from messages where step = 'mail'")
    return {row["key"]: row["reason"] for row in rows}


async def test_what_waits_for_both_accounts_of_a_person_goes_along_once(road: Road) -> None:
    """P2, P17: one issue reaches them, for one account; the message of the other is in it."""
    await one_person(road)
    first, second = await waits(road, A, SAYS_THE_SAME), await waits(road, B, SAYS_THE_SAME)
    await sent(road)
    readers = road.readers()
    assert B not in readers
    assert readers[A].count("Press K to search.") == 1
    assert await states(road) == {first: "taken", second: "taken"}
    assert await reasons(road) == {first: "in_newsletter", second: "in_newsletter"}
    assert all("Press K" not in text for account, text in readers.items() if account != A)


async def test_what_waits_only_for_the_account_that_gets_no_issue_goes_along_with_the_other(
    road: Road,
) -> None:
    """P2, P17: else it would wait for ever, for the issue always goes to them for the other one."""
    await one_person(road)
    key = await waits(road, B, SAYS_THE_SAME)
    await sent(road)
    assert "Press K to search." in road.readers()[A]
    assert await reasons(road) == {key: "in_newsletter"}


async def test_what_says_something_about_the_other_account_waits_on(road: Road) -> None:
    """P17: in a mail about one account nothing is said of another in its place."""
    await one_person(road)
    key = await waits(road, B, SAYS_THE_ACCOUNT)
    own = await waits(road, A, SAYS_THE_SAME)
    await sent(road)
    text = road.readers()[A]
    assert "Press K to search." in text
    assert "few seats left" not in text
    assert await states(road) == {key: "waiting", own: "taken"}
    assert await reasons(road) == {key: "merged", own: "in_newsletter"}


async def test_a_person_who_does_not_get_the_issue_keeps_what_waits_for_both_accounts(
    road: Road,
) -> None:
    await one_person(road)
    keys = [await waits(road, each, SAYS_THE_SAME) for each in (A, B)]
    id = await road.leave()
    await road.desk.rows(
        "insert into preferences (contact_id, topic, wanted, source, changed_at)"
        " values (%s, 'newsletter', false, 'page', now())", f"{A}-c1",
    )  # fmt: skip
    await road.send(id, LOS_ANGELES)
    await road.desk.advance(id)
    assert A not in road.readers()
    assert await states(road) == dict.fromkeys(keys, "waiting")


async def test_an_email_that_is_blocked_before_the_issue_leaves_waits_on(road: Road) -> None:
    """P25."""
    await road.desk.accounts(6)
    await road.desk.articles("tip", id="c-tip", locator=f"emails/{SAYS_THE_SAME}.md", url=None)
    await road.block("c-tip")
    key = await waits(road, C, SAYS_THE_SAME)
    await sent(road)
    assert "Press K" not in road.readers()[C]
    assert await states(road) == {key: "waiting"}


async def test_one_that_is_blocked_on_the_way_waits_on_and_its_readers_get_the_issue(
    road: Road,
) -> None:
    """P17, P25: what the ledger says of it is what was in each mail."""
    await road.desk.accounts(6)
    await road.desk.articles("tip", id="c-tip", locator=f"emails/{SAYS_THE_SAME}.md", url=None)
    early, late = (
        await waits(road, C, SAYS_THE_SAME),
        await waits(road, "acct-00004", SAYS_THE_SAME),
    )
    id = await road.leave()
    await road.send(id, LONDON)
    assert "Press K" in road.readers()[C]
    await road.block("c-tip")
    await road.send(id, LOS_ANGELES)
    await road.desk.advance(id)
    readers = road.readers()
    assert len(readers) == 6
    assert "Press K" not in readers["acct-00004"]
    assert "this month is about" in readers["acct-00004"]
    assert await states(road) == {early: "taken", late: "waiting"}
    assert await reasons(road) == {early: "in_newsletter", late: "merged"}
