"""The reader of mail that comes back: bounces, complaints, absences, replies, one record each.

`read_returned` takes any bytes and never raises: who mails us decides what is in them. It looks
at the first megabyte, and what no rule can read comes back as `UNKNOWN`, to be kept and shown.
Nothing here is authenticated. A bounce or complaint can be forged; whether a message of ours
was meant, the caller tells by the envelope's token and by the Message-ID.
"""

from __future__ import annotations

import re
from dataclasses import replace

from digital_cs.channels.returned_automatic import automatic_kind, has_absent_subject
from digital_cs.channels.returned_complaint import read_complaint
from digital_cs.channels.returned_kinds import Failed, Returned, ReturnedKind, gravest
from digital_cs.channels.returned_mime import Headers, Mail, read_mail
from digital_cs.channels.returned_notice import (
    from_mail_system,
    from_nobody,
    is_delay,
    is_notice,
    recipients_of_notice,
    split_notice,
)
from digital_cs.channels.returned_reply import reply_text, text_of_mail
from digital_cs.channels.returned_severity import severity_of_words
from digital_cs.channels.returned_status import recipients_of_report, refused_by_note
from digital_cs.channels.returned_words import LONGEST_TEXT, address_of, message_ids

__all__ = ["Failed", "Returned", "ReturnedKind", "read_returned"]

_MOST_REFERENCES = 50
_ANSWERS = {ReturnedKind.REPLY, ReturnedKind.OUT_OF_OFFICE, ReturnedKind.AUTOMATIC}
_QUOTED_ID = re.compile(r"^[ \t>]*+(?:original-)?message-id:[ \t]*(<[^\s<>]{1,600}>)", re.I | re.M)


def read_returned(raw: bytes, envelope_to: str | None = None) -> Returned:
    """What this mail is, and what it says. `envelope_to` is handed through as it is."""
    try:
        return _read(raw, envelope_to)
    except Exception as error:  # a mail must not be able to stop its reader
        why = f"Reading it failed inside ({type(error).__name__}); the mail is as it came."
        return Returned(ReturnedKind.UNKNOWN, why, envelope_to=envelope_to)


def _read(raw: bytes, envelope_to: str | None) -> Returned:
    mail = read_mail(raw)
    text = text_of_mail(mail)
    notice, copy = split_notice(text)
    sender = address_of(mail.headers.get("from"))
    verdict = (
        _complaint(mail)
        or _report(mail, notice)
        or _notice(mail, notice, envelope_to, sender)
        or _written(mail, sender)
    )
    references = _references(mail, copy, notice, answered=verdict.kind in _ANSWERS)
    return replace(
        verdict,
        original_message_id=next(iter(references), None),
        references=references,
        sender=sender,
        envelope_to=envelope_to,
        subject=mail.headers.words("subject"),
    )


def _complaint(mail: Mail) -> Returned | None:
    complaint = read_complaint(mail)
    if complaint is None:
        return None
    if not complaint.is_complaint:
        why = f"It is a feedback report of type {complaint.feedback_type}: no complaint."
        return Returned(ReturnedKind.AUTOMATIC, why)
    why = f"It is a feedback report of type {complaint.feedback_type}."
    return Returned(ReturnedKind.COMPLAINT, why, complained_of=complaint.complained_of)


def _report(mail: Mail, notice: str) -> Returned | None:
    """A delivery status report, also inside another message if a mail system sent that."""
    reports = mail.of_type("delivery-status")
    believed = bool(reports) and (not reports[0].enclosed or from_mail_system(mail))
    if believed and (failed := recipients_of_report(mail, notice)):
        why = "A delivery status report (RFC 3464) in it says so."
        return Returned(gravest(failed), why, failed=failed)
    if refused := refused_by_note(mail, notice):
        why = "A disposition notification (RFC 8098) in it says that the mail was refused."
        return Returned(refused.kind, why, failed=(refused,))
    return None


def _notice(
    mail: Mail, notice: str, envelope_to: str | None, sender: str | None
) -> Returned | None:
    """A mail system's notice in plain words."""
    if has_absent_subject(mail) or not is_notice(mail, notice):
        return None
    own = {envelope_to or "", sender or ""} | _addresses(mail.headers, "to", "delivered-to")
    for part in mail.parts:
        if part.is_returned and not part.enclosed:
            copy = part.returned_headers()
            own |= _addresses(copy, "from", "sender", "reply-to") - _addresses(copy, "to")
    if failed := recipients_of_notice(mail, notice, own):
        why = "It is the notice of a mail system, and its words name who was not reached."
        return Returned(gravest(failed), why, failed=failed)
    kind = ReturnedKind.DELAYED if is_delay(mail, notice) else severity_of_words(notice)
    return Returned(kind, "It is the notice of a mail system that names nobody.")


def _addresses(headers: Headers, *names: str) -> set[str]:
    values = [value for name in names for value in headers.all(name)[:5]]
    found = (address_of(piece) for value in values for piece in value.split(",")[:20])
    return {address for address in found if address is not None}


def _written(mail: Mail, sender: str | None) -> Returned:
    """What somebody, or a machine in their place, wrote."""
    text = reply_text(mail)
    if not mail.headers:
        why = "It has no headers: it is no mail."
    elif automatic := automatic_kind(mail, text):
        return Returned(automatic[0], automatic[1], text=text)
    elif from_nobody(mail):
        why = "Its sender's address takes no answers."
        return Returned(ReturnedKind.AUTOMATIC, why, text=text)
    elif from_mail_system(mail):
        why = "A mail system sent it, but no rule reads what it says."
    elif mail.headers.get("return-path").strip() == "<>":
        why = "It came without an address to return to, as no person sends mail."
    elif sender is None:
        why = "It does not say who sent it."
    else:
        return Returned(
            ReturnedKind.REPLY, "Nothing in it says that a machine wrote it.", text=text
        )
    return Returned(ReturnedKind.UNKNOWN, why, text=text)


def _references(mail: Mail, copy: str, notice: str, *, answered: bool) -> tuple[str, ...]:
    """Message-IDs that may be ours, best first: of the copy sent back, or of what is answered."""
    reports = mail.of_type("delivery-status", "/feedback-report", "/disposition-notification")
    depth = reports[0].enclosed if reports else 0
    returned: list[str] = []
    for part in mail.parts:
        if part.is_returned and part.enclosed == depth:
            returned += message_ids(part.returned_headers().get("message-id"))
    for report in reports:
        returned += _quoted_ids(report.text())
    returned += _quoted_ids(copy) or _quoted_ids(notice)
    replied = message_ids(mail.headers.get("in-reply-to"))
    replied += reversed(message_ids(mail.headers.get("references")))
    found = [*replied, *returned] if answered else [*returned, *replied]
    return tuple(dict.fromkeys(found))[:_MOST_REFERENCES]


def _quoted_ids(text: str) -> list[str]:
    return message_ids(" ".join(_QUOTED_ID.findall(text[:LONGEST_TEXT])))
