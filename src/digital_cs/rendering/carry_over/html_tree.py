"""Reads the HTML of an e-mail, however it was written, into a small tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
})  # fmt: skip
_SILENT = frozenset({"head", "style", "script", "title", "noscript", "template"})
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
# An opening tag that ends what its author left open, up to the tag that holds both.
_ENDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset({"li", "p"}), frozenset({"ul", "ol"})),
    "td": (frozenset({"td", "th", "p"}), frozenset({"tr", "table"})),
    "th": (frozenset({"td", "th", "p"}), frozenset({"tr", "table"})),
    "tr": (frozenset({"tr", "td", "th", "p"}), frozenset({"table"})),
}
MOST_DEEP = 150
"""Elements inside each other; what is deeper stands beside. Layouts need about thirty."""
_OPENINGS = re.compile(r"<!--|<!\[|<style\b|<script\b", re.IGNORECASE)
_CLOSINGS = {"<!--": "-->", "<![": "]>", "<style": "</style", "<script": "</script"}


@dataclass(slots=True)
class Node:
    """An element and what is in it, texts and elements in their order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def attribute(self, name: str) -> str:
        return self.attributes.get(name, "")

    def style(self, name: str) -> str:
        """A property of the style written into the element, in small letters."""
        found = re.search(rf"(?:^|;)\s*{name}\s*:\s*([^;]+)", self.attribute("style"), re.I)
        return found[1].strip().lower() if found else ""

    def hidden(self) -> bool:
        """Whether a reader never sees it: a preheader, or what is kept for one client."""
        return (
            self.style("display").startswith("none")
            or self.style("mso-hide").startswith("all")
            or "hidden" in self.attributes
            or bool(re.search(r"\bpre-?header\b|\bpreview-?text\b", self.attribute("class"), re.I))
        )

    def walk(self) -> Iterator[Node]:
        """This element and all in it."""
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def text(self) -> str:
        """All words in it."""
        return "".join(
            child if isinstance(child, str) else "" if child.tag in _SILENT else child.text()
            for child in self.children
        )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("html")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("html", "body"):
            return
        if tag in _ENDS:
            ended, within = _ENDS[tag]
            while len(self._open) > 1 and self._open[-1].tag not in within:
                if self._open[-1].tag not in ended:
                    break
                self._open.pop()
        elif tag in BLOCKS and self._open[-1].tag == "p":
            self._open.pop()
        node = Node(tag, {name: value or "" for name, value in reversed(attrs)})
        self._open[-1].children.append(node)
        if tag not in _VOID and len(self._open) < MOST_DEEP:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open[-1].tag == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self.handle_starttag(tag, [])
        for position in range(len(self._open) - 1, 0, -1):
            if self._open[position].tag == tag:
                del self._open[position:]
                return
            if self._open[position].tag == "table":
                return  # a stray end tag in a cell ends nothing outside of its table

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def without_comments(html: str) -> str:
    """The HTML without what no reader sees and no tag of a template belongs in.

    Found piece by piece: a pattern would look for each missing end through all that follows.
    """
    small = html.lower()
    kept: list[str] = []
    endless: set[str] = set()
    position = 0
    while opening := _OPENINGS.search(html, position):
        kind = opening[0].lower()
        end = -1 if kind in endless else small.find(_CLOSINGS[kind], opening.end())
        kept.append(html[position : opening.start()])
        if end < 0:
            endless.add(kind)
            position = opening.end()
        else:
            closed = end + len(_CLOSINGS[kind])
            position = small.find(">", closed) + 1 or closed if kind[1] == "s" else closed
    return "".join([*kept, html[position:]])


def read_html(html: str) -> Node:
    """The tree of an e-mail or of a piece of one. Never fails: browsers do not, either."""
    reader = _Reader()
    reader.feed(without_comments(html))
    reader.close()
    return reader.root


def silent(node: Node) -> bool:
    """Whether an element is about the e-mail instead of in it."""
    return node.tag in _SILENT
