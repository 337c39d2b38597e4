"""The sink as its own process: ready, controlled, killed, out of room."""

from __future__ import annotations

import signal
import smtplib
from pathlib import Path

import pytest

from digital_cs.channels.sink import FaultMode, Faults, main, read_index
from tests.channels.far_ends import sink_process


def mail(number: int, size: int = 10) -> bytes:
    return b"Message-ID: <%d@example.org>\r\n\r\n" % number + b"x" * size + b"\r\n"


def send(client: smtplib.SMTP, number: int, size: int = 10) -> bool:
    """Whether the message was taken; the refusal has to be the one of a full disk."""
    try:
        client.sendmail("a@b.example", f"{number}@c.example", mail(number, size))
    except smtplib.SMTPDataError as error:
        refusal = error.args
    else:
        return True
    assert refusal == (452, b"4.3.1 no room to store it")
    return False


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_when_told(tmp_path: Path, stop: signal.Signals) -> None:
    with sink_process(tmp_path / "sink", "--durable") as sink:
        client = smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test")
        assert send(client, 1)
        sink.process.send_signal(stop)
        output, _ = sink.process.communicate(timeout=20)
        client.close()
        assert sink.process.returncode == 0
        assert f"127.0.0.1:{sink.port}" in output
        assert "Traceback" not in output


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "sink"
    for round_ in range(3):
        with sink_process(folder) as sink:
            client = smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test")
            assert send(client, 2 * round_)
            assert send(client, 2 * round_ + 1)
            sink.process.kill()
            client.close()
        expected = [f"<{number}@example.org>" for number in range(2 * round_ + 2)]
        assert [entry.message_id for entry in read_index(folder)] == expected
        for number, entry in enumerate(read_index(folder)):
            assert (folder / entry.file).read_bytes() == mail(number)


def test_another_process_makes_it_misbehave(tmp_path: Path) -> None:
    folder = tmp_path / "sink"
    with (
        sink_process(folder) as sink,
        smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test") as client,
    ):
        Faults(FaultMode.REFUSE_RCPT_UNKNOWN).write(folder)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(client, 1)
        Faults().write(folder)
        assert send(client, 2)
    assert [entry.to for entry in read_index(folder)] == ["2@c.example"]


def test_a_full_disk_refuses_for_now_keeps_nothing_half_and_stays_up(tmp_path: Path) -> None:
    folder = tmp_path / "sink"
    with (
        sink_process(folder, largest_file=2000) as sink,
        smtplib.SMTP("127.0.0.1", sink.port, local_hostname="test") as client,
    ):
        # A message too large for the disk, in between others.
        taken = [send(client, 0), send(client, 1, size=5000), send(client, 2)]
        assert taken == [True, False, True]
        # Then the index itself meets the end of the disk, in the middle of a line.
        more = [send(client, number) for number in range(3, 30)]
        assert more[0]
        assert not more[-1]
        entries = read_index(folder)
        assert len(entries) == taken.count(True) + more.count(True)
        assert {entry.file for entry in entries} == {path.name for path in folder.glob("*.eml")}
        assert not list(folder.glob("*.part"))
        assert (folder / "index.jsonl").read_bytes().endswith(b"}\n")
        assert sink.process.poll() is None


def test_a_port_already_taken_ends_the_process_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sink_process(tmp_path / "sink") as sink:
        code = main(["--folder", str(tmp_path / "other"), "--port", str(sink.port)])
    assert code == 3
    assert "Choose another port" in capsys.readouterr().err
