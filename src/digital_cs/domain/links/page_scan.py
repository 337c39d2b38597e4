"""The text of a web page in blocks, each with where it stands; in linear time, whatever comes.

Parsers that build a tree take time by the square of what hostile pages hold: measured on nested
tags and unfinished ones, html.parser took 30 seconds for 60 kB, and lexbor did not end with 1 MB.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass, field

SKIPPED = frozenset({
    "nav", "footer", "aside", "script", "style", "noscript", "template", "svg", "math", "iframe",
    "object", "canvas", "audio", "video", "button", "select", "textarea", "dialog", "title", "head",
})  # fmt: skip
"""Elements that hold nothing which readers came for."""

_RAW = frozenset({"script", "style", "textarea", "title", "iframe", "noembed", "xmp"})
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
})  # fmt: skip
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strong", "sub",
    "sup", "time", "tt", "u", "var", "wbr", "img",
})  # fmt: skip
_NEVER_ASIDE = frozenset({"html", "body", "main", "article"})
_SKIPPED_ROLES = frozenset({"navigation", "contentinfo", "complementary", "search", "banner"})
_ASIDE = re.compile(
    r"(?:^|(?<!with)(?<!has)(?<!no)[-_])"
    r"(?:nav|navbar|navigation|menu|sidebar|breadcrumbs?|footer|toc|pagination|pager|cookies?|"
    r"consent|banner|share|sharing|social|related|recommended|newsletter|promo|ads?|advert|"
    r"comments|feedback|toolbar|skip-link)$"
)
_OPENING = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,40})")
_IN_TAG = re.compile(r"[>\"']")
_ATTRIBUTE = re.compile(
    r"(class|id|role|hidden|aria-hidden)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]*)))?", re.I
)
_HREF = re.compile(r"(?:^|\s)href\s*=\s*(?:\"([^\"]+)\"|'([^']+)'|([^\s\"'>]+))", re.I)
_MOST_OF_A_TAG = 2_000
"""Characters of a tag that are read for its attributes."""
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{8,}")


@dataclass(slots=True)
class Block:
    """One paragraph, heading, cell or item. `linked`: how much of the text stands in links, which
    are `links`, as they are written."""

    text: str
    linked: int
    links: tuple[str, ...]
    main: bool
    article: bool
    header: bool
    aside: bool


@dataclass(slots=True)
class _Open:
    """An element that is not closed yet, and what it says of everything inside."""

    name: str
    marks: tuple[str, ...]


@dataclass(slots=True)
class _Scan:
    blocks: list[Block] = field(default_factory=list)
    opened: list[_Open] = field(default_factory=list)
    inside: Counter[str] = field(default_factory=Counter)
    marked: Counter[str] = field(default_factory=Counter)
    parts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    linked: int = 0

    def text(self, raw: str) -> None:
        if self.marked["skipped"] or not raw:
            return
        if "&" in raw:
            # Python refuses to read numbers of thousands of digits; no character has eight.
            raw = html.unescape(_LONG_NUMBER.sub("\ufffd", raw))
        self.parts.append(raw)
        if self.inside["a"]:
            self.linked += len(raw.strip())

    def flush(self) -> None:
        text = " ".join("".join(self.parts).split())
        if text:
            marked = self.marked
            self.blocks.append(
                Block(text, self.linked, tuple(self.links), main=marked["main"] > 0,
                      article=marked["article"] > 0, header=marked["header"] > 0,
                      aside=marked["aside"] > 0)
            )  # fmt: skip
        self.parts, self.links, self.linked = [], [], 0

    def start(self, name: str, attributes: str) -> None:
        if name not in _INLINE:
            self.flush()
        if name in _VOID:
            return
        if name in ("p", "li", "a", "option", "tr", "td") and self.top() == name:
            self.end(name)
        marks = _marks(name, attributes)
        self.opened.append(_Open(name, marks))
        self.inside[name] += 1
        for mark in marks:
            self.marked[mark] += 1
        if name == "a" and not self.marked["skipped"] and (found := _HREF.search(attributes)):
            href = found[1] or found[2] or found[3]
            self.links.append(html.unescape(_LONG_NUMBER.sub("\ufffd", href)).strip())

    def end(self, name: str) -> None:
        if name not in _INLINE:
            self.flush()
        if not self.inside[name]:
            return
        while True:
            last = self.opened.pop()
            self.inside[last.name] -= 1
            for mark in last.marks:
                self.marked[mark] -= 1
            if last.name == name:
                return

    def top(self) -> str | None:
        return self.opened[-1].name if self.opened else None


def scan(page: str) -> list[Block]:
    """The blocks of text of a page, in order, without scripts, navigation, footers and asides.

    Never raises, and takes time and memory by the length of the page, whatever stands in it.
    """
    found, at, length = _Scan(), 0, len(page)
    quotes = {'"': True, "'": True}
    while at < length:
        start = page.find("<", at)
        if start < 0:
            found.text(page[at:])
            break
        found.text(page[at:start])
        if page.startswith("<!--", start):
            end = page.find("-->", start + 4)
            at = length if end < 0 else end + 3
            continue
        opening = _OPENING.match(page, start)
        if opening is None:
            if page[start + 1 : start + 2] in ("!", "?", "/"):
                end = page.find(">", start)
                at = length if end < 0 else end + 1
            else:
                found.text("<")
                at = start + 1
            continue
        name, end = opening[2].lower(), _end_of_tag(page, opening.end(), quotes)
        if end < 0:
            break  # a tag without end: the rest is no text
        at = end + 1
        if opening[1]:
            found.end(name)
            continue
        found.start(name, page[opening.end() : min(end, opening.end() + _MOST_OF_A_TAG)])
        if name in _RAW:
            closing = re.compile(rf"</{name}(?=[\s/>])", re.I).search(page, at)
            at = length if closing is None else closing.start()
    found.flush()
    return found.blocks


def _end_of_tag(page: str, at: int, quotes: dict[str, bool]) -> int:
    """Where the `>` of a tag stands, that is not inside a quoted value; -1: nowhere.

    `quotes` remembers which kind of quote stands nowhere in the rest: it is not sought again.
    """
    while True:
        mark = _IN_TAG.search(page, at)
        if mark is None:
            return -1
        kind, at = mark[0], mark.end()
        if kind == ">":
            return mark.start()
        if quotes[kind] and page[mark.start() - 1] == "=":
            end = page.find(kind, at)
            if end < 0:
                quotes[kind] = False
            else:
                at = end + 1


def _marks(name: str, attributes: str) -> tuple[str, ...]:
    """What an element says of everything inside."""
    marks = []
    if name in SKIPPED:
        marks.append("skipped")
    if name in ("main", "article", "header"):
        marks.append(name)
    if not attributes or (name in _NEVER_ASIDE and "role" not in attributes):
        return tuple(marks)
    for found in _ATTRIBUTE.finditer(attributes):
        key = found[1].lower()
        value = (found[2] or found[3] or found[4] or "").lower()
        if key == "role" and value == "main":
            marks.append("main")
        elif (key == "role" and value in _SKIPPED_ROLES) or (
            (key == "hidden" and value != "until-found") or (key, value) == ("aria-hidden", "true")
        ):
            marks.append("skipped")
        elif key in ("class", "id") and any(map(_ASIDE.search, value.split())):
            marks.append("aside")
    return tuple(marks)
