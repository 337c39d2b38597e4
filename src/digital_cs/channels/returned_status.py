"""What delivery status reports (RFC 3464) and disposition notes (RFC 8098) say, by recipient."""

from __future__ import annotations

import re
from typing import NamedTuple

from digital_cs.channels.returned_kinds import Failed, ReturnedKind
from digital_cs.channels.returned_mime import Headers, Mail, split_headers
from digital_cs.channels.returned_severity import (
    code_in,
    is_vague,
    severity,
    severity_of_words,
    status_in,
    telling_status,
)
from digital_cs.channels.returned_words import one_line, valid_address

_MOST_RECIPIENTS = 100
_BLANK = re.compile(rb"\n[ \t]*\n")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_PLUS_OR_EQUALS = re.compile(r"\+(2B|3D)")
_UNITEXT = re.compile(r"\\x\{(0{0,4}[0-9A-F]{2,4})\}")
_BESIDE = re.compile(r"\s*<?@>?\s*(?:\(.*)?", re.DOTALL)
_TYPED = re.compile(r"\s*([\w-]{1,20})\s*;(.*)", re.DOTALL)
_ACTIONS = {
    "fail": ReturnedKind.HARD,
    "error": ReturnedKind.HARD,  # OpenSMTPD
    "bounce": ReturnedKind.HARD,
    "undeliver": ReturnedKind.HARD,
    "delay": ReturnedKind.DELAYED,
    "deliver": ReturnedKind.DELIVERED,
    "relay": ReturnedKind.DELIVERED,
    "expand": ReturnedKind.DELIVERED,
}
_REFUSED = re.compile(r"reject|refus|abgelehnt|could not be delivered|undeliver", re.IGNORECASE)


def recipients_of_report(mail: Mail, notice: str) -> tuple[Failed, ...]:
    """Every recipient that the mail's delivery status parts name, each once.

    `notice` is the text beside the report: it decides between hard and soft where the report
    itself is vague. A report that is enclosed in another message counts only if the outer mail
    comes from a mail system (see `returned.read_returned`); the caller has seen to that.
    """
    found: dict[str, Failed] = {}
    for part in mail.of_type("/delivery-status", "/global-delivery-status"):
        for block in _BLANK.split(part.content().strip())[: _MOST_RECIPIENTS + 1]:
            if failed := _recipient(split_headers(block + b"\n\n")[0], notice):
                found.setdefault(failed.address.casefold(), failed)
    return tuple(found.values())


def _recipient(fields: Headers, notice: str) -> Failed | None:
    address = _address(fields)
    if address is None:
        return None
    stated, action = fields.get("status"), fields.get("action")
    diagnostic = _TYPED.sub(r"\2", fields.get("diagnostic-code")).strip()
    more = " ".join(filter(None, (stated, action, fields.get("x400-supplementary-info"))))
    said = f"{diagnostic}\n{more}"
    status = telling_status(status_in(stated), status_in(said))
    code = code_in(diagnostic) or code_in(stated)
    kind = next((kind for word, kind in _ACTIONS.items() if action.lower().startswith(word)), None)
    if kind is None:  # no action, or an unheard-of one: by its class the status says the same
        kind = ReturnedKind.DELIVERED if status and status[0] == "2" else ReturnedKind.HARD
    if kind is ReturnedKind.HARD:
        if is_vague(status) and severity(None, code, said) is None:
            said = f"{said}\n{notice}"
        kind = severity(status, code, said) or severity_of_words(said)
    words = one_line(diagnostic) or one_line(more)
    return Failed(address, kind, status, code, words)


class _Typed(NamedTuple):
    kind: str
    value: str


def _typed(value: str) -> _Typed:
    match = _TYPED.match(value)
    return _Typed(match[1].lower(), match[2].strip()) if match else _Typed("rfc822", value.strip())


def _address(fields: Headers) -> str | None:
    """The address as we wrote it, if the report still knows it, else where it ended up."""
    final = _typed(fields.get("final-recipient") or fields.get("x-actual-recipient"))
    known_final = _whole_address(final.value) if final.kind in {"rfc822", "utf-8"} else None
    original = _typed(fields.get("original-recipient"))
    if original.value and original.kind in {"rfc822", "utf-8"}:
        text = _UNITEXT.sub(lambda match: chr(int(match[1], 16)), original.value)
        if address := _whole_address(_without_xtext(text, final.value)):
            return address
    return known_final


def _whole_address(value: str) -> str | None:
    """The address that a field consists of, brackets and comments apart; none out of a text."""
    address = valid_address(value)
    return address if address and _BESIDE.fullmatch(value.replace(address, "@", 1)) else None


def _without_xtext(text: str, final: str) -> str:
    """Servers should undo the coding of ORCPT; some hand it on as it is.

    A `+2B` may as well be a tag of the address itself, so both the other address and the
    meaning of the code (only `+` and `=` have to be coded) are asked first.
    """
    whole = _XTEXT.sub(lambda match: chr(int(match[1], 16)), text)
    if text.casefold() == final.casefold() or whole.casefold() == final.casefold():
        return text if text.casefold() == final.casefold() else whole
    return _PLUS_OR_EQUALS.sub(lambda match: chr(int(match[1], 16)), text)


def refused_by_note(mail: Mail, notice: str) -> Failed | None:
    """The recipient whose server, in a disposition note, says that it refused the mail.

    Sieve's `reject` and Dovecot do so instead of a delivery status report. Other notes (read,
    deleted unread) are no bounces: None.
    """
    for part in mail.of_type("/disposition-notification"):
        fields, _ = split_headers(part.content().lstrip())
        disposition = fields.get("disposition").lower()
        refused = "deleted" in disposition or "denied" in disposition or "failed" in disposition
        if refused and "automatic-action" in disposition and _REFUSED.search(notice):
            address = _address(fields)
            if address is not None:
                kind = severity(status_in(notice), code_in(notice), notice) or ReturnedKind.SOFT
                return Failed(address, kind, status_in(notice), code_in(notice), one_line(notice))
    return None
