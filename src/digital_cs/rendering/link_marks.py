"""Marks on the links of an e-mail that may tell of a click, from its Markdown to its parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from markdown_it.token import Token

from digital_cs.rendering.markdown import DIRECT, TWIN, asks, attribute
from digital_cs.rendering.sandbox import guard_link
from digital_cs.rendering.tags import TagTable

CUT = "\x01"
"""Stands on both sides of a marked address in a template. Neither files nor values hold it
(tags.tokenize, filters.one_line), and `str.split` takes it for no space."""

_MARKED = "zqlinkz"
"""Stands before a marked address in MJML, whose parser wants no control characters."""

_META = "marked"
# The recipient's own addresses; `links.app`, also as a default of another value, is not one.
_LINKS = re.compile(r"\blinks\b(?!\.app\b)")


def mark(tokens: Sequence[Token], table: TagTable) -> None:
    """Mark the links of a body that may tell of a click.

    Not one that asks for `DIRECT`, is no web address, or belongs to the recipient (`links.…`,
    which is where they unsubscribe). Not one either whose label is an address: to say one place
    and to lead to another is what phishing does, and filters look for it.
    """
    for token in tokens:
        mark(token.meta.get(TWIN, ()), table)
        label = ""
        opening: Token | None = None
        for child in token.children or []:
            if child.type == "link_open":
                opening, label = child, ""
            elif child.type == "link_close" and opening is not None:
                opening.meta[_META] = _tells(opening, label, table)
                opening = None
            else:
                label += child.content


def _tells(link: Token, label: str, table: TagTable) -> bool:
    address = attribute(link, "href").lower()
    own = any(_LINKS.search(tag.code) for tag in table.found_in(address))
    shown, plain = label.strip().rstrip("/").lower(), address.rstrip("/")
    says_where = shown.startswith(("http://", "https://", "www.")) or (
        shown in (plain, plain.partition("://")[2])
    )
    return not (own or says_where or asks(link, DIRECT) or address.startswith("mailto:"))


def html_address(link: Token) -> str:
    """The address of a link for an attribute of MJML; `unmarked` reads the mark."""
    return (_MARKED if link.meta.get(_META) else "") + escape(attribute(link, "href"))


def text_address(link: Token, table: TagTable) -> str:
    """The address of a link for the template of the text part."""
    address = guard_link(attribute(link, "href"), table)
    return f"{CUT}{address}{CUT}" if link.meta.get(_META) else address


def unmarked(value: str) -> tuple[str, str]:
    """An attribute of compiled MJML, and what to write on both sides of it."""
    found = value.removeprefix(_MARKED)
    return found, CUT if found != value else ""
