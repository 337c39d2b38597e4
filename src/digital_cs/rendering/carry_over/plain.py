"""Reads a template that is text only: titles between lines of signs, lists, links in brackets."""

from __future__ import annotations

import re

from digital_cs.rendering.carry_over.html_tree import Node

_LINE = re.compile(r"([*=#~_-])\1{2,}")
_ITEM = re.compile(r"\s*[*•-]\s+(.*)")
_LONGEST = 2000
_LINK = re.compile(r"([^()\n]*?\S)\s*\(\s*((?:https?://|mailto:|zqm)[^\s()]*)\s*\)")


def read_plain(text: str) -> Node:
    """The tree that an HTML template of the same words would have had."""
    root = Node("html")
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        root.children.append(_block([line.rstrip() for line in paragraph.split("\n")]))
    return root


def _block(lines: list[str]) -> Node:
    lines = [line for line in lines if line.strip()]
    rules = [bool(_LINE.fullmatch(line.strip())) for line in lines]
    if rules == [True]:
        return Node("hr")
    if rules == [True, False, True]:
        return Node("h1", children=[*_words(lines[1])])
    if rules == [False, True]:
        return Node("h2", children=[*_words(lines[0])])
    items = [_ITEM.fullmatch(line) for line in lines]
    if lines and all(items):
        return Node(
            "ul", children=[Node("li", children=[*_words(item[1])]) for item in items if item]
        )
    block = Node("p")
    for number, line in enumerate(lines):
        block.children += [*([Node("br")] if number else []), *_words(line)]
    return block


def _words(line: str) -> list[Node | str]:
    """A line whose addresses in brackets are links of the words before them."""
    if len(line) > _LONGEST:
        return [line]
    found: list[Node | str] = []
    position = 0
    for match in _LINK.finditer(line):
        before, label = _label(match[1])
        found += [before, Node("a", {"href": match[2]}, [label])]
        position = match.end()
    return [*found, line[position:]]


def _label(words: str) -> tuple[str, str]:
    """Where the label of a link begins nobody wrote down: after the last sentence or comma."""
    cut = max(words.rfind(sign) for sign in (". ", "? ", "! ", ", ", ": ")) + 1
    return words[:cut] + (" " if cut else ""), words[cut:].strip()
