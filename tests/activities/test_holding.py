"""Held, never dropped: nobody to write to (P1), a text that cannot be made (P12)."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from digital_cs.domain.timing.span import Span
from digital_cs.store.programs import alerts, timeline
from tests.activities.house import House

SEND = {"send": "welcome-trial-1", "useful_for": "3 days", "if_nobody": {"hold_for": "14 days"}}
WAIT = {"wait": "3 days"}


def _write(house: House, text: str) -> None:
    """Put another text into the playbook, as a worker that watches its content takes it up."""
    path = house.content / "emails" / "welcome-trial-1.md"
    head = path.read_text(encoding="utf-8").partition("\n---\n")[0]
    path.write_text(f"{head}\n---\n{text}\n", encoding="utf-8")
    house.library.load()


async def test_an_account_without_contacts_is_held_and_seen_then_skipped(house: House) -> None:
    """P1: nobody to write to is a state, with its reason in plain words."""
    id = await house.start(SEND, WAIT, people=())
    began = house.clock.now()

    reply = await house.advance(id)

    assert reply.label == "hold: nobody to write to"
    assert reply.sleep_seconds == Span.parse("14 days").approx_seconds
    async with house.pool.connection() as connection:
        told = await timeline.timeline(connection, account="acme")
    assert (told[-1].what, told[-1].reason, told[-1].words) == (
        "held", "nobody", "The account has no contacts."
    )  # fmt: skip
    assert await house.ledger() == []

    assert (await house.sleep_and_advance(id, reply)).label == "wait 3 days"
    assert house.clock.now() == began + timedelta(days=14)
    row = await house.message()
    assert (row["state"], row["reason"], row["kind"]) == ("skipped", "nobody", "marketing")
    assert await house.decisions() == [("held", "nobody"), ("skipped", "nobody")]


async def test_a_skipped_service_notice_is_one_in_the_ledger_too(house: House) -> None:
    id = await house.start(
        {**SEND, "kind": "service", "priority": "high", "if_nobody": {"hold_for": "1 day"}},
        people=(),
    )

    await house.sleep_and_advance(id, await house.advance(id))

    row = await house.message()
    assert (row["state"], row["kind"], row["priority"]) == ("skipped", "service", "high")


async def test_a_contact_who_comes_meanwhile_wakes_the_program_and_is_written_to(
    house: House,
) -> None:
    """P1."""
    id = await house.start(SEND, WAIT, people=())
    await house.advance(id)
    house.later(days=13)

    await house.person("ada", "acme", "user")

    assert await house.woken() == {id}
    assert (await house.advance(id)).label == "wait 3 days"
    assert [letter.to for letter in house.letters()] == ["ada@acme.test"]


@pytest.mark.parametrize(
    "broken",
    [
        "Hello {{ contact.no_such_thing }}",
        "Hello {{ contact.first_name",
        '{% include "blocks/no-such.md" %}',
        "Your {{ account.traits.seats }} seats",
    ],
)
async def test_a_text_that_cannot_be_made_holds_the_step_and_its_owner_is_told(
    house: House, broken: str
) -> None:
    """P12: a mistake of ours never decides a customer's path."""
    good = (house.content / "emails" / "welcome-trial-1.md").read_text(encoding="utf-8")
    id = await house.start(SEND, WAIT)
    _write(house, broken)

    reply = await house.advance(id)

    assert reply.label == "try again: send welcome-trial-1"
    assert await house.ledger() == []
    assert await house.decisions() == [("held", "fault")]
    (alert,) = await house.open_alerts()
    assert (alert["owner"], alert["step"], alert["kind"], alert["times"]) == (
        "maya", "welcome-trial-1", "template", 1
    )  # fmt: skip
    assert "welcome-trial-1" in alert["words"]

    (house.content / "emails" / "welcome-trial-1.md").write_text(good, encoding="utf-8")
    house.library.load()
    async with house.pool.connection() as connection:
        assert await alerts.close_and_wake(connection, "template", house.clock.now()) == 1
    assert await house.woken() == {id}
    house.later(hours=1)
    assert (await house.advance(id)).label == "wait 3 days"
    assert len(house.letters()) == 1
    assert await house.open_alerts() == []


async def test_an_email_that_is_not_there_yet_is_waited_for(house: House) -> None:
    id = await house.start({"send": "brand-new", "useful_for": "3 days"}, WAIT)
    reply = await house.advance(id)
    (alert,) = await house.open_alerts()
    assert "There is no e-mail `brand-new`" in alert["words"]

    emails = house.content / "emails"
    shutil.copy(emails / "welcome-trial-1.md", emails / "brand-new.md")
    house.library.load()

    assert (await house.sleep_and_advance(id, reply)).label == "wait 3 days"
    assert len(house.letters()) == 1


async def test_a_trait_that_one_account_lacks_holds_that_account_only(house: House) -> None:
    _write(house, "Your {{ account.traits.seats }} seats")
    await house.publish(SEND, WAIT)
    await house.account("acme", "ada")
    await house.account("globex", "bob", traits={"seats": 12})
    acme, globex = await house.enroll("acme"), await house.enroll("globex")

    held = await house.advance(acme)
    assert (await house.advance(globex)).label == "wait 3 days"
    await house.advance(acme)
    (alert,) = await house.open_alerts()
    assert alert["times"] == 2  # told once, counted while it lasts
    assert "12" not in alert["words"]

    await house.account("acme", "ada", traits={"seats": 3})
    assert (await house.sleep_and_advance(acme, held)).label == "wait 3 days"
    assert [letter.to for letter in house.letters()] == ["bob@globex.test", "ada@acme.test"]


async def test_a_contact_whose_address_no_wire_takes_is_held_until_it_is_corrected(
    house: House,
) -> None:
    """P12."""
    id = await house.start(SEND, WAIT)
    await house.rows("update contacts set email = 'not an address'")

    reply = await house.advance(id)

    (alert,) = await house.open_alerts()
    assert (alert["kind"], "not an address" in alert["words"]) == ("mail", False)
    assert reply.label == "try again: send welcome-trial-1"
    await house.person("ada", "acme", "champion")
    assert await house.woken() == {id}
    assert (await house.advance(id)).label == "wait 3 days"
    assert len(house.letters()) == 1


async def test_what_is_held_too_long_is_skipped_with_its_reason(house: House) -> None:
    id = await house.start({**SEND, "useful_for": "10 hours"}, WAIT)
    _write(house, "{{ broken")

    reply = await house.advance(id)
    while reply.label == "try again: send welcome-trial-1":
        reply = await house.sleep_and_advance(id, reply)

    row = await house.message()
    assert (row["state"], row["reason"]) == ("skipped", "no_longer_useful")
    assert await house.decisions() == [("held", "fault"), ("skipped", "no_longer_useful")]
