"""The links of a document, Markdown or HTML, each with its line."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(?:>\s?)*(`{3,}|~{3,})")
_CODE = re.compile(r"(`+)(?!`)(?:[^`]|(?!\1)`+)*?(?<!`)\1(?!`)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_INLINE = re.compile(
    r"!?\]\(\s*(?:<([^<>\n]{1,2000})>|((?:[^\s()<>\\]|\\.|\([^\s()<>]*\)){1,2000}))"
)
_REFERENCE = re.compile(r"^ {0,3}\[(?!\^)[^\]\n]{1,200}\]:\s*<?([^\s<>]{1,2000})>?")
_AUTO = re.compile(r"<(https?://[^\s<>]{1,2000})>", re.I)
_HREF = re.compile(r"""<a\s[^<>]{0,500}?href\s*=\s*(?:"([^"]{1,2000})"|'([^']{1,2000})')""", re.I)
_BARE = re.compile(r"""(?<![\w"'<=\[/])(?<!\]\()https?://[^\s<>"'`\]|\\^{}]{1,2000}""", re.I)
_TRAILING = ".,;:!?*_"
_TEMPLATE = ("{{", "{%", "<%", "${")


@dataclass(frozen=True, slots=True)
class WrittenLink:
    """A link as it stands in a document, and its line, from 1."""

    url: str
    line: int


def links_in(text: str) -> list[WrittenLink]:
    """The links of a document in order, each place once; those in code and comments are none.

    Anchors inside the page, mail addresses, and addresses that a template makes are left out.
    """
    blank = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    seen: set[WrittenLink] = set()
    links = []
    for number, line in _outside_code(blank):
        for url in _of_line(line):
            link = WrittenLink(url, number)
            if _is_to_a_page(url) and link not in seen:
                seen.add(link)
                links.append(link)
    return links


def _outside_code(text: str) -> Iterator[tuple[int, str]]:
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not line[found.end() :].strip("`~ \t"):
                fence = ""
            continue
        if found:
            fence = found[1]
            continue
        yield number, _CODE.sub("", line) if "`" in line else line


def _of_line(line: str) -> Iterator[str]:
    if "](" in line:
        for found in _INLINE.finditer(line):
            yield _plain(found[1] or found[2])
    reference = _REFERENCE.match(line)
    if reference is not None:
        yield _plain(reference[1])
    if "<" in line:
        yield from (_plain(found[1]) for found in _AUTO.finditer(line))
        yield from (_plain(found[1] or found[2]) for found in _HREF.finditer(line))
    if "://" in line and reference is None:
        for found in _BARE.finditer(line):
            url = found[0].rstrip(_TRAILING)
            while url.endswith(")") and url.count(")") > url.count("("):
                url = url[:-1].rstrip(_TRAILING)
            yield _plain(url)


def _plain(url: str) -> str:
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", url)).strip()


def _is_to_a_page(url: str) -> bool:
    if not url or url.startswith(("#", "%")) or any(mark in url for mark in _TEMPLATE):
        return False
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", url)
    return scheme is None or scheme[1].lower() in ("http", "https")
