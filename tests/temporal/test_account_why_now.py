"""P19: what stands against an account's messages now, and whom it is asked about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from digital_cs.domain.programs.holdout import SALT, is_held, point
from digital_cs.domain.sending.policy import Quiet
from digital_cs.domain.sending.why_now import Against
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.database.pool import CountingConnection
from digital_cs.store.people import suppressions
from digital_cs.store.people.preferences import fewer, pause_until, set_topics
from digital_cs.store.sending import incidents, replies, stops
from tests import rig
from tests.activities.house import House, opened
from tests.activities.offering import block, offer, review
from tests.temporal.asking import A_MONTH, LONG_WAIT, ONE, a_week, asked, in_force, ticket


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path, counting=True) as ready:
        yield ready


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
        "Not sent so far, waiting since Wed 4 Mar: nobody who fits may be written to: 1 with an"
        " address that is dead."
    )
    page = await asked(house, contact="ada")
    assert "Ada is not written to: hard bounce, since Mon 2 Mar" in page.headline
    assert [entry.contact for entry in page.entries] == [None], "nobody was found: that is theirs"


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


async def test_all_that_is_in_force_now_is_told_the_weightiest_first(house: House) -> None:
    await in_force(house, quiet=Quiet(), budget=a_week(account=1))
    await house.advance(await house.start(ONE, LONG_WAIT, people=("ada", "bob")))
    await house.account("globex")
    await house.person("ada-too", "globex", "champion")
    await house.rows("update contacts set email = 'ada@both.test' where id like 'ada%%'")
    house.later(days=1)
    now = house.clock.now()
    async with house.pool.connection() as connection, connection.transaction():
        await incidents.open_incident(connection, "Login is down", "maya", now)
        await set_topics(connection, "ada-too", {"events": False}, "page", now)
        await fewer(connection, "bob", True, now)
        await suppressions.add(
            connection, ["domain:both.test"], "manual", "maya", now, expires_at=now + A_MONTH
        )
        await replies.open_task(
            connection, "mail:1", account_id="acme", contact_id="ada", program_id=None, step=None,
            visit=None, title="Answer", note="Help", assign_to="csm", now=now, due_at=now,
        )  # fmt: skip
    await house.rows("update programs set state = 'paused'")
    await house.rows("update program_days set cap = 1, day = day + 1")

    page = await asked(house)

    assert [each.words for each in page.against] == [
        "Somebody wrote back on Tue 3 Mar, and nobody has looked yet.",
        "An incident is open since Tue 3 Mar: Login is down.",
        "Acme had 1 message within 7 days, so that all marketing waits.",
        "Ada is not written to: manual, since Tue 3 Mar, until Thu 2 Apr.",
        "Ada has switched off “Events”.",
        "The program welcome is paused.",
        "Bob asked for fewer e-mails: 1 within 30 days.",
        "The program welcome has sent 1 today (UTC), which is all that it may.",
    ]
    assert [each.what for each in (await asked(house, contact="bob")).against] == [
        Against.REPLIED, Against.INCIDENT, Against.BUDGET, Against.PROGRAM_PAUSED, Against.FEWER,
        Against.CAP,
    ]  # fmt: skip


async def test_what_waits_for_a_review_is_told_and_afterwards_how_it_went_out(
    house: House,
) -> None:
    """P25."""
    await house.account("acme", "ada")
    await house.publish(ONE, LONG_WAIT)
    id = await house.enroll()
    await offer(house, when_stale="hold", then="drop")
    reply = await house.advance(id)

    page = await asked(house)
    assert [each.what for each in page.against] == [Against.CONTENT]
    assert page.against[0].words == (
        "The next message of welcome is held: what it shows is stale (Offer, since 1 Jul 2020). It"
        " waits for a review until Thu 5 Mar 2026 09:00."
    )
    assert page.entries[0].sentence == (
        "Not sent so far, waiting since Mon 2 Mar: what it shows is stale (Offer, since 1 Jul"
        " 2020)."
    )

    await house.sleep_and_advance(id, reply)

    page = await asked(house)
    assert page.against == []
    assert page.entries[0].sentence == (
        "Sent on Thu 5 Mar to Ada, without “Offer”, stale since 1 Jul 2020, not reviewed within 3"
        " days, after it had waited since Mon 2 Mar: what it shows was stale (Offer, since 1 Jul"
        " 2020)."
    )


async def test_what_the_next_message_says_wrongly_is_told_before_it_is_held(house: House) -> None:
    """P25."""
    await house.account("acme", "ada")
    await house.publish({"wait": "1 day"}, ONE)
    await offer(house)
    await house.advance(await house.enroll())
    await block(house)
    (found,) = (await asked(house)).against
    assert (found.what, found.all) == (Against.CONTENT, False)
    assert found.words == (
        "The next message of welcome shows what is known to be wrong (Offer: It is over)."
    )
    await review(house)
    assert (await asked(house)).against == []


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
