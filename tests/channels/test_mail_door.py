"""The door for returned mail: it speaks SMTP and LMTP, and lives on whatever clients do to it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import smtplib
from collections.abc import AsyncIterator

import pytest

from digital_cs.channels.mail_door import Limits, Mail, MailDoor
from digital_cs.errors import UnavailableError

TO = "bounce+abc@vendor.test"
MAIL = b"Subject: hello\r\n\r\nHello\r\n.a line with a dot\r\n..\r\nend\r\n"
SMALL = Limits(mail=300_000, kept=100_000, connections=20, idle=0.5, data=1.0, between=2.0)


class Shelf:
    """Keeps mails in a list, and answers as it is told to."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.answer: bytes | Exception = b"250 2.6.0 taken"
        self.wait = asyncio.Event()
        self.wait.set()

    async def take(self, mail: Mail) -> bytes:
        await self.wait.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        self.mails.append(mail)
        return self.answer


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@contextlib.asynccontextmanager
async def door(shelf: Shelf, limits: Limits = SMALL) -> AsyncIterator[MailDoor]:
    wants = lambda address: address.lower().endswith("@vendor.test")  # noqa: E731
    async with MailDoor(shelf.take, wants, limits=limits) as opened:
        yield opened


class Wire:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> bytes:
        """The next answer, its last line if it has several; nothing when the door hung up."""
        while True:
            async with asyncio.timeout(10):
                line = await self.reader.readline()
            if line[3:4] != b"-":
                return line.rstrip()

    async def say(self, words: bytes) -> bytes:
        self.writer.write(words + b"\r\n")
        return await self.answer()

    async def hand_over(self, mail: bytes = b"Subject: x\r\n\r\nx\r\n", to: str = TO) -> bytes:
        await self.say(b"EHLO me")
        await self.say(b"MAIL FROM:<>")
        await self.say(f"RCPT TO:<{to}>".encode())
        assert (await self.say(b"DATA")).startswith(b"354")
        return await self.say(mail.replace(b"\r\n.", b"\r\n..") + b".")


@contextlib.asynccontextmanager
async def wire(door: MailDoor) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    client = Wire(reader, writer)
    try:
        assert (await client.answer()).startswith(b"220")
        yield client
    finally:
        writer.close()


async def takes_a_good_one(door: MailDoor, shelf: Shelf) -> None:
    before = len(shelf.mails)
    async with wire(door) as client:
        assert (await client.hand_over(MAIL)).startswith(b"250")
    assert len(shelf.mails) == before + 1
    assert shelf.mails[-1].beginning == MAIL


