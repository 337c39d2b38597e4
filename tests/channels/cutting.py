"""An SMTP server that knows what it took, and hangs up at a byte that it is told."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import cast


@dataclass
class CuttingServer:
    """Takes messages by the book until it has read `reads` or said `says` bytes, on one connection.

    Connections after the first `cuts` are left whole. Recipients that begin with `nobody` are
    refused, messages to `unwanted` are refused at their end.
    """

    features: tuple[bytes, ...] = (b"PIPELINING", b"CHUNKING")
    reads: float = math.inf
    says: float = math.inf
    cuts: int = 1
    abrupt: bool = False
    closes_after: float = math.inf
    """Says 421 to the MAIL after so many messages of a connection, and closes."""
    taken: Counter[str] = field(default_factory=Counter)
    senders: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    read: int = 0
    port: int = 0

    async def __aenter__(self) -> CuttingServer:
        loop = asyncio.get_running_loop()
        self.sessions: set[_Session] = set()
        self._server = await loop.create_server(lambda: _Session(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for session in tuple(self.sessions):
            session.transport.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()


class _Session(asyncio.Protocol):
    def __init__(self, server: CuttingServer) -> None:
        self._server = server
        self._buffer = b""
        self._out = b""
        self._read = 0
        self._said = 0
        self._messages = 0
        self._gone = False
        self._data = False
        self._chunk: int | None = None
        self._body = b""
        self._sender: str | None = None
        self._to = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._server.connections += 1
        self._server.sessions.add(self)
        whole = self._server.connections > self._server.cuts
        self._reads = math.inf if whole else self._server.reads
        self._says = math.inf if whole else self._server.says
        self._say(b"220 cutting")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._gone:
            return
        room = self._reads - self._read
        data = data if len(data) <= room else data[: int(room)]
        self._read += len(data)
        self._server.read += len(data)
        self._buffer += data
        while not self._gone and self._step():
            pass
        self._flush()
        if self._read >= self._reads:
            self._hang_up()

    def _step(self) -> bool:
        if self._chunk is not None:
            if len(self._buffer) < self._chunk:
                return False
            body, self._buffer = self._buffer[: self._chunk], self._buffer[self._chunk :]
            self._chunk = None
            self._take(body)
            return True
        if self._data:
            body, end, rest = self._buffer.partition(b"\r\n.\r\n")
            if not end:
                return False
            self._buffer, self._data = rest, False
            self._take(body + b"\r\n")
            return True
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return False
        self._buffer = rest
        self._command(line)
        return True

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        address = (re.search(rb"<(.*?)>", line) or [b"", b""])[1].decode()
        if verb == b"EHLO":
            features = b"".join(b"250-%b\r\n" % word for word in self._server.features)
            self._say(b"250-cutting\r\n" + features + b"250 HELP")
        elif verb == b"RSET":
            self._sender, self._to = None, ""
            self._say(b"250 forgotten")
        elif verb == b"MAIL" and self._messages >= self._server.closes_after:
            self._say(b"421 4.7.0 enough for today")
            self._flush()
            self._hang_up()
        elif verb == b"MAIL":
            if self._sender is not None:
                self._say(b"503 5.5.1 nested MAIL")
            else:
                self._sender = address
                self._say(b"250 2.1.0 ok")
        elif verb == b"RCPT":
            if self._sender is None:
                self._say(b"503 5.5.1 MAIL first")
            elif address.startswith("nobody"):
                self._say(b"550 5.1.1 no such mailbox")
            else:
                self._to = address
                self._say(b"250 2.1.5 ok")
        elif verb == b"DATA":
            self._data = bool(self._to)
            self._say(b"354 go on" if self._to else b"503 5.5.1 nobody to send it to")
        elif verb == b"BDAT":
            self._chunk = int(line.split()[1])
        else:
            self._say(b"221 bye" if verb == b"QUIT" else b"500 what")

    def _take(self, body: bytes) -> None:
        if not self._to:
            self._say(b"503 5.5.1 nobody to send it to")
            return
        self._messages += 1
        if self._to.startswith("unwanted"):
            self._say(b"554 5.7.1 not that")
        else:
            self._server.taken[body.decode().split()[1]] += 1
            self._server.senders[self._to] = self._sender or ""
            self._say(b"250 2.0.0 taken")
        self._sender, self._to = None, ""

    def _say(self, answer: bytes) -> None:
        self._out += answer + b"\r\n"

    def _flush(self) -> None:
        room = self._says - self._said
        cut = len(self._out) > room
        out, self._out = (self._out[: int(room)] if cut else self._out), b""
        self._said += len(out)
        if not self._gone:
            self.transport.write(out)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self._gone = True
        if self._server.abrupt:
            self.transport.abort()
        else:
            self.transport.close()
