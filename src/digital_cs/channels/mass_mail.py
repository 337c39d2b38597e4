"""Messages that share most of their HTML in e-mail form: what they share is encoded once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from digital_cs.channels.mail import (
    MailError,
    OutgoingMail,
    dotless,
    part_head,
    put_together,
    quoted,
    text_part,
)

_SOFT = b"=\r\n"
"""A line break that is not of the text."""
_LINE = 76


class FixedText(Protocol):
    """Text that is the very same object in many messages, and keeps what it is on the wire."""

    @property
    def text(self) -> str: ...

    wire: bytes | None


def to_bytes(mail: OutgoingMail, html: Iterable[FixedText | str]) -> bytes:
    """The message as `mail.to_bytes` makes it, which says what is raised; `html` are the pieces of
    its HTML, with line ends of LF, and take the place of that in `mail`.

    The HTML is always quoted-printable, which no text needs to be longer for than its markup.
    """
    try:
        return put_together(mail, text_part("plain", mail.text), _part(html))
    except UnicodeEncodeError as error:
        raise MailError("The message has a character that is not Unicode text.") from error


def _part(pieces: Iterable[FixedText | str]) -> bytes:
    lines = [_HEAD]
    for piece in pieces:
        if isinstance(piece, str):
            if piece:
                lines.append(whole_lines(piece))
        elif piece.wire is None:
            piece.wire = whole_lines(piece.text)
            lines.append(piece.wire)
        else:
            lines.append(piece.wire)
    return b"".join(lines).removesuffix(_SOFT) + b"\r\n"


def whole_lines(text: str) -> bytes:
    """Text as quoted-printable that ends with a line break, of its own or a soft one.

    So it may stand before any other piece, and after any.
    """
    as_it_is = len(text) < _LINE and text.isascii() and text.isprintable() and "=" not in text
    if as_it_is and text and text[0] != ".":  # most values
        return b"%b=\r\n" % text.encode()
    lines = quoted(text)
    if not lines or lines.endswith(b"\n"):
        return lines
    if len(lines) - lines.rfind(b"\n") > _LINE:
        # There is no room for the "=": the last characters move to a line of their own.
        cut = len(lines) - 3
        while b"=" in lines[cut - 2 : cut]:  # in the middle of an escape
            cut -= 1
        lines = dotless(lines[:cut] + _SOFT + lines[cut:])
    return lines + _SOFT


_HEAD = part_head("html", "quoted-printable")
