"""P25: what is stale is told, left out, replaced or waited for, as its author said."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.claiming import Claimed, Gate, Otherwise, Refused
from digital_cs.domain.content.content_policy import WhenStale
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.sending.policy import Policy
from digital_cs.domain.timing.span import Span
from digital_cs.ingest.content.library import import_source
from digital_cs.store.content import reviews
from digital_cs.store.database.pool import CountingConnection
from digital_cs.store.sending import holds, policies
from tests.activities.house import House, opened
from tests.activities.offering import AROUND, OLD, SAID, block, item, offer, review, take_in, write
from tests.temporal.asking import ticket

SEND = {"send": "welcome-trial-1", "useful_for": "10 days"}
WAIT = {"wait": "3 days"}


@pytest.fixture
async def narrow(database: str, tmp_path: Path) -> AsyncIterator[House]:
    """With one line to the mail server, so that something can happen before the claim."""
    async with opened(database, tmp_path, connections=1) as house:
        yield house


async def put_in_force(house: House, stale: WhenStale) -> None:
    policy = Policy()
    policy = policy.model_copy(
        update={"content": policy.content.model_copy(update={"stale": stale})}
    )
    async with house.pool.connection() as connection:
        await policies.publish(connection, policy, house.clock.now())


def bodies(house: House) -> list[str]:
    """The text and the HTML of the only message."""
    (letter,) = house.letters()
    raw = (house.sink.folder / letter.file).read_bytes()
    mail = email.message_from_bytes(raw, EmailMessage, policy=email.policy.default)
    parts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    return [part.get_content() for part in parts if part is not None]


async def last(house: House) -> dict[str, Any]:
    """The decision that was written last."""
    return (await house.rows("select * from decisions order by id"))[-1]


async def test_what_is_stale_goes_out_with_a_word_of_it_where_nobody_said_more(
    house: House,
) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house)
    await house.advance(id)
    assert all(SAID in body for body in bodies(house))
    told = await last(house)
    assert told["reason"] == "accepted"
    assert told["words"] == (
        "The mail server took welcome-trial-1. It went with “Offer”, stale since 1 Jul 2020."
    )


async def test_what_is_stale_is_left_out_and_the_ledger_keeps_what_was_sent(house: House) -> None:
    """P21: the hash is that of the message without the block."""
    id = await house.start(SEND, WAIT)
    await offer(house, when_stale="drop")
    await house.advance(id)
    for body in bodies(house):
        assert SAID not in body
        assert "Until then." in body
    assert "It went without “Offer”, stale since" in (await last(house))["words"]
    sent = (await house.message())["content_hash"]

    await review(house)
    await house.account("other", "bob")
    await house.advance(await house.enroll("other"))
    assert SAID in (house.sink.folder / house.letters()[1].file).read_text()
    assert sent not in [row["content_hash"] for row in (await house.ledger())[1:]]


async def test_another_block_stands_in_for_what_is_stale(house: House) -> None:
    id = await house.start(SEND, WAIT)
    write(house, "blocks/plain.md", "Ask us for an offer.", reviewed=str(house.clock.now().date()))
    await offer(house, when_stale="use plain.md")
    await house.advance(id)
    for body in bodies(house):
        assert SAID not in body
        assert "Ask us for an offer." in body
    assert "It went with plain.md in place of “Offer”" in (await last(house))["words"]


async def test_a_message_waits_for_a_review_up_to_its_limit_and_then_does_as_stated(
    house: House,
) -> None:
    id = await house.start(SEND, WAIT)
    began = house.clock.now()
    await offer(house, when_stale="hold", hold_for="2 days", then="drop")

    held = await house.advance(id)

    assert (held.label, house.letters()) == ("hold: content_stale", [])
    assert held.sleep_seconds == timedelta(days=2).total_seconds()
    told = await last(house)
    assert (told["verdict"], told["reason"], told["rule"]) == ("held", "content_stale", "content")
    assert told["words"].startswith("What it shows is stale (Offer, since 1 Jul 2020). It waits")
    await house.sleep_and_advance(id, held)
    assert house.clock.now() == began + timedelta(days=2)
    assert SAID not in bodies(house)[0]
    assert (await last(house))["words"].endswith(
        "It went without “Offer”, stale since 1 Jul 2020, not reviewed within 2 days."
    )


async def test_a_message_that_nobody_released_in_time_is_left_out_if_its_author_says_so(
    house: House,
) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house, when_stale="hold", hold_for="2 days", then="skip")
    await house.sleep_and_advance(id, await house.advance(id))
    assert house.letters() == []
    told = await last(house)
    assert (told["verdict"], told["reason"]) == ("skipped", "content_stale")
    assert told["words"].endswith("Nobody reviewed it in time.")
    row = await house.message()
    assert (row["state"], row["reason"]) == ("skipped", "content_stale")


async def test_a_message_waits_no_longer_than_it_is_useful(house: House) -> None:
    id = await house.start({**SEND, "useful_for": "1 day"})
    await offer(house, when_stale="hold", hold_for="2 days", then="warn")
    reply = await house.advance(id)
    assert reply.sleep_seconds == timedelta(days=1).total_seconds()
    assert (await house.sleep_and_advance(id, reply)).ended
    assert house.letters() == []
    assert (await last(house))["reason"] == "no_longer_useful"


async def test_a_review_releases_what_waited_and_the_owner_was_told_once(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await house.account("other", "bob")
    other = await house.enroll("other")
    await offer(house, when_stale="hold")
    for each in (id, other, id):
        await house.advance(each)
    (alert,) = await house.open_alerts()
    assert (alert["kind"], alert["owner"], alert["times"]) == ("content", "maya", 2)
    assert "Offer" in alert["words"]
    async with house.pool.connection() as connection:
        assert await holds.close_for_content(connection, house.clock.now()) == 0

    house.later(hours=5)
    await review(house)

    assert await house.woken() >= {id, other}
    for each in (id, other):
        await house.advance(each)
    assert len(house.letters()) == 2
    async with house.pool.connection() as connection:
        assert await holds.close_for_content(connection, house.clock.now()) == 1
    assert await house.open_alerts() == []


async def test_an_import_that_brings_a_later_review_releases_what_waited(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house, when_stale="hold")
    await house.advance(id)
    await take_in(house)
    assert await house.woken() == set()  # it brought nothing new
    await offer(house, reviewed=str(house.clock.now().date()), when_stale="hold")
    assert await house.woken() == {id}
    await house.advance(id)
    assert SAID in bodies(house)[0]


async def test_what_is_retired_is_waited_for_no_more(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house, when_stale="hold")
    await house.advance(id)
    found, now = await item(house), house.clock.now()
    async with house.pool.connection() as connection, connection.transaction():
        assert await reviews.retire(connection, found.id, "Nobody needs it.", "maya", now)
    assert await house.woken() == {id}
    await house.advance(id)
    assert len(house.letters()) == 1


async def test_what_is_wrong_stays_wrong_though_it_is_retired(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house)
    await block(house)
    found, now = await item(house), house.clock.now()
    async with house.pool.connection() as connection, connection.transaction():
        assert await reviews.retire(connection, found.id, "Nobody needs it.", "maya", now)
    assert (await house.advance(id)).label == "hold: content_blocked"


async def test_a_stale_email_waits_by_its_own_rule(house: House) -> None:
    id = await house.start(SEND, WAIT)
    front = {"subject": "Hi", "preview": "Hi", "topic": "tips", "reviewed": OLD}
    write(house, "emails/welcome-trial-1.md", "Hello.", when_stale="hold", **front)
    await take_in(house)
    assert (await house.advance(id)).label == "hold: content_stale"
    await review(house, "emails/welcome-trial-1.md")
    await house.advance(id)
    assert len(house.letters()) == 1


async def test_an_email_says_otherwise_for_a_block_than_the_block_itself(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house, when_stale="hold")
    front = {"subject": "Hi", "preview": "Hi", "topic": "tips", "blocks": "{offer.md: drop}"}
    write(house, "emails/welcome-trial-1.md", AROUND, **front)
    await house.advance(id)
    assert SAID not in bodies(house)[0]


@pytest.mark.parametrize("rule", ["drop", "use plain.md"])
async def test_what_is_wrong_is_left_out_or_replaced_where_the_author_says_so(
    house: House, rule: str
) -> None:
    id = await house.start(SEND, WAIT)
    write(house, "blocks/plain.md", "Ask us.", reviewed=str(house.clock.now().date()))
    await offer(house, reviewed=str(house.clock.now().date()), when_stale=rule)
    await block(house)
    await house.advance(id)
    assert SAID not in bodies(house)[0]
    assert "known to be wrong" in (await last(house))["words"]


@pytest.mark.parametrize("rule", [{}, {"when_stale": "warn"}, {"when_stale": "hold"}])
async def test_what_is_wrong_is_never_sent_however_long_it_waits(
    house: House, rule: dict[str, str]
) -> None:
    id = await house.start(SEND)
    await offer(house, **rule)
    await block(house)
    reply = await house.advance(id)
    assert reply.label == "hold: content_blocked"
    while not reply.ended:
        reply = await house.sleep_and_advance(id, reply)
    assert house.letters() == []
    assert (await last(house))["reason"] == "no_longer_useful"


async def page(house: House, reviewed: str) -> None:
    """An article of another source, to which the e-mail links."""
    docs = house.content.parent / "docs"
    docs.mkdir(exist_ok=True)
    head = f"title: Prices\nowner: bob\nreviewed: {reviewed}\nurl: https://docs.vendor.test/prices/"
    (docs / "prices.md").write_text(f"---\n{head}\n---\nText.\n")
    async with house.pool.connection() as connection:
        source = ContentSource("docs", SourceKind.FOLDER, str(docs))
        await import_source(connection, source, house.clock.now())
    front = {"subject": "Hi", "preview": "Hi", "topic": "tips"}
    text = "See [our prices](https://docs.vendor.test/prices#small)."
    write(house, "emails/welcome-trial-1.md", text, **front)


async def test_a_link_to_a_page_that_is_wrong_holds_the_message(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await page(house, str(house.clock.now().date()))
    await block(house, "prices.md")
    assert (await house.advance(id)).label == "hold: content_blocked"
    await review(house, "prices.md")
    await house.advance(id)
    assert len(house.letters()) == 1


async def test_a_link_to_a_page_that_is_stale_is_told(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await page(house, OLD)
    await house.advance(id)
    assert len(house.letters()) == 1
    assert (await last(house))["words"].endswith(
        "It went with a link to “Prices”, stale since 1 Jul 2020."
    )


async def test_what_becomes_wrong_between_rendering_and_claim_does_not_go_out(
    narrow: House,
) -> None:
    house = narrow
    id = await house.start(SEND, WAIT)
    await offer(house)
    reply = await house.advance_while(id, block(house))
    assert reply.label == "hold: content_blocked"
    assert [letter.to for letter in house.letters()] == ["else@somebody.test"]


async def test_what_becomes_wrong_between_rendering_and_claim_is_rendered_anew(
    narrow: House,
) -> None:
    house = narrow
    id = await house.start(SEND, WAIT)
    await offer(house, reviewed=str(house.clock.now().date()), when_stale="drop")
    await house.advance_while(id, block(house))
    letter = next(each for each in house.letters() if each.to == "ada@acme.test")
    text = (house.sink.folder / letter.file).read_text()
    assert "Until then." in text
    assert SAID not in text


async def test_what_is_released_between_rendering_and_claim_goes_out_whole(narrow: House) -> None:
    house = narrow
    await house.start(SEND, WAIT)
    await house.account("other", "bob")
    other = await house.enroll("other")
    await offer(house, when_stale="drop")
    await put_in_force(house, WhenStale())
    await ticket(house, "other")
    await house.advance(other)
    assert house.letters() == []  # but now this process knows what is stale
    id = "welcome:acme:1"
    await house.advance_while(id, review(house))
    letter = next(each for each in house.letters() if each.to == "ada@acme.test")
    assert SAID in (house.sink.folder / letter.file).read_text()


async def test_the_policy_says_what_happens_where_no_author_does(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house)
    await put_in_force(house, WhenStale(block="hold", hold_for=Span.parse("1 day"), then="skip"))
    reply = await house.advance(id)
    assert (reply.label, reply.sleep_seconds) == ("hold: content_stale", 86_400.0)
    await house.sleep_and_advance(id, reply)
    assert (await last(house))["verdict"] == "skipped"


async def test_a_footer_that_is_stale_stays_whatever_the_policy_says(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house, reviewed=str(house.clock.now().date()))
    text = (house.content / "blocks/footer.md").read_text().split("---\n", 2)[2]
    write(house, "blocks/footer.md", text, reviewed=OLD)
    await take_in(house)
    await put_in_force(house, WhenStale(block="drop"))
    await house.advance(id)
    assert "unsubscribe" in bodies(house)[0]
    assert "It went with “Footer”, stale" in (await last(house))["words"]


async def test_what_is_known_to_be_stale_costs_no_round_trip_more(
    database: str, tmp_path: Path
) -> None:
    """The first message finds out and is rendered twice, the others are rendered right at once."""
    async with opened(database, tmp_path, counting=True) as house:
        id = await house.start(*[part for _ in range(12) for part in (WAIT, SEND)])
        await offer(house, when_stale="drop")
        reply = await house.advance(id)
        costs = []
        for _ in range(12):
            before = CountingConnection.round_trips
            reply = await house.sleep_and_advance(id, reply)
            watched = 1  # the channel of these tests looks into the ledger
            costs.append(CountingConnection.round_trips - before - watched)
        assert len(house.letters()) == 12
        assert costs[0] > 4
        assert max(costs[8:]) <= 4  # the first ones have their statements prepared


class Restless(Gate):
    """Finds what a message shows in another state each time."""

    async def pass_through(self, *asked: Any) -> Claimed | Refused | Otherwise | None:
        return Otherwise()


async def test_what_changes_all_the_time_is_tried_again_later(house: House) -> None:
    id = await house.start(SEND, WAIT)
    house.activities._mailing._gate = Restless(house.clock)
    with pytest.raises(ApplicationError, match="all the time"):
        await house.advance(id)
    assert await house.ledger() == []
