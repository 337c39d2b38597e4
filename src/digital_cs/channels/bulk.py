"""One SMTP connection that carries many messages, as close together as the server lets them be.

Where it offers CHUNKING (RFC 3030), a message is one write, and the next go out before its answer
is in. With PIPELINING alone (RFC 2920) a message and the envelope of the next are one write: DATA
has to be the last of a group, so that is as far as it goes. Else it is one command at a time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable

from digital_cs.channels.bulk_flight import Batch, Flight, Handed
from digital_cs.channels.delivery import Delivery, Stage
from digital_cs.channels.smtp import reason_of
from digital_cs.channels.smtp_connection import SmtpConnection, SmtpServer
from digital_cs.channels.smtp_wire import Reply, SmtpRefusal

__all__ = ["BulkLine", "Handed"]

_RESET = b"RSET\r\n"
_IDLE = 1.0
"""After so many seconds without a message the server is asked first whether it is still there: it
may have hung up, and of what is written to nobody it would never be known what became of it."""


class BulkLine:
    """A connection for one task at a time; it connects when needed, and again after it was lost.

    `depth` is how many messages may be under way without an answer: so many are of unknown fate
    when the connection breaks. `timeout` is how many seconds the server may take to say anything.
    """

    def __init__(
        self, server: SmtpServer, *, depth: int = 16, timeout: float = 20.0,
        messages_per_connection: int = 500,
    ) -> None:  # fmt: skip
        self._server = server
        self._depth = depth
        self._timeout = timeout
        self._most = messages_per_connection
        self._connection: SmtpConnection | None = None
        self._idle_since = 0.0
        self._last = math.inf
        self._closing = False
        """The server said 421 on the connection that there is: it closes."""

    async def hand_over(
        self, batch: Iterable[Handed], *, until: float = math.inf
    ) -> list[Delivery]:
        """Hand the messages over and say of each, in their order, what became of it.

        Raises for nothing a server may do. UNKNOWN is what was written to its end and has no
        answer; FAULT was surely not taken: it was not written, or not to its end, or the server
        had said that it closes (421). After `until`, of the loop's time, none is begun (FAULT), and
        at most `timeout` seconds later the call has ended. If the task is cancelled, the
        connection is dropped, and what was under way is not known.
        """
        messages = Batch(batch)
        self._last = until + self._timeout
        clock = asyncio.get_running_loop().time
        while messages.more():
            if clock() >= until:
                messages.leave("there was no time left to hand it over", Stage.CONNECT)
                break
            answered = messages.answered
            reason, refusal = "the server would not go on", None
            try:
                await self._carry(await self._open(), messages, until)
            except (OSError, SmtpRefusal) as error:
                refusal = error.reply if isinstance(error, SmtpRefusal) else None
                reason = reason_of(error, self._timeout)
                messages.lost(reason, refusal, closing=self._closing)
                stage = self._drop()
            except BaseException:
                self._drop()
                raise
            else:
                stage = Stage.MAIL
            if messages.answered == answered and clock() < until:
                messages.leave(reason, stage, refusal)  # a new connection would fare no better
        self._idle_since = clock()
        return messages.deliveries()

    async def close(self) -> None:
        """Take leave of the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.quit()

    async def _open(self) -> SmtpConnection:
        """The connection, fit for another message."""
        connection = self._connection
        if connection is not None and await self._fit(connection):
            return connection
        await self.close()
        connection = self._connection = SmtpConnection(self._server)
        self._closing = False
        async with asyncio.timeout_at(self._deadline()):
            await connection.open()
        return connection

    async def _fit(self, connection: SmtpConnection) -> bool:
        if not connection.reusable or self._closing or connection.messages >= self._most:
            return False
        if asyncio.get_running_loop().time() - self._idle_since < _IDLE:
            return True
        try:
            async with asyncio.timeout_at(self._deadline()):
                return (await connection.wire.ask(_RESET)).code // 100 == 2
        except OSError:
            connection.abort()
            return False

    async def _carry(self, connection: SmtpConnection, messages: Batch, until: float) -> None:
        """Carry messages until there is none left, the time is up or the connection is spent."""
        features = connection.features
        # From here on it is the message's stage that counts.
        connection.stage = Stage.MAIL
        if "PIPELINING" not in features:
            await self._one_by_one(connection, messages, until)
        elif "CHUNKING" in features:
            await self._in_chunks(connection, messages, until)
        else:
            await self._with_data(connection, messages, until)

    async def _in_chunks(self, connection: SmtpConnection, messages: Batch, until: float) -> None:
        under_way = messages.under_way
        # A refused recipient leaves the server in the middle of a transaction: unless it is known
        # that none was, each begins with a clean table, or it would inherit that one's sender.
        clean = True
        while True:
            writes: list[bytes] = []
            while len(under_way) < self._depth and self._may_go_on(connection, until):
                flight = messages.take(connection.features)
                if flight is None:
                    break
                flight.resets = not clean
                flight.written = True
                clean = False
                connection.messages += 1
                writes += (
                    _RESET if flight.resets else b"", *flight.envelope,
                    b"BDAT %d LAST\r\n" % len(flight.payload), flight.payload,
                )  # fmt: skip
            if writes:
                connection.wire.write(b"".join(writes))
            if not under_way:
                return
            await self._settle(connection, under_way[0])
            messages.settled()
            while under_way and connection.wire.has(under_way[0].answers):
                await self._settle(connection, under_way[0])
                messages.settled()

    async def _settle(self, connection: SmtpConnection, flight: Flight) -> None:
        """Take all the answers to one message that was written as a whole."""
        if flight.resets:
            SmtpRefusal.unless(self._here(connection) or await self._reply(connection), 2)
        flight.take(Stage.MAIL, self._here(connection) or await self._reply(connection))
        flight.take(Stage.RCPT, self._here(connection) or await self._reply(connection))
        flight.end(self._here(connection) or await self._reply(connection))

    async def _with_data(self, connection: SmtpConnection, messages: Batch, until: float) -> None:
        wire = connection.wire
        body: tuple[bytes, ...] = ()
        before = None
        resets = False
        while True:
            flight = None
            if self._may_go_on(connection, until):
                flight = messages.take(connection.features)
                connection.messages += 1
            if before is not None:
                before.written = True
            group = (_RESET if resets else b"", *flight.envelope, b"DATA\r\n") if flight else ()
            if body or group:
                wire.write(b"".join((*body, *group)))
            if before is not None:
                before.end(self._here(connection) or await self._reply(connection))
                messages.settled()
            if flight is None:
                return
            if resets:
                SmtpRefusal.unless(self._here(connection) or await self._reply(connection), 2)
            flight.take(Stage.MAIL, self._here(connection) or await self._reply(connection))
            flight.take(Stage.RCPT, self._here(connection) or await self._reply(connection))
            go_on = self._here(connection) or await self._reply(connection)
            refused = flight.refused or go_on.code != 354
            if refused:
                if not flight.refused:
                    flight.take(Stage.DATA, go_on)
                flight.conclude()
                messages.settled()
                if go_on.code == 354:
                    # Only a final dot would end this DATA. Better no connection than a dot.
                    raise ConnectionError("the server wants a message for nobody")
            resets = refused
            body, before = ((), None) if refused else (flight.ended(), flight)

    async def _one_by_one(self, connection: SmtpConnection, messages: Batch, until: float) -> None:
        while self._may_go_on(connection, until):
            flight = messages.take(connection.features)
            if flight is None:
                return
            try:
                async with asyncio.timeout_at(self._deadline()):
                    flight.delivery = await connection.transact(
                        flight.payload, flight.sender, flight.to
                    )
            except (OSError, SmtpRefusal):
                flight.written, flight.stage = connection.handed_over, connection.stage
                raise
            messages.settled()

    def _may_go_on(self, connection: SmtpConnection, until: float) -> bool:
        return (
            connection.messages < self._most
            and not (self._closing or connection.wire.cut)
            and asyncio.get_running_loop().time() < until
        )

    def _here(self, connection: SmtpConnection) -> Reply | None:
        """The next answer, if it has come: most have, behind the one that was waited for."""
        reply = connection.wire.taken()
        if reply is not None and reply.code == 421:
            self._closing = True
        return reply

    async def _reply(self, connection: SmtpConnection) -> Reply:
        """The next answer, waited for."""
        async with asyncio.timeout_at(self._deadline()):
            reply = await connection.wire.reply()
        if reply.code == 421:
            self._closing = True
        return reply

    def _deadline(self) -> float:
        return min(asyncio.get_running_loop().time() + self._timeout, self._last)

    def _drop(self) -> Stage:
        """Cut the connection; says how far it had come."""
        connection, self._connection = self._connection, None
        if connection is None:
            return Stage.CONNECT
        connection.abort()
        return connection.stage
