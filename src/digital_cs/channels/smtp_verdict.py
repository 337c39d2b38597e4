"""What a server's answer to one message means: who has it now, and what is to blame."""

from __future__ import annotations

from collections.abc import Container

from digital_cs.channels.delivery import Delivery, DeliveryOutcome, Stage
from digital_cs.channels.smtp_wire import Reply

# Refusals that speak of the connection or of us, not of this message: closing, bad command or
# order, sign in first. They must not decide what becomes of a person's message (P12).
_NOT_ABOUT_THE_MESSAGE = frozenset({421, 500, 502, 503, 504, 530, 534, 535, 538})
# In RFC 3463 these two speak of the sender's address, although they are 5.1.x.
_ABOUT_THE_SENDER = frozenset({"5.1.7", "5.1.8"})
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})
_OUTCOMES = {
    2: DeliveryOutcome.ACCEPTED,
    4: DeliveryOutcome.REFUSED_FOR_NOW,
    5: DeliveryOutcome.REFUSED_FOR_GOOD,
}


class NoSmtpUtf8Error(Exception):
    """An address is not ASCII, and the server takes no such addresses."""

    def delivery(self) -> Delivery:
        """The verdict: there is no way to write to this address through this server."""
        detail = "the server does not take addresses that are not ASCII"
        return Delivery(DeliveryOutcome.REFUSED_FOR_GOOD, Stage.MAIL, detail)


def envelope(
    mail: bytes, envelope_from: str, to: str, features: Container[str]
) -> tuple[bytes, bytes]:
    """The commands MAIL and RCPT for a message. Raises `NoSmtpUtf8Error`."""
    options = b""
    if not mail.isascii() and "8BITMIME" in features:
        options += b" BODY=8BITMIME"
    if not (to.isascii() and envelope_from.isascii()):
        if "SMTPUTF8" not in features:
            raise NoSmtpUtf8Error
        options += b" SMTPUTF8"
    return (
        b"MAIL FROM:<%b>%b\r\n" % (envelope_from.encode(), options),
        b"RCPT TO:<%b>\r\n" % to.encode(),
    )


def concerns_the_message(reply: Reply) -> bool:
    """Whether a refusal speaks of this message. An answer out of place speaks of nothing."""
    return reply.code not in _NOT_ABOUT_THE_MESSAGE and reply.code // 100 in (4, 5)


def verdict(reply: Reply, stage: Stage, to: str) -> Delivery:
    """The server's answer at this stage, 2xx, 4xx or 5xx, as a result."""
    kind, enhanced = reply.code // 100, reply.enhanced
    no_such_mailbox = (
        enhanced.startswith("5.1.") and enhanced not in _ABOUT_THE_SENDER
        if enhanced
        else reply.code in _NO_SUCH_MAILBOX
    )
    return Delivery(
        _OUTCOMES[kind],
        stage,
        reply.words(to),
        reply.code,
        enhanced,
        hard_bounce=kind == 5 and stage is Stage.RCPT and no_such_mailbox,
    )
