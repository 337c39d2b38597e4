"""One client's conversation with the door for mail that comes back."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from digital_cs import logs

log = logs.get(__name__)

_FEATURES = (b"PIPELINING", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES")
_PATH = rb"(?i)%b:[ \t]*<([^<>\x00-\x1f\x7f]{0,512})>(.*)"
_FROM = re.compile(_PATH % b"FROM", re.DOTALL)
_TO = re.compile(_PATH % b"TO", re.DOTALL)
_SIZE = re.compile(rb"(?i)(?:^|\s)SIZE=(\d{1,20})(?:\s|$)")
_END_OF_DATA = b"\r\n.\r\n"
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take up. Sizes are in bytes, times in real seconds.

    `kept` is what is held of one mail; the rest is read and dropped. `idle` is the longest wait
    for a command, `data` that for a whole mail, and `between` the time that a client may spend
    without sending a mail.
    """

    mail: int = 32 * 1024 * 1024
    kept: int = 1024 * 1024
    command: int = 4096
    recipients: int = 100
    connections: int = 256
    mistakes: int = 20
    idle: float = 60.0
    data: float = 300.0
    between: float = 300.0
    farewell: float = 10.0


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that somebody handed over: its beginning, and the SHA-256 of all of it, in hex."""

    beginning: bytes
    digest: str
    recipients: tuple[str, ...]


class Conversation:
    """Speaks RFC 5321, and RFC 2033 with a client that begins with LHLO.

    A mail ends with CRLF.CRLF and nothing else: where servers differ in that, mails are smuggled.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
        take: Callable[[Mail], Awaitable[bytes]], wants: Callable[[str], bool], limits: Limits,
        closing: asyncio.Event,
    ) -> None:  # fmt: skip
        self._reader = reader
        self._writer = writer
        self._take = take
        self._wants = wants
        self._limits = limits
        self._closing = closing
        self.busy = False
        """Whether a mail is being kept, whose sender should be told so."""
        self._buffer = bytearray()
        self._verb = b""
        self._greeted = False
        self._lmtp = False
        self._sender: bytes | None = None
        self._recipients: list[str] = []
        self._mistakes = 0
        self._commands: dict[bytes, Callable[[bytes], Awaitable[None]]] = {
            b"HELO": self._helo, b"EHLO": self._helo, b"LHLO": self._helo,
            b"MAIL": self._mail, b"RCPT": self._rcpt, b"DATA": self._data,
            b"RSET": self._rset, b"NOOP": self._noop, b"VRFY": self._vrfy,
        }  # fmt: skip

    async def hold(self) -> None:
        """Speak until the client goes, or has to. Raises what a lost connection raises."""
        loop = asyncio.get_running_loop()
        await self._say(b"220 digital-cs ESMTP LMTP")
        until = loop.time() + self._limits.between
        while not self._closing.is_set():
            try:
                async with asyncio.timeout_at(min(until, loop.time() + self._limits.idle)):
                    line = await self._line()
            except TimeoutError:
                await self._say(b"421 4.4.2 you take too long")
                return
            if line is None:
                await self._say(b"500 5.5.2 line too long")
                return
            verb, _, rest = line.partition(b" ")
            self._verb = verb.upper()
            if self._verb == b"QUIT":
                await self._say(b"221 2.0.0 bye")
                return
            command = self._commands.get(self._verb)
            if command is None:
                await self._mistake(b"500 5.5.2 unknown command")
            else:
                await command(rest.strip())
                if self._verb == b"DATA":
                    until = loop.time() + self._limits.between
            if self._mistakes > self._limits.mistakes:
                await self._say(b"421 4.7.0 too many mistakes")
                return
        await self._say(b"421 4.3.2 closing, come again")

    async def _helo(self, rest: bytes) -> None:
        self._forget()
        self._greeted, self._lmtp = True, self._verb == b"LHLO"
        if self._verb == b"HELO":
            await self._say(b"250 digital-cs")
            return
        features = (b"digital-cs", b"SIZE %d" % self._limits.mail, *_FEATURES)
        lines = [b"250-" + each for each in features[:-1]] + [b"250 " + features[-1]]
        await self._say(b"\r\n".join(lines))

    async def _mail(self, rest: bytes) -> None:
        path = _FROM.fullmatch(rest)
        size = _SIZE.search(path[2]) if path else None
        if not self._greeted:
            await self._mistake(b"503 5.5.1 say who you are first")
        elif path is None:
            await self._mistake(b"501 5.1.7 expected MAIL FROM:<address>")
        elif self._sender is not None:
            await self._mistake(b"503 5.5.1 there is a message under way")
        elif size and int(size[1]) > self._limits.mail:
            await self._say(b"552 5.3.4 too large")
        else:
            self._sender = path[1]
            await self._say(b"250 2.1.0 ok")

    async def _rcpt(self, rest: bytes) -> None:
        path = _TO.fullmatch(rest)
        address = path[1].decode("utf-8", "replace") if path else ""
        if self._sender is None:
            await self._mistake(b"503 5.5.1 MAIL comes first")
        elif not address:
            await self._mistake(b"501 5.1.3 expected RCPT TO:<address>")
        elif not self._wants(address):
            await self._mistake(b"550 5.1.1 nobody takes mail for that address here")
        elif len(self._recipients) >= self._limits.recipients:
            await self._mistake(b"452 4.5.3 too many recipients")
        else:
            self._recipients.append(address)
            await self._say(b"250 2.1.5 ok")

    async def _data(self, rest: bytes) -> None:
        if not self._recipients:
            await self._mistake(b"503 5.5.1 nobody to give it to")
            return
        await self._say(b"354 go on, end with a dot")
        async with asyncio.timeout(self._limits.data):
            mail = await self._content()
        answer = b"552 5.3.4 too large" if mail is None else await self._kept(mail)
        answers = [answer] * (len(self._recipients) if self._lmtp else 1)
        self._forget()
        await self._say(b"\r\n".join(answers))

    async def _kept(self, mail: Mail) -> bytes:
        self.busy = True
        try:
            return await self._take(mail)
        except Exception as error:  # its sender keeps it, and comes again
            log.error("mail_door.fault", kind=type(error).__name__)
            return b"451 4.3.0 a fault here, come again later"
        finally:
            self.busy = False

    async def _rset(self, rest: bytes) -> None:
        self._forget()
        await self._say(b"250 2.0.0 forgotten")

    async def _noop(self, rest: bytes) -> None:
        await self._say(b"250 2.0.0 ok")

    async def _vrfy(self, rest: bytes) -> None:
        await self._say(b"252 2.1.5 send it and see")

    def _forget(self) -> None:
        self._sender = None
        self._recipients.clear()

    async def _mistake(self, words: bytes) -> None:
        self._mistakes += 1
        await self._say(words)

    async def _say(self, words: bytes) -> None:
        """Answer. A client that does not read its answers is left as one that says nothing."""
        self._writer.write(words + b"\r\n")
        async with asyncio.timeout(self._limits.idle):
            await self._writer.drain()

    async def _line(self) -> bytes | None:
        """The next command without its end; None: it is too long to be one."""
        while True:
            end = self._buffer.find(b"\n", 0, self._limits.command)
            if end >= 0:
                line = bytes(self._buffer[:end]).removesuffix(b"\r")
                del self._buffer[: end + 1]
                return line
            if len(self._buffer) >= self._limits.command:
                return None
            await self._more()

    async def _content(self) -> Mail | None:
        """Read a mail to its end; None: it is larger than what is taken."""
        beginning, digest, size = bytearray(), hashlib.sha256(), 0
        # A line break in front, so that a first line with a dot looks like any other.
        self._buffer[:0] = b"\r\n"
        began = True
        while True:
            end = self._buffer.find(_END_OF_DATA)
            cut = end + 2 if end >= 0 else self._safe_cut()
            piece = bytes(self._buffer[:cut]).replace(b"\r\n.", b"\r\n")
            if began and piece:
                piece, began = piece[2:], False
            del self._buffer[:cut]
            size += len(piece)
            if size > 2 * self._limits.mail:
                raise EOFError  # it was told the limit, and goes on all the same
            digest.update(piece)
            beginning += piece[: max(0, self._limits.kept - len(beginning))]
            if end >= 0:
                del self._buffer[: len(_END_OF_DATA) - 2]
                break
            await self._more()
        if size > self._limits.mail:
            return None
        return Mail(bytes(beginning), digest.hexdigest(), tuple(self._recipients))

    def _safe_cut(self) -> int:
        """How much of the buffer can be taken without cutting through what may be an end."""
        cut = max(0, len(self._buffer) - len(_END_OF_DATA) + 1)
        if self._buffer[max(0, cut - 2) : cut] == b"\r\n":
            return cut - 2  # a dot may follow
        return cut - 1 if self._buffer[max(0, cut - 1) : cut] == b"\r" else cut

    async def _more(self) -> None:
        chunk = await self._reader.read(_CHUNK)
        if not chunk:
            raise EOFError
        self._buffer += chunk
