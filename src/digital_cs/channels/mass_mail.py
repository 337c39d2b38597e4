"""Messages that share most of their text in e-mail form: what they share is encoded once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from digital_cs.channels.mail import (
    MailError,
    OutgoingMail,
    dotless,
    mostly_not_latin,
    part_head,
    put_together,
    quoted,
    text_part,
)

_SOFT = b"=\r\n"
"""A line break that is not of the text."""
_LINE = 76
_TEXT = re.compile("[ -~\n]*")


class Frame(Protocol):
    """Texts with line ends of LF and a gap after each: the very same object in many messages,
    which keeps what they are on the wire."""

    @property
    def texts(self) -> Sequence[str]: ...

    wire: Any


class Filled(Protocol):
    """The text of one message: frames one after the other, and what is in all their gaps."""

    @property
    def frames(self) -> Sequence[Frame]: ...

    @property
    def gaps(self) -> Sequence[str]: ...


@dataclass(slots=True)
class _Wire:
    """The texts of a frame, encoded, with room for the gaps; and whether they are Latin."""

    lines: list[bytes]
    latin: bool


def to_bytes(mail: OutgoingMail, text: Filled, html: Filled) -> bytes:
    """The message as `mail.to_bytes` makes it, which says what is raised; `text` and `html` take
    the place of those in `mail`.

    The HTML is always quoted-printable, which no text needs to be longer for than its markup.
    """
    try:
        return put_together(mail, _text(text), _part(_HTML, _wires(html), html.gaps))
    except UnicodeEncodeError as error:
        raise MailError("The message has a character that is not Unicode text.") from error


def _text(text: Filled) -> list[bytes]:
    wires, gaps = _wires(text), text.gaps
    if not all(map(str.isascii, gaps)) or not all(wire.latin for wire in wires):
        whole = str(text)
        if mostly_not_latin(len(whole), len(whole.encode())):
            return [text_part("plain", whole)]
    return _part(_PLAIN, wires, gaps)


def _wires(filled: Filled) -> list[_Wire]:
    return [frame.wire or _wire(frame) for frame in filled.frames]


def _wire(frame: Frame) -> _Wire:
    texts = frame.texts
    lines = [b""] * (2 * len(texts))
    lines[::2] = map(whole_lines, texts)
    whole = "".join(texts)
    frame.wire = wire = _Wire(lines, not mostly_not_latin(len(whole), len(whole.encode())))
    return wire


def _part(head: bytes, wires: Sequence[_Wire], gaps: Sequence[str]) -> list[bytes]:
    lines: list[bytes] = []
    for wire in wires:
        lines += wire.lines
    lines[1::2] = map(_known_lines, gaps)
    # It ends with a text. The line break is the one that belongs to the delimiter.
    lines[-2:] = lines[-2].removesuffix(_SOFT), b"\r\n"
    lines.insert(0, head)
    return lines


def whole_lines(text: str) -> bytes:
    """Text as quoted-printable that ends with a line break, of its own or a soft one.

    So it may stand before any other piece, and after any.
    """
    if not text:
        return b""
    if text.isascii() and "=" not in text:  # it is as it is, but for lines that are too long
        if text.isprintable():  # most values, and all addresses
            raw = text.encode()
            return dotless((raw if len(raw) < _LINE else _broken(raw)) + _SOFT)
        if _TEXT.fullmatch(text) and " \n" not in text:
            found = text.encode().split(b"\n")
            whole = b"\r\n".join([line if len(line) < _LINE else _broken(line) for line in found])
            return dotless(whole + (_SOFT if found[-1] else b""))
    lines = quoted(text)
    if lines.endswith(b"\n"):
        return lines
    if len(lines) - lines.rfind(b"\n") > _LINE:
        # There is no room for the "=": the last characters move to a line of their own.
        cut = len(lines) - 3
        while b"=" in lines[cut - 2 : cut]:  # in the middle of an escape
            cut -= 1
        lines = dotless(lines[:cut] + _SOFT + lines[cut:])
    return lines + _SOFT


# Many a value is in two places of a message, or in many messages.
_known_lines = lru_cache(maxsize=1024)(whole_lines)


def _broken(line: bytes) -> bytes:
    return _SOFT.join([line[at : at + _LINE - 1] for at in range(0, len(line), _LINE - 1)])


_PLAIN = part_head("plain", "quoted-printable")
_HTML = part_head("html", "quoted-printable")
