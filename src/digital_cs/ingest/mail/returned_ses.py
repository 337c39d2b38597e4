"""What Amazon SES says of our messages, by SNS: bounces, complaints, deliveries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from digital_cs import logs
from digital_cs.channels.returned import ReturnedKind
from digital_cs.channels.returned_words import address_of, message_ids, one_line
from digital_cs.channels.sns import SnsMessage, SnsTopic
from digital_cs.ingest.mail.returned import Returns
from digital_cs.ingest.mail.returned_shapes import UNSUBSCRIBED, Report
from digital_cs.ingest.mail.returned_wire import Result, ReturnedShapeError, texts

log = logs.get(__name__)

SOURCE = "ses"
_HELLO = "Successfully validated SNS topic"


class SesWebhook:
    """Takes what one topic of SNS sends about messages that went out by SES."""

    def __init__(self, returns: Returns, topic: SnsTopic) -> None:
        self._returns = returns
        self._topic = topic

    async def take(self, body: bytes) -> Result:
        """Take a request. Raises the errors of SnsTopic and Returns, and ReturnedShapeError."""
        message = await self._topic.read(body)
        if message.kind != "Notification":
            if message.kind == "SubscriptionConfirmation":
                await self._topic.confirm(message)
            log.info("ses.subscription", kind=message.kind)
            return "confirmed" if message.kind == "SubscriptionConfirmation" else "ignored"
        try:
            reports = list(read_event(message))
        except ReturnedShapeError as error:
            await self._returns.keep_aside(
                f"ses:{_short(message.id)}", message.text.encode("utf-8", "replace"), SOURCE,
                str(error),
            )  # fmt: skip
            raise
        taken = [await self._returns.take_report(report, SOURCE) for report in reports]
        if not taken:
            return "ignored"
        return "taken" if any(each.new for each in taken) else "known_already"


def read_event(message: SnsMessage) -> Iterator[Report]:
    """What an event says, for each recipient; nothing of events that tell of no end.

    Both shapes: that of notifications of an identity, and of a configuration set's events. Raises
    ReturnedShapeError.
    """
    raw = message.text.encode("utf-8", "replace")
    if message.text.startswith(_HELLO):
        return
    try:
        event = json.loads(message.text)
    except (ValueError, RecursionError):
        raise ReturnedShapeError("SES sent something that is not JSON.") from None
    if not isinstance(event, Mapping):
        raise ReturnedShapeError("SES sent something that is no event.")
    kind = event.get("eventType") or event.get("notificationType")
    if not isinstance(kind, str):
        raise ReturnedShapeError("SES sent an event without a type.")
    read = _READERS.get(kind)
    if read is None:
        return
    mail = event.get("mail")
    part = event.get(kind[:1].lower() + kind[1:])
    if not isinstance(mail, Mapping) or not isinstance(part, Mapping):
        raise ReturnedShapeError(f"SES sent an event of the type {kind} without what it is about.")
    common = mail.get("commonHeaders")
    named = texts(common, "messageId") if isinstance(common, Mapping) else ""
    headers = mail.get("headers")
    for header in headers if isinstance(headers, list) else ():
        if isinstance(header, Mapping) and texts(header, "name").lower() == "message-id":
            named += texts(header, "value")
    recipients = read(part)
    if not recipients:
        raise ReturnedShapeError(f"SES sent an event of the type {kind} about nobody.")
    about, id = texts(mail, "messageId"), texts(part, "feedbackId")
    if not (about or id):
        raise ReturnedShapeError(f"SES sent an event of the type {kind} without an id.")
    id = id or f"{about}:{kind}:{texts(part, 'timestamp')}"
    for number, (which, address, status, said) in enumerate(recipients):
        yield Report(
            id=f"ses:{_short(id)}" + (f":{number}" if number else ""), kind=which,
            address=address_of(address), why=f"Amazon SES says so: {kind}{_subtype(part)}.",
            raw=raw, envelope_from=texts(mail, "source"), message_ids=tuple(message_ids(named)),
            status=one_line(status, 40) or None, said=said,
        )  # fmt: skip


_Said = list[tuple[str, str, str, str]]
"""(kind, address, status, the server's words) of each recipient."""


def _bounce(part: Mapping[str, Any]) -> _Said:
    kind: str = ReturnedKind.HARD if part.get("bounceType") == "Permanent" else ReturnedKind.SOFT
    if part.get("bounceSubType") == "UnsubscribedRecipient":
        kind = UNSUBSCRIBED
    return [
        (kind, texts(each, "emailAddress"), texts(each, "status"), texts(each, "diagnosticCode"))
        for each in _people(part, "bouncedRecipients")
    ]


def _complaint(part: Mapping[str, Any]) -> _Said:
    # Readers may also say that something is no spam.
    no_spam = part.get("complaintFeedbackType") == "not-spam"
    kind = ReturnedKind.AUTOMATIC if no_spam else ReturnedKind.COMPLAINT
    people = _people(part, "complainedRecipients")
    return [(kind, texts(each, "emailAddress"), "", "") for each in people]


def _delivery(part: Mapping[str, Any]) -> _Said:
    found = part.get("recipients")
    people = found if isinstance(found, list) else []
    said = texts(part, "smtpResponse")
    return [(ReturnedKind.DELIVERED, str(each), "", said) for each in people]


def _delay(part: Mapping[str, Any]) -> _Said:
    people = _people(part, "delayedRecipients")
    return [(ReturnedKind.DELAYED, texts(each, "emailAddress"), texts(each, "status"), "")
            for each in people]  # fmt: skip


_READERS = {
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
}


def _people(part: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = part.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _subtype(part: Mapping[str, Any]) -> str:
    words = [texts(part, "bounceType"), texts(part, "bounceSubType")]
    words.append(texts(part, "complaintFeedbackType"))
    shown = ", ".join(filter(None, words))
    return f" ({shown})" if shown else ""


def _short(id: str) -> str:
    """An id of the provider's own, or the hash of one that is no plain word."""
    if id.isascii() and id.replace("-", "").replace(":", "").replace(".", "").isalnum():
        return id[:200]
    return hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()
