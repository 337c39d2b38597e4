"""One client's dialogue with the sink."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import cast

import structlog

from digital_cs.channels.sink_faults import FaultControl, FaultMode, Faults
from digital_cs.channels.sink_folder import SinkFolder

_LARGEST_MAIL = 32 * 1024 * 1024
_LONGEST_COMMAND = 4096
_FEATURES = (
    b"PIPELINING",
    b"CHUNKING",
    b"SIZE %d" % _LARGEST_MAIL,
    b"8BITMIME",
    b"SMTPUTF8",
    b"ENHANCEDSTATUSCODES",
)
_PATH = re.compile(r"(?i)(?:FROM|TO):\s*<([^<>\s]*)>(?:\s.*)?")
_CHUNK = re.compile(r"(?i)([0-9]{1,9})( LAST)?")
_END_OF_DATA = b"\r\n.\r\n"
_log = structlog.get_logger(__name__)


class SinkSession(asyncio.Protocol):
    """Speaks RFC 5321 with the extensions named in `_FEATURES`, and misbehaves when told to."""

    def __init__(
        self, folder: SinkFolder, control: FaultControl, sessions: set[SinkSession]
    ) -> None:
        self._folder = folder
        self._control = control
        self._sessions = sessions
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._answers: list[bytes] = []
        self._in_data = False
        self._chunk: tuple[int, bool] | None = None
        self._chunks = bytearray()
        self._too_large = False
        self._waiting = False
        self._faults = Faults()
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._commands: dict[str, Callable[[str], None]] = {
            "EHLO": self._ehlo,
            "HELO": lambda _: self._reset(b"250 digital-cs sink"),
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": lambda _: self._reset(b"250 2.0.0 forgotten"),
            "NOOP": lambda _: self._answer(b"250 2.0.0 ok"),
            "VRFY": lambda _: self._answer(b"252 2.1.5 send it and see"),
            "QUIT": lambda _: self.hang_up(b"221 2.0.0 bye"),
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._sessions.add(self)
        self._transport.write(b"220 digital-cs sink ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._sessions.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._go_on()

    def hang_up(self, words: bytes) -> None:
        """Say a last word, and close."""
        if self._waiting:
            # Any word would be taken for the answer that is being kept back.
            self._drop()
            return
        self._answer(words)
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _go_on(self) -> None:
        while not self._waiting and self._transport is not None:
            if self._transport.is_closing() or not self._step():
                break
        self._flush()

    def _step(self) -> bool:
        """Take one command or one message from the buffer; False if it is not all there yet."""
        if self._chunk is not None:
            return self._take_chunk(*self._chunk)
        end_mark = _END_OF_DATA if self._in_data else b"\r\n"
        end = self._buffer.find(end_mark, max(0, self._searched - len(end_mark)))
        if end < 0:
            self._searched = len(self._buffer)
            self._bound_buffer()
            return False
        self._searched = 0
        if self._in_data:
            mail = bytes(self._buffer[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]
            del self._buffer[: end + len(end_mark)]
            self._in_data = False
            self._take(mail)
            return True
        line = bytes(self._buffer[:end])
        verb, _, rest = line.decode(errors="replace").partition(" ")
        command = self._commands.get(verb.upper())
        del self._buffer[: end + 2]
        if command is None:
            self._answer(b"500 5.5.2 unknown command")
        else:
            command(rest.strip())
        return True

    def _bound_buffer(self) -> None:
        if self._in_data and len(self._buffer) > _LARGEST_MAIL:
            self._too_large = True
            del self._buffer[: -len(_END_OF_DATA)]
            self._searched = 0
        elif not self._in_data and len(self._buffer) > _LONGEST_COMMAND:
            self.hang_up(b"500 5.5.2 line too long")

    def _ehlo(self, _: str) -> None:
        lines = [b"digital-cs sink", *_FEATURES]
        self._reset(b"\r\n".join(b"250-" + line for line in lines[:-1]) + b"\r\n250 " + lines[-1])

    def _mail(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if match is None:
            self._answer(b"501 5.1.7 expected MAIL FROM:<address>")
        elif self._sender is not None:
            self._answer(b"503 5.5.1 there is a message under way")
        else:
            self._faults = self._control.draw()
            self._sender = match[1]
            self._answer(b"250 2.1.0 ok")

    def _rcpt(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if self._sender is None:
            self._answer(b"503 5.5.1 MAIL comes first")
        elif match is None or not match[1]:
            self._answer(b"501 5.1.3 expected RCPT TO:<address>")
        elif self._faults.mode is FaultMode.REFUSE_4XX:
            self._answer(b"451 4.7.1 greylisted, try again later")
        elif self._faults.mode is FaultMode.REFUSE_RCPT_UNKNOWN:
            self._answer(f"550 5.1.1 <{match[1]}> no such mailbox".encode())
        else:
            self._recipients.append(match[1])
            self._answer(b"250 2.1.5 ok")

    def _data(self, _: str) -> None:
        if not self._recipients:
            self._answer(b"503 5.5.1 nobody to send it to")
        elif self._faults.mode is FaultMode.STALL:
            self._waiting = True
        elif self._faults.mode is FaultMode.DROP_BEFORE_DATA:
            self._drop()
        else:
            self._in_data, self._too_large = True, False
            # A line break in front, so that a first line with a dot looks like any other.
            self._buffer[:0] = b"\r\n"
            self._answer(b"354 go on, end with a dot")

    def _bdat(self, rest: str) -> None:
        """Octets that are counted, of a message in one piece or in several (RFC 3030)."""
        match = _CHUNK.fullmatch(rest)
        if match is None or int(match[1]) > _LARGEST_MAIL:
            self.hang_up(b"501 5.5.4 expected BDAT and fewer octets")
        elif self._faults.mode is FaultMode.DROP_BEFORE_DATA:
            self._drop()
        else:
            self._chunk = int(match[1]), match[2] is not None

    def _take_chunk(self, size: int, last: bool) -> bool:
        if len(self._buffer) < size:
            return False
        self._chunk = None
        self._too_large = len(self._chunks) + size > _LARGEST_MAIL
        if not self._too_large:
            self._chunks += self._buffer[:size]
        del self._buffer[:size]
        if not self._recipients:
            self._chunks.clear()
            self._answer(b"503 5.5.1 nobody to send it to")
        elif not last:
            self._answer(b"250 2.0.0 and the next")
        elif self._faults.mode is FaultMode.STALL:
            self._waiting = True
        else:
            mail = bytes(self._chunks)
            self._chunks.clear()
            self._take(mail)
        return True

    def _take(self, mail: bytes) -> None:
        """Store one message, or not, and answer, or not, as the faults in force have it."""
        mode = self._faults.mode
        if self._too_large or len(mail) > _LARGEST_MAIL:
            self._reset(b"552 5.3.4 too large")
        elif mode is FaultMode.REFUSE_5XX:
            self._reset(b"554 5.7.1 refused")
        elif mode is FaultMode.DROP_AFTER_DATA_UNSTORED:
            self._drop()
        elif not self._store(mail):
            self._reset(b"452 4.3.1 no room to store it")
        elif mode is FaultMode.DROP_AFTER_DATA:
            self._drop()
        elif mode is FaultMode.STALL_AFTER_DATA:
            self._waiting = True
        elif mode is FaultMode.DELAY:
            self._waiting = True
            asyncio.get_running_loop().call_later(self._faults.seconds, self._answer_late)
        else:
            self._reset(b"250 2.0.0 stored")

    def _store(self, mail: bytes) -> bool:
        try:
            self._folder.store(mail, self._recipients)
        except OSError as error:
            with contextlib.suppress(OSError):  # the log is often on the same full disk
                _log.warning("sink.cannot_store", error=error.strerror)
            return False
        return True

    def _answer_late(self) -> None:
        self._waiting = False
        self._reset(b"250 2.0.0 stored")
        self._go_on()

    def _reset(self, words: bytes) -> None:
        self._sender = None
        self._chunks.clear()
        self._recipients.clear()
        self._answer(words)

    def _answer(self, words: bytes) -> None:
        self._answers.append(words + b"\r\n")

    def _flush(self) -> None:
        if self._answers and self._transport is not None:
            self._transport.write(b"".join(self._answers))
        self._answers.clear()

    def _drop(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.abort()
