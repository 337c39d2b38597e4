"""P19: why an account did, or did not, get a message: the stories of real touches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from digital_cs.domain.programs.enrollment import Verdict
from digital_cs.domain.sending.policy import Quiet
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.sending.why import Fate
from digital_cs.errors import NotFoundError
from digital_cs.ingest.mail.returned import Returns
from tests.activities.house import House, opened
from tests.temporal.asking import LONG_WAIT, ONE, TWO, a_week, asked, in_force, story, ticket


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path) as ready:
        yield ready


async def four_messages(house: House, prefix: str) -> None:
    """Four programs of one message each, all sent to `acme` now."""
    for number in range(4):
        await house.publish(ONE, id=f"{prefix}-{number}")
        await house.advance(await house.enroll("acme", f"{prefix}-{number}"))


async def test_what_was_sent_is_told_with_its_rule_versions_zone_and_age_of_the_data(
    house: House,
) -> None:
    await house.account("acme", "ada", zone="Europe/Berlin")
    await house.publish(ONE, LONG_WAIT)
    id = await house.enroll()
    house.later(minutes=3, seconds=5)
    await house.advance(id)

    page = await asked(house)

    (entry,) = page.entries
    assert entry.sentence == "Sent on Mon 2 Mar to Ada."
    assert (entry.fate, entry.verdict, entry.reason) == (
        Fate.SENT, Verdict.SENT, Reason.ACCEPTED
    )  # fmt: skip
    assert (entry.email, entry.program, entry.program_version, entry.policy_version) == (
        "welcome-trial-1", "welcome", 1, 1
    )  # fmt: skip
    assert (entry.zone, entry.zone_of) == ("Europe/Berlin", "account")
    assert entry.data_age == "data of 3 minutes before"
    assert page.headline == "Nothing stands against messages to Acme now."
    assert [each.sentence for each in page.coming] == [
        "In welcome: wait 60 days; next end, Fri 1 May."
    ]


async def test_the_example_of_support_deferred_and_then_no_longer_useful(house: House) -> None:
    """Why did Acme not get it? In one sentence."""
    await in_force(house, budget=a_week(account=4))
    await house.account("acme", "ada")
    await four_messages(house, "before")
    await house.publish(TWO, LONG_WAIT)
    house.later(days=1)
    id = await house.enroll()
    reply = await house.advance(id)

    waiting = await story(house)
    assert waiting.sentence == (
        "Not sent so far, waiting since Tue 3 Mar: Acme already had 4 messages in a week, and 4 is"
        " the most for a message of normal priority; deferred until Mon 9 Mar."
    )
    assert (waiting.fate, waiting.email, waiting.rule) == (
        Fate.WAITING, "welcome-trial-2", "budget.account"
    )  # fmt: skip

    house.later(days=6)
    await four_messages(house, "after")  # which take the room that there would have been
    assert reply.sleep_seconds is not None
    await house.advance(id)

    (entry,) = (await asked(house, program="welcome")).entries
    assert entry.sentence == (
        "Not sent on Tue 3 Mar: Acme already had 4 messages in a week, and 4 is the most for a"
        " message of normal priority; deferred until Mon 9 Mar, then no longer useful."
    )
    assert (entry.fate, entry.reason, entry.rule, entry.policy_version) == (
        Fate.SKIPPED, Reason.BUDGET_ACCOUNT, "budget.account", 2
    )  # fmt: skip
    assert [line.verdict for line in entry.decisions] == [Verdict.DEFERRED, Verdict.SKIPPED]
    assert entry.decisions[0].until is not None
    assert entry.decisions[0].until.date() == date(2026, 3, 9)


async def test_what_was_deferred_by_the_budget_and_sent_then_says_both(house: House) -> None:
    await in_force(house, budget=a_week(person=1))
    id = await house.start(ONE, {"wait": "1 day"}, TWO, LONG_WAIT)
    reply = await house.sleep_and_advance(id, await house.advance(id))
    await house.sleep_and_advance(id, reply)

    assert (await story(house)).sentence == (
        "Sent on Mon 9 Mar to Ada, after it had waited since Tue 3 Mar: Ada already had 1 message"
        " in a week, and 1 is the most for a message of normal priority."
    )


async def test_the_same_person_in_two_accounts(house: House) -> None:
    """P2."""
    await house.publish(ONE, LONG_WAIT)
    for account in ("acme", "globex"):
        await house.account(account)
        await house.person(f"ada-{account}", account, "champion")
    await house.rows("update contacts set email = 'ada@both.test'")
    for account in ("acme", "globex"):
        await house.advance(await house.enroll(account))

    assert (await story(house, "globex")).sentence == (
        "Not sent on Mon 2 Mar: the same person already got it for Acme on Mon 2 Mar 2026."
    )


@pytest.mark.parametrize(
    ("state", "end"),
    [
        ("waiting", "it waits to be part of the next newsletter."),
        ("taken", "it was part of the next newsletter."),
        ("expired", "no newsletter went out while it was useful."),
    ],
)
async def test_a_message_that_waits_for_the_newsletter(house: House, state: str, end: str) -> None:
    await in_force(house, budget=a_week(person=1))
    await house.advance(await house.start(ONE, {**TWO, "over_budget": "merge"}, LONG_WAIT))
    await house.rows("update merges set state = %s", state)

    entry = await story(house)

    assert entry.fate is Fate.MERGED
    assert entry.sentence == (
        "Not sent by itself on Mon 2 Mar: Ada already had 1 message in a week, and 1 is the most"
        f" for a message of normal priority; {end}"
    )


async def test_a_message_that_came_back_and_was_clicked_by_a_scanner(house: House) -> None:
    await house.advance(await house.start(ONE, LONG_WAIT))
    row = await house.message()
    house.later(days=1)
    returns = Returns(pool=house.pool, clock=house.clock, mail_domain="vendor.test", kept_days=30)
    notice = (
        "From: MAILER-DAEMON@mx.acme.test\r\nTo: bounce@vendor.test\r\nSubject: failed\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;"
        " boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n--x\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.acme.test\r\n\r\n"
        "Final-Recipient: rfc822; ada@acme.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--x\r\n"
        f"Content-Type: message/rfc822\r\n\r\nMessage-ID: {row['message_id']}\r\n\r\n\r\n--x--\r\n"
    )
    await returns.take(notice.encode(), f"bounce+{row['message_id'].strip('<>')}", "smtp")
    await house.rows(
        "insert into clicks (message_key, nth, url, at, human, why)"
        " values (%s, 0, '', %s, false, 'hidden_link')", row["key"], house.clock.now(),
    )  # fmt: skip

    entry = await story(house)

    assert entry.sentence.startswith(
        "Sent on Mon 2 Mar to Ada; on Tue 3 Mar it came back, for good: "
    )
    assert (entry.fate, entry.reason, entry.returned) == (Fate.SENT, Reason.ACCEPTED, {"hard": 1})
    assert (entry.clicks, entry.scans, entry.message) == (0, 1, row["key"])


async def test_a_program_that_the_account_never_entered_says_why_not(house: House) -> None:
    await house.account("acme", "ada")
    await house.publish(ONE, enter={"when": [{"event": "signed_up"}]})

    page = await asked(house, program="welcome")

    assert page.entries == []
    assert page.entering == [
        "It never entered this program.", "Enters when signed_up happens: not seen so far."
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match="welcom"):
        await asked(house, program="welcom")


async def test_of_one_program_the_way_that_led_past_the_message_is_told(house: House) -> None:
    await house.account("acme", "ada")
    await house.publish(
        {"branch": [{"when": {"trait": "plan", "is": "pro"}, "do": [ONE]}]}, LONG_WAIT
    )
    await house.advance(await house.enroll())

    assert (await asked(house)).entries == []
    entry = await story(house, program="welcome")
    assert (entry.fate, entry.sentence) == (
        Fate.STEP, "No message on Mon 2 Mar: none of the conditions held."
    )  # fmt: skip


async def test_what_waited_when_the_account_left_says_so(house: House) -> None:
    await in_force(house, quiet=Quiet())
    await house.account("acme", "ada")
    await ticket(house)
    await house.publish(ONE, goal={"name": "Paid", "when": {"stage": "active"}})
    id = await house.enroll()
    await house.advance(id)
    house.later(days=2)
    await house.rows("update accounts set stage = 'active'")
    assert (await house.advance(id)).ended

    assert (await story(house)).sentence == (
        "Not sent on Mon 2 Mar: a ticket of urgent severity was open since Mon 2 Mar 2026; on Wed 4"
        " Mar Acme left the program: Paid."
    )


async def test_only_what_happened_since_a_day_is_told_but_its_whole_story(house: House) -> None:
    await in_force(house, budget=a_week(person=1))
    id = await house.start(ONE, {"wait": "1 day"}, TWO, LONG_WAIT)
    reply = await house.sleep_and_advance(id, await house.advance(id))
    await house.sleep_and_advance(id, reply)

    (entry,) = (await asked(house, since=date(2026, 3, 4))).entries

    assert [line.verdict for line in entry.decisions] == [Verdict.DEFERRED, Verdict.SENT]
    assert [each.email for each in (await asked(house, most=1)).entries] == ["welcome-trial-2"]
