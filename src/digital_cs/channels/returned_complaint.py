"""Complaints: abuse reports (RFC 5965), and the shape in which Hotmail sends them."""

from __future__ import annotations

import re
from typing import NamedTuple

from digital_cs.channels.returned_mime import Mail, split_headers
from digital_cs.channels.returned_words import valid_address

_TYPE = re.compile(r"[a-z-]{1,30}")
_NO_COMPLAINT = {"not-spam", "auth-failure", "dmarc"}
"""Feedback types that report something else: taken back, or about signatures."""


class Complaint(NamedTuple):
    """An abuse report: its feedback type ("abuse", "not-spam", ...), and who complained."""

    feedback_type: str
    complained_of: tuple[str, ...]

    @property
    def is_complaint(self) -> bool:
        return self.feedback_type not in _NO_COMPLAINT


def read_complaint(mail: Mail) -> Complaint | None:
    """The abuse report in this mail, or None. Addresses that were blacked out are left out."""
    for part in mail.of_type("/feedback-report"):
        fields, _ = split_headers(part.content().strip() + b"\n\n")
        stated = _TYPE.fullmatch(fields.get("feedback-type").strip().lower())
        kind = stated[0] if stated else "other"
        named = [*fields.all("original-rcpt-to"), *fields.all("removal-recipient")][:20]
        return Complaint(kind, _addresses(named))
    for part in mail.parts:
        if not part.is_returned or part.enclosed:
            continue
        # Junk Mail Reporting of Hotmail: the message as it was, marked inside.
        if named := part.returned_headers().all("x-hmxmroriginalrecipient"):
            return Complaint("abuse", _addresses(named))
    return None


def _addresses(values: list[str]) -> tuple[str, ...]:
    found = (valid_address(value.removeprefix("rfc822;")) for value in values)
    return tuple(dict.fromkeys(address for address in found if address is not None))
