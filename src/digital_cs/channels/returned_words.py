"""Text out of the bytes, headers and HTML of a mail from anywhere, fit to be stored."""

from __future__ import annotations

import codecs
import html
import re
from email.errors import HeaderParseError
from email.header import decode_header

from digital_cs.channels.mail import MailError, wire_address

LONGEST_TEXT = 20_000
LONGEST_DIAGNOSTIC = 500
_LONGEST_SUBJECT = 300
_LONGEST_HEADER = 2000

ADDRESS = (
    r"[^\s<>()\[\]\\,;:@\"'=/|][^\s<>()\[\]\\,;:@\"]{0,63}@\w(?:[\w.-]{0,252}\w)?(?![\w-]|\.\w)"
)
"""An address in running text; brackets, quotes and stops around it are left outside."""
_FIRST_ADDRESS = re.compile(ADDRESS)
_BRACKETED = re.compile(r"<([^<>]{3,320})>")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,300}@[!-;=?A-~]{1,300}>")

# Line ends and tabs stay; C0, C1, lone surrogates, and what turns or hides the text around it.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
_SPACES = re.compile(r"\s+")
_UNSAFE_CODECS = {"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape"}

# `str.lower` may change the length of a text, and with it every position in it.
_LOWER = str.maketrans({chr(letter): chr(letter + 32) for letter in range(ord("A"), ord("Z") + 1)})
_UNSEEN = re.compile(r"<(?:!--|(style|script|title)(?=[\s>/]))")
# Neither `<` nor unbounded: on "<a<a<a..." the time stays linear.
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]{0,20})((?:\s|/)[^<>]{0,4000})?>|<[!?][^<>]{0,400}>")
_BREAKS = {"br", "p", "div", "tr", "li", "ul", "ol", "table", "blockquote", "pre", "hr"} | {
    f"h{level}" for level in range(1, 7)
}
# By these the usual mail programs mark the message that is being answered.
_QUOTED_AFTER = re.compile(
    r"""\bid=["']?(?:\w{0,20}_)?(?:appendonsend|divRplyFwdMsg|OLK_SRC_BODY_SECTION|mail-editor-ref"""
    r"""erence-message-container)\b""",
    re.IGNORECASE,
)
_QUOTED_INSIDE = re.compile(
    r"""\bclass=["']?[^"'>]{0,200}\b(?:gmail_quote|gmail_attr|yahoo_quoted|moz-cite-prefix"""
    r"""|protonmail_quote)\b""",
    re.IGNORECASE,
)


def decoded_bytes(data: bytes, charset: str) -> str:
    """The bytes as text: in the charset named, else UTF-8, else Windows-1252."""
    for name in (charset.strip("\"' ")[:40], "utf-8"):
        try:
            codec = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        if codec.name in _UNSAFE_CODECS:  # quadratic, or not for text
            continue
        try:
            return data.decode(codec.name)
        except (LookupError, ValueError):
            continue
    return data.decode("cp1252", "replace")


def decoded_header(value: str) -> str:
    """A header's value for reading: encoded words decoded, in one clean line."""
    value = value[:_LONGEST_HEADER]
    if "=?" in value:
        try:
            pieces = [
                piece if isinstance(piece, str) else decoded_bytes(piece, charset or "ascii")
                for piece, charset in decode_header(value)
            ]
        except (HeaderParseError, ValueError):
            pieces = [value]
        value = "".join(pieces)
    return one_line(value, _LONGEST_SUBJECT)


def one_line(text: str, longest: int = LONGEST_DIAGNOSTIC) -> str:
    """The text in one line without control characters, cut to this many characters."""
    return _SPACES.sub(" ", _UNFIT.sub("", text[: longest * 4])).strip()[:longest].rstrip()


def without_controls(text: str) -> str:
    """The text with its line ends, without what a terminal or a page could stumble over."""
    return _UNFIT.sub("", text.replace("\xa0", " "))


def valid_address(text: str) -> str | None:
    """The address in this text, if it is one that mail could have been sent to."""
    match = _FIRST_ADDRESS.search(text[:1000])
    if match is None or "\ufffd" in match[0]:
        return None
    try:
        wire_address(match[0])
    except MailError:
        return None
    return match[0]


def address_of(header: str) -> str | None:
    """The address in a From or To header: the one in angle brackets, else the first."""
    bracketed = _BRACKETED.findall(header[:_LONGEST_HEADER])
    found = (valid_address(text) for text in (*reversed(bracketed), header))
    return next((address for address in found if address is not None), None)


def message_ids(text: str) -> list[str]:
    """The Message-IDs in a header's value, angle brackets included."""
    return _MESSAGE_ID.findall(text)


def text_of_html(source: str, *, quoted: bool = True) -> str:
    """The readable text of an HTML part; on demand a mere `>` for what is marked as quoted."""
    source = _seen(source)
    if _TAG.search(source) is None:
        return html.unescape(source)  # plain text under a wrong name
    pieces: list[str] = []
    position, hidden, hiding = 0, 0, ""
    for tag in _TAG.finditer(source):
        if not hidden:
            pieces.append(_SPACES.sub(" ", source[position : tag.start()]))
        position = tag.end()
        closing, name, attributes = tag[1], (tag[2] or "").lower(), tag[3] or ""
        if not quoted and _QUOTED_AFTER.search(attributes):
            break
        if hidden:
            if name == hiding:
                hidden += -1 if closing else 1
        elif not (quoted or closing) and (
            name == "blockquote" or _QUOTED_INSIDE.search(attributes)
        ):
            hiding, hidden = name, 1
            pieces.append("\n>\n")
        if not hidden and name in _BREAKS:
            pieces.append("\n\n" if name == "p" else "\n")
    else:
        if not hidden:
            pieces.append(_SPACES.sub(" ", source[position:]))
    text = html.unescape("".join(pieces)).replace("\xa0", " ")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()


def _seen(source: str) -> str:
    """The source without comments, styles, scripts and titles; what has no end ends with it."""
    lowered = source.translate(_LOWER)
    pieces: list[str] = []
    position = 0
    while opening := _UNSEEN.search(lowered, position):
        pieces.append(source[position : opening.start()])
        end = lowered.find(f"</{opening[1]}" if opening[1] else "--", opening.end())
        position = lowered.find(">", end) + 1 if end >= 0 else 0
        if position == 0:
            return "".join(pieces)
    return "".join(pieces) + source[position:]
