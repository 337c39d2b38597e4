"""What follows from what comes back: once, in the ledger, and for the right address alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.ingest.mail.returned import Returns
from digital_cs.ingest.mail.returned_consequences import NotYetError
from digital_cs.ingest.mail.returned_shapes import Report
from digital_cs.store.database import deadlock
from digital_cs.store.database import pool as pools
from digital_cs.store.sending import returned
from digital_cs.store.sending.locks import TO_CLAIM
from tests.activities.house import StoppedClock
from tests.ingest.returning import (
    ADA,
    DOMAIN,
    Desk,
    bounce,
    complaint,
    reply,
    token,
)


@pytest.fixture
async def desk(database: str, connection: AsyncConnection[Any]) -> AsyncIterator[Desk]:
    async with pools.opened(database, 6, patience=5.0) as pool:
        clock = StoppedClock()
        returns = Returns(pool=pool, clock=clock, mail_domain=DOMAIN, kept_days=30)
        ready = Desk(pool, connection, clock, returns)
        await ready.person("ada")
        yield ready


async def test_a_hard_bounce_ends_the_message_and_the_address_whatever_case_it_is_written_in(
    desk: Desk,
) -> None:
    """P15."""
    sent = await desk.message()
    await desk.woken()

    taken = await desk.returns.take(bounce(address="Ada@ACME.test"), token(sent).upper(), "smtp")

    assert (taken.kind, taken.state, taken.new) == ("hard", "applied", True)
    assert await desk.state(sent) == "bounced"
    assert await desk.reasons() == {"hard bounce"}
    (said,) = await desk.rows("select verdict, reason, words, contact_id from decisions")
    assert (said["verdict"], said["reason"], said["contact_id"]) == ("returned", "bounced", "ada")
    assert "no such user" in said["words"]
    (row,) = await desk.came()
    assert (row["account_id"], row["contact_id"], row["address"]) == ("acme", "ada", ADA)
    assert (row["status"], row["raw"]) == ("5.1.1", None)


async def test_the_same_thing_twice_at_once_or_later_follows_once(desk: Desk) -> None:
    sent = await desk.message()
    mail = bounce(sent)

    taken = await asyncio.gather(*(desk.returns.take(mail, token(sent), "smtp") for _ in range(5)))
    taken.append(await desk.returns.take(mail, token(sent), "smtp"))

    assert [each.new for each in taken].count(True) == 1
    assert {(each.kind, each.state) for each in taken} == {("hard", "applied")}
    assert len(await desk.came()) == 1
    assert len(await desk.rows("select 1 from decisions")) == 1


async def test_nobody_can_have_somebody_elses_address_suppressed(desk: Desk) -> None:
    """A report by mail counts for the reader of the message whose token or id it shows."""
    await desk.person("grace", "globex")
    sent = await desk.message()

    without = await desk.returns.take(bounce(None), "hello@vendor.test", "smtp")
    forged = await desk.returns.take(bounce(sent, address="grace@globex.test"), None, "smtp")
    complained = await desk.returns.take(complaint(None), None, "smtp")

    assert [each.state for each in (without, forged, complained)] == ["listed"] * 3
    assert await desk.rows("select 1 from suppression_entries") == []
    listed = await desk.rows("select account_id, raw is not null as kept from returned_messages")
    assert {row["account_id"] for row in listed} == {"acme", None}
    assert all(row["kept"] for row in listed)


async def test_soft_bounces_of_five_messages_within_thirty_days_quiet_the_address_for_a_time(
    desk: Desk,
) -> None:
    full = {"status": "4.2.2", "said": "452 4.2.2 mailbox full"}
    for day in range(5):
        assert await desk.reasons() == set()
        sent = await desk.message()
        taken = await desk.returns.take(bounce(sent, **full), token(sent), "smtp")
        assert (taken.kind, taken.state) == ("soft", "applied")
        # The same server says it again, in other words: that is not one more.
        await desk.returns.take(bounce(sent, **full, address="ADA@acme.test"), None, "smtp")
        assert await desk.state(sent) == "bounced"
        desk.later(days=2 + day)

    assert await desk.reasons() == {"soft bounces"}
    (entry,) = await desk.rows("select created_at, expires_at from suppression_entries")
    assert (entry["expires_at"] - entry["created_at"]).days == 180


async def test_soft_bounces_that_are_far_apart_quiet_nobody(desk: Desk) -> None:
    for _ in range(7):
        sent = await desk.message()
        await desk.returns.take(bounce(sent, status="4.2.2", said="full"), token(sent), "smtp")
        desk.later(days=8)
    assert await desk.reasons() == set()


async def test_a_complaint_ends_it_and_a_late_report_of_delivery_changes_nothing(
    desk: Desk,
) -> None:
    sent = await desk.message()
    delivered = bounce(sent, status="2.0.0", said="250 ok", action="delivered")

    assert (await desk.returns.take(delivered, token(sent), "smtp")).state == "applied"
    assert await desk.state(sent) == "delivered"
    assert (await desk.returns.take(complaint(sent), None, "smtp")).state == "applied"
    assert await desk.state(sent) == "complained"
    again = delivered.replace(b"250 ok", b"250 taken")
    assert (await desk.returns.take(again, token(sent), "smtp")).state == "ignored"
    await desk.returns.take(bounce(sent), token(sent), "smtp")

    assert await desk.state(sent) == "complained"
    assert await desk.reasons() == {"complaint", "hard bounce"}


async def test_a_complaint_is_of_the_messages_reader_even_if_their_address_is_blacked_out(
    desk: Desk,
) -> None:
    for of in ("", "redacted@example.com", ADA.title()):
        sent = await desk.message()
        taken = await desk.returns.take(complaint(sent, of), None, "smtp")
        assert (taken.kind, taken.state) == ("complaint", "applied")
        assert await desk.state(sent) == "complained"
    assert await desk.reasons() == {"complaint"}
    assert await desk.reasons("redacted@example.com") == set()


async def test_claims_and_all_that_comes_back_at_once_never_wait_for_each_other_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same people, the same messages; claims are made in the order of their locks."""
    for number in range(5):
        await desk.person(f"p{number}", f"a{number}")
    sent = [await desk.message(f"p{n % 5}", f"a{n % 5}", "unknown") for n in range(30)]

    async def claim(number: int) -> None:
        one = {"account": f"a{number % 5}", "contact": f"p{number % 5}"}
        async with desk.pool.connection() as connection, connection.transaction():
            await connection.execute(TO_CLAIM, one)
            await connection.execute(
                "update messages set attempts = attempts + 1 where account_id = %(account)s", one
            )

    async def back(number: int) -> None:
        who, id = f"p{number % 5}@a{number % 5}.test", sent[number]
        mail = (bounce(id, who), complaint(id), reply(id, who))[number % 3]
        assert (await desk.returns.take(mail, token(id), "smtp")).state == "applied"

    monkeypatch.setattr(deadlock, "MOST_TRIES", 1)  # so that none is mended behind our back
    await asyncio.gather(*(each for n in range(30) for each in (claim(n), back(n), claim(n))))

    assert len(await desk.came()) == 30


