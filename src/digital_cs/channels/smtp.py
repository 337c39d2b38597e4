"""The SMTP channel: hands messages over through a small pool of connections."""

from __future__ import annotations

import asyncio
import socket
import ssl

from digital_cs.channels.delivery import Delivery, DeliveryOutcome, Stage, without_addresses
from digital_cs.channels.mail import MailError, wire_address
from digital_cs.channels.smtp_connection import SmtpConnection, SmtpServer, TlsMode
from digital_cs.channels.smtp_wire import SmtpRefusal
from digital_cs.errors import UnavailableError

__all__ = ["Delivery", "DeliveryOutcome", "SmtpChannel", "Stage"]


class SmtpChannel:
    """Hands messages to one SMTP server, over at most `connections` connections at a time.

    `tls` is "none", "starttls-if-offered", "starttls" or "tls". A password is never sent to a
    server that could be anybody: with a `user`, "starttls-if-offered" means "starttls", and the
    certificate is checked. Without one, "starttls-if-offered" takes any certificate, as mail
    servers do among themselves: an attacker in between could as well hide the offer.

    `timeout` is in seconds, for one whole dialogue, connecting included; waiting for a free
    connection is not counted. `ssl_context` replaces the system's certificates.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: str = TlsMode.IF_OFFERED,
        user: str | None = None,
        password: str | None = None,
        connections: int = 4,
        timeout: float = 20.0,
        local_hostname: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        messages_per_connection: int = 500,
        idle_seconds: float = 60.0,
    ) -> None:
        mode = TlsMode(tls)
        if mode is TlsMode.IF_OFFERED and user is not None:
            mode = TlsMode.STARTTLS
        self.server = SmtpServer(
            host=host,
            port=port,
            tls=mode,
            ssl_context=ssl_context or _default_context(mode),
            user=user,
            password=password,
            local_hostname=local_hostname or socket.gethostname(),
        )
        self._timeout = timeout
        self._messages_per_connection = messages_per_connection
        self._idle_seconds = idle_seconds
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[SmtpConnection] = []
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._closed = False

    async def deliver(self, mail: bytes, envelope_from: str, to: str) -> Delivery:
        """Hand one message over and say what became of it. Raises for nothing a server may do.

        If the calling task is cancelled, the connection is dropped, and whether the message was
        taken is not known.
        """
        try:
            sender = wire_address(envelope_from) if envelope_from else ""
        except MailError:
            detail = "the envelope sender is not of the form name@domain; see MAIL_FROM"
            return Delivery(DeliveryOutcome.FAULT, Stage.ADDRESS, detail)
        try:
            recipient = wire_address(to)
        except MailError:
            detail = "the recipient's address is not of the form name@domain"
            return Delivery(DeliveryOutcome.REFUSED_FOR_GOOD, Stage.ADDRESS, detail)
        async with self._slots:
            return await self._dialogue(mail, sender, recipient)

    async def _dialogue(self, mail: bytes, sender: str, recipient: str) -> Delivery:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        connection = self._idle_connection()
        if connection is not None:
            delivery = await self._attempt(connection, deadline, mail, sender, recipient)
            if delivery.outcome is not DeliveryOutcome.FAULT or loop.time() >= deadline:
                return delivery
            # A server may hang up on an idle connection at any time, and says so only now.
            # Nothing was handed over, so a new connection decides.
        fresh = SmtpConnection(self.server)
        return await self._attempt(fresh, deadline, mail, sender, recipient)

    async def _attempt(
        self, connection: SmtpConnection, deadline: float, mail: bytes, sender: str, recipient: str
    ) -> Delivery:
        code, enhanced = None, None
        try:
            async with asyncio.timeout_at(deadline):
                if not connection.is_open:
                    await connection.open()
                delivery = await connection.transact(mail, sender, recipient)
        except SmtpRefusal as refusal:
            detail = refusal.reply.words(sender, recipient)
            code, enhanced = refusal.reply.code, refusal.reply.enhanced
        except OSError as error:
            detail = without_addresses(reason_of(error, self._timeout), sender, recipient)
        except BaseException:
            connection.abort()
            raise
        else:
            self._put_back(connection)
            return delivery
        connection.abort()
        outcome = DeliveryOutcome.UNKNOWN if connection.handed_over else DeliveryOutcome.FAULT
        return Delivery(outcome, connection.stage, detail, code, enhanced)

    def _idle_connection(self) -> SmtpConnection | None:
        """The connection used last that can still be used; worn out ones are closed."""
        oldest = asyncio.get_running_loop().time() - self._idle_seconds
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and connection.idle_since >= oldest:
                return connection
            self._say_goodbye(connection)
        return None

    def _put_back(self, connection: SmtpConnection) -> None:
        spent = connection.messages >= self._messages_per_connection
        if self._closed or spent or not connection.reusable:
            self._say_goodbye(connection)
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    def _say_goodbye(self, connection: SmtpConnection) -> None:
        """Close a connection without making a message wait for it."""
        task = asyncio.ensure_future(connection.quit())
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

    async def greet(self) -> str:
        """Connect, sign in and leave; gives the server's greeting in a sentence.

        Raises `UnavailableError` that says what failed and where to look.
        """
        server = self.server
        connection = SmtpConnection(server)
        try:
            async with asyncio.timeout(self._timeout):
                await connection.open()
        except (OSError, SmtpRefusal) as error:
            connection.abort()
            reason = reason_of(error, self._timeout)
            raise UnavailableError(
                f"The SMTP server {server.host}:{server.port} cannot be used: {reason} (at "
                f"{connection.stage}). Check SMTP_HOST, SMTP_PORT, SMTP_TLS and SMTP_USER."
            ) from error
        await connection.quit()
        privacy = "encrypted" if connection.encrypted else "not encrypted"
        account = "signed in" if server.user is not None else "without signing in"
        return f"{server.host}:{server.port} greets ({privacy}, {account}): {connection.greeting}"

    async def close(self) -> None:
        """Close what is idle; what is under way ends first and is closed after."""
        self._closed = True
        while self._idle:
            self._say_goodbye(self._idle.pop())
        if self._goodbyes:
            await asyncio.gather(*self._goodbyes)


def _default_context(mode: TlsMode) -> ssl.SSLContext | None:
    if mode is TlsMode.NONE:
        return None
    context = ssl.create_default_context()
    if mode is TlsMode.IF_OFFERED:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def reason_of(error: Exception, timeout: float) -> str:
    """The reason of a failure in words, from an exception of a connection."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, SmtpRefusal):
        return f"{error.reply.code} {error.reply.words()}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
