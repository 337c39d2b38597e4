"""The parts of a mail from anywhere, cut out within fixed limits of size, depth and number.

The standard library's parser walks line by line through as many nested parts as the sender
likes: a hostile mail of a megabyte keeps it busy for minutes. This one splits at boundaries,
stops at its limits, and raises on nothing.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from digital_cs.channels.returned_words import decoded_bytes, decoded_header

MOST_BYTES = 1024 * 1024
"""Read of one mail; reports and what people write stand at its beginning."""
_MOST_PARTS = 60
_DEEPEST = 12
_MOST_HEADER_BYTES = 128 * 1024
_MOST_HEADERS = 500
_LONGEST_VALUE = 8 * 1024
_LONGEST_TEXT = 256 * 1024

_FIELD = re.compile(rb"([!-9;-~]{1,80})[ \t]*:(.*)", re.DOTALL)
_PARAMETER = re.compile(r';\s*([\w*-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.){0,500})"|([^\s;"]{1,500}))')
_TYPE = re.compile(r"\s*([\w.+-]{1,80}/[\w.+-]{1,80})")
_BLANK_LINES = re.compile(rb"\A(?:[ \t]*\n)+")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


class Headers:
    """Header fields as they came, unfolded; names in lower case."""

    __slots__ = ("_fields",)

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def __bool__(self) -> bool:
        return bool(self._fields)

    def __contains__(self, name: str) -> bool:
        return any(field_name == name for field_name, _ in self._fields)

    def get(self, name: str) -> str:
        """The first value of this (lower-case) name, or nothing, as it came."""
        return next((value for field_name, value in self._fields if field_name == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of this (lower-case) name, as it came."""
        return [value for field_name, value in self._fields if field_name == name]

    def words(self, name: str) -> str:
        """The first value of this (lower-case) name for reading: encoded words decoded."""
        return decoded_header(self.get(name))

    def names(self) -> Iterator[str]:
        """The names in order, in lower case."""
        return (name for name, _ in self._fields)