async def test_a_bounce_after_a_report_of_delivery_counts(desk: Desk) -> None:
    sent = await desk.message(state="delivered")
    await desk.returns.take(bounce(sent), token(sent), "smtp")
    assert await desk.state(sent) == "bounced"
    late = bounce(sent, status="2.0.0", said="250 ok", action="delivered")
    await desk.returns.take(late, token(sent), "smtp")
    assert await desk.state(sent) == "bounced"


async def test_a_bounce_of_a_message_that_is_being_handed_over_is_to_come_again(
    desk: Desk,
) -> None:
    """P13: what the worker is about to write down must not be overtaken."""
    sent = await desk.message(state="claimed")
    with pytest.raises(NotYetError):
        await desk.returns.take(bounce(sent), token(sent), "smtp")
    assert await desk.came() == []
    assert await desk.reasons() == set()

    await desk.rows("update messages set state = 'accepted'")
    assert (await desk.returns.take(bounce(sent), token(sent), "smtp")).new
    assert await desk.state(sent) == "bounced"


async def test_an_absence_is_noted_and_is_no_reply(desk: Desk) -> None:
    """P18."""
    sent = await desk.message()
    mail = reply(
        sent, subject="Automatic reply: Welcome", text="I am away until Monday.",
        Auto_Submitted="auto-replied",
    )  # fmt: skip

    taken = await desk.returns.take(mail, token(sent), "smtp")

    assert (taken.kind, taken.state) == ("out_of_office", "ignored")
    assert await desk.rows("select 1 from tasks") == []
    (said,) = await desk.rows("select reason from decisions")
    assert said["reason"] == "out_of_office"
    assert await desk.state(sent) == "accepted"


