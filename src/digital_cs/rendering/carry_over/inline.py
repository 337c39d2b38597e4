"""Writes a run of words, links and images of a template as one paragraph of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from digital_cs.rendering.carry_over.foreign_tags import MARK
from digital_cs.rendering.carry_over.html_tree import Node, silent
from digital_cs.rendering.markdown import parse
from digital_cs.rendering.tags import Line

BREAK = "\x01"
_STRONG, _WEAK = frozenset({"b", "strong"}), frozenset({"i", "em", "cite"})
_SPECIAL = re.compile(r"[\\`*\[\]<>|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|!(?=\[)|~~")
_AT_START = re.compile(r"^(?:[#>=+-]|\d+(?=[.)](?:\s|$)))")
_SPACES = re.compile(r"[ \t\r\n\f\u00a0\u00ad\u034f\u200b-\u200f\u2007\u202f\ufeff]+")
_SPACER = re.compile(r"(?:spacer|pixel|blank|transparent)[^/]*$", re.IGNORECASE)
_BUTTON = re.compile(r"(?:^|[\s_-])(?:button|btn|cta)", re.I)


@dataclass(slots=True)
class InlineWriter:
    """Writes runs; what could not be kept is said in `notes`."""

    notes: list[str]

    def paragraph(self, run: Iterable[Node | str]) -> str:
        """The run as one paragraph, empty if it says nothing; marks of tags stay."""
        run = [*run]
        text = _tidy(self._inline(run, emphasis=True))
        if "*" in text and _shown(text) != _shown(_tidy(self._inline(run, emphasis=False))):
            # Markdown would not read our stars as emphasis here: better plain than starred.
            text = _tidy(self._inline(run, emphasis=False))
        return text

    def cell(self, run: Iterable[Node | str]) -> str:
        """The run as a cell of a table, which is one line."""
        return _on_one_line(self.paragraph(run))

    def link(self, node: Node) -> tuple[str, str] | None:
        """Label and address of a link, or None if it leads nowhere that an e-mail can lead."""
        address = self._address(node.attribute("href"))
        label = _on_one_line(_tidy(self._inline(node.children, emphasis=False)))
        return (label, address) if address and label else None

    def _inline(self, run: Iterable[Node | str], *, emphasis: bool) -> str:
        return "".join(
            _escaped(each) if isinstance(each, str) else self._element(each, emphasis=emphasis)
            for each in run
        )

    def _element(self, node: Node, *, emphasis: bool) -> str:
        if silent(node) or node.hidden():
            return ""
        match node.tag:
            case "br":
                return BREAK
            case "img":
                return self._image(node)
            case "a":
                inner = self._inline(node.children, emphasis=emphasis)
                address = self._address(node.attribute("href"))
                core = inner.strip(f" \n\t{BREAK}").replace(BREAK, " ")
                return _around(inner, f"[{core}]({address})") if address and core else inner
            case "q":
                return f"“{self._inline(node.children, emphasis=emphasis)}”"
        inner = self._inline(node.children, emphasis=emphasis)
        core = inner.strip(f" \n\t\u00a0{BREAK}")
        stars = "**" if node.tag in _STRONG else "*" if node.tag in _WEAK else ""
        if not emphasis or not stars or not core or core.startswith("*"):
            # Blocks inside a run of words (a cell, a link) must not glue their words together.
            return f" {inner} " if node.tag in ("p", "div", "h1", "h2", "h3", "li") else inner
        return _around(inner, f"{stars}{core}{stars}")

    def _image(self, node: Node) -> str:
        source = node.attribute("src").strip()
        if "1" in (node.attribute("width"), node.attribute("height")) or _SPACER.search(source):
            return ""  # it counts opens, for which ours is made when we send, or it only takes room
        alt = _SPACES.sub(" ", node.attribute("alt")).strip()
        if not alt:
            alt = PurePosixPath(urlsplit(source).path).stem.replace("-", " ").replace("_", " ")
            alt = MARK.sub("", alt).strip() or "picture"
            self.notes.append(f"A picture had no text: it is called “{alt}” now.")
        address = self._address(source)
        if not address or address.startswith("mailto:"):
            return _escaped(f" {alt} ")
        return f"![{_escaped(alt)}]({address})"

    def _address(self, address: str) -> str:
        """An address for Markdown, empty if an e-mail cannot use it."""
        address = re.sub(r"\s+", "", address)
        if not address or address == "#":
            return ""
        if not re.match(r"https?://.|mailto:.|zqm[0-9]+mz", address, re.I):
            self.notes.append(f"The address `{address[:80]}` is no web address: its words stayed.")
            return ""
        return quote(address, safe="!#$%&'*+,/:;=?@[]~-._")


def is_button(node: Node) -> bool:
    """Whether a link looks like a button."""
    if node.tag != "a" or not node.attribute("href"):
        return False
    painted = node.style("background-color") or node.style("background")
    if painted in ("transparent", "none", "inherit"):
        painted = ""
    return bool(
        _BUTTON.search(node.attribute("class"))
        or node.attribute("role") == "button"
        or (painted and (node.style("padding") or node.style("border-top")))
    )


def button_in(node: Node) -> Node | None:
    """The link of an element that is drawn as a button and holds nothing else."""
    painted = node.attribute("bgcolor") or node.style("background-color")
    painted = painted or node.style("background")
    if not (_BUTTON.search(node.attribute("class")) or (painted and node.style("border-radius"))):
        return None
    links = [each for each in node.walk() if each.tag == "a" and each.attribute("href")]
    if len(links) == 1 and links[0].text().split() == node.text().split() != []:
        return links[0]
    return None


def _around(inner: str, core: str) -> str:
    """`core` with the spaces and breaks that stood at the two ends of `inner`."""
    ends = f" \n\t\u00a0{BREAK}"
    head = inner[: len(inner) - len(inner.lstrip(ends))]
    tail = inner[len(inner.rstrip(ends)) :]
    return f"{head}{core}{tail}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", text.replace(BREAK, " "))


def _tidy(text: str) -> str:
    lines = [_SPACES.sub(" ", line).strip() for line in text.split(BREAK)]
    lines = [_AT_START.sub(_protected, line) for line in lines]
    # Who has no paragraphs writes two line breaks.
    parts = re.split(r"\n\n+", "\n".join(lines).strip("\n"))
    return "\n\n".join(part.replace("\n", "\\\n") for part in parts)


def _on_one_line(markdown: str) -> str:
    return _SPACES.sub(" ", markdown.replace("\\\n", " ")).strip()


def _protected(match: re.Match[str]) -> str:
    found = match[0]
    return f"{found}\\" if found[0].isdigit() else f"\\{found}"


def _shown(markdown: str) -> str:
    """The words that a reader of this paragraph sees."""
    tokens: Sequence[object] = parse(
        [Line(line, "", number) for number, line in enumerate(markdown.split("\n"))]
    )
    words = [
        child.content if child.type not in ("softbreak", "hardbreak") else " "
        for token in tokens
        for child in getattr(token, "children", None) or []
    ]
    return " ".join("".join(words).split())
