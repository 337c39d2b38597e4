"""What came back in one shape, whether a mail says it or a provider."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from digital_cs.channels.mail import MailError, wire_address
from digital_cs.channels.returned import Failed, Returned, ReturnedKind
from digital_cs.channels.returned_words import one_line, valid_address
from digital_cs.domain.account import UNSUBSCRIBED

__all__ = ["UNSUBSCRIBED", "Came", "Report", "of_mail", "of_report", "same_address"]

_TOKEN = re.compile(r"bounce\+([!#-;=?A-~]{1,250})@([A-Za-z0-9.-]{1,253})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider says of one message to one person.

    `kind` is one of ReturnedKind, or "unsubscribed". `id` is the provider's, the same each time it
    says the same. `envelope_from` is the sender that we gave, with its token; `message_ids` are
    Message-IDs with angle brackets. `raw` is what it sent.
    """

    id: str
    kind: str
    address: str | None
    why: str
    raw: bytes
    envelope_from: str | None = None
    message_ids: tuple[str, ...] = ()
    status: str | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """Something that came back, as far as it can be read without knowing our messages.

    `address` is whom it is about, of a reply who wrote it. `message_ids` are candidates for ours,
    best first. `signed`: a provider says it who can be believed. `said` are the server's words.
    `ours`: it was written at our own domain.
    """

    id: str
    source: str
    raw: bytes
    kind: str
    why: str
    address: str | None = None
    message_ids: tuple[str, ...] = ()
    signed: bool = False
    ours: bool = False
    status: str | None = None
    said: str = ""
    subject: str = ""
    text: str = ""
    failed: tuple[Failed, ...] = ()
    complained_of: tuple[str, ...] = ()

    def about(self, address: str | None) -> Came:
        """The same about this address, if it names that among others; else about the first."""
        for one in self.failed:
            if address is not None and same_address(one.address, address):
                return self._of(one)
        for named in self.complained_of:
            if address is not None and same_address(named, address):
                return replace(self, address=address)
        if self.failed:
            grave = [one for one in self.failed if one.kind == self.kind]
            return self._of((grave or list(self.failed))[0])
        return self

    def _of(self, one: Failed) -> Came:
        code = str(one.code) if one.code else None
        return replace(
            self, kind=one.kind, address=tidy_address(one.address), status=one.status or code,
            said=f"{one.status or code or ''} {one.diagnostic}".strip(),
        )  # fmt: skip


def of_mail(id: str, source: str, raw: bytes, read: Returned, mail_domain: str) -> Came:
    """A mail that was read."""
    named = read.sender if read.kind is ReturnedKind.REPLY else next(iter(read.complained_of), None)
    address = tidy_address(named)
    return Came(
        id=id, source=source, raw=raw, kind=read.kind, why=read.why, address=address,
        ours=address is not None and address.endswith(f"@{mail_domain.lower()}"),
        subject=read.subject, text=read.text, failed=read.failed,
        complained_of=read.complained_of,
        message_ids=(*_of_token(read.envelope_to, mail_domain), *read.references),
    )  # fmt: skip


def of_report(report: Report, source: str, mail_domain: str) -> Came:
    """What a provider said."""
    said = one_line(f"{report.status or ''} {report.said}")
    return Came(
        id=report.id, source=source, raw=report.raw, kind=report.kind, why=one_line(report.why),
        address=tidy_address(report.address), signed=True, status=report.status, said=said,
        message_ids=(*_of_token(report.envelope_from, mail_domain), *report.message_ids),
    )  # fmt: skip


def tidy_address(text: str | None) -> str | None:
    """The address in small letters, as suppressions have it; None for what is none."""
    found = valid_address(text or "")
    return found.lower() if found else None


def same_address(one: str, other: str) -> bool:
    """Whether mail to both goes to one mailbox: a domain is written in ASCII, or as it reads."""
    try:
        return wire_address(one).lower() == wire_address(other).lower()
    except MailError:
        return False


def _of_token(envelope: str | None, mail_domain: str) -> tuple[str, ...]:
    """The Message-IDs that a bounce address stands for; the domain may be one of before."""
    match = _TOKEN.fullmatch((envelope or "").strip().strip("<>"))
    if match is None:
        return ()
    return tuple(dict.fromkeys(f"<{match[1]}@{each}>" for each in (match[2], mail_domain)))
