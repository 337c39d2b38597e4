"""A mail sink that is no bottleneck: several processes on one port that count and keep nothing.

It reads a message's Message-ID and skips the rest. A compiled one would spare what is left of its
CPU, a few microseconds a message, most of them in the kernel; this one runs wherever we do. When it
is told to, it takes its time for each message, as relays do that write it to a disk.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

_OK, _TAKEN = b"250 ok\r\n", b"250 2.0.0 taken\r\n"
_SIMPLE = {b"MAIL": _OK, b"RCPT": _OK, b"RSET": _OK, b"NOOP": _OK}
_END_OF_DATA = b"\r\n.\r\n"
_ID_ENDS = 160
"""Our messages begin with their Message-ID, which ends before this."""


class Tally:
    """What came, by Message-ID: how often, and when last."""

    def __init__(self) -> None:
        self.times: dict[bytes, int] = {}
        self.last: dict[bytes, float] = {}

    def take(self, beginning: bytes) -> None:
        """Count the message that begins so."""
        line = beginning.partition(b"\r\n")[0]
        self.times[line] = self.times.get(line, 0) + 1
        self.last[line] = time.time()

    def written(self) -> str:
        """A line for each Message-ID."""
        named = ((line.partition(b" ")[2].decode(), line) for line in self.times)
        return "".join(f"{id}\t{self.times[line]}\t{self.last[line]}\n" for id, line in named)


class FastSession(asyncio.Protocol):
    """One client, who is trusted to speak SMTP."""

    def __init__(self, tally: list[Tally], features: tuple[bytes, ...], takes: float) -> None:
        self._tally = tally
        self._takes = takes
        lines = (b"fast sink", *features)
        self._ehlo = b"".join(b"250-%b\r\n" % line for line in lines) + b"250 SIZE\r\n"
        self._rest = b""
        self._skip = 0
        self._in_data = False
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 fast sink\r\n")

    def data_received(self, data: bytes) -> None:
        if self._held:
            self._rest += data
            return
        if self._skip >= len(data) and not self._rest:
            self._skip -= len(data)
            if not self._skip:
                self._transport.write(_TAKEN)
            return
        answers: list[bytes] = []
        data = self._rest + data if self._rest else data
        place = self._skip
        if place:
            self._skip = 0
            answers.append(_TAKEN)
        while place < len(data) and not self._held:
            if self._in_data:
                after = self._end_data(data, place, answers)
            else:
                after = self._command(data, place, answers)
            if after is None:
                break
            place = after
        self._rest = data[place:]
        if answers:
            self._transport.write(b"".join(answers))

    def _command(self, data: bytes, place: int, answers: list[bytes]) -> int | None:
        """Where the next command begins; None if this one is not all there yet."""
        end = data.find(b"\r\n", place)
        if end < 0:
            return None
        verb = data[place : place + 4]
        if verb in _SIMPLE:
            answers.append(_SIMPLE[verb])
        elif verb == b"BDAT":
            size = int(data[place + 5 : end].partition(b" ")[0])
            begins = end + 2
            there = len(data) - begins
            if there < min(size, _ID_ENDS):
                return None
            self._tally[0].take(data[begins : begins + _ID_ENDS])
            if there < size:
                self._skip = size - there
                return len(data)
            answers.append(_TAKEN)
            return begins + size
        elif verb == b"DATA":
            self._in_data = True
            answers.append(b"354 go on\r\n")
        elif verb == b"EHLO":
            answers.append(self._ehlo)
        else:
            answers.append(b"221 bye\r\n" if verb == b"QUIT" else b"500 what\r\n")
        return end + 2

    def _end_data(self, data: bytes, place: int, answers: list[bytes]) -> int | None:
        end = data.find(_END_OF_DATA, place)
        if end < 0:
            return None
        self._tally[0].take(data[place : place + _ID_ENDS])
        self._in_data = False
        if self._takes:
            self._held = True
            asyncio.get_running_loop().call_later(self._takes, self._go_on)
            return end + len(_END_OF_DATA)
        answers.append(_TAKEN)
        return end + len(_END_OF_DATA)

    def _go_on(self) -> None:
        """Answer what was taken so long ago, and what came behind it."""
        self._held = False
        self._transport.write(_TAKEN)
        data, self._rest = self._rest, b""
        if data:
            self.data_received(data)


@dataclass(frozen=True)
class Taken:
    """What the sink's processes took together since they were asked last, by Message-ID."""

    times: dict[str, int]
    at: dict[str, float]

    @property
    def messages(self) -> int:
        return sum(self.times.values())

    @property
    def twice(self) -> int:
        """Messages that came once too often."""
        return self.messages - len(self.times)


class FastSink:
    """The processes of a sink, and what they counted."""

    def __init__(self, port: int, processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
        self.port = port
        self._processes = processes
        self._folder = folder

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def taken(self) -> Taken:
        """What came since the last question."""
        times: dict[str, int] = {}
        at: dict[str, float] = {}
        for process in self._processes:
            answer = self._folder / f"{process.pid}.tsv"
            answer.unlink(missing_ok=True)
            process.send_signal(signal.SIGUSR1)
            _wait_for(answer, process)
            for line in answer.read_text().splitlines():
                id, often, last = line.split("\t")
                times[id] = times.get(id, 0) + int(often)
                at[id] = max(at.get(id, 0.0), float(last))
        return Taken(times, at)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, "the sink ended"
        assert time.monotonic() < deadline, "the sink does not answer"
        time.sleep(0.01)


@contextmanager
def fast_sink(
    folder: Path, *features: str, processes: int = 1, takes: float = 0.0
) -> Iterator[FastSink]:
    """A sink that offers these features and listens until the block ends. `takes`: seconds for each
    message of a connection, where DATA is used."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as finder:
        finder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        finder.bind(("127.0.0.1", 0))
        port = finder.getsockname()[1]
        command = [sys.executable, "-m", "tests.bench.fast_sink", str(port), str(folder)]
        running = [subprocess.Popen([*command, str(takes), *features]) for _ in range(processes)]
        try:
            for process in running:
                _wait_for(folder / f"{process.pid}.ready", process)
            yield FastSink(port, running, folder)
        finally:
            for process in running:
                process.kill()
                process.wait()


async def _serve(port: int, folder: Path, features: tuple[bytes, ...], takes: float) -> None:
    loop = asyncio.get_running_loop()
    tally = [Tally()]
    await loop.create_server(
        lambda: FastSession(tally, features, takes), "127.0.0.1", port, reuse_port=True
    )

    def answer() -> None:
        found, tally[0] = tally[0], Tally()
        temporary = folder / f".{os.getpid()}"
        temporary.write_text(found.written())
        temporary.replace(folder / f"{os.getpid()}.tsv")

    loop.add_signal_handler(signal.SIGUSR1, answer)
    (folder / f"{os.getpid()}.ready").touch()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("takes", type=float, help="seconds for each message")
    parser.add_argument("features", nargs="*", help="such as PIPELINING")
    options = parser.parse_args()
    features = tuple(each.encode() for each in options.features)
    uvloop.run(_serve(options.port, options.folder, features, options.takes))


if __name__ == "__main__":
    main()