async def test_a_client_that_is_not_ours_hands_a_mail_over_as_it_is(shelf: Shelf) -> None:
    def talk(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("", [TO, "hello@vendor.test"], MAIL)
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.sendmail("", ["ada@acme.test"], MAIL)
        assert refused.value.recipients["ada@acme.test"][0] == 550

    async with door(shelf) as opened:
        await asyncio.to_thread(talk, opened.port)
    (mail,) = shelf.mails
    assert mail.beginning == MAIL
    assert mail.digest == hashlib.sha256(MAIL).hexdigest()
    assert mail.recipients == (TO, "hello@vendor.test")


async def test_an_lmtp_client_gets_an_answer_for_each_recipient(shelf: Shelf) -> None:
    def talk(port: int) -> list[tuple[int, bytes]]:
        client = smtplib.LMTP("127.0.0.1", port)
        client.timeout = 10
        with client:
            client.ehlo("me")
            client.mail("")
            assert client.rcpt(TO)[0] == client.rcpt("b@vendor.test")[0] == 250
            first = client.data(MAIL)
            return [first, client.getreply()]

    async with door(shelf) as opened:
        answers = await asyncio.to_thread(talk, opened.port)
    assert [code for code, _ in answers] == [250, 250]
    assert len(shelf.mails) == 1


async def test_commands_and_mails_may_come_all_at_once_and_in_any_pieces(shelf: Shelf) -> None:
    one = b"MAIL FROM:<>\r\nRCPT TO:<%b>\r\nDATA\r\n" % TO.encode()
    body = MAIL.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    stream = b"EHLO me\r\n" + (one + body) * 3 + b"QUIT\r\n"
    async with door(shelf) as opened:
        for size in (1, 2, 3, 5, 7, len(stream)):
            shelf.mails.clear()
            async with wire(opened) as client:
                for start in range(0, len(stream), size):
                    client.writer.write(stream[start : start + size])
                    if size < 10:
                        await client.writer.drain()
                        await asyncio.sleep(0)
                answers = (await asyncio.wait_for(client.reader.read(), 10)).splitlines()
            assert answers[-1].startswith(b"221")
            assert [mail.beginning for mail in shelf.mails] == [MAIL] * 3


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r"])
async def test_no_mail_can_be_smuggled_into_another(shelf: Shelf, end: bytes) -> None:
    """Only CRLF.CRLF ends a mail, as everybody agrees."""
    inner = b"MAIL FROM:<>\r\nRCPT TO:<%b>\r\nDATA\r\nSubject: inner\r\n" % TO.encode()
    async with door(shelf) as opened, wire(opened) as client:
        mail = b"Subject: outer\r\n\r\nx" + end + inner
        await client.hand_over(mail.replace(b"\r\n.", b"\r\n.."))
    assert len(shelf.mails) == 1


async def test_a_large_mail_is_held_only_in_its_beginning_and_hashed_whole(shelf: Shelf) -> None:
    mail = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * 15_000
    huge_line = b"Subject: line\r\n\r\n" + b"x" * 250_000 + b"\r\n"
    async with door(shelf) as opened:
        for each in (mail, huge_line):
            async with wire(opened) as client:
                assert (await client.hand_over(each)).startswith(b"250")
            assert shelf.mails[-1].digest == hashlib.sha256(each).hexdigest()
            assert shelf.mails[-1].beginning == each[: SMALL.kept]


async def test_a_mail_beyond_the_limit_is_refused_when_it_is_announced_and_when_it_comes(
    shelf: Shelf,
) -> None:
    async with door(shelf) as opened:
        async with wire(opened) as client:
            await client.say(b"EHLO me")
            answer = await client.say(b"MAIL FROM:<> SIZE=%d BODY=8BITMIME" % (SMALL.mail + 1))
            assert answer.startswith(b"552")
            mail = b"Subject: x\r\n\r\n" + b"x" * SMALL.mail + b"\r\n"
            assert (await client.hand_over(mail)).startswith(b"552")
            assert (await client.hand_over()).startswith(b"250")
        await takes_a_good_one(opened, shelf)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"DATA", b"503"), (b"RCPT TO:<bounce@vendor.test>", b"503"), (b"MAIL FROM:<>", b"503"),
        (b"EXPN all", b"500"), (b"", b"500"), (b"\x00\xff", b"500"), (b"STARTTLS", b"500"),
        (b"EHLO me\r\nMAIL TO:<>", b"501"), (b"EHLO me\r\nMAIL FROM:<a\x00b>", b"501"),
        (b"EHLO me\r\nMAIL FROM:<>\r\nMAIL FROM:<>", b"503"),
        (b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<>", b"501"),
        (b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<ada@acme.test>", b"550"),
        (b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<ada@acme.test@vendor.test.example>", b"550"),
        (b"x" * 5000, b"500 5.5.2 line too long"),
    ],
)  # fmt: skip
async def test_what_is_out_of_order_is_refused_in_words(
    shelf: Shelf, said: bytes, answer: bytes
) -> None:
    async with door(shelf) as opened:
        async with wire(opened) as client:
            client.writer.write(said + b"\r\n")
            for _ in range(said.count(b"\r\n")):
                assert (await client.answer()).startswith(b"250")
            assert (await client.answer()).startswith(answer)
        await takes_a_good_one(opened, shelf)


async def test_who_makes_mistake_after_mistake_is_shown_out(shelf: Shelf) -> None:
    async with door(shelf) as opened:
        async with wire(opened) as client:
            client.writer.write(b"nonsense\r\n" * 50)
            said = await asyncio.wait_for(client.reader.read(), 10)
            assert said.splitlines()[-1].startswith(b"421")
        await takes_a_good_one(opened, shelf)


@pytest.mark.parametrize(
    "drips",
    [
        b"", b"E", b"EHLO me\r\nNOO",
        b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<bounce@vendor.test>\r\nDATA\r\nSubject: sl",
    ],
)  # fmt: skip
async def test_who_dawdles_is_shown_out_and_holds_nobody_up(shelf: Shelf, drips: bytes) -> None:
    async with door(shelf) as opened:
        async with wire(opened) as slow:
            slow.writer.write(drips)
            await takes_a_good_one(opened, shelf)
            async with asyncio.timeout(10):
                while await slow.reader.read(1000):
                    pass
        await takes_a_good_one(opened, shelf)
    assert len(shelf.mails) == 2


async def test_who_only_makes_small_talk_is_shown_out_too(shelf: Shelf) -> None:
    limits = Limits(idle=5.0, between=0.5)
    async with door(shelf, limits) as opened, wire(opened) as client:
        answer = b"250"
        async with asyncio.timeout(10):
            while answer.startswith(b"250"):
                answer = await client.say(b"NOOP")
        assert answer.startswith(b"421")


async def test_a_fault_behind_the_door_makes_the_sender_come_again(shelf: Shelf) -> None:
    async with door(shelf) as opened:
        shelf.answer = RuntimeError("a fault of this test")
        async with wire(opened) as client:
            assert (await client.hand_over()).startswith(b"451")
        shelf.answer = b"250 2.6.0 taken"
        await takes_a_good_one(opened, shelf)


async def test_200_clients_at_once_are_served_or_told_to_come_again(shelf: Shelf) -> None:
    async def one(number: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
        client = Wire(reader, writer)
        try:
            greeting = await client.answer()
            if not greeting.startswith(b"220"):
                return greeting
            return await client.hand_over(b"Subject: %d\r\n\r\nx\r\n" % number)
        finally:
            writer.close()

    limits = Limits(connections=120)
    async with door(shelf, limits) as opened:
        answers = await asyncio.gather(*map(one, range(200)))
        kept = sum(each.startswith(b"250") for each in answers)
        assert len(shelf.mails) == kept >= 120
        assert {each[:3] for each in answers} <= {b"250", b"421"}
        await takes_a_good_one(opened, shelf)


async def test_rubbish_of_every_kind_leaves_it_standing(shelf: Shelf) -> None:
    dice = random.Random(4)
    words = [b"EHLO me\r\n", b"LHLO me\r\n", b"MAIL FROM:<>\r\n", b"DATA\r\n", b"\r\n.\r\n",
             b"RCPT TO:<%b>\r\n" % TO.encode(), b"\x00" * 50, b"x" * 9000, b"\n", b"\r", b".",
             b"RSET\r\n", b"BDAT 99999999999\r\n", b"\xff\xfb\x01",
             b"MAIL FROM:<" * 400]  # fmt: skip
    async with door(shelf) as opened:
        for _ in range(150):
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            with contextlib.suppress(ConnectionError):
                for _ in range(dice.randrange(12)):
                    writer.write(dice.choice([*words, dice.randbytes(dice.randrange(3000))]))
                await writer.drain()
                if dice.random() < 0.5:
                    async with asyncio.timeout(5):
                        await reader.read(dice.randrange(1, 500))
            if dice.random() < 0.5:
                writer.transport.abort()
            writer.close()
        await takes_a_good_one(opened, shelf)


async def test_a_stop_answers_the_mail_that_is_being_kept_and_waits_for_nobody_else(
    shelf: Shelf,
) -> None:
    shelf.wait.clear()
    limits = Limits(idle=30.0)
    async with asyncio.timeout(10):
        async with door(shelf, limits) as opened:
            idle, busy = await _open(opened), await _open(opened)
            handing = asyncio.create_task(busy.hand_over())
            while not any(each.busy for each in opened.conversations):
                await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_later(0.1, shelf.wait.set)
        assert (await handing).startswith(b"250")
        assert len(shelf.mails) == 1
        assert await idle.reader.read() == b""
    for client in (idle, busy):
        client.writer.close()


async def _open(door: MailDoor) -> Wire:
    client = Wire(*await asyncio.open_connection("127.0.0.1", door.port))
    assert (await client.answer()).startswith(b"220")
    return client


async def test_a_port_that_is_taken_is_said_in_a_sentence(shelf: Shelf) -> None:
    async with door(shelf) as opened:
        with pytest.raises(UnavailableError, match=r"RETURNED_PORT\.$"):
            async with MailDoor(shelf.take, bool, port=opened.port):
                pass
