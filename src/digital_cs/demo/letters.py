"""The mail of readers in the demo: what lies in their box, and what is answered to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, message_from_string, policy
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, make_msgid
from html import unescape

_HREF = re.compile(r'href="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Received:
    """A message of ours as it lies in somebody's box.

    `follow` are the links that are counted, in order; the last is the one that people do not see.
    `unsubscribe` and `choose` are None in service notices, or where the text has no such link.
    """

    message_id: str
    sender: str
    to: str
    to_name: str
    subject: str
    date: str
    text: str
    follow: tuple[str, ...]
    unsubscribe: str | None
    choose: str | None

    @property
    def first_name(self) -> str:
        """How the reader signs."""
        return self.to_name.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that comes back. The envelope has no sender where nobody may be answered."""

    envelope_from: str
    envelope_to: str
    content: bytes


def read(raw: bytes) -> Received:
    """Read a mail as the program of a reader does."""
    mail = message_from_bytes(raw, policy=policy.default)
    ((name, address),) = getaddresses([str(mail["To"])])
    ((_, sender),) = getaddresses([str(mail["From"])])
    texts = {kind: _text(mail, kind) for kind in ("plain", "html")}
    links = [unescape(link) for link in _HREF.findall(texts["html"])]
    one_click = str(mail["List-Unsubscribe"] or "").strip("<>")
    return Received(
        message_id=str(mail["Message-ID"]), sender=sender, to=address, to_name=name,
        subject=str(mail["Subject"]), date=str(mail["Date"]), text=texts["plain"],
        follow=tuple(link for link in links if "/c/" in link),
        unsubscribe=one_click or None,
        choose=next((link for link in links if "/p/" in link), None),
    )  # fmt: skip


def _text(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def bounce(to: Received, at: datetime, code: str, status: str, said: str) -> Letter:
    """A delivery status notification (RFC 3464) from the reader's mail server."""
    host = f"mx.{to.to.rpartition('@')[2]}"
    mail = _from_a_machine(f"MAILER-DAEMON@{host}", to, at, "Undelivered Mail Returned to Sender")
    mail.set_content(
        f"This is the mail system at host {host}.\n\nI'm sorry to have to inform you that your"
        f" message could not be delivered.\n\n<{to.to}>: {code} {status} {said}\n"
    )
    _report(mail, "delivery-status", [
        f"Reporting-MTA: dns; {host}",
        "",
        f"Final-Recipient: rfc822; {to.to}",
        "Action: failed",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {code} {status} {said}",
    ], to)  # fmt: skip
    return Letter("", _bounces_to(to), mail.as_bytes())


def complaint(to: Received, at: datetime) -> Letter:
    """The report of a mailbox provider (RFC 5965): its reader pressed "this is spam"."""
    provider = f"feedback@{to.to.rpartition('@')[2]}"
    mail = _from_a_machine(provider, to, at, f"FW: {to.subject}")
    mail.set_content("This is an abuse report for an e-mail that a reader reported as spam.\n")
    _report(mail, "feedback-report", [
        "Feedback-Type: abuse",
        "User-Agent: Mailbox/1.0",
        "Version: 1",
        f"Original-Rcpt-To: {to.to}",
    ], to)  # fmt: skip
    return Letter(provider, _bounces_to(to), mail.as_bytes())


def absence(to: Received, at: datetime) -> Letter:
    """What a mailbox answers by itself while its owner is away (RFC 3834)."""
    mail = _from_a_machine(to.to, to, at, f"Automatic reply: {to.subject}")
    mail["Auto-Submitted"] = "auto-replied"
    mail["In-Reply-To"] = to.message_id
    mail.set_content("I am on holiday and back next Monday. I will read your mail then.\n")
    return Letter("", _bounces_to(to), mail.as_bytes())


def reply(to: Received, at: datetime, said: str) -> Letter:
    """What a reader writes back, with our mail quoted below it."""
    mail = _mail(f"{to.to_name} <{to.to}>", to.sender, at, f"Re: {to.subject}")
    mail["In-Reply-To"] = to.message_id
    mail["References"] = to.message_id
    quoted = "\n".join(f"> {line}" for line in to.text.splitlines())
    mail.set_content(
        f"{said}\n\n{to.first_name}\n\nOn {to.date}, Maya wrote:\n{quoted}\n", cte="8bit"
    )
    return Letter(to.to, to.sender, mail.as_bytes())


def _bounces_to(to: Received) -> str:
    """The sender in the envelope of our message, which the sink does not keep."""
    return f"bounce+{to.message_id.strip('<>')}"


def _from_a_machine(sender: str, to: Received, at: datetime, subject: str) -> EmailMessage:
    return _mail(sender, _bounces_to(to), at, subject)


def _mail(sender: str, receiver: str, at: datetime, subject: str) -> EmailMessage:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, receiver, subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip(">"))
    return mail


def _report(mail: EmailMessage, kind: str, lines: Sequence[str], about: Received) -> None:
    """Make it a multipart/report (RFC 6522): the words, the facts, and whose message it was."""
    mail.make_mixed()
    for subtype, text in (
        (f"message/{kind}", "\r\n".join(lines) + "\r\n"),
        ("text/rfc822-headers",
         f"Message-ID: {about.message_id}\r\nFrom: {about.sender}\r\n"
         f"Subject: {Header(about.subject, maxlinelen=900).encode()}\r\n"),
    ):  # fmt: skip
        mail.attach(
            message_from_string(f"Content-Type: {subtype}\r\n\r\n{text}", policy=policy.SMTP)
        )
    mail.replace_header("Content-Type", f"multipart/report; report-type={kind}")