@dataclass(frozen=True, slots=True)
class Part:
    """One part that is not itself a container of parts.

    `enclosed` counts the messages (message/rfc822) around it, the mail itself not included.
    """

    content_type: str
    parameters: dict[str, str]
    headers: Headers
    body: bytes
    enclosed: int = 0

    @property
    def attached(self) -> bool:
        """Whether it is a file rather than something to read."""
        return self.headers.get("content-disposition").strip().lower().startswith("attachment")

    @property
    def is_returned(self) -> bool:
        """Whether it is the message sent back, or the headers of it."""
        return self.content_type in _RETURNED

    def returned_headers(self) -> Headers:
        """The header fields of the message sent back, where this part is one."""
        return split_headers(self.content().lstrip(b"\n") + b"\n\n")[0]

    def content(self) -> bytes:
        """The body without its transfer encoding; what is broken is read as far as it goes."""
        encoding = self.headers.get("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return _from_base64(self.body)
        return quopri.decodestring(self.body) if encoding == "quoted-printable" else self.body

    def text(self) -> str:
        """The body as text with `\\n` line ends, at most 256 KB of it."""
        data = self.content()[:_LONGEST_TEXT]
        text = decoded_bytes(data, self.parameters.get("charset", ""))
        return text.replace("\r\n", "\n").replace("\r", "\n")


_RETURNED = {
    "message/rfc822",
    "message/global",
    "message/rfc822-headers",
    "message/global-headers",
    "text/rfc822-headers",
    "text/rfc822",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail's own headers, and its parts in the order they stand.

    A message within it is one part by itself, followed by the parts it consists of.
    """

    headers: Headers
    content_type: str
    parameters: dict[str, str]
    parts: list[Part] = field(default_factory=list)

    def of_type(self, *endings: str) -> list[Part]:
        """The parts whose type ends so, those of the mail itself before enclosed ones."""
        found = [part for part in self.parts if part.content_type.endswith(endings)]
        return sorted(found, key=lambda part: part.enclosed)


def read_mail(raw: bytes) -> Mail:
    """The first megabyte of a mail, split into its parts. Raises on no bytes whatever."""
    data = raw[:MOST_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = _BLANK_LINES.sub(b"", data, count=1)
    if data.startswith((b"From ", b">From ")):  # the separator of a mailbox file
        data = data.partition(b"\n")[2]
    headers, body = split_headers(data)
    content_type, parameters = _content_type(headers)
    mail = Mail(headers, content_type, parameters)
    _collect(mail.parts, Part(content_type, parameters, headers, body), 0)
    return mail


def split_headers(data: bytes) -> tuple[Headers, bytes]:
    """Header fields and what stands below them; `data` has `\\n` line ends."""
    fields: list[tuple[str, bytes]] = []
    position, end = 0, min(len(data), _MOST_HEADER_BYTES)
    while position < end:
        stop = data.find(b"\n", position)
        stop = len(data) if stop < 0 else stop
        line = data[position : min(stop, position + _LONGEST_VALUE)]
        if not line.strip():
            position = stop + 1
            break
        if line[:1] in b" \t":
            if fields and len(fields[-1][1]) < _LONGEST_VALUE:
                fields[-1] = (fields[-1][0], fields[-1][1] + b" " + line.strip())
        elif match := _FIELD.fullmatch(line):
            if len(fields) < _MOST_HEADERS:
                fields.append((match[1].decode().lower(), match[2].strip()))
        elif not line.startswith(b">From "):
            break  # no header: the blank line is missing, and here the body begins
        position = stop + 1
    decoded = [
        (name, decoded_bytes(value, "utf-8").replace("\0", "\ufffd")) for name, value in fields
    ]
    return Headers(decoded), data[position:]


def _content_type(headers: Headers) -> tuple[str, dict[str, str]]:
    value = headers.get("content-type")
    match = _TYPE.match(value)
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(value):
        parameters.setdefault(name.lower().rstrip("*"), re.sub(r"\\(.)", r"\1", quoted) or plain)
    return (match[1].lower() if match else "text/plain"), parameters


def _collect(parts: list[Part], part: Part, depth: int) -> None:
    """Append the part, or those it consists of, down to the limits."""
    if len(parts) >= _MOST_PARTS:
        return
    boundary = part.parameters.get("boundary", "").rstrip()
    if part.content_type.startswith("multipart/") and boundary and depth < _DEEPEST:
        pieces = _pieces(part.body, boundary)
        inner_type = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        for piece in pieces:
            headers, body = split_headers(piece)
            content_type, parameters = _content_type(headers)
            if "content-type" not in headers:
                content_type = inner_type
            inner = Part(content_type, parameters, headers, body, part.enclosed)
            _collect(parts, inner, depth + 1)
        if pieces:
            return
    parts.append(part)
    if part.content_type in {"message/rfc822", "message/global"} and depth < _DEEPEST:
        headers, body = split_headers(part.content().lstrip(b"\n"))
        content_type, parameters = _content_type(headers)
        enclosed = Part(content_type, parameters, headers, body, part.enclosed + 1)
        _collect(parts, enclosed, depth + 1)


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """What stands between the boundary lines; the last piece may be cut off."""
    mark = re.escape(boundary.encode("utf-8", "replace"))
    delimiter = re.compile(rb"^--" + mark + rb"(--)?[ \t]*$", re.MULTILINE)
    pieces: list[bytes] = []
    start: int | None = None
    for match in delimiter.finditer(body):
        if start is not None:
            pieces.append(body[start : max(start, match.start() - 1)])
        start = match.end() + 1
        if match[1] or len(pieces) >= _MOST_PARTS:
            return pieces
    if start is not None:
        pieces.append(body[start:])
    return pieces


def _from_base64(body: bytes) -> bytes:
    digits = _NOT_BASE64.sub(b"", body)
    digits = digits[: len(digits) - len(digits) % 4] if len(digits) % 4 == 1 else digits
    try:
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    except binascii.Error:
        return b""
