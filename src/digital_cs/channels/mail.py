"""A rendered message in e-mail form: headers and a text/HTML pair as the bytes that SMTP takes.

The standard library's `email` package does the same at fifteen times the cost; one message in
one fixed form does not need its generality. The tests hold the two to the same answers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
_DOT = b"=2E=\r\n"
"""A dot, and a line break that is not of the text: with it no line grows too long."""
_PLAIN_LINE = 66
"""Longest value that is written as it is; with the name before it, it stays within 78."""


class MailError(DigitalCsError):
    """A message cannot be put into e-mail form. Correct its text, names or addresses."""


@dataclass(slots=True)
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


@lru_cache(maxsize=1024)  # in bulk each is asked for twice
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

    Only a recipient's address that is itself not ASCII (RFC 6531) is written as UTF-8. No line
    begins with a dot, so that nothing is left to do for SMTP's DATA.
    Raises `MailError` for a line break or control character in a header, for an address,
    Message-ID or URL that is none, and for text that is not Unicode (a lone surrogate).
    """
    try:
        return put_together(mail, [text_part("plain", mail.text)], [text_part("html", mail.html)])
    except UnicodeEncodeError as error:
        raise MailError("The message has a character that is not Unicode text.") from error


def put_together(mail: OutgoingMail, text: Sequence[bytes], html: Sequence[bytes]) -> bytes:
    """The message of these two parts, which are ready, in as many pieces as they come in; the
    texts in `mail` are not looked at."""
    # Neither quoted-printable nor base64 can contain "=_", so no body can contain the boundary.
    boundary = "=_" + hashlib.sha256(mail.message_id.encode(errors="replace")).hexdigest()[:32]
    delimiter = f"--{boundary}".encode()
    head = "\r\n".join(_headers(mail, boundary)).encode()
    return b"".join(
        (b"%b\r\n\r\n%b\r\n" % (head, delimiter), *text, delimiter + b"\r\n", *html,
         delimiter + b"--\r\n")
    )  # fmt: skip


def _headers(mail: OutgoingMail, boundary: str) -> list[str]:
    if not _MESSAGE_ID.fullmatch(mail.message_id):
        raise MailError("The Message-ID is not of the form <id@domain>.")
    if mail.date.utcoffset() is None:
        raise MailError("The date of a message needs a UTC offset.")
    headers = [
        f"Message-ID: {mail.message_id}",
        f"Date: {_written(mail.date, mail.date.utcoffset())}",
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


def text_part(subtype: str, text: str) -> bytes:
    """Headers and encoded body of one text part, ending with the line break before a delimiter."""
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    raw = text.encode()
    if mostly_not_latin(len(text), len(raw)):
        body = base64.encodebytes(raw.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n") or b"\r\n"
        return part_head(subtype, "base64") + body
    return part_head(subtype, "quoted-printable") + quoted(text) + b"\r\n"


def mostly_not_latin(letters: int, octets: int) -> bool:
    """Whether a text of so many letters is half as long in base64."""
    return octets - letters > letters // 2


def part_head(subtype: str, encoding: str) -> bytes:
    """What stands before the encoded body of a text part."""
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode()


def quoted(text: str) -> bytes:
    """Text with line ends of LF alone as quoted-printable, no line of it beginning with a dot."""
    return dotless(binascii.b2a_qp(text.encode(), istext=True).replace(b"\n", b"\r\n"))


def dotless(lines: bytes) -> bytes:
    """Quoted-printable lines that say the same, none beginning with a dot."""
    if lines.startswith(b"."):
        lines = _DOT + lines[1:]
    while b"\r\n." in lines:
        lines = lines.replace(b"\r\n.", b"\r\n" + _DOT)
    return lines


def _unstructured(name: str, value: str) -> str:
    """A header line of free text: as it is where that is safe and short, else encoded."""
    _refuse_control(name, value)
    if len(value) <= _PLAIN_LINE and _VISIBLE.fullmatch(value) and "=?" not in value:
        return f"{name}: {value}"
    return f"{name}: {_encoded_words(name, value)}"


def _mailbox(name: str, display_name: str, address: str) -> str:
    """A header line of one person: `To: Ada <ada@example.org>`."""
    if not display_name.isprintable():  # most are
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


@lru_cache(maxsize=16)
def _written(date: datetime, _: timedelta | None) -> str:
    """A date as a header has it; messages that go out together have the same. Two that are equal
    may have different offsets."""
    return format_datetime(date)


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
