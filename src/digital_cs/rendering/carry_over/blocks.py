"""Turns the tree of a template into blocks of Markdown, in the order in which people read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from digital_cs.rendering.carry_over.foreign_tags import MARK, ForeignTags
from digital_cs.rendering.carry_over.html_tree import BLOCKS, Node, silent
from digital_cs.rendering.carry_over.inline import InlineWriter, button_in, is_button
from digital_cs.rendering.carry_over.tables import Table, read_table

_BOX = re.compile(r"\b(?:attributes_content|callout|panel|notice|alert|well|quote)\b", re.I)
_HEADINGS = {"h1": "#", "h2": "##", "h3": "###", "h4": "###", "h5": "###", "h6": "###"}


@dataclass(slots=True)
class BlockWriter:
    """Walks a tree; `written` gives its Markdown, blocks apart by empty lines."""

    tags: ForeignTags
    inline: InlineWriter
    _blocks: list[str] = field(default_factory=list)

    def written(self, node: Node) -> str:
        """The Markdown of all that is in `node`; marks of tags stay."""
        self._inside(node)
        return "\n\n".join(self._blocks)

    def _inside(self, node: Node) -> None:
        """Runs of words become paragraphs, elements blocks of their own."""
        run: list[Node | str] = []
        for child in node.children:
            if isinstance(child, Node) and (silent(child) or child.hidden()):
                continue
            if isinstance(child, Node) and (child.tag in BLOCKS or _holds_block(child)):
                self._run(run)
                run = []
                self._block(child)
            else:
                run.append(child)
        self._run(run)

    def _block(self, node: Node) -> None:
        if node.tag != "a" and (link := button_in(node)) is not None:
            self._button(link)
            return
        match node.tag:
            case "hr":
                self._blocks.append("---")
            case "ul" | "ol":
                self._list(node)
            case "table":
                self._table(node)
            case "a":
                self._button(node)
            case "blockquote":
                self._quote(node)
            case tag if tag in _HEADINGS and not _has_blocks(node):
                words = self.inline.cell(node.children)
                if words:
                    self._blocks.append(f"{_HEADINGS[tag]} {words}")
            case "td" | "div" | "section" if _BOX.search(node.attribute("class")):
                self._quote(node)
            case _:
                self._inside(node)

    def _run(self, run: Sequence[Node | str]) -> None:
        """A paragraph, cut where a section opens in it that does not close in it."""
        for piece in self._cut(run):
            if isinstance(piece, str):
                self._blocks.append(piece)
            elif words := self.inline.paragraph(piece):
                self._blocks.append(words)

    def _cut(self, run: Sequence[Node | str]) -> Iterator[str | list[Node | str]]:
        lone = self._lone_marks(run)
        piece: list[Node | str] = []
        for each in run:
            if not isinstance(each, str):
                piece.append(each)
                continue
            position = 0
            for mark in MARK.finditer(each):
                if mark[0] not in lone:
                    continue
                yield [*piece, each[position : mark.start()]]
                yield mark[0]
                piece, position = [], mark.end()
            piece.append(each[position:])
        yield piece

    def _lone_marks(self, run: Sequence[Node | str]) -> set[str]:
        """The marks of sections whose other end is in another block."""
        words = "".join(each if isinstance(each, str) else each.text() for each in run)
        waiting: list[list[str]] = []
        lone: set[str] = set()
        for mark in MARK.finditer(words):
            match self.tags.kind(mark):
                case "open":
                    waiting.append([mark[0]])
                case "middle":
                    if waiting:
                        waiting[-1].append(mark[0])
                    else:
                        lone.add(mark[0])
                case "close":
                    if waiting:
                        waiting.pop()
                    else:
                        lone.add(mark[0])
        return lone.union(*waiting)

    def _button(self, node: Node) -> None:
        link = self.inline.link(node)
        if link is not None:
            self._blocks.append(f'[{link[0]}]({link[1]} "button")')
        else:
            self._run(node.children)

    def _deeper(self, node: Node) -> list[str]:
        inner = BlockWriter(self.tags, self.inline)
        inner._inside(node)
        return inner._blocks

    def _quote(self, node: Node) -> None:
        blocks = self._deeper(node)
        if any(' "button")' in block or block.startswith("|") for block in blocks):
            self._blocks += blocks  # buttons and tables have rows of their own
        elif blocks:
            lines = "\n\n".join(blocks).split("\n")
            self._blocks.append("\n".join(f"> {line}".rstrip() for line in lines))

    def _list(self, node: Node) -> None:
        number = 0
        lines: list[str] = []
        # In a loop, Markdown would call every item the first.
        looped = any(isinstance(each, str) and MARK.search(each) for each in node.children)
        numbered = node.tag == "ol" and not looped
        for child in node.children:
            if isinstance(child, str):
                lines += [mark[0] for mark in MARK.finditer(child)]
                continue
            blocks = self._deeper(child)
            if not blocks:
                continue
            number += 1
            marker = f"{number}. " if numbered else "- "
            inner = "\n\n".join(blocks).replace(' "button")', ")").split("\n")
            lines.append(marker + inner[0])
            lines += [f"{' ' * len(marker)}{line}".rstrip() for line in inner[1:]]
        if lines:
            self._blocks.append("\n".join(lines))

    def _table(self, node: Node) -> None:
        table = read_table(node)
        if table is None:
            self._inside(node)
            return
        self._blocks.append(self._rows(table))

    def _rows(self, table: Table) -> str:
        lines = []
        for row in table.rows:
            if isinstance(row, str):
                lines.append(f"| {row} |")
            else:
                cells = [self.inline.cell(cell.children) if cell else "" for cell in row]
                cells += [""] * (table.columns - len(cells))
                lines.append(f"| {' | '.join(cells)} |")
        rule = ["---:" if right else "---" for right in table.right]
        head = lines.pop(0) if table.titled else f"|{'  |' * table.columns}"
        return "\n".join([head, f"|{'|'.join(rule)}|", *lines])


def _holds_block(node: Node) -> bool:
    """A button, or an element that people write around blocks although it is made for words."""
    return is_button(node) or (node.tag != "a" and _has_blocks(node))


def _has_blocks(node: Node) -> bool:
    return any(each.tag in BLOCKS or is_button(each) for each in node.walk() if each is not node)
