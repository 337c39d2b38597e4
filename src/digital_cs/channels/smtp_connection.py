"""One SMTP connection: the dialogue from the greeting to the answer after the final dot.

Our own, because the ledger has to know on which side of the final dot a failure fell (P14), and
because sending MAIL, RCPT and DATA together (RFC 2920) saves two of four waits.
"""

from __future__ import annotations

import base64
import re
import ssl
from dataclasses import dataclass, field
from enum import StrEnum

from digital_cs.channels.delivery import Delivery, Stage
from digital_cs.channels.smtp_verdict import (
    NoSmtpUtf8Error,
    concerns_the_message,
    envelope,
    verdict,
)
from digital_cs.channels.smtp_wire import Reply, SmtpRefusal, SmtpWire

_BARE_NEWLINE = re.compile(rb"\r\n|\r|\n")


class TlsMode(StrEnum):
    """How the connection is encrypted."""

    NONE = "none"
    IF_OFFERED = "starttls-if-offered"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where the server is and how to greet it. Only `TlsMode.NONE` has no `ssl_context`."""

    host: str
    port: int
    tls: TlsMode
    ssl_context: ssl.SSLContext | None
    user: str | None
    password: str | None = field(repr=False)
    local_hostname: str


class SmtpConnection:
    """A connection that carries one message after another.

    `open` and `transact` raise `OSError` when the connection fails and `SmtpRefusal` when the
    server will not go on; `stage` and `handed_over` then say how far the message had come. The
    caller sets the deadline, and aborts the connection after any exception. `wire` and `features`,
    what the server offers, are for who sends in another way once it is open.
    """

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self.wire = SmtpWire()
        self.features: dict[str, str] = {}
        self._needs_reset = False
        self.greeting = ""
        self.encrypted = False
        self.stage = Stage.CONNECT
        self.handed_over = False
        self.messages = 0
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """It has been connected once."""
        return self.wire.connected

    @property
    def reusable(self) -> bool:
        """Another message can be tried on it."""
        return self.wire.quiet

    async def open(self) -> None:
        """Connect, greet, encrypt and sign in, as far as the server's settings ask for it."""
        server = self._server
        implicit = server.ssl_context if server.tls is TlsMode.TLS else None
        await self.wire.connect(server.host, server.port, implicit)
        self.encrypted = implicit is not None
        self.stage = Stage.GREETING
        self.greeting = SmtpRefusal.unless(await self.wire.reply(), 2).words()
        await self._ehlo()
        offered = "STARTTLS" in self.features
        if server.tls is TlsMode.STARTTLS or (server.tls is TlsMode.IF_OFFERED and offered):
            await self._start_tls()
            await self._ehlo()  # what was offered in clear text could be anybody's
        if server.user is not None:
            await self._sign_in(server.user, server.password or "")

    async def transact(self, mail: bytes, envelope_from: str, to: str) -> Delivery:
        """Hand one message to one recipient over, and give back the server's verdict on it."""
        wire = self.wire
        self.handed_over = False
        self.stage = Stage.MAIL
        try:
            mail_command, rcpt_command = envelope(mail, envelope_from, to, self.features)
        except NoSmtpUtf8Error as error:
            return error.delivery()
        if self._needs_reset:
            SmtpRefusal.unless(await wire.ask(b"RSET\r\n"), 2)
            self._needs_reset = False
        pipelining = "PIPELINING" in self.features

        wire.write(mail_command + rcpt_command + b"DATA\r\n" if pipelining else mail_command)
        SmtpRefusal.unless(await wire.reply(), 2)
        self.stage = Stage.RCPT
        rcpt = await (wire.reply() if pipelining else wire.ask(rcpt_command))
        if rcpt.code // 100 != 2:
            refused = self._refused(rcpt, to)
            if pipelining:
                await self._leave_data()
            return refused
        self.stage = Stage.DATA
        data = await (wire.reply() if pipelining else wire.ask(b"DATA\r\n"))
        if data.code != 354:
            return self._refused(data, to)

        self.stage = Stage.END_OF_DATA
        payload = dot_stuffed(mail)
        self.handed_over = True
        final = await wire.ask(payload)
        self.messages += 1
        if final.code == 421:
            wire.abort()
        return self._verdict(final, to)

    async def quit(self, patience: float = 1.0) -> None:
        """Say QUIT and close, waiting at most `patience` seconds for the server."""
        await self.wire.quit(patience)

    def abort(self) -> None:
        """Drop the connection at once. It is safe to call this at any time, and twice."""
        self.wire.abort()

    async def _leave_data(self) -> None:
        """Take the answer to a DATA that was sent along with a recipient who was refused."""
        try:
            if (await self.wire.reply()).code == 354:
                # Only a final dot would end this DATA. Better no connection than a dot.
                self.wire.abort()
        except OSError:
            pass  # it hung up after its verdict, and the verdict stands

    def _refused(self, reply: Reply, to: str) -> Delivery:
        """The verdict on a refusal before the message itself was sent."""
        if not concerns_the_message(reply):
            raise SmtpRefusal(reply)
        self._needs_reset = True
        return self._verdict(reply, to)

    def _verdict(self, reply: Reply, to: str) -> Delivery:
        """The server's answer at this stage, as a result. Raises for an answer out of place."""
        if reply.code // 100 == 3:
            raise SmtpRefusal(reply)
        return verdict(reply, self.stage, to)

    async def _ehlo(self) -> None:
        self.stage = Stage.EHLO
        command = f"EHLO {self._server.local_hostname}\r\n".encode()
        reply = SmtpRefusal.unless(await self.wire.ask(command), 2)
        pairs = (line.partition(" ") for line in reply.lines[1:])
        self.features = {word.upper(): rest.upper() for word, _, rest in pairs}

    async def _start_tls(self) -> None:
        self.stage = Stage.STARTTLS
        if self._server.ssl_context is None or "STARTTLS" not in self.features:
            raise ConnectionError("the server does not offer STARTTLS")
        SmtpRefusal.unless(await self.wire.ask(b"STARTTLS\r\n"), 2)
        await self.wire.encrypt(self._server.host, self._server.ssl_context)
        self.encrypted = True

    async def _sign_in(self, user: str, password: str) -> None:
        self.stage = Stage.AUTH
        mechanisms = self.features.get("AUTH", "").split()
        if "PLAIN" in mechanisms:
            secret = _base64(f"\0{user}\0{password}")
            SmtpRefusal.unless(await self.wire.ask(b"AUTH PLAIN %b\r\n" % secret), 2)
        elif "LOGIN" in mechanisms:
            SmtpRefusal.unless(await self.wire.ask(b"AUTH LOGIN\r\n"), 3)
            SmtpRefusal.unless(await self.wire.ask(_base64(user) + b"\r\n"), 3)
            SmtpRefusal.unless(await self.wire.ask(_base64(password) + b"\r\n"), 2)
        else:
            raise ConnectionError("the server offers neither AUTH PLAIN nor AUTH LOGIN")


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def dot_stuffed(mail: bytes) -> bytes:
    """The message as DATA takes it: CRLF only, leading dots doubled, the final dot behind it."""
    # A bare CR or LF is read as a line end by some servers and not by others; between two that
    # disagree a second message can be smuggled in.
    if not mail.count(b"\n") == mail.count(b"\r") == mail.count(b"\r\n"):
        mail = _BARE_NEWLINE.sub(b"\r\n", mail)
    if mail.startswith(b"."):
        mail = b"." + mail
    end = b".\r\n" if mail.endswith(b"\r\n") or not mail else b"\r\n.\r\n"
    return mail.replace(b"\r\n.", b"\r\n..") + end
