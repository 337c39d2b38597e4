"""The client's end of an SMTP wire: bytes out, whole answers in."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from digital_cs.channels.delivery import without_addresses

_REPLY_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")
_LONGEST_LINE = 64 * 1024
_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced(self) -> str | None:
        """The status code of RFC 3463, like 5.1.1, if the answer has one."""
        match = _ENHANCED.match(self.lines[0])
        return match[1] if match else None

    def words(self, *addresses: str) -> str:
        """What the server said, without codes and addresses."""
        text = " ".join(_ENHANCED.sub("", line, count=1) for line in self.lines)
        return without_addresses(text, *addresses)


@lru_cache(maxsize=128)
def _whole_reply(line: bytes) -> Reply | None:
    """The answer that this line is by itself. In bulk most are the same few, letter by letter."""
    match = _REPLY_LINE.fullmatch(line.rstrip(b"\r"))
    if match is None or match[2] == b"-":
        return None
    return Reply(int(match[1]), ((match[3] or b"").decode(errors="replace"),))


class SmtpRefusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """The server refused something that does not concern one message."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.words())
        self.reply = reply

    @staticmethod
    def unless(reply: Reply, kind: int) -> Reply:
        """The reply, if its code has this first digit; else it is raised as a refusal."""
        if reply.code // 100 != kind:
            raise SmtpRefusal(reply)
        return reply


class SmtpWire(asyncio.Protocol):
    """Sends commands, gives back the answers in order. Raises `OSError` once the wire is cut."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: OSError | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def connected(self) -> bool:
        """A connection was made, whatever became of it."""
        return self._transport is not None

    @property
    def quiet(self) -> bool:
        """Open, and nothing unasked has come in (a server says 421 before it hangs up)."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and self._lost is None
            and not (self._replies or self._lines or self._buffer)
        )

    @property
    def cut(self) -> bool:
        """Nothing more can be written."""
        return self._transport is None or self._transport.is_closing() or self._lost is not None

    async def connect(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Connect; with a context, encrypted from the first byte."""
        await asyncio.get_running_loop().create_connection(
            lambda: self,
            host,
            port,
            ssl=context,
            server_hostname=host if context is not None else None,
        )

    async def encrypt(self, host: str, context: ssl.SSLContext) -> None:
        """Do the TLS handshake on the open wire."""
        if self._transport is None or not self.quiet:
            # Words from before the handshake could be anybody's.
            raise ConnectionError("the server spoke between STARTTLS and the handshake")
        upgraded = await asyncio.get_running_loop().start_tls(
            self._transport, self, context, server_hostname=host
        )
        if upgraded is None:
            raise ConnectionError("the connection was lost during the TLS handshake")
        self._transport = upgraded

    async def ask(self, data: bytes) -> Reply:
        """Send one command (or several, see `reply`) and wait for the first answer."""
        self.write(data)
        return await self.reply()

    def write(self, data: bytes) -> None:
        if self._lost is not None or self._transport is None:
            raise self._lost or ConnectionError("there is no connection")
        self._transport.write(data)

    async def reply(self) -> Reply:
        """The next answer. One that came before the wire was cut is still given."""
        while not self._replies:
            if self._lost is not None:
                raise self._lost
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._replies.popleft()

    def taken(self) -> Reply | None:
        """The next answer, if it has come already."""
        return self._replies.popleft() if self._replies else None

    def has(self, answers: int) -> bool:
        """Whether so many answers have come already."""
        return len(self._replies) >= answers

    async def quit(self, patience: float) -> None:
        """Say QUIT and close, waiting at most `patience` seconds for the server."""
        try:
            async with asyncio.timeout(patience):
                await self.ask(b"QUIT\r\n")
        except OSError:
            pass
        finally:
            self.abort()
        await asyncio.wait({self._closed}, timeout=patience)

    def abort(self) -> None:
        """Cut the wire at once. It is safe to call this at any time, and twice."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            if not self._lines and (known := _whole_reply(bytes(line))) is not None:
                self._replies.append(known)
                continue
            match = _REPLY_LINE.fullmatch(line.rstrip(b"\r"))
            if match is None or len(self._lines) >= _MOST_LINES:
                self._fail(ConnectionError("the server's answer is not SMTP"))
                return
            self._lines.append((match[3] or b"").decode(errors="replace"))
            if match[2] != b"-":
                self._replies.append(Reply(int(match[1]), tuple(self._lines)))
                self._lines.clear()
        if len(self._buffer) > _LONGEST_LINE:
            self._fail(ConnectionError("the server's answer does not end"))
        elif self._replies:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lost is None:
            reason = exc if isinstance(exc, OSError) else None
            self._lost = reason or ConnectionResetError("the server closed the connection")
        if not self._closed.done():
            self._closed.set_result(None)
        self._wake()

    def _fail(self, error: OSError) -> None:
        self._lost = error
        self.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
