"""Mail to reviewers: one a week of seven items at most, at once what cannot wait, never twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from activities.colleagues import HEADER
from digital_cs.channels.sink_faults import FaultMode
from digital_cs.domain.content.content_item import Mark, Review
from digital_cs.domain.content.team import Person, Team
from digital_cs.store.content import colleague_mails, reviews
from tests.activities.reviewing import MONDAY, TEAM, Reviewing, days, item, opened, seen, told

WEEK = days(7)


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[Reviewing]:
    async with opened(database, tmp_path) as found:
        yield found


async def test_a_reviewer_gets_one_mail_a_week_that_says_why_and_who_reads_it_P26(
    house: Reviewing,
) -> None:
    await house.keep(item(title="Connect your shop"), item("c-2"))
    house.exposure["c-1"] = seen(812, date(2026, 3, 10))
    assert await house.send() == 1
    assert await house.send(MONDAY + timedelta(hours=5)) == 0
    assert await house.send(MONDAY + days(1)) == 0
    [mail] = house.mails()
    assert mail["To"] == "Ann Ray <ann@lantern.example>"
    assert mail["Subject"] == "To review this week: 2 items"
    assert mail[HEADER] == "digest"
    assert mail["List-Unsubscribe"] is None
    text = house.text()
    assert text.index("Connect your shop") < text.index("About c-2")
    assert "Its review was due on 1 February 2026: 6 months after the last one" in text
    flat = " ".join(text.split())
    assert "812 people will read it, on Tuesday 10 March in ‘welcome-trial-2’." in flat
    assert "No message is about to show it." in text
    assert await house.ledger() == [("digest:ann@lantern.example:2026-W10", "accepted")]


async def test_it_names_seven_at_most_the_most_read_first_and_counts_the_others_P26(
    house: Reviewing,
) -> None:
    await house.keep(*(item(f"c-{n}") for n in range(30)))
    for n in range(30):
        house.exposure[f"c-{n}"] = seen(n, date(2026, 3, 12))
    await house.send()
    text = house.text()
    assert [line for line in text.splitlines() if ". About" in line] == [
        f"{place}. About c-{n}" for place, n in enumerate(range(29, 22, -1), 1)
    ]
    assert "Of yours, 23 more wait and come in one of the next weeks." in text.replace("\n", " ")
    assert len(await house.open_cases()) == 7


async def test_an_import_of_thousands_that_are_overdue_floods_nobody_P26(house: Reviewing) -> None:
    """5,000 items of two owners, all overdue: a mail of seven each a week, and nothing else."""
    await house.keep(*(item(f"c-{n}", owner=("ann", "ben")[n % 2]) for n in range(5_000)))
    swept = await house.sweep()
    assert swept.opened == 14
    weeks = 4
    for day in range(7 * weeks):
        if day % 7 in (0, 1, 4):
            await house.send(MONDAY + days(day))
    keys = [key for key, state in await house.ledger() if state == "accepted"]
    count = Counter(key.split(":")[1] for key in keys)
    assert count["ann@lantern.example"] == count["ben@lantern.example"] == weeks
    assert count["maya@lantern.example"] <= weeks
    for number, mail in enumerate(house.mails()):
        assert house.text(number).count("https://mail.vendor.test/r/") <= 7, mail["Subject"]
    rows = await house.rows("select count(*) as n from review_cases")
    assert rows[0]["n"] <= 2 * 7 * (weeks + 1)
    [first] = await house.rows("select count(*) as n from content_items where first_due_on is null")
    assert first["n"] == 5_000  # the dates stay what their sources say


async def test_who_does_not_answer_is_reminded_then_the_backup_is_asked_then_the_manager_P26(
    house: Reviewing,
) -> None:
    await house.keep(item())
    for day in range(60):
        await house.send(MONDAY + days(day))
    assert told(await house.story()) == [
        "Mon 2 Mar opened: It is stale since 1 Feb 2026.",
        "Mon 2 Mar told: Ann Ray was told.",
        "Mon 9 Mar reminded: Ann Ray was reminded.",
        "Mon 16 Mar passed: Ann Ray was asked and did not answer, so the backup is asked.",
        "Mon 16 Mar told: Ben Oduya was told.",
        "Mon 30 Mar passed: Ben Oduya was asked and did not answer, so the program manager is"
        " asked.",
        "Mon 30 Mar told: Maya Okafor was told.",
        "Mon 6 Apr reminded: Maya Okafor was reminded.",
        "Mon 13 Apr reminded: Maya Okafor was reminded.",
        "Mon 20 Apr reminded: Maya Okafor was reminded.",
        "Mon 27 Apr reminded: Maya Okafor was reminded.",
    ]
    assert [str(mail["To"]).split(" ")[0] for mail in house.mails()] == [
        "Ann", "Ann", "Ben", "Maya", "Maya", "Maya", "Maya", "Maya"
    ]  # fmt: skip
    assert "You were told of it on 2 March 2026." in house.text(1)
    assert "You are asked as the backup: Ann Ray was asked before you" in house.text(2)
    assert "You are asked last" in house.text(3).replace("\n", " ")


async def test_a_case_moves_on_with_its_own_workflow_as_well_as_with_the_digest(
    house: Reviewing,
) -> None:
    await house.keep(item())
    await house.send()
    case = (await house.case()).case
    reply = await house.advance(case.id, MONDAY)
    assert reply.sleep_seconds == pytest.approx((WEEK - timedelta(hours=9)).total_seconds(), abs=1)
    assert (await house.advance(case.id, MONDAY + days(6))).sleep_seconds is not None
    reply = await house.advance(case.id, MONDAY + WEEK)
    assert (reply.sleep_seconds, reply.label) == (None, "in line for the next digest")
    assert await house.send(MONDAY + WEEK) == 1


async def test_a_review_ends_the_case_and_the_next_digest_is_silent(house: Reviewing) -> None:
    await house.keep(item())
    await house.send()
    async with house.pool.connection() as connection, connection.transaction():
        told_us = Review("c-1", date(2026, 3, 3), "Ann", changed=True)
        await reviews.record(connection, told_us, MONDAY + days(1))
    assert (await house.sweep(MONDAY + days(1))).woken == 1
    case = (await house.case()).case
    assert (await house.advance(case.id, MONDAY + days(1))).ended
    assert await house.send(MONDAY + WEEK) == 0


async def test_at_once_only_when_people_are_about_to_read_it_and_once_a_case_P26(
    house: Reviewing,
) -> None:
    wednesday = MONDAY + days(2)
    await house.keep(item(), item("c-2"), item("c-3", reviewed_on=date(2026, 2, 1)))
    house.exposure.update({
        "c-1": seen(640, date(2026, 3, 6)),  # in two business days
        "c-2": seen(900, date(2026, 3, 10)),
        "c-3": seen(900, date(2026, 3, 5)),  # fresh
    })  # fmt: skip
    assert await house.send(wednesday) == 1
    assert await house.send(wednesday + timedelta(hours=1)) == 0
    [mail] = house.mails()
    assert mail["Subject"] == "About to go out, and stale: “About c-1”"
    assert mail[HEADER] == "at-once"
    assert "c-2" not in house.text()
    assert await house.send(wednesday + days(1)) == 0
    stories = [step for kept in await house.open_cases()
               for step in await house.story(kept.case.id) if "at once" in step.words]  # fmt: skip
    assert told(stories) == [
        "Wed 4 Mar told-at-once: Ann Ray was told at once, as people are about to read it."
    ]


async def test_at_most_one_such_mail_a_reviewer_and_day(house: Reviewing) -> None:
    await house.keep(item())
    house.exposure["c-1"] = seen(10, date(2026, 3, 5))
    assert await house.send(MONDAY + days(2)) == 1
    await house.keep(item("c-9", blocked=Mark("The price is wrong.", "Zoe", MONDAY)))
    house.exposure["c-9"] = seen(10, date(2026, 3, 5))
    assert await house.send(MONDAY + days(2) + timedelta(hours=3)) == 0
    assert await house.send(MONDAY + days(3)) == 1
    assert "Zoe said on 2 March 2026 that it is wrong: The price is wrong." in house.text()


async def test_who_was_told_in_the_digest_is_not_told_at_once_of_the_same(
    house: Reviewing,
) -> None:
    await house.keep(item())
    house.exposure["c-1"] = seen(10, date(2026, 3, 4))
    assert await house.send() == 1
    assert await house.send(MONDAY + days(1)) == 0
    assert house.mails()[0][HEADER] == "digest"


async def test_a_mail_that_may_have_arrived_is_never_sent_again_by_itself_P14(
    house: Reviewing,
) -> None:
    await house.keep(item())
    house.misbehave(FaultMode.DROP_AFTER_DATA_UNSTORED)
    await house.send()
    assert await house.ledger() == [("digest:ann@lantern.example:2026-W10", "unknown")]
    house.misbehave(FaultMode.NONE)
    assert await house.send(MONDAY + timedelta(hours=2)) == 0
    assert (await house.case()).case.told_at == MONDAY


async def test_a_worker_that_died_with_a_mail_in_hand_leaves_it_unknown_and_told_P14(
    house: Reviewing,
) -> None:
    await house.keep(item())
    await house.sweep()
    case = (await house.case()).case
    async with house.pool.connection() as connection:
        await colleague_mails.claim(
            connection, key="digest:ann@lantern.example:2026-W10", kind="digest",
            reviewer="ann@lantern.example", subject="s", about=[case.id], message_id="<x@y>",
            token="t", seconds=-1.0, now=MONDAY,
        )  # fmt: skip
    assert await house.send(MONDAY + timedelta(hours=1)) == 0
    assert await house.ledger() == [("digest:ann@lantern.example:2026-W10", "unknown")]
    assert (await house.case()).case.told_at == MONDAY + timedelta(hours=1)
    assert house.mails() == []


async def test_a_server_that_is_busy_is_tried_again_and_the_mail_comes_once_P15(
    house: Reviewing,
) -> None:
    await house.keep(item())
    house.misbehave(FaultMode.REFUSE_4XX)
    found = await house.digests.send_due(MONDAY)
    assert found.next_at == MONDAY + timedelta(minutes=1)
    assert (await house.case()).case.told_at is None
    house.misbehave(FaultMode.NONE)
    assert await house.send(found.next_at) == 1
    assert len(house.mails()) == 1
    assert (await house.case()).case.told_at == found.next_at


async def test_a_server_that_is_away_for_days_costs_one_digest_and_no_more_P8(
    house: Reviewing,
) -> None:
    await house.keep(item())
    house.misbehave(FaultMode.DROP_BEFORE_DATA)
    for hour in (0, 1, 30, 60):
        await house.send(MONDAY + timedelta(hours=hour))
    house.misbehave(FaultMode.NONE)
    assert await house.send(MONDAY + days(4)) == 0
    assert await house.ledger() == [("digest:ann@lantern.example:2026-W10", "failed")]
    assert await house.send(MONDAY + WEEK) == 1
    assert told(await house.story())[-1] == "Mon 9 Mar told: Ann Ray was told."


async def test_an_address_that_refuses_mail_for_good_passes_the_case_on(house: Reviewing) -> None:
    await house.keep(item())
    house.misbehave(FaultMode.REFUSE_RCPT_UNKNOWN)
    await house.send()
    assert (await house.case()).case.holder == "ben"
    house.misbehave(FaultMode.NONE)
    assert await house.send(MONDAY + timedelta(hours=1)) == 1
    assert "mail to Ann Ray was refused for good" in told(await house.story())[-2]


async def test_an_address_that_is_none_hurts_no_other_reviewer(
    database: str, tmp_path: Path
) -> None:
    broken = Person(name="Odd", address="odd()@lantern.example")
    team = Team(manager="maya", people={**TEAM.people, "odd": broken})
    async with opened(database, tmp_path, team) as house:
        await house.keep(item(owner="odd"), item("c-2"))
        assert await house.send() == 2
        assert [state for _, state in await house.ledger()] == ["accepted", "failed"]


async def test_what_nobody_can_be_asked_about_is_seen_and_does_not_pile_up(
    database: str, tmp_path: Path
) -> None:
    async with opened(database, tmp_path, Team()) as house:
        await house.keep(*(item(f"c-{n}") for n in range(40)))
        for day in range(5):
            assert await house.send(MONDAY + days(day)) == 0
        cases = await house.open_cases()
        assert len(cases) == 7
        story = told(await house.story(cases[0].case.id))
        assert story[-1] == (
            "Mon 2 Mar nobody: Nobody can be asked, not even the program manager: there is none."
        )
        house.team.current = TEAM
        assert await house.send(MONDAY + WEEK) == 1
        assert "Ann" in str(house.mails()[0]["To"])


async def test_each_reviewer_gets_it_at_nine_of_their_own_day(
    database: str, tmp_path: Path
) -> None:
    away = Person(name="Kim", address="kim@lantern.example", zone="America/New_York")
    team = Team(manager="maya", people={**TEAM.people, "kim": away})
    async with opened(database, tmp_path, team) as house:
        await house.keep(item(), item("c-2", owner="kim"))
        found = await house.digests.send_due(MONDAY)
        assert (found.mails, found.next_at) == (1, MONDAY + timedelta(hours=5))
        assert await house.send(found.next_at) == 1
        assert str(house.mails()[1]["To"]).startswith("Kim")


async def test_what_a_title_or_a_name_holds_stays_text(house: Reviewing) -> None:
    title = "<b>{{ x }}</b> [click](javascript:x) *bold* # 1. \r\nBcc: a@b.test"
    await house.keep(item(title=title, owner="ben"))
    await house.send()
    [mail] = house.mails()
    assert mail["Bcc"] is None
    html = mail.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;{{ x }}&lt;/b&gt; [click](javascript:x) *bold* # 1. Bcc: a@b.test" in " ".join(
        html.get_content().split()
    )
    assert "<b>{{ x }}</b> [click](javascript:x) *bold* # 1. Bcc: a@b.test" in " ".join(
        house.text().split()
    )


async def test_a_change_of_owner_moves_the_case_and_the_new_one_is_told(house: Reviewing) -> None:
    await house.keep(item())
    await house.send()
    await house.change(replace(item(), owner="ben", backup=None))
    await house.send(MONDAY + WEEK)
    assert str(house.mails()[1]["To"]).startswith("Ben")
    assert "moved: Its owner is ben now, and was ann." in told(await house.story())[2]