@pytest.mark.parametrize("text", ["Who can help me?", "STOP", "unsubscribe"])
async def test_a_reply_opens_a_task_with_its_text_and_nobody_guesses_what_it_means(
    desk: Desk, text: str
) -> None:
    """P18."""
    sent = await desk.message()
    enrollment = await desk.enrolled()
    taken = await desk.returns.take(reply(sent, text=text), "hello@vendor.test", "smtp")

    assert (taken.kind, taken.state) == ("reply", "applied")
    (task,) = await desk.rows("select * from tasks")
    assert (task["key"], task["kind"], task["state"]) == (f"reply:{taken.id}", "reply", "open")
    assert (task["account_id"], task["contact_id"], task["program_id"], task["step"]) == (
        "acme", "ada", "welcome", "touch-1",
    )  # fmt: skip
    assert (task["note"], task["title"]) == (text, "Answer: Re: Welcome")
    assert await desk.reasons() == set()
    assert await desk.woken() == {enrollment}


@pytest.mark.parametrize("mail", [reply(None), bounce])
async def test_what_comes_back_waits_for_a_claim_that_is_under_way_and_the_next_one_sees_it(
    desk: Desk, mail: Any
) -> None:
    """P16, P18: no message is claimed after it was committed."""
    sent = await desk.message()
    raw = mail if isinstance(mail, bytes) else mail(sent)
    async with desk.connection.transaction():
        await desk.rows(TO_CLAIM.replace("%(account)s", "'acme'").replace("%(contact)s", "'ada'"))
        taking = asyncio.create_task(desk.returns.take(raw, token(sent), "smtp"))
        while not await desk.rows("select 1 from pg_locks where not granted"):
            await asyncio.sleep(0.01)
        assert not taking.done()
        async with desk.pool.connection() as other:
            seen = await other.execute("select count(*) from returned_messages")
            assert await seen.fetchone() == (0,)
    assert (await taking).state == "applied"


async def test_a_colleagues_reply_is_of_the_account_that_was_written_to(desk: Desk) -> None:
    await desk.person("bob", "acme")
    await desk.person("grace", "globex")
    sent = await desk.message()
    for sender, who in (
        ("bob@acme.test", "bob"), ("grace@globex.test", "grace"), ("new@acme.test", "ada"),
    ):  # fmt: skip
        taken = await desk.returns.take(reply(sent, sender), None, "smtp")
        (task,) = await desk.rows("select * from tasks where key = %s", f"reply:{taken.id}")
        assert (task["account_id"], task["contact_id"]) == ("acme", who)


async def test_a_colleagues_answer_to_a_customer_with_a_copy_to_us_is_no_reply(
    desk: Desk,
) -> None:
    sent = await desk.message()
    taken = await desk.returns.take(reply(sent, "Maya <Maya@vendor.test>"), None, "smtp")
    assert (taken.kind, taken.state) == ("reply", "ignored")
    assert await desk.rows("select 1 from tasks") == []


async def test_a_reply_that_answers_nothing_is_of_the_account_that_was_written_to_last(
    desk: Desk,
) -> None:
    await desk.person("ada", "globex", ADA)
    await desk.message("ada", "globex")
    desk.later(days=1)
    await desk.message("ada", "acme")

    taken = await desk.returns.take(reply(None, "Ada <ADA@acme.test>"), None, "smtp")

    (task,) = await desk.rows("select * from tasks")
    assert (taken.state, task["account_id"], task["program_id"]) == ("applied", "acme", None)


