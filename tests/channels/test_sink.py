"""The sink as a server: what it keeps, what it answers, how it misbehaves."""

from __future__ import annotations

import asyncio
import json
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest

from digital_cs.channels.sink import FaultMode, Faults, Sink, read_index
from digital_cs.channels.sink_folder import INDEX_FILE, SinkFolder
from digital_cs.channels.smtp import DeliveryOutcome
from digital_cs.errors import UnavailableError
from tests.channels.conftest import MakeChannel

MAIL = b"Message-ID: <1@example.org>\r\nSubject: Hello\r\n\r\nHello.\r\n"


def index_equals_files(folder: Path) -> bool:
    indexed = {entry.file for entry in read_index(folder)}
    return indexed == {path.name for path in folder.glob("*.eml")}


async def conversation(port: int, *turns: bytes) -> list[bytes]:
    """Sends each turn, and gives what the sink answered to all of them, line by line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for turn in turns:
        writer.write(turn)
        await writer.drain()
        await asyncio.sleep(0.01)
    writer.write_eof()
    answers = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answers.split(b"\r\n")[1:-1]


async def test_the_index_lists_exactly_the_files(sink: Sink, channel_to: MakeChannel) -> None:
    channel = channel_to(sink.port)
    mails = [
        b"Message-ID:\r\n <%d@example.org>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
        b" no %d\r\n\r\nSubject: not this one\r\n" % (number, number)
        for number in range(25)
    ]
    await asyncio.gather(
        *(channel.deliver(mail, "a@b.example", f"{i}@c.example") for i, mail in enumerate(mails))
    )
    entries = read_index(sink.folder)
    assert index_equals_files(sink.folder)
    assert sorted((sink.folder / entry.file).read_bytes() for entry in entries) == sorted(mails)
    for entry in entries:
        number = entry.to.split("@")[0]
        assert entry.message_id == f"<{number}@example.org>"
        assert entry.subject == f"Grüße no {number}"
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def _talk_with_smtplib(port: int) -> tuple[dict[str, tuple[int, bytes]], bytes]:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="test") as client:
        assert client.noop()[0] == 250
        assert client.verify("ada@c.example")[0] == 252
        assert client.docmd("TURN")[0] == 500
        refused = client.sendmail("a@b.example", ["ada@c.example", "bob@c.example"], MAIL)
        assert client.mail("a@b.example")[0] == 250
        assert client.rset()[0] == 250
        assert client.docmd("DATA")[0] == 503
        client.sendmail("a@b.example", "cleo@c.example", b"..\r\n.x\r\n")
        return refused, client.ehlo()[1]


async def test_the_standard_librarys_client_is_served_too(sink: Sink) -> None:
    refused, features = await asyncio.to_thread(_talk_with_smtplib, sink.port)
    assert refused == {}
    for word in (b"PIPELINING", b"SIZE", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES"):
        assert word in features
    entries = read_index(sink.folder)
    assert [entry.to for entry in entries] == ["ada@c.example", "bob@c.example", "cleo@c.example"]
    assert (sink.folder / entries[0].file).read_bytes() == MAIL
    assert (sink.folder / entries[2].file).read_bytes() == b"..\r\n.x\r\n"
    assert entries[0].file == entries[1].file


async def test_two_messages_in_one_breath_are_two_messages(sink: Sink) -> None:
    one = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
    breath = one + b"first\r\n.\r\n" + one + b".\r\nQUIT\r\n"
    answers = await conversation(sink.port, b"EHLO me\r\n" + breath)
    assert [line[:3] for line in answers[-9:]] == [
        *[b"250", b"250", b"354", b"250"] * 2,
        b"221",
    ]
    contents = [(sink.folder / entry.file).read_bytes() for entry in read_index(sink.folder)]
    assert contents == [b"first\r\n", b""]


async def test_only_crlf_dot_crlf_ends_a_message(sink: Sink) -> None:
    start = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"
    await conversation(sink.port, start, b"x\n.\nMAIL\r\n.\ry\r\n", b".", b"\r", b"\nQUIT\r\n")
    (entry,) = read_index(sink.folder)
    assert (sink.folder / entry.file).read_bytes() == b"x\n.\nMAIL\r\n\ry\r\n"


@pytest.mark.parametrize(
    ("turns", "answer"),
    [
        ((b"RCPT TO:<a@b.example>\r\n",), b"503"),
        ((b"MAIL FROM:nobody\r\n",), b"501"),
        ((b"MAIL FROM:<>\r\nRCPT TO:<>\r\n",), b"501"),
        ((b"MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\n",), b"503"),
        ((b"DATA\r\nNOOP\r\n",), b"250"),
        ((b"\xff\xfe\r\n",), b"500"),
        ((b"x" * 5000,), b"500"),
    ],
)
async def test_nonsense_is_answered_and_stores_nothing(
    sink: Sink, turns: tuple[bytes, ...], answer: bytes
) -> None:
    answers = await conversation(sink.port, *turns)
    assert answers[-1].startswith(answer)
    assert read_index(sink.folder) == []


async def test_a_message_beyond_the_limit_is_refused_and_the_dialogue_goes_on(
    sink: Sink, channel_to: MakeChannel
) -> None:
    channel = channel_to(sink.port)
    huge = await channel.deliver(b"x" * (32 * 1024 * 1024 + 1), "a@b.example", "c@d.example")
    assert (huge.outcome, huge.code) == (DeliveryOutcome.REFUSED_FOR_GOOD, 552)
    small = await channel.deliver(MAIL, "a@b.example", "c@d.example")
    assert small.outcome is DeliveryOutcome.ACCEPTED
    assert len(read_index(sink.folder)) == 1
    assert index_equals_files(sink.folder)


async def _refusals(sink: Sink, channel_to: MakeChannel) -> list[bool]:
    channel = channel_to(sink.port)
    return [
        (await channel.deliver(MAIL, "a@b.example", "c@d.example")).outcome
        is DeliveryOutcome.REFUSED_FOR_NOW
        for _ in range(60)
    ]


async def test_a_share_of_the_messages_is_drawn_the_same_for_the_same_seed(
    sink: Sink, channel_to: MakeChannel
) -> None:
    faults = Faults(FaultMode.REFUSE_4XX, share=0.5, seed=7)
    faults.write(sink.folder)
    first = await _refusals(sink, channel_to)
    faults.write(sink.folder)
    assert await _refusals(sink, channel_to) == first
    assert 10 < sum(first) < 50
    assert len(read_index(sink.folder)) == 2 * first.count(False)


async def test_removing_the_control_file_ends_the_misbehaviour(
    sink: Sink, channel_to: MakeChannel
) -> None:
    Faults(FaultMode.REFUSE_4XX).write(sink.folder)
    assert all(await _refusals(sink, channel_to))
    (sink.folder / "faults.json").unlink()
    assert not any(await _refusals(sink, channel_to))


@pytest.mark.parametrize("content", ["{", "[]", '{"mode": "nonsense"}', '{"colour": "red"}', "1"])
async def test_a_control_file_that_makes_no_sense_changes_nothing(
    sink: Sink, channel_to: MakeChannel, content: str
) -> None:
    Faults(FaultMode.REFUSE_4XX).write(sink.folder)
    assert all(await _refusals(sink, channel_to))
    (sink.folder / "faults.json").write_text(content)
    assert all(await _refusals(sink, channel_to))


@pytest.mark.parametrize("values", [{"share": 1.5}, {"share": -0.1}, {"seconds": -1.0}])
def test_faults_that_cannot_be_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"number from 0 to 1|negative"):
        Faults(FaultMode.DELAY, **values)  # type: ignore[arg-type]


async def test_leaving_does_not_wait_for_clients_nor_answer_what_is_kept_back_p14(
    tmp_path: Path, channel_to: MakeChannel
) -> None:
    async with Sink(tmp_path) as sink:
        Faults(FaultMode.STALL_AFTER_DATA).write(tmp_path)
        channel = channel_to(sink.port)
        task = asyncio.ensure_future(channel.deliver(MAIL, "a@b.example", "c@d.example"))
        while not read_index(tmp_path):
            await asyncio.sleep(0.005)
    assert (await task).outcome is DeliveryOutcome.UNKNOWN


async def test_a_port_already_taken_is_said_in_a_sentence(sink: Sink, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=rf"127\.0\.0\.1:{sink.port}: .*Choose another"):
        async with Sink(tmp_path / "other", port=sink.port):
            pass


async def test_a_folder_that_cannot_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot write to"):
        async with Sink(tmp_path / "file"):
            pass


async def test_a_sink_whose_folder_vanished_refuses_for_now_and_recovers(
    tmp_path: Path, channel_to: MakeChannel
) -> None:
    folder, aside = tmp_path / "sink", tmp_path / "aside"
    async with Sink(folder) as sink:
        channel = channel_to(sink.port)
        folder.rename(aside)
        folder.write_text("a file in the way")
        delivery = await channel.deliver(MAIL, "a@b.example", "c@d.example")
        assert (delivery.outcome, delivery.code, delivery.enhanced) == (
            DeliveryOutcome.REFUSED_FOR_NOW,
            452,
            "4.3.1",
        )
        folder.unlink()
        aside.rename(folder)
        delivery = await channel.deliver(MAIL, "a@b.example", "c@d.example")
        assert delivery.outcome is DeliveryOutcome.ACCEPTED
    assert len(read_index(folder)) == 1


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize("damage", [lambda line: line[:-1], lambda line: b'{"at": "2026'])
def test_half_a_line_of_a_killed_sink_is_cut_off(tmp_path: Path, damage: Damage) -> None:
    folder = SinkFolder(tmp_path)
    folder.store(MAIL, ["a@b.example"])
    folder.close()
    index = tmp_path / INDEX_FILE
    whole = index.read_bytes()
    index.write_bytes(whole + damage(whole))
    (tmp_path / "x.eml.part").write_bytes(b"half")
    assert len(read_index(tmp_path)) == 1

    folder = SinkFolder(tmp_path, durable=True)
    folder.store(MAIL, ["c@d.example"])
    folder.close()
    assert [entry.to for entry in read_index(tmp_path)] == ["a@b.example", "c@d.example"]
    assert index_equals_files(tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_an_index_line_has_the_promised_keys(tmp_path: Path) -> None:
    folder = SinkFolder(tmp_path)
    folder.store(MAIL, ["a@b.example"])
    folder.close()
    (line,) = (tmp_path / INDEX_FILE).read_text().splitlines()
    assert list(json.loads(line)) == ["at", "message_id", "to", "subject", "file"]


def test_a_folder_that_no_sink_used_has_an_empty_index(tmp_path: Path) -> None:
    assert read_index(tmp_path) == []
