"""Encryption and signing in, against a server that is not ours."""

from __future__ import annotations

import ssl

import pytest

from digital_cs.channels.smtp import DeliveryOutcome, Stage
from digital_cs.errors import UnavailableError
from tests.channels.conftest import MakeChannel
from tests.channels.far_ends import IndependentServer, ScriptedServer

MAIL = b"Subject: Hello\r\n\r\nHello.\r\n"
SENDER = "bounces@example.org"
ADA = "ada@example.com"
ACCOUNT = ("mailer", "s3cret-pass")


async def test_starttls_with_a_trusted_certificate_signs_in_and_delivers(
    channel_to: MakeChannel, server_context: ssl.SSLContext, trusting_context: ssl.SSLContext
) -> None:
    async with IndependentServer(server_context=server_context, account=ACCOUNT) as server:
        channel = channel_to(
            server.port,
            host="localhost",
            tls="starttls",
            user=ACCOUNT[0],
            password=ACCOUNT[1],
            ssl_context=trusting_context,
        )
        delivery = await channel.deliver(MAIL, SENDER, ADA)
        assert delivery.outcome is DeliveryOutcome.ACCEPTED
        assert server.letters[0].user == b"mailer"
        assert "(encrypted, signed in)" in await channel.greet()
        await channel.close()


async def test_tls_from_the_first_byte_delivers(
    channel_to: MakeChannel, server_context: ssl.SSLContext, trusting_context: ssl.SSLContext
) -> None:
    async with IndependentServer(server_context=server_context, implicit_tls=True) as server:
        channel = channel_to(server.port, host="localhost", tls="tls", ssl_context=trusting_context)
        for _ in range(2):
            delivery = await channel.deliver(MAIL, SENDER, ADA)
            assert delivery.outcome is DeliveryOutcome.ACCEPTED
        await channel.close()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_is_a_fault(
    channel_to: MakeChannel, server_context: ssl.SSLContext, tls: str
) -> None:
    async with IndependentServer(
        server_context=server_context, implicit_tls=tls == "tls"
    ) as server:
        channel = channel_to(server.port, host="localhost", tls=tls)
        delivery = await channel.deliver(MAIL, SENDER, ADA)
        assert delivery.outcome is DeliveryOutcome.FAULT
        assert "certificate is not valid" in delivery.detail
        assert server.letters == []


async def test_starttls_if_offered_encrypts_with_any_certificate(
    channel_to: MakeChannel, server_context: ssl.SSLContext
) -> None:
    async with IndependentServer(server_context=server_context) as server:
        channel = channel_to(server.port, tls="starttls-if-offered")
        assert (await channel.deliver(MAIL, SENDER, ADA)).outcome is DeliveryOutcome.ACCEPTED
        assert "(encrypted, without signing in)" in await channel.greet()
        await channel.close()


async def test_starttls_if_offered_goes_on_without(channel_to: MakeChannel) -> None:
    async with IndependentServer() as server:
        channel = channel_to(server.port, tls="starttls-if-offered")
        assert (await channel.deliver(MAIL, SENDER, ADA)).outcome is DeliveryOutcome.ACCEPTED
        assert "(not encrypted" in await channel.greet()
        await channel.close()


@pytest.mark.parametrize("tls", ["starttls", "starttls-if-offered"])
async def test_a_password_is_not_sent_where_starttls_is_not_offered(
    channel_to: MakeChannel, tls: str
) -> None:
    async with ScriptedServer(features=(b"AUTH PLAIN LOGIN",)) as server:
        channel = channel_to(server.port, tls=tls, user=ACCOUNT[0], password=ACCOUNT[1])
        delivery = await channel.deliver(MAIL, SENDER, ADA)
        assert (delivery.outcome, delivery.stage) == (DeliveryOutcome.FAULT, Stage.STARTTLS)
        assert not any(command.startswith(b"AUTH") for command in server.commands)


async def test_words_slipped_in_before_the_handshake_are_not_believed(
    channel_to: MakeChannel,
) -> None:
    answers: dict[bytes, bytes | list[bytes]] = {b"STARTTLS": b"220 go\r\n250 slipped in"}
    async with ScriptedServer(answers, features=(b"STARTTLS",)) as server:
        delivery = await channel_to(server.port, tls="starttls-if-offered").deliver(
            MAIL, SENDER, ADA
        )
        assert (delivery.outcome, delivery.stage) == (DeliveryOutcome.FAULT, Stage.STARTTLS)


@pytest.mark.parametrize("exclude", [(), ("PLAIN",)])
async def test_plain_and_login_both_sign_in(
    channel_to: MakeChannel, exclude: tuple[str, ...]
) -> None:
    async with IndependentServer(account=ACCOUNT, exclude=exclude) as server:
        channel = channel_to(server.port, user=ACCOUNT[0], password=ACCOUNT[1])
        assert (await channel.deliver(MAIL, SENDER, ADA)).outcome is DeliveryOutcome.ACCEPTED
        assert server.letters[0].user == b"mailer"
        await channel.close()


@pytest.mark.parametrize("exclude", [(), ("PLAIN",), ("PLAIN", "LOGIN")])
async def test_a_refused_sign_in_is_a_fault_that_shows_no_password(
    channel_to: MakeChannel, exclude: tuple[str, ...]
) -> None:
    async with IndependentServer(account=ACCOUNT, exclude=exclude) as server:
        channel = channel_to(server.port, user=ACCOUNT[0], password="wrong-pass")
        delivery = await channel.deliver(MAIL, SENDER, ADA)
        assert (delivery.outcome, delivery.stage) == (DeliveryOutcome.FAULT, Stage.AUTH)
        assert delivery.code == (535 if len(exclude) < 2 else None)
        with pytest.raises(UnavailableError, match="at auth") as caught:
            await channel.greet()
        assert "wrong-pass" not in str(caught.value) + delivery.detail


async def test_a_server_that_wants_a_sign_in_decides_nothing_about_the_message_p12(
    channel_to: MakeChannel,
) -> None:
    async with IndependentServer(account=ACCOUNT) as server:
        delivery = await channel_to(server.port).deliver(MAIL, SENDER, ADA)
        assert delivery.outcome is DeliveryOutcome.FAULT
        assert delivery.code == 530
