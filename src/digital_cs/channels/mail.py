"""A rendered message in e-mail form: headers and a text/HTML pair as the bytes that SMTP takes.

The standard library's `email` package does the same at fifteen times the cost; one message in
one fixed form does not need its generality. The tests hold the two to the same answers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from digital_cs.errors import DigitalCsError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LOCAL_PART = re.compile(r"[^\s\x00-\x20\x7f-\x9f\ud800-\udfff<>()\[\]\\,;:@\"]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_MESSAGE_ID = re.compile(r"<[!#-;=?A-~]+@[!#-;=?A-~]+>")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,40}")
_URL = re.compile(r"[a-z]+:[!-;=?-~]{1,900}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_VISIBLE = re.compile(r"(?:[!-~]+(?: [!-~]+)*)?")
_NEWLINE = re.compile("\r\n|\r|\n")

_OWN_HEADERS = frozenset(
    {"message-id", "date", "from", "to", "cc", "bcc", "subject", "reply-to", "sender"}
    | {"return-path", "list-unsubscribe", "list-unsubscribe-post", "mime-version"}
    | {"content-type", "content-transfer-encoding"}
)
_FOLD = "\r\n "
"""A line break inside a header."""
_PLAIN_LINE = 66
"""Longest value that is written as it is; with the name before it, it stays within 78."""


class MailError(DigitalCsError):
    """A message cannot be put into e-mail form. Correct its text, names or addresses."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One message to one person, rendered.

    `message_id` has its angle brackets (see `message_id_for`), `mail_from` is a whole header
    value ("Customer team <hello@example.org>"), `date` has a UTC offset. `unsubscribe_url` is
    None only for service notices. `headers` are extra (name, value) pairs.
    """

    message_id: str
    mail_from: str
    envelope_from: str
    to: str
    to_name: str
    subject: str
    text: str
    html: str
    date: datetime
    unsubscribe_url: str | None = None
    reply_to: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def message_id_for(key: str, domain: str) -> str:
    """The Message-ID of the ledger row with this unique key: the same key, the same id."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def wire_address(address: str) -> str:
    """The address as the wire takes it: its domain in ASCII, nothing that could end a command.

    Raises `MailError`, which does not repeat the address, for what is not a plain address.
    """
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            domain = ""
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise MailError("An address is not of the form name@domain. Correct it on the contact.")
    return f"{local}@{domain}"


def to_bytes(mail: OutgoingMail) -> bytes:
    """The message as RFC 5322 bytes with CRLF line ends, pure ASCII in lines of at most 998.

    Only a recipient's address that is itself not ASCII (RFC 6531) is written as UTF-8.
    Raises `MailError` for a line break or control character in a header, for an address,
    Message-ID or URL that is none, and for text that is not Unicode (a lone surrogate).
    """
    # Neither quoted-printable nor base64 can contain "=_", so no body can contain the boundary.
    boundary = "=_" + hashlib.sha256(mail.message_id.encode(errors="replace")).hexdigest()[:32]
    delimiter = f"--{boundary}".encode()
    try:
        head = "\r\n".join(_headers(mail, boundary)).encode()
        text, html = _part("plain", mail.text), _part("html", mail.html)
    except UnicodeEncodeError as error:
        raise MailError("The message has a character that is not Unicode text.") from error
    return b"%b\r\n\r\n%b\r\n%b%b\r\n%b%b--\r\n" % (
        head,
        delimiter,
        text,
        delimiter,
        html,
        delimiter,
    )


def _headers(mail: OutgoingMail, boundary: str) -> list[str]:
    if not _MESSAGE_ID.fullmatch(mail.message_id):
        raise MailError("The Message-ID is not of the form <id@domain>.")
    if mail.date.utcoffset() is None:
        raise MailError("The date of a message needs a UTC offset.")
    headers = [
        f"Message-ID: {mail.message_id}",
        f"Date: {format_datetime(mail.date)}",
        _own_mailbox("From", mail.mail_from),
        _mailbox("To", mail.to_name, mail.to),
        _unstructured("Subject", mail.subject),
    ]
    if mail.reply_to is not None:
        headers.append(_own_mailbox("Reply-To", mail.reply_to))
    if mail.unsubscribe_url is not None:
        if not _URL.fullmatch(mail.unsubscribe_url):
            raise MailError("The unsubscribe link is not a URL in ASCII of at most 900 characters.")
        headers.append(f"List-Unsubscribe: <{mail.unsubscribe_url}>")
        headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    for name, value in mail.headers:
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise MailError(f"{name!r} cannot be set as an extra header of a message.")
        headers.append(_unstructured(name, value))
    headers.append("MIME-Version: 1.0")
    headers.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
    return headers


def _part(subtype: str, text: str) -> bytes:
    """Headers and encoded body of one text part, ending with a line break."""
    # The last CRLF belongs to the delimiter that follows. It also shows b2a_qp, which copies the
    # style of the first line break it meets, that its own soft breaks have to be CRLF.
    body = (_NEWLINE.sub("\r\n", text) + "\r\n").encode()
    if len(body) - len(text) > len(text) // 2:  # mostly not Latin: base64 is half as long
        encoding = "base64"
        body = base64.encodebytes(body[:-2]).replace(b"\n", b"\r\n") or b"\r\n"
    else:
        encoding = "quoted-printable"
        body = binascii.b2a_qp(body, istext=True)
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode() + body


def _unstructured(name: str, value: str) -> str:
    """A header line of free text: as it is where that is safe and short, else encoded."""
    _refuse_control(name, value)
    if len(value) <= _PLAIN_LINE and _VISIBLE.fullmatch(value) and "=?" not in value:
        return f"{name}: {value}"
    return f"{name}: {_encoded_words(name, value)}"


def _mailbox(name: str, display_name: str, address: str) -> str:
    """A header line of one person: `To: Ada <ada@example.org>`."""
    _refuse_control(name, display_name)
    address = wire_address(address)
    display_name = " ".join(display_name.split())
    if not display_name:
        return f"{name}: {address}"
    if len(display_name) > _PLAIN_LINE or not display_name.isascii() or "=?" in display_name:
        return f"{name}: {_encoded_words(name, display_name)}{_FOLD}<{address}>"
    if not _ATOMS.fullmatch(display_name):
        escaped = display_name.replace("\\", "\\\\").replace('"', '\\"')
        display_name = f'"{escaped}"'
    separator = " " if len(display_name) + len(address) <= _PLAIN_LINE else _FOLD
    return f"{name}: {display_name}{separator}<{address}>"


@lru_cache(maxsize=64)
def _own_mailbox(name: str, value: str) -> str:
    """A header line of one of our own addresses, given as a whole header value."""
    _refuse_control(name, value)
    display_name, address = parseaddr(value)
    if not address.isascii():
        raise MailError(f"The address in {name} has to be ASCII, so that any server takes it.")
    return _mailbox(name, display_name, address)


def _encoded_words(name: str, text: str) -> str:
    """The text as RFC 2047 words, no character split between two of them.

    A line with such a word has at most 76 characters, the header's name included.
    """
    room = (76 - len(f"{name}: =?utf-8?b??=")) // 4 * 3
    words: list[bytes] = []
    chunk = b""
    for character in text:
        raw = character.encode()
        if len(chunk) + len(raw) > room:
            words.append(chunk)
            chunk = b""
        chunk += raw
    words.append(chunk)
    return _FOLD.join(
        f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words
    )


def _refuse_control(name: str, value: str) -> None:
    if _CONTROL.search(value):
        raise MailError(f"{name} has a line break or another control character. Remove it.")