async def test_what_nobody_knows_or_can_read_is_listed_and_kept_until_somebody_has_looked(
    desk: Desk,
) -> None:
    stranger = await desk.returns.take(reply(None, "who@nowhere.test"), None, "smtp")
    rubbish = await desk.returns.take(b"\x00\xff" * 40, None, "smtp")
    assert (stranger.state, rubbish.state) == ("listed", "listed")
    assert await returned.waiting(desk.connection) == (2, desk.clock.now())
    assert await returned.raw(desk.connection, rubbish.id) == b"\x00\xff" * 40

    assert await returned.looked(desk.connection, stranger.id, "maya", desk.clock.now())
    assert not await returned.looked(desk.connection, stranger.id, "maya", desk.clock.now())
    assert await returned.raw(desk.connection, stranger.id) is None
    (waits,) = await returned.list_returned(desk.connection, listed=True)
    assert (waits.id, waits.kept) == (rubbish.id, True)

    desk.later(days=31)
    assert await returned.forget_raw(desk.connection, desk.clock.now()) == 1
    (waits,) = await returned.list_returned(desk.connection, listed=True)
    assert (waits.id, waits.kept) == (rubbish.id, False)


async def test_a_fault_of_ours_keeps_the_mail_aside_and_undoes_the_rest(desk: Desk) -> None:
    """As good as any fault: the table that a bounce has to write to is gone."""
    sent = await desk.message()
    await desk.connection.execute("alter table suppression_entries rename to elsewhere")

    taken = await desk.returns.take(bounce(sent), token(sent), "smtp")

    assert (taken.kind, taken.state) == ("unknown", "listed")
    assert await desk.state(sent) == "accepted"
    assert await returned.raw(desk.connection, taken.id) == bounce(sent)


async def test_whatever_is_broken_in_a_mail_it_gets_its_row(desk: Desk) -> None:
    dice = random.Random(11)
    sent = await desk.message()
    whole = [bounce(sent), complaint(sent), reply(sent), bounce(None, status="4.2.2")]
    spoiled: set[bytes] = set()
    while len(spoiled) < 300:
        mail = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(1, 8)):
            start = dice.randrange(len(mail))
            end = start + dice.randrange(30)
            mail[start:end] = dice.choice(
                [b"", b"\x00", b"\r\n", b"\xff\xfe", dice.randbytes(20), bytes(mail[start:end]) * 3]
            )
        spoiled.add(bytes(mail))

    taken = [await desk.returns.take(mail, token(sent), "smtp") for mail in sorted(spoiled)]

    assert all(each.new for each in taken)
    assert len(await desk.came()) == 300
    assert {"applied", "ignored", "listed"} >= {each.state for each in taken}


async def test_what_a_provider_says_counts_for_the_address_that_it_names(desk: Desk) -> None:
    def said(id: str, kind: str, **rest: Any) -> Report:
        return Report(
            id, kind, **{"address": "Ada@acme.test", "why": "Says so.", "raw": b"{}"} | rest
        )

    hard = await desk.returns.take_report(said("ses:1", "hard", status="5.1.1"), "ses")
    assert (hard.state, await desk.reasons()) == ("applied", {"hard bounce"})
    (row,) = await desk.came()
    assert (row["account_id"], row["contact_id"], row["raw"]) == ("acme", "ada", None)
    gone = await desk.returns.take_report(said("postmark:2", "unsubscribed"), "postmark")
    assert (gone.state, await desk.reasons()) == ("applied", {"hard bounce", "unsubscribed"})
    sent = await desk.message()
    report = said("ses:3", "delivered", envelope_from=token(sent))
    assert (await desk.returns.take_report(report, "ses")).state == "applied"
    assert await desk.state(sent) == "delivered"
    nobody = await desk.returns.take_report(said("ses:4", "hard", address="\x00"), "ses")
    assert nobody.state == "listed"


async def test_a_domain_in_ascii_is_the_same_domain(desk: Desk) -> None:
    await desk.person("jo", "acme", "jo@bücher.test")
    sent = await desk.message("jo")
    taken = await desk.returns.take(bounce(sent, "jo@xn--bcher-kva.test"), token(sent), "smtp")
    assert taken.state == "applied"
    assert await desk.reasons("jo@bücher.test") == {"hard bounce"}
