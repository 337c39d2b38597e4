"""What Postmark says of our messages, and the replies that it received for us."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from digital_cs.channels.returned import ReturnedKind, read_returned
from digital_cs.channels.returned_words import address_of, message_ids, one_line
from digital_cs.ingest.mail.returned import Returns, Taken
from digital_cs.ingest.mail.returned_shapes import UNSUBSCRIBED, Report
from digital_cs.ingest.mail.returned_wire import Result, ReturnedShapeError, SecretError, texts

SOURCE = "postmark"

_KINDS: dict[str, str] = {
    "HardBounce": ReturnedKind.HARD,
    "BadEmailAddress": ReturnedKind.HARD,
    "SpamComplaint": ReturnedKind.COMPLAINT,
    "Unsubscribe": UNSUBSCRIBED,
    "ManuallyDeactivated": UNSUBSCRIBED,
    "AutoResponder": ReturnedKind.OUT_OF_OFFICE,
    **dict.fromkeys(
        ("Subscribe", "AddressChange", "OpenRelayTest", "ChallengeVerification", "Unconfirmed",
         "InboundError", "TemplateRenderingFailed"),
        ReturnedKind.AUTOMATIC,
    ),
}  # fmt: skip
"""What Postmark calls a bounce; what is not here gave up on a message, and blames no address."""

_SUPPRESSED = {
    "HardBounce": ReturnedKind.HARD,
    "SpamComplaint": ReturnedKind.COMPLAINT,
    "ManualSuppression": UNSUBSCRIBED,
}
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_LONGEST_BODY = 500_000
_MOST_HEADERS = 200


class PostmarkWebhook:
    """Takes the webhooks of Postmark: bounce, spam complaint, delivery, subscription, inbound."""

    def __init__(self, returns: Returns, secret: str) -> None:
        self._returns = returns
        self._secret = secret.encode()

    def check(self, authorization: str, header: str) -> None:
        """Raises SecretError unless one shows the secret: as a password, or by itself."""
        shown = [header.strip(), _password(authorization)]
        given = [each.encode("utf-8", "replace") for each in shown]
        fits = [hmac.compare_digest(each, self._secret) for each in given]
        if not any(fits):
            raise SecretError

    async def take(self, body: bytes) -> Result:
        """Take a request that showed the secret. Raises ReturnedShapeError, those of Returns."""
        try:
            sent = _object(body)
            kind = texts(sent, "RecordType") or ("Inbound" if "FromFull" in sent else "")
            if kind in ("Open", "Click"):
                return "ignored"
            taken = await self._taken(kind, sent, body)
        except ReturnedShapeError as error:
            digest = hashlib.sha256(body).hexdigest()
            await self._returns.keep_aside(f"postmark:{digest}", body, SOURCE, str(error))
            raise
        return "taken" if taken.new else "known_already"

    async def _taken(self, kind: str, sent: Mapping[str, Any], body: bytes) -> Taken:
        if kind != "Inbound":
            return await self._returns.take_report(read_record(kind, sent, body), SOURCE)
        to = texts(sent, "OriginalRecipient") or None
        raw, id = as_mail(sent), texts(sent, "MessageID", 100)
        known = f"postmark:inbound:{_short(id)}" if id else None
        return await self._returns.take(raw, to, SOURCE, id=known)


def read_record(kind: str, sent: Mapping[str, Any], raw: bytes) -> Report:
    """What a record says. Raises ReturnedShapeError."""
    address = address_of(texts(sent, "Email") or texts(sent, "Recipient"))
    message = texts(sent, "MessageID", 100)
    if not message and kind != "Bounce":
        raise ReturnedShapeError(f"Postmark sent a record of the type {kind} without an id.")
    message, said = _short(message), texts(sent, "Details") or texts(sent, "Description")
    match kind:
        case "Bounce" | "SpamComplaint":
            which = texts(sent, "Type")
            number = sent.get("ID")
            if not isinstance(number, int):
                raise ReturnedShapeError("Postmark sent a bounce without an id.")
            id = f"bounce:{number % 10**30}"
            kept = _KINDS.get(which, ReturnedKind.SOFT) if kind == "Bounce" else "complaint"
            why = f"Postmark says so: {which or kind}."
        case "Delivery":
            kept, why, id = "delivered", "Postmark says so: Delivery.", f"delivery:{message}"
        case "SubscriptionChange":
            because = texts(sent, "SuppressionReason")
            stops = sent.get("SuppressSending") is True
            kept = _SUPPRESSED.get(because, UNSUBSCRIBED) if stops else ReturnedKind.AUTOMATIC
            id = f"subscription:{message}:{_short(texts(sent, 'ChangedAt', 60))}"
            why = f"Postmark {'stopped' if stops else 'resumed'} sending: {because or 'no reason'}."
        case _:
            raise ReturnedShapeError("Postmark sent a record of a type that is not known here.")
    if address is None:
        raise ReturnedShapeError(f"Postmark sent a record of the type {kind} about nobody.")
    who = hashlib.sha256(address.lower().encode()).hexdigest()[:8]
    return Report(
        id=f"postmark:{id}:{who}", kind=kept, address=address, why=why, raw=raw, said=said,
        message_ids=_ours(sent),
    )  # fmt: skip


def _ours(sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Candidates for the Message-ID of ours: Postmark gives messages ids of its own."""
    metadata = sent.get("Metadata")
    named = texts(metadata, "message-id") if isinstance(metadata, Mapping) else ""
    dump = texts(sent, "Content", _LONGEST_BODY)
    inside = read_returned(dump.encode("utf-8", "replace")).references if dump else ()
    return (*message_ids(named), *inside)


def as_mail(sent: Mapping[str, Any]) -> bytes:
    """An inbound mail as it came, or put together from the parts that Postmark took it into.

    Raises ReturnedShapeError.
    """
    raw = sent.get("RawEmail")
    if isinstance(raw, str) and raw:
        return raw.encode("utf-8", "replace")
    headers = sent.get("Headers")
    if not isinstance(headers, list) or not texts(sent, "From"):
        raise ReturnedShapeError("Postmark sent a mail without headers or sender.")
    lines = [f"From: {one_line(texts(sent, 'From'))}", f"To: {one_line(texts(sent, 'To'))}",
             f"Subject: {one_line(texts(sent, 'Subject'))}"]  # fmt: skip
    for header in headers[:_MOST_HEADERS]:
        if not isinstance(header, Mapping):
            continue
        name = texts(header, "Name")
        parts = ("from", "to", "subject", "mime-version")
        if _HEADER.fullmatch(name) and name.lower() not in parts and name[:8].lower() != "content-":
            lines.append(f"{name}: {one_line(texts(header, 'Value', 8000), 8000)}")
    text = texts(sent, "TextBody", _LONGEST_BODY)
    kind, body = ("plain", text) if text.strip() else ("html", texts(sent, "HtmlBody", 500_000))
    lines += ["MIME-Version: 1.0", f"Content-Type: text/{kind}; charset=utf-8", "", body]
    return "\r\n".join(lines).encode("utf-8", "replace")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise ReturnedShapeError("Postmark sent something that is not JSON.") from None
    if not isinstance(sent, dict):
        raise ReturnedShapeError("Postmark sent something that is no record.")
    return sent


def _password(authorization: str) -> str:
    """The password of Basic authentication, nothing where there is none."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        pair = base64.b64decode(given.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]


def _short(id: str) -> str:
    """An id of Postmark's, or the hash of what is none."""
    if re.fullmatch(r"[A-Za-z0-9:.+-]{1,100}", id):
        return id
    return hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()[:32]
