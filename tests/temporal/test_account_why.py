"""P19: why an account did, or did not, get its messages, after real touches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from digital_cs.domain.enrollment import Verdict
from digital_cs.domain.holdout import SALT, is_held, point
from digital_cs.domain.policy import OPEN, Budget, Limits, Quiet
from digital_cs.domain.reason import Reason
from digital_cs.domain.why import Fate
from digital_cs.domain.why_now import Against
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.entries import Entries
from digital_cs.ingest.returned import Returns
from digital_cs.store import policies, stops, suppressions
from digital_cs.store.pool import CountingConnection
from digital_cs.store.preferences import pause_until, set_topics
from digital_cs.temporal.account_why import AccountWhy, Entry, account_why
from digital_cs.temporal.gateway import Gateway
from tests import rig
from tests.activities.house import House, opened

ONE = {"send": "welcome-trial-1", "useful_for": "7 days"}
TWO = {"send": "welcome-trial-2", "useful_for": "7 days"}
LONG_WAIT = {"wait": "60 days"}


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path, counting=True) as ready:
        yield ready


async def asked(house: House, account: str = "acme", **about: Any) -> AccountWhy:
    gateway = Gateway(house.pool, house.clock, Entries(house.pool, house.clock, "UTC"))
    return await account_why(gateway, account, "UTC", **about)


async def story(house: House, account: str = "acme", **about: Any) -> Entry:
    """The latest message."""
    return (await asked(house, account, **about)).entries[0]


async def in_force(house: House, **parts: Any) -> None:
    async with house.pool.connection() as connection, connection.transaction():
        await policies.publish(connection, OPEN.model_copy(update=parts), house.clock.now())


def a_week(account: int | None = None, person: int | None = None) -> Budget:
    """So many a week, whatever the priority."""
    limits = [
        None if number is None else Limits(low=number, normal=number, high=number)
        for number in (person, account)
    ]
    return Budget(person=limits[0], account=limits[1])


async def ticket(house: House, account: str = "acme") -> None:
    await house.rows(
        "insert into tickets (id, source, account_id, status, severity, opened_at, updated_at)"
        " values ('desk:1', 'desk', %s, 'open', 'urgent', %s, %s)",
        account, house.clock.now(), house.clock.now(),
    )  # fmt: skip


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


async def test_a_ticket_keeps_everything_back_now_and_is_in_the_past_when_it_is_solved(
    house: House,
) -> None:
    """P18."""
    await in_force(house, quiet=Quiet())
    await house.account("acme", "ada")
    await house.publish(ONE, LONG_WAIT)
    id = await house.enroll()
    house.later(days=1)
    await ticket(house)
    await house.advance(id)

    page = await asked(house)
    assert page.headline == (
        "Nothing but service notices is sent to Acme now: a ticket of urgent severity is open since"
        " Tue 3 Mar."
    )
    assert page.entries[0].sentence == (
        "Not sent so far, waiting since Tue 3 Mar: a ticket of urgent severity is open since Tue 3"
        " Mar 2026."
    )

    await house.rows("update tickets set status = 'solved'")
    house.later(days=1)
    await house.advance(id)

    page = await asked(house)
    assert page.headline == "Nothing stands against messages to Acme now."
    assert page.entries[0].sentence == (
        "Sent on Wed 4 Mar to Ada, after it had waited since Tue 3 Mar: a ticket of urgent severity"
        " was open since Tue 3 Mar 2026."
    )


async def test_a_topic_that_somebody_switched_off(house: House) -> None:
    await house.account("acme", "ada")
    async with house.pool.connection() as connection, connection.transaction():
        await set_topics(connection, "ada", {"tips": False}, "page", house.clock.now())
    await house.publish(ONE, LONG_WAIT)
    await house.advance(await house.enroll())

    page = await asked(house, contact="ADA@acme.test")

    assert page.entries[0].sentence == "Not sent on Mon 2 Mar: Ada had switched off “Tips”."
    assert page.headline == "Messages may be sent to Ada of Acme now, but not all of them."
    assert [each.words for each in page.against] == ["Ada has switched off “Tips”."]


async def test_an_account_that_is_held_out(house: House) -> None:
    id = next(
        name for name in (f"acme-{n}" for n in count()) if is_held(point(SALT, "welcome", name), 50)
    )
    await house.publish(ONE, LONG_WAIT, holdout=50)
    await house.account(id, "ada")
    await house.advance(await house.enroll(id))

    page = await asked(house, id, program="welcome")

    known = "so that its effect can be known: 50% of all accounts are."
    assert page.entries[0].sentence == (
        f"Not sent on Mon 2 Mar: {id.title()} is held out of this program, {known}"
    )
    assert page.headline == (
        f"Nothing but service notices of welcome is sent to {id.title()} now: {id.title()} is held"
        f" out of welcome since Mon 2 Mar, {known}"
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


async def test_a_suppressed_contact_is_named_with_since_when(house: House) -> None:
    await house.account("acme", "ada")
    async with house.pool.connection() as connection, connection.transaction():
        await suppressions.suppress(connection, "ada", "hard bounce", "smtp", house.clock.now())
    house.later(days=2)
    await house.publish(ONE, LONG_WAIT)
    await house.advance(await house.enroll())

    page = await asked(house)
    assert page.headline == (
        "Nothing is sent to Acme now: there is nobody to write to: its only contact may not be"
        " written to."
    )
    assert [each.words for each in page.against][1:] == [
        "Ada is not written to: hard bounce, since Mon 2 Mar."
    ]
    assert page.entries[0].sentence == (
        "Not sent so far, waiting since Wed 4 Mar: none of the 1 fitting contacts may be written"
        " to: hard bounce."
    )
    page = await asked(house, contact="ada")
    assert "Ada is not written to: hard bounce, since Mon 2 Mar" in page.headline
    assert [entry.contact for entry in page.entries] == [None], "nobody was found: that is theirs"


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


async def test_a_stop_comes_before_everything_and_keeps_notices_back_as_well(house: House) -> None:
    await house.account("acme", "ada")
    async with house.pool.connection() as connection, connection.transaction():
        await stops.stop(connection, "Wrong price", "maya", house.clock.now())
        await pause_until(connection, "ada", rig.MONDAY + timedelta(days=30), house.clock.now())

    page = await asked(house, contact="ada")

    assert page.headline == (
        "Nothing is sent to Ada of Acme now: all sending is stopped since Mon 2 Mar: Wrong price;"
        " Ada asked for a pause until Wed 1 Apr."
    )
    assert [each.what for each in page.against] == [Against.STOPPED, Against.PAUSE_ASKED]


async def test_messages_to_others_are_counted_when_it_is_asked_about_one_contact(
    house: House,
) -> None:
    await house.account("acme", "ada", "bob")
    await house.publish(ONE, LONG_WAIT)
    await house.advance(await house.enroll())

    page = await asked(house, contact="bob")

    assert (page.contact_name, page.entries, page.for_others) == ("Bob", [], 1)
    assert (await asked(house, contact="ada")).for_others == 0
    with pytest.raises(NotFoundError, match=r"Nobody of Acme is 'eve'\. There are: ada \(Ada\)"):
        await asked(house, contact="eve")


async def test_only_what_happened_since_a_day_is_told_but_its_whole_story(house: House) -> None:
    await in_force(house, budget=a_week(person=1))
    id = await house.start(ONE, {"wait": "1 day"}, TWO, LONG_WAIT)
    reply = await house.sleep_and_advance(id, await house.advance(id))
    await house.sleep_and_advance(id, reply)

    (entry,) = (await asked(house, since=date(2026, 3, 4))).entries

    assert [line.verdict for line in entry.decisions] == [Verdict.DEFERRED, Verdict.SENT]
    assert [each.email for each in (await asked(house, most=1)).entries] == ["welcome-trial-2"]


async def test_an_account_is_found_by_a_part_of_its_name_that_no_other_has(house: House) -> None:
    for id in ("acme-eu", "acme-us", "globex"):
        await house.account(id)

    assert (await asked(house, "lobe", by_name=True)).account == "globex"
    assert (await asked(house, "ACME-EU", by_name=True)).account == "acme-eu"
    with pytest.raises(UsageError, match=r"'acme': acme-eu \(Acme-Eu\), acme-us \(Acme-Us\)\."):
        await asked(house, "acme", by_name=True)
    with pytest.raises(NotFoundError, match="Did you mean globex"):
        await asked(house, "lobe")
    with pytest.raises(NotFoundError, match="account list"):
        await asked(house, "initech", by_name=True)


async def test_three_statements_answer_it(house: House) -> None:
    await house.advance(await house.start(ONE, LONG_WAIT))
    async with house.pool.connection() as connection:
        assert isinstance(connection, CountingConnection)
        before = connection.round_trips

    await asked(house, contact="ada", program="welcome")

    async with house.pool.connection() as connection:
        assert isinstance(connection, CountingConnection)
        assert connection.round_trips - before == 3
