"""The bulk line: many messages on one connection, and of each it is known what became of it."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from digital_cs.channels.bulk import BulkLine, Handed
from digital_cs.channels.delivery import Delivery, DeliveryOutcome, Stage
from digital_cs.channels.sink import Faults, Sink, read_index
from digital_cs.channels.sink_faults import FaultMode
from digital_cs.channels.smtp_connection import SmtpServer, TlsMode
from tests.channels.cutting import CuttingServer
from tests.channels.far_ends import HANG_UP, SILENCE, IndependentServer, ScriptedServer

MakeLine = Callable[..., BulkLine]
PIPELINING, CHUNKING = b"PIPELINING", b"CHUNKING"
WAYS = {"chunks": (PIPELINING, CHUNKING), "data": (PIPELINING,), "one by one": ()}
ACCEPTED, FAULT, UNKNOWN = (
    DeliveryOutcome.ACCEPTED, DeliveryOutcome.FAULT, DeliveryOutcome.UNKNOWN,
)  # fmt: skip


@pytest.fixture
async def line_to() -> AsyncIterator[MakeLine]:
    """Makes lines to a port of this machine, and closes them after the test."""
    lines: list[BulkLine] = []

    def make(port: int, *, server: dict[str, Any] | None = None, **options: Any) -> BulkLine:
        settings: dict[str, Any] = {
            "host": "127.0.0.1", "port": port, "tls": TlsMode.NONE, "ssl_context": None,
            "user": None, "password": None, "local_hostname": "me.example",
        }  # fmt: skip
        target = SmtpServer(**{**settings, **(server or {})})
        lines.append(BulkLine(target, **{"timeout": 10.0, **options}))
        return lines[-1]

    yield make
    for line in lines:
        await line.close()


def letters(*names: str) -> list[Handed]:
    return [
        Handed(f"bounce+{name}@b.example", f"{name}@a.example", f"X: {name}\r\n\r\nHi\r\n".encode())
        for name in names
    ]


def many(number: int) -> list[Handed]:
    return letters(*(f"p{index}" for index in range(number)))


def outcomes(deliveries: list[Delivery]) -> list[DeliveryOutcome]:
    return [delivery.outcome for delivery in deliveries]


@pytest.mark.parametrize("way", WAYS)
async def test_every_message_arrives_once_with_its_own_sender(line_to: MakeLine, way: str) -> None:
    async with CuttingServer(WAYS[way]) as server:
        line = line_to(server.port, depth=4)
        deliveries = await line.hand_over(many(30))
        assert outcomes(deliveries) == [ACCEPTED] * 30
        assert (deliveries[3].stage, deliveries[3].code, deliveries[3].enhanced) == (
            Stage.END_OF_DATA, 250, "2.0.0",
        )  # fmt: skip
        assert server.taken == Counter(f"p{index}" for index in range(30))
        assert server.senders == {f"p{i}@a.example": f"bounce+p{i}@b.example" for i in range(30)}
        assert outcomes(await line.hand_over(many(2))) == [ACCEPTED] * 2
        assert server.connections == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_refusal_in_the_middle_is_that_messages_alone(line_to: MakeLine, way: str) -> None:
    names = ("a", "nobody1", "b", "unwanted1", "nobody2", "nobody3", "unwanted2", "c")
    async with CuttingServer(WAYS[way]) as server:
        deliveries = await line_to(server.port).hand_over(letters(*names))
        assert server.taken == Counter("abc")
        assert server.senders["b@a.example"] == "bounce+b@b.example"
        assert server.connections == 1
    for name, delivery in zip(names, deliveries, strict=True):
        if name.startswith("nobody"):
            assert delivery.outcome is DeliveryOutcome.REFUSED_FOR_GOOD
            assert (delivery.stage, delivery.code) == (Stage.RCPT, 550)
            assert delivery.hard_bounce
        elif name.startswith("unwanted"):
            assert delivery.outcome is DeliveryOutcome.REFUSED_FOR_GOOD
            assert (delivery.stage, delivery.code) == (Stage.END_OF_DATA, 554)
            assert not delivery.hard_bounce
        else:
            assert delivery.outcome is ACCEPTED


NAMES = ("a", "nobody1", "b", "c", "unwanted1", "d")


@pytest.mark.parametrize("abrupt", [False, True])
@pytest.mark.parametrize("way", WAYS)
async def test_p14_wherever_the_wire_is_cut_none_is_lost_and_none_is_sent_twice(
    line_to: MakeLine, way: str, abrupt: bool
) -> None:
    async with CuttingServer(WAYS[way]) as whole:
        await line_to(whole.port, depth=3).hand_over(letters(*NAMES))
        length = whole.read
    seen: Counter[DeliveryOutcome] = Counter()
    for cut in range(1, length + 1, 1 if not abrupt else 3):
        seen += await cut_short(line_to, CuttingServer(WAYS[way], reads=cut, abrupt=abrupt))
        seen += await cut_short(line_to, CuttingServer(WAYS[way], says=cut, abrupt=abrupt))
    assert {ACCEPTED, FAULT, UNKNOWN} <= seen.keys()


async def cut_short(line_to: MakeLine, server: CuttingServer) -> Counter[DeliveryOutcome]:
    depth = 3
    async with server:
        line = line_to(server.port, depth=depth)
        deliveries = await line.hand_over(letters(*NAMES))
        await line.close()
    assert len(deliveries) == len(NAMES)
    for name, delivery in zip(NAMES, deliveries, strict=True):
        taken = server.taken[name]
        assert taken <= 1
        match delivery.outcome:
            case DeliveryOutcome.ACCEPTED:
                assert taken == 1
            case DeliveryOutcome.UNKNOWN:
                assert delivery.stage is Stage.END_OF_DATA
            case _:
                assert taken == 0
    found = Counter(outcomes(deliveries))
    assert found[UNKNOWN] <= depth
    return found


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_closes_after_some_is_asked_again_and_none_is_unknown(
    line_to: MakeLine, way: str
) -> None:
    async with CuttingServer(WAYS[way], closes_after=5) as server:
        line = line_to(server.port, depth=4)
        left = many(40)
        for _ in range(40):
            deliveries = await line.hand_over(left)
            assert set(outcomes(deliveries)) <= {ACCEPTED, FAULT}
            left = [
                handed for handed, delivery in zip(left, deliveries, strict=True)
                if delivery.outcome is FAULT
            ]  # fmt: skip
            if not left:
                break
        assert server.taken == Counter(f"p{index}" for index in range(40))


async def test_a_server_that_only_says_421_decides_nothing_and_is_left_alone(
    line_to: MakeLine,
) -> None:
    async with CuttingServer(closes_after=0) as server:
        deliveries = await line_to(server.port, depth=2).hand_over(many(9))
        assert outcomes(deliveries) == [FAULT] * 9
        assert deliveries[0].code == 421
        assert server.connections == 1


@pytest.mark.parametrize("way", WAYS)
async def test_the_connection_is_renewed_after_its_share_of_messages(
    line_to: MakeLine, way: str
) -> None:
    async with CuttingServer(WAYS[way]) as server:
        line = line_to(server.port, messages_per_connection=4)
        assert outcomes(await line.hand_over(many(10))) == [ACCEPTED] * 10
        assert server.connections == 3


async def test_a_server_that_is_not_there_is_a_fault_for_all(line_to: MakeLine) -> None:
    async with CuttingServer() as server:
        gone = server.port
    deliveries = await line_to(gone).hand_over(many(3))
    assert outcomes(deliveries) == [FAULT] * 3
    assert deliveries[0].stage is Stage.CONNECT


async def test_an_idle_connection_that_was_closed_is_replaced_before_anything_is_written(
    line_to: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.channels.bulk._IDLE", 0.0)
    answers: dict[bytes, bytes | list[bytes]] = {b"RSET": [HANG_UP, b"250 ok"]}
    async with ScriptedServer(answers) as server:
        line = line_to(server.port)
        assert outcomes(await line.hand_over(many(1))) == [ACCEPTED]
        assert outcomes(await line.hand_over(many(1))) == [ACCEPTED]
        assert server.connections == 2


@pytest.mark.parametrize(
    ("verb", "outcome"),
    [(b"MAIL", FAULT), (b"RCPT", FAULT), (b"DATA", FAULT), (b".", UNKNOWN)],
)
@pytest.mark.parametrize("silent", [SILENCE, HANG_UP])
async def test_only_what_was_written_to_its_end_is_unknown(
    line_to: MakeLine, verb: bytes, outcome: DeliveryOutcome, silent: bytes
) -> None:
    async with ScriptedServer({verb: silent}) as server:
        deliveries = await line_to(server.port, timeout=0.3).hand_over(many(2))
        assert outcomes(deliveries) == [outcome, FAULT]


@pytest.mark.parametrize("way", WAYS)
async def test_after_the_time_is_up_none_is_begun(line_to: MakeLine, way: str) -> None:
    async with CuttingServer(WAYS[way]) as server:
        line = line_to(server.port, depth=2)
        loop = asyncio.get_running_loop()
        clock, began = loop.time, loop.time()
        passed = [0.0]

        def slowly() -> Iterator[Handed]:
            for number, handed in enumerate(many(50)):
                if number == 10:
                    passed[0] = 55.0
                yield handed

        loop.time = lambda: clock() + passed[0]  # type: ignore[method-assign]
        try:
            deliveries = await line.hand_over(slowly(), until=began + 50)
        finally:
            del loop.time
        done = outcomes(deliveries).count(ACCEPTED)
        assert len(deliveries) == 50
        assert outcomes(deliveries)[done:] == [FAULT] * (50 - done)
        assert sum(server.taken.values()) == done


async def test_a_refused_recipient_with_an_open_data_is_never_ended_with_a_dot(
    line_to: MakeLine,
) -> None:
    answers: dict[bytes, bytes | list[bytes]] = {b"RCPT": [b"550 5.1.1 no", b"250 ok"]}
    async with ScriptedServer(answers) as server:
        deliveries = await line_to(server.port).hand_over(many(2))
        assert outcomes(deliveries) == [DeliveryOutcome.REFUSED_FOR_GOOD, ACCEPTED]
        assert server.connections == 2


async def test_a_cancelled_call_gives_the_connection_up(line_to: MakeLine) -> None:
    async with ScriptedServer({b".": [SILENCE, b"250 ok"]}) as server:
        line = line_to(server.port)
        task = asyncio.create_task(line.hand_over(many(1)))
        while b"DATA\r\n" not in server.commands:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert outcomes(await line.hand_over(many(1))) == [ACCEPTED]
        assert server.connections == 2


async def test_what_is_no_address_never_reaches_the_wire(line_to: MakeLine) -> None:
    async with CuttingServer() as server:
        wrong = [
            Handed("b@b.example", "a@a.example>\r\nRSET", b"X: x\r\n"),
            Handed("not an address", "a@a.example", b"X: x\r\n"),
            Handed("b@b.example", "zoë@a.example", b"X: x\r\n"),
            *many(1),
        ]
        deliveries = await line_to(server.port).hand_over(wrong)
    assert outcomes(deliveries) == [
        DeliveryOutcome.REFUSED_FOR_GOOD, FAULT, DeliveryOutcome.REFUSED_FOR_GOOD, ACCEPTED,
    ]  # fmt: skip
    assert "a.example" not in deliveries[0].detail + deliveries[2].detail
    assert server.taken == Counter(["p0"])


@pytest.mark.parametrize("offered", [True, False])
async def test_dots_and_bare_line_ends_arrive_as_they_should(
    line_to: MakeLine, sink: Sink, offered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not offered:
        features = tuple(each for each in sink_features() if each != CHUNKING)
        monkeypatch.setattr("digital_cs.channels.sink_session._FEATURES", features)
    body = b"Message-ID: <1@b>\r\n\r\n.\r\n..\r\nMAIL FROM:<x>\r\n.end\r\n"
    line = line_to(sink.port)
    deliveries = await line.hand_over([Handed("b@b.example", "a@a.example", body)] * 3)
    assert outcomes(deliveries) == [ACCEPTED] * 3
    files = {entry.file for entry in read_index(sink.folder)}
    assert {(sink.folder / file).read_bytes() for file in files} == {body}
    assert len(files) == 3
    for plain in (b"Message-ID: <1@b>\r\n\r\nends with a dot.\r\n", b"X: x\r\n\r\nno end"):
        await line.hand_over([Handed("b@b.example", "a@a.example", plain, dotless=True)])
        last = (sink.folder / read_index(sink.folder)[-1].file).read_bytes()
        assert last in (plain, plain + b"\r\n")


def sink_features() -> tuple[bytes, ...]:
    from digital_cs.channels import sink_session

    return sink_session._FEATURES


@pytest.mark.parametrize(
    ("mode", "outcome", "stored"),
    [
        (FaultMode.REFUSE_4XX, DeliveryOutcome.REFUSED_FOR_NOW, False),
        (FaultMode.REFUSE_5XX, DeliveryOutcome.REFUSED_FOR_GOOD, False),
        (FaultMode.REFUSE_RCPT_UNKNOWN, DeliveryOutcome.REFUSED_FOR_GOOD, False),
        (FaultMode.STALL, UNKNOWN, False),
        (FaultMode.STALL_AFTER_DATA, UNKNOWN, True),
        (FaultMode.DROP_BEFORE_DATA, UNKNOWN, False),
        (FaultMode.DROP_AFTER_DATA, UNKNOWN, True),
        (FaultMode.DROP_AFTER_DATA_UNSTORED, UNKNOWN, False),
        (FaultMode.DELAY, ACCEPTED, True),
    ],
)
async def test_the_sink_misbehaves_in_chunks_as_it_does_with_data_p14(
    line_to: MakeLine, sink: Sink, mode: FaultMode, outcome: DeliveryOutcome, stored: bool
) -> None:
    Faults(mode, seconds=0.01).write(sink.folder)
    deliveries = await line_to(sink.port, timeout=0.3).hand_over(many(1))
    assert outcomes(deliveries) == [outcome]
    assert len(read_index(sink.folder)) == stored
    Faults().write(sink.folder)
    assert outcomes(await line_to(sink.port).hand_over(many(3))) == [ACCEPTED] * 3


async def test_it_signs_in_over_tls_like_the_single_path(
    line_to: MakeLine, server_context: ssl.SSLContext, trusting_context: ssl.SSLContext
) -> None:
    account = ("ada", "s3cret")
    async with IndependentServer(server_context=server_context, account=account) as server:
        line = line_to(
            server.port,
            server={
                "host": "localhost", "tls": TlsMode.STARTTLS, "ssl_context": trusting_context,
                "user": "ada", "password": "s3cret",
            },
        )  # fmt: skip
        assert outcomes(await line.hand_over(many(3))) == [ACCEPTED] * 3
    assert [letter.user for letter in server.letters] == [b"ada"] * 3


async def test_nothing_to_hand_over_asks_nobody(line_to: MakeLine) -> None:
    async with CuttingServer() as server:
        assert await line_to(server.port).hand_over([]) == []
        assert server.connections == 0
