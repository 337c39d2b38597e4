"""The messages of one batch on their way: which were written, and what was answered to each."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from digital_cs.channels.delivery import Delivery, DeliveryOutcome, Stage, without_addresses
from digital_cs.channels.mail import MailError, wire_address
from digital_cs.channels.smtp_connection import dot_stuffed
from digital_cs.channels.smtp_verdict import (
    NoSmtpUtf8Error,
    concerns_the_message,
    envelope,
    verdict,
)
from digital_cs.channels.smtp_wire import Reply, SmtpRefusal


@dataclass(slots=True)
class Handed:
    """A message to hand over: RFC 5322 bytes, as `mail.to_bytes` makes them, for one recipient.

    An empty `envelope_from` is the null sender. `dotless`: its maker knows that all line ends are
    CRLF and no line begins with a dot, which costs more to see than all else that is done here.
    """

    envelope_from: str
    to: str
    payload: bytes = field(repr=False)
    dotless: bool = False


@dataclass(slots=True)
class Flight:
    """One message under way. `written` to its end, it may have been taken (P14).

    `resets` says that RSET was written before it, `stage` how far the answers have come.
    """

    sender: str
    to: str
    payload: bytes
    dotless: bool
    envelope: tuple[bytes, bytes]
    resets: bool = False
    written: bool = False
    stage: Stage = Stage.MAIL
    delivery: Delivery | None = None
    _refusal: Reply | None = None

    @property
    def answers(self) -> int:
        """How many answers there will be to it if it was written as a whole."""
        return 3 + self.resets

    def ended(self) -> tuple[bytes, ...]:
        """The message as DATA takes it, with the final dot; in pieces, as it is long."""
        if self.dotless and self.payload.endswith(b"\r\n"):
            return self.payload, b".\r\n"
        return (dot_stuffed(self.payload),)

    @property
    def refused(self) -> bool:
        """The server has said no to its envelope, whatever it still says."""
        return self._refusal is not None

    def take(self, stage: Stage, reply: Reply) -> None:
        """Note the answer to a command. The first refusal is the one that counts."""
        if self._refusal is None:
            self.stage = stage
            if reply.code // 100 != 2:
                self._refusal = reply

    def end(self, reply: Reply) -> None:
        """Note the answer to the whole message. Raises `SmtpRefusal` for one out of place."""
        kind = reply.code // 100
        if kind == 2:
            self.delivery = verdict(reply, Stage.END_OF_DATA, self.to)
        elif self._refusal is not None:
            self.conclude()
        elif kind == 3:
            raise SmtpRefusal(reply)
        else:
            self.stage = Stage.END_OF_DATA
            self.delivery = verdict(reply, self.stage, self.to)

    def conclude(self) -> None:
        """Decide by the refusal."""
        refusal = self._refusal
        assert refusal is not None
        if concerns_the_message(refusal):
            self.delivery = verdict(refusal, self.stage, self.to)
        else:
            self.delivery = self._fault(refusal.words(self.to, self.sender), refusal)

    def lose(self, reason: str, refusal: Reply | None, *, closing: bool) -> None:
        """Decide what is known of it now that no answer can come any more.

        `closing`: the server said so before, and does nothing more after that.
        """
        if self._refusal is not None:
            self.conclude()
        elif self.written and not closing:
            detail = without_addresses(reason, self.sender, self.to)
            code, enhanced = (refusal.code, refusal.enhanced) if refusal else (None, None)
            self.delivery = Delivery(
                DeliveryOutcome.UNKNOWN, Stage.END_OF_DATA, detail, code, enhanced
            )
        else:
            self.delivery = self._fault(without_addresses(reason, self.sender, self.to), refusal)

    def _fault(self, detail: str, refusal: Reply | None) -> Delivery:
        return _fault(detail, self.stage, refusal)


class Batch:
    """The messages that one call hands over; they are asked for one by one, as they go out."""

    def __init__(self, messages: Iterable[Handed]) -> None:
        self._source = iter(messages)
        self._next = next(self._source, None)
        self._deliveries: list[Delivery | Flight] = []
        self.under_way: deque[Flight] = deque()
        self.answered = 0
        """Messages that the server has decided on."""

    def more(self) -> bool:
        """Whether there are messages that were not begun."""
        return self._next is not None

    def take(self, features: Container[str]) -> Flight | None:
        """The next one to begin, which is under way from now on; None if there is none."""
        while (handed := self._next) is not None:
            self._next = next(self._source, None)
            made = _flight(handed, features)
            self._deliveries.append(made)
            if isinstance(made, Flight):
                self.under_way.append(made)
                return made
        return None

    def settled(self) -> None:
        """The one that is under way longest has its answer."""
        delivery = self._landed().delivery
        assert delivery is not None
        self.answered += delivery.outcome is not DeliveryOutcome.FAULT

    def lost(self, reason: str, refusal: Reply | None, *, closing: bool) -> None:
        """The connection is gone, with all that were under way."""
        while self.under_way:
            self._landed().lose(reason, refusal, closing=closing)

    def _landed(self) -> Flight:
        flight = self.under_way.popleft()
        flight.payload = b""  # a batch may be long
        return flight

    def leave(self, reason: str, stage: Stage, refusal: Reply | None = None) -> None:
        """Begin none of those that are left."""
        while (handed := self._next) is not None:
            self._next = next(self._source, None)
            detail = without_addresses(reason, handed.envelope_from, handed.to)
            self._deliveries.append(_fault(detail, stage, refusal))

    def deliveries(self) -> list[Delivery]:
        """What became of each, in order, once none is under way."""
        found = [made.delivery if isinstance(made, Flight) else made for made in self._deliveries]
        return [delivery for delivery in found if delivery is not None]


def _flight(handed: Handed, features: Container[str]) -> Delivery | Flight:
    """The message, fit for the wire, or why it is not."""
    try:
        sender = wire_address(handed.envelope_from) if handed.envelope_from else ""
    except MailError:
        detail = "the envelope sender is not of the form name@domain; see MAIL_FROM"
        return _fault(detail, Stage.ADDRESS)
    try:
        to = wire_address(handed.to)
    except MailError:
        detail = "the recipient's address is not of the form name@domain"
        return Delivery(DeliveryOutcome.REFUSED_FOR_GOOD, Stage.ADDRESS, detail)
    try:
        commands = envelope(handed.payload, sender, to, features)
    except NoSmtpUtf8Error as error:
        return error.delivery()
    return Flight(sender, to, handed.payload, handed.dotless, commands)


def _fault(detail: str, stage: Stage, refusal: Reply | None = None) -> Delivery:
    code, enhanced = (refusal.code, refusal.enhanced) if refusal is not None else (None, None)
    return Delivery(DeliveryOutcome.FAULT, stage, detail, code, enhanced)
