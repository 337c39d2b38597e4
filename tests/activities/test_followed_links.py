"""What leaves the house: links that lead over our address to where the approved text led."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from email.message import EmailMessage
from html import escape

from digital_cs.signing_links import Link, LinkSigner
from tests.activities.house import SIGNING_KEY, House

SIGNER = LinkSigner(SIGNING_KEY)
OURS = re.compile(r"https://mail\.vendor\.test/c/([A-Za-z0-9_.-]+)")
HIDDEN = re.compile(r'<div aria-hidden="true"[^>]*><a href="[^"]*"[^>]*></a></div>(?=</body>)')


def link(token: str) -> Link:
    found = SIGNER.read(token)
    assert found is not None
    return found


async def test_p21_a_letter_is_the_approved_one_with_links_that_tell_of_a_click(
    house: House,
) -> None:
    """Lead them straight on again, and it is by its hash what the ledger says was approved."""
    await house.advance(await house.start({"send": "welcome-trial-2"}))

    (letter,) = house.letters()
    raw = (house.sink.folder / letter.file).read_bytes()
    mail = email.message_from_bytes(raw, EmailMessage, policy=email.policy.default)
    parts = {part.get_content_subtype(): part for part in mail.walk()}
    text, html = (parts[kind].get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    row = await house.message()
    tokens = OURS.findall(text) + OURS.findall(html)
    assert {f"<{link(token).message}@vendor.test>" for token in tokens} == {row["message_id"]}
    assert [link(token).nth for token in tokens] == [1, 2, 1, 2, 0]
    assert not [token for token in tokens if "/u/" in link(token).destination]

    text = OURS.sub(lambda found: link(found[1]).destination, text)
    html = OURS.sub(lambda found: escape(link(found[1]).destination), HIDDEN.sub("", html))
    approved = "\0".join((html, text, letter.subject))
    assert row["content_hash"] == hashlib.sha256(approved.encode()).hexdigest()
