"""What the SMTP channel makes of what a server does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digital_cs.channels.sink import FaultMode, Faults, Sink, read_index
from digital_cs.channels.smtp import DeliveryOutcome, SmtpChannel, Stage
from digital_cs.errors import UnavailableError
from tests.channels.conftest import MakeChannel
from tests.channels.far_ends import HANG_UP, SILENCE, IndependentServer, ScriptedServer

MAIL = b"Message-ID: <1@example.org>\r\nSubject: Hello\r\n\r\nHello.\r\n"
SENDER = "bounces@example.org"
ADA = "ada.lovelace@example.com"


def stored(sink: Sink) -> list[bytes]:
    return [(sink.folder / entry.file).read_bytes() for entry in read_index(sink.folder)]


async def test_an_accepted_message_arrives_as_it_was_sent(
    sink: Sink, channel_to: MakeChannel
) -> None:
    delivery = await channel_to(sink.port).deliver(MAIL, SENDER, ADA)
    assert delivery.outcome is DeliveryOutcome.ACCEPTED
    assert (delivery.code, delivery.enhanced, delivery.stage) == (250, "2.0.0", Stage.END_OF_DATA)
    assert stored(sink) == [MAIL]
    (entry,) = read_index(sink.folder)
    assert (entry.to, entry.message_id, entry.subject) == (ADA, "<1@example.org>", "Hello")


@pytest.mark.parametrize(
    ("mode", "outcome", "stage", "enhanced", "hard_bounce", "arrived"),
    [
        (FaultMode.REFUSE_4XX, DeliveryOutcome.REFUSED_FOR_NOW, Stage.RCPT, "4.7.1", False, 0),
        (
            FaultMode.REFUSE_5XX,
            DeliveryOutcome.REFUSED_FOR_GOOD,
            Stage.END_OF_DATA,
            "5.7.1",
            False,
            0,
        ),
        (
            FaultMode.REFUSE_RCPT_UNKNOWN,
            DeliveryOutcome.REFUSED_FOR_GOOD,
            Stage.RCPT,
            "5.1.1",
            True,
            0,
        ),
        (FaultMode.STALL, DeliveryOutcome.FAULT, Stage.DATA, None, False, 0),
        (FaultMode.STALL_AFTER_DATA, DeliveryOutcome.UNKNOWN, Stage.END_OF_DATA, None, False, 1),
        (FaultMode.DROP_BEFORE_DATA, DeliveryOutcome.FAULT, Stage.DATA, None, False, 0),
        (FaultMode.DROP_AFTER_DATA, DeliveryOutcome.UNKNOWN, Stage.END_OF_DATA, None, False, 1),
        (
            FaultMode.DROP_AFTER_DATA_UNSTORED,
            DeliveryOutcome.UNKNOWN,
            Stage.END_OF_DATA,
            None,
            False,
            0,
        ),
        (FaultMode.DELAY, DeliveryOutcome.ACCEPTED, Stage.END_OF_DATA, "2.0.0", False, 1),
    ],
)
async def test_each_misbehaviour_has_its_outcome_and_the_next_message_is_fine_p14_p15(
    sink: Sink,
    channel_to: MakeChannel,
    mode: FaultMode,
    outcome: DeliveryOutcome,
    stage: Stage,
    enhanced: str | None,
    hard_bounce: bool,
    arrived: int,
) -> None:
    stalls = mode in {FaultMode.STALL, FaultMode.STALL_AFTER_DATA}
    channel = channel_to(sink.port, timeout=0.3 if stalls else 10.0, connections=1)
    Faults(mode, seconds=0.02).write(sink.folder)
    delivery = await channel.deliver(MAIL, SENDER, ADA)
    assert (delivery.outcome, delivery.stage) == (outcome, stage)
    assert (delivery.enhanced, delivery.hard_bounce) == (enhanced, hard_bounce)
    assert "lovelace" not in delivery.detail
    assert len(read_index(sink.folder)) == arrived

    Faults().write(sink.folder)
    after = await channel.deliver(MAIL, SENDER, ADA)
    assert after.outcome is DeliveryOutcome.ACCEPTED
    assert len(read_index(sink.folder)) == arrived + 1


ANSWERS = [
    # what the server answers to what, then: outcome, stage, hard bounce
    ("GREETING", "554 go away", DeliveryOutcome.FAULT, Stage.GREETING, False),
    ("GREETING", "not smtp at all", DeliveryOutcome.FAULT, Stage.GREETING, False),
    ("EHLO", "421 4.3.2 busy", DeliveryOutcome.FAULT, Stage.EHLO, False),
    ("MAIL", "550 5.7.1 you may not send", DeliveryOutcome.FAULT, Stage.MAIL, False),
    ("MAIL", "451 4.7.1 too many", DeliveryOutcome.FAULT, Stage.MAIL, False),
    ("RCPT", "450 4.2.1 later", DeliveryOutcome.REFUSED_FOR_NOW, Stage.RCPT, False),
    ("RCPT", "421 4.3.2 shutting down", DeliveryOutcome.FAULT, Stage.RCPT, False),
    ("RCPT", "530 5.7.0 sign in first", DeliveryOutcome.FAULT, Stage.RCPT, False),
    ("RCPT", "550 5.1.1 unknown", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.RCPT, True),
    ("RCPT", "550 5.1.10 null MX", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.RCPT, True),
    ("RCPT", "553 no such user", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.RCPT, True),
    ("RCPT", "550 5.7.1 blocked", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.RCPT, False),
    ("RCPT", "550 5.1.8 sender unknown", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.RCPT, False),
    ("RCPT", "554 refused", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.RCPT, False),
    ("DATA", "451 4.3.0 later", DeliveryOutcome.REFUSED_FOR_NOW, Stage.DATA, False),
    ("DATA", "554 5.6.0 no", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.DATA, False),
    ("DATA", "250 what", DeliveryOutcome.FAULT, Stage.DATA, False),
    (".", "421 4.3.2 not now", DeliveryOutcome.REFUSED_FOR_NOW, Stage.END_OF_DATA, False),
    (".", "550 5.1.1 unknown", DeliveryOutcome.REFUSED_FOR_GOOD, Stage.END_OF_DATA, False),
    (".", "354 what", DeliveryOutcome.UNKNOWN, Stage.END_OF_DATA, False),
    (".", "not smtp at all", DeliveryOutcome.UNKNOWN, Stage.END_OF_DATA, False),
]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(("verb", "answer", "outcome", "stage", "hard_bounce"), ANSWERS)
async def test_each_answer_has_its_outcome_with_and_without_pipelining(
    channel_to: MakeChannel,
    verb: str,
    answer: str,
    outcome: DeliveryOutcome,
    stage: Stage,
    hard_bounce: bool,
    pipelining: bool,
) -> None:
    answers: dict[bytes, bytes | list[bytes]] = {verb.encode(): answer.encode()}
    async with ScriptedServer(answers, pipelining=pipelining) as server:
        channel = channel_to(server.port)
        delivery = await channel.deliver(MAIL, SENDER, ADA)
    assert (delivery.outcome, delivery.stage) == (outcome, stage)
    assert delivery.hard_bounce is hard_bounce


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("verb", [b"GREETING", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"."])
@pytest.mark.parametrize("failure", [HANG_UP, SILENCE])
async def test_only_a_failure_after_the_final_dot_is_unknown_p14(
    channel_to: MakeChannel, verb: bytes, failure: bytes, pipelining: bool
) -> None:
    async with ScriptedServer({verb: failure}, pipelining=pipelining) as server:
        channel = channel_to(server.port, timeout=0.2)
        delivery = await channel.deliver(MAIL, SENDER, ADA)
    expected = DeliveryOutcome.UNKNOWN if verb == b"." else DeliveryOutcome.FAULT
    assert delivery.outcome is expected
    assert delivery.code is None


async def test_a_server_that_is_not_there_is_a_fault(channel_to: MakeChannel) -> None:
    async with ScriptedServer() as server:
        port = server.port
    delivery = await channel_to(port).deliver(MAIL, SENDER, ADA)
    assert (delivery.outcome, delivery.stage) == (DeliveryOutcome.FAULT, Stage.CONNECT)


async def test_the_servers_words_are_kept_without_the_persons_address(
    channel_to: MakeChannel,
) -> None:
    words = (
        b"550-5.1.1 <ada.lovelace@example.com>: Recipient address rejected\r\n"
        b"550 5.1.1 unknown user Ada.Lovelace, tell x@y.example"
    )
    async with ScriptedServer({b"RCPT": words}) as server:
        delivery = await channel_to(server.port).deliver(MAIL, SENDER, ADA)
    assert delivery.detail == (
        "<[address]>: Recipient address rejected unknown user [address], tell [address]"
    )


async def test_connections_are_reused_one_after_another(channel_to: MakeChannel) -> None:
    async with ScriptedServer() as server:
        channel = channel_to(server.port)
        for _ in range(5):
            await channel.deliver(MAIL, SENDER, ADA)
        assert server.connections == 1


async def test_a_connection_serves_on_after_a_refusal(channel_to: MakeChannel) -> None:
    refuse_then_take = {b"RCPT": [b"450 4.2.1 later", b"250 ok"], b"DATA": [b"503 no", b"354 go"]}
    async with ScriptedServer(dict(refuse_then_take)) as server:
        channel = channel_to(server.port)
        first = await channel.deliver(MAIL, SENDER, ADA)
        second = await channel.deliver(MAIL, SENDER, ADA)
        assert first.outcome is DeliveryOutcome.REFUSED_FOR_NOW
        assert second.outcome is DeliveryOutcome.ACCEPTED
        assert server.connections == 1
        assert b"RSET\r\n" in server.commands


async def test_data_opened_for_nobody_is_never_ended_with_a_dot(channel_to: MakeChannel) -> None:
    async with ScriptedServer({b"RCPT": [b"550 5.1.1 unknown", b"250 ok"]}) as server:
        channel = channel_to(server.port)
        first = await channel.deliver(MAIL, SENDER, ADA)
        second = await channel.deliver(MAIL, SENDER, ADA)
        assert first.hard_bounce
        assert second.outcome is DeliveryOutcome.ACCEPTED
        assert server.connections == 2


async def test_the_pool_opens_no_more_connections_than_it_may(
    sink: Sink, channel_to: MakeChannel
) -> None:
    async with ScriptedServer() as server:
        channel = channel_to(server.port, connections=3)
        deliveries = await asyncio.gather(*(channel.deliver(MAIL, SENDER, ADA) for _ in range(30)))
        assert {delivery.outcome for delivery in deliveries} == {DeliveryOutcome.ACCEPTED}
        assert server.connections == 3


async def test_a_connection_is_replaced_after_its_share_of_messages(
    channel_to: MakeChannel,
) -> None:
    async with ScriptedServer() as server:
        channel = channel_to(server.port, messages_per_connection=2)
        for _ in range(5):
            await channel.deliver(MAIL, SENDER, ADA)
        assert server.connections == 3


async def test_a_connection_that_idled_too_long_is_replaced(channel_to: MakeChannel) -> None:
    async with ScriptedServer() as server:
        channel = channel_to(server.port, idle_seconds=0.0)
        await channel.deliver(MAIL, SENDER, ADA)
        await asyncio.sleep(0.01)
        await channel.deliver(MAIL, SENDER, ADA)
        assert server.connections == 2


async def test_a_server_that_restarted_between_two_messages_is_not_noticed_by_the_caller(
    tmp_path: Path, channel_to: MakeChannel
) -> None:
    async with Sink(tmp_path / "sink") as sink:
        channel = channel_to(sink.port)
        assert (await channel.deliver(MAIL, SENDER, ADA)).outcome is DeliveryOutcome.ACCEPTED
    async with Sink(tmp_path / "sink", port=sink.port):
        assert (await channel.deliver(MAIL, SENDER, ADA)).outcome is DeliveryOutcome.ACCEPTED
    assert len(read_index(tmp_path / "sink")) == 2


@pytest.mark.parametrize("last_words", [HANG_UP, b"421 4.4.2 idle for too long", b"451 enough"])
async def test_a_reused_connection_that_fails_before_the_dot_is_tried_again_on_a_new_one(
    channel_to: MakeChannel, last_words: bytes
) -> None:
    async with ScriptedServer({b"MAIL": [b"250 ok", last_words, b"250 ok"]}) as server:
        channel = channel_to(server.port)
        await channel.deliver(MAIL, SENDER, ADA)
        second = await channel.deliver(MAIL, SENDER, ADA)
        assert second.outcome is DeliveryOutcome.ACCEPTED
        assert server.connections == 2


async def test_a_reused_connection_that_fails_after_the_dot_is_not_tried_again_p14(
    channel_to: MakeChannel,
) -> None:
    async with ScriptedServer({b".": [b"250 ok", HANG_UP]}) as server:
        channel = channel_to(server.port)
        await channel.deliver(MAIL, SENDER, ADA)
        second = await channel.deliver(MAIL, SENDER, ADA)
        assert second.outcome is DeliveryOutcome.UNKNOWN
        assert server.connections == 1


@pytest.mark.parametrize("mode", [FaultMode.STALL, FaultMode.STALL_AFTER_DATA])
async def test_a_cancelled_delivery_gives_its_connection_up(
    sink: Sink, channel_to: MakeChannel, mode: FaultMode
) -> None:
    channel = channel_to(sink.port, connections=1)
    Faults(mode).write(sink.folder)
    task = asyncio.ensure_future(channel.deliver(MAIL, SENDER, ADA))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    Faults().write(sink.folder)
    assert (await channel.deliver(MAIL, SENDER, ADA)).outcome is DeliveryOutcome.ACCEPTED


async def test_waiting_for_a_free_connection_counts_towards_no_deadline(
    channel_to: MakeChannel, sink: Sink
) -> None:
    Faults(FaultMode.DELAY, seconds=0.2).write(sink.folder)
    channel = channel_to(sink.port, connections=1, timeout=0.5)
    deliveries = await asyncio.gather(*(channel.deliver(MAIL, SENDER, ADA) for _ in range(4)))
    assert {delivery.outcome for delivery in deliveries} == {DeliveryOutcome.ACCEPTED}


BODIES = st.binary(max_size=400) | st.lists(
    st.sampled_from([b".", b"..", b"\r\n", b"\n", b"\r", b"a", b"\r\n.\r\n", b"QUIT"]), max_size=20
).map(b"".join)


def _as_received(mail: bytes) -> bytes:
    lines = mail.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return lines if not lines or lines.endswith(b"\r\n") else lines + b"\r\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=BODIES)
async def test_any_body_survives_the_way_to_the_sink(sink: Sink, body: bytes) -> None:
    channel = SmtpChannel(host="127.0.0.1", port=sink.port, tls="none")
    try:
        for mail in (body, b"A: b\r\n\r\n" + body):
            delivery = await channel.deliver(mail, SENDER, ADA)
            assert delivery.outcome is DeliveryOutcome.ACCEPTED
            newest = max(sink.folder.glob("*.eml"))
            assert newest.read_bytes() == _as_received(mail)
            newest.unlink()
    finally:
        await channel.close()


async def test_an_independent_server_gets_the_same_bytes(channel_to: MakeChannel) -> None:
    mail = b"Subject: dots\r\n\r\n.\r\n..\r\nend\r\n.\r\n"
    async with IndependentServer() as server:
        channel = channel_to(server.port)
        for _ in range(2):
            delivery = await channel.deliver(mail, SENDER, ADA)
            assert delivery.outcome is DeliveryOutcome.ACCEPTED
        await channel.close()
        assert [letter.content for letter in server.letters] == [mail, mail]
        assert server.letters[0].sender == SENDER
        assert server.letters[0].recipients == [ADA]


async def test_an_address_that_is_not_ascii_needs_a_server_that_takes_it(
    channel_to: MakeChannel, sink: Sink
) -> None:
    taken = await channel_to(sink.port).deliver(MAIL, SENDER, "zoë@bücher.example")
    assert taken.outcome is DeliveryOutcome.ACCEPTED
    assert read_index(sink.folder)[0].to == "zoë@xn--bcher-kva.example"
    async with ScriptedServer() as server:
        refused = await channel_to(server.port).deliver(MAIL, SENDER, "zoë@example.com")
        assert refused.outcome is DeliveryOutcome.REFUSED_FOR_GOOD
        assert not refused.hard_bounce


@pytest.mark.parametrize("to", ["ada@example.com>\r\nDATA", "a b@example.com", "nobody"])
async def test_what_is_no_address_never_reaches_the_wire(channel_to: MakeChannel, to: str) -> None:
    async with ScriptedServer() as server:
        delivery = await channel_to(server.port).deliver(MAIL, SENDER, to)
        assert (delivery.outcome, delivery.stage) == (
            DeliveryOutcome.REFUSED_FOR_GOOD,
            Stage.ADDRESS,
        )
        assert server.connections == 0


async def test_a_sender_that_is_no_address_is_our_fault(channel_to: MakeChannel) -> None:
    delivery = await channel_to(1).deliver(MAIL, "not an address", ADA)
    assert (delivery.outcome, delivery.stage) == (DeliveryOutcome.FAULT, Stage.ADDRESS)


async def test_greet_says_who_answers(channel_to: MakeChannel, sink: Sink) -> None:
    greeting = await channel_to(sink.port).greet()
    assert f"127.0.0.1:{sink.port}" in greeting
    assert "digital-cs sink" in greeting


async def test_greet_says_in_a_sentence_why_there_is_no_answer(channel_to: MakeChannel) -> None:
    async with ScriptedServer({b"EHLO": b"554 5.7.1 not you"}) as server:
        with pytest.raises(UnavailableError, match=r"554 not you \(at ehlo\)\. Check SMTP_HOST"):
            await channel_to(server.port).greet()
    with pytest.raises(UnavailableError, match=r"\(at connect\)"):
        await channel_to(server.port).greet()


async def test_a_closed_channel_says_goodbye(channel_to: MakeChannel) -> None:
    async with ScriptedServer() as server:
        channel = channel_to(server.port)
        await channel.deliver(MAIL, SENDER, ADA)
        await channel.close()
        assert server.commands[-1] == b"QUIT\r\n"


async def test_a_delivery_under_way_ends_before_its_connection_is_closed(
    channel_to: MakeChannel, sink: Sink
) -> None:
    Faults(FaultMode.DELAY, seconds=0.1).write(sink.folder)
    channel = channel_to(sink.port)
    task = asyncio.ensure_future(channel.deliver(MAIL, SENDER, ADA))
    await asyncio.sleep(0.02)
    await channel.close()
    assert (await task).outcome is DeliveryOutcome.ACCEPTED


async def test_a_refusal_stands_when_the_server_hangs_up_after_it(channel_to: MakeChannel) -> None:
    async with ScriptedServer({b"RCPT": b"550 5.1.1 unknown", b"DATA": HANG_UP}) as server:
        delivery = await channel_to(server.port).deliver(MAIL, SENDER, ADA)
        assert delivery.outcome is DeliveryOutcome.REFUSED_FOR_GOOD
        assert delivery.hard_bounce


@pytest.mark.parametrize("endless", [b"250-more\r\n" * 300, b"250 " + b"x" * 200_000])
async def test_an_answer_without_end_is_cut_off(channel_to: MakeChannel, endless: bytes) -> None:
    async with ScriptedServer({b"EHLO": endless}) as server:
        delivery = await channel_to(server.port).deliver(MAIL, SENDER, ADA)
        assert (delivery.outcome, delivery.stage) == (DeliveryOutcome.FAULT, Stage.EHLO)
