"""The few filters that an e-mail may use, and what happens to a value on its way out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from urllib.parse import quote

from jinja2 import Undefined

MAX_LOOP = 100
MOST_LINK = 2000
"""Characters of a link made of variables."""
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LINK = re.compile(
    r"(?:https?://[^\s\"'<>\\/?#@]+(?:[/?#][^\s\"'<>\\]*)?|mailto:[^\s\"'<>\\]+)", re.I
)
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class ValueRefusedError(Exception):
    """A value cannot be used here. The text names the need, never the value."""


class LinkRefusedError(ValueRefusedError):
    """A link made of variables may only be http, https or mailto."""


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if character in _BIDI else character


def one_line(text: str) -> str:
    """`text` on one line: no control character, no text direction trick, no lone surrogate.

    So a value can forge neither a header, nor a line of the text part, nor our own marks.
    """
    if text.isprintable():
        return text
    return re.sub(r"\s{2,}", " ", "".join(map(_plain_character, text)))


def outgoing(value: object) -> object:
    """What a value becomes when it is printed: Jinja's `finalize`. Undefined passes and raises."""
    if type(value) is str:
        return one_line(value)
    if isinstance(value, Undefined):
        return value
    if isinstance(value, str):
        # A ready-made Markup would not be escaped again: values are never markup.
        return one_line(str.__str__(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, (int, date)):
        return str(value)
    raise ValueRefusedError("only a text, a number, a date or yes/no can be printed.")


def default(value: object, replacement: object = "") -> object:
    """The value, or `replacement` where the account has none (or an empty text)."""
    return replacement if isinstance(value, Undefined) or value == "" else value


def day(value: object) -> object:
    """A date (or its ISO text) in words: 12 March 2026. A missing or empty one stays so."""
    if isinstance(value, Undefined) or value == "":
        return value
    moment: date
    try:
        moment = value if isinstance(value, date) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueRefusedError("the filter `day` needs a date such as 2026-03-12.") from None
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def _of_text(change: Callable[[str], str]) -> Callable[[object], object]:
    def changed(value: object) -> object:
        return value if isinstance(value, Undefined) else change(str(outgoing(value)))

    return changed


def join(value: object, separator: str = ", ") -> object:
    """The items of a list trait in one text."""
    if isinstance(value, Undefined):
        return value
    return separator.join(str(outgoing(item)) for item in bounded(value))


def length(value: object) -> object:
    """How many items a list has, or letters a text."""
    if isinstance(value, Undefined):
        return value
    if not isinstance(value, (str, list, tuple)):
        raise ValueRefusedError("the filter `length` needs a list or a text.")
    return len(value)


def bounded(value: object) -> Sequence[object]:
    """What a loop may walk over: a list of at most `MAX_LOOP` items. Applied to every `for`."""
    if isinstance(value, Undefined):
        str(value)  # raises, naming the variable
    if not isinstance(value, (list, tuple)) or len(value) > MAX_LOOP:
        raise ValueRefusedError(f"a loop needs a list of at most {MAX_LOOP} items.")
    return value


def safe_link(parts: Sequence[object]) -> str:
    """The address made of literal and value in turn, or a refusal. Applied to every href and src.

    A value at the very beginning is a whole address; any later one is only a piece of one and
    is percent-encoded, so that it can change neither the host nor the query around it.
    """
    whole = ""
    for index, part in enumerate(parts):
        text = str(part) if index % 2 == 0 else str(outgoing(part))
        if index % 2 and whole:
            text = quote(text, safe="@" if whole.lower().startswith("mailto:") else "")
        whole += text
    if len(whole) > MOST_LINK or not _LINK.fullmatch(whole):
        raise LinkRefusedError("a link made of variables is not http, https or mailto.")
    return whole


# What authors may write. Everything else is reported by check and refused.
FILTERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        "default": default,
        "day": day,
        "upper": _of_text(str.upper),
        "lower": _of_text(str.lower),
        "capitalize": _of_text(str.capitalize),
        "trim": _of_text(str.strip),
        "join": join,
        "length": length,
    }
)
