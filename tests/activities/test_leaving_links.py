"""The way out of every e-mail: one click in the mail client, and two links at its foot."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import EmailMessage

from digital_cs.signing import Signer
from digital_cs.store.people import preferences
from tests.activities.house import SIGNING_KEY, House

SEND = {"send": "welcome-trial-1", "useful_for": "3 days"}
SERVICE = {**SEND, "kind": "service"}
HEADERS = ("List-Unsubscribe", "List-Unsubscribe-Post")


async def sent(house: House) -> EmailMessage:
    """The only letter."""
    (letter,) = house.letters()
    raw = (house.sink.folder / letter.file).read_bytes()
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


async def test_a_message_can_be_left_by_one_click_and_names_the_contact_by_id_alone(
    house: House,
) -> None:
    await house.advance(await house.start(SEND))

    letter = await sent(house)

    link = str(letter["List-Unsubscribe"]).strip("<>")
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link.startswith("https://mail.vendor.test/u/")
    token = link.rpartition("/")[2]
    assert Signer(SIGNING_KEY).contact_of(token) == "ada"
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        assert part is not None
        text = re.sub(r"\s", "", str(part.get_content()))
        assert f"https://mail.vendor.test/u/{token}" in text
        assert f"https://mail.vendor.test/p/{token}" in text


async def test_a_service_notice_offers_no_way_to_unsubscribe_from_it_p17(house: House) -> None:
    await house.advance(await house.start(SERVICE))

    letter = await sent(house)

    assert [letter[name] for name in HEADERS] == [None, None]


async def test_a_topic_that_was_switched_off_is_not_sent_p16(house: House) -> None:
    id = await house.start(SEND)
    async with house.pool.connection() as connection, connection.transaction():
        await preferences.set_topics(connection, "ada", {"tips": False}, "page", house.clock.now())

    await house.advance(id)

    assert house.letters() == []
    assert ("skipped", "topic_off") in await house.decisions()
