"""The plain-text twin: from the same Markdown tokens to a template, and its wrapping at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from digital_cs.rendering.link_marks import CUT, text_address
from digital_cs.rendering.markdown import BUTTON, TWIN, alignment, asks, attribute, only_child
from digital_cs.rendering.plain_table import CELL, LEFT, RIGHT, set_table
from digital_cs.rendering.tags import TagTable

WIDTH = 72
# A paragraph's length is known only once its values are in, so the template carries marks:
# _BLOCK style, gap, first prefix, other lines' prefix, text. Values never hold these characters
# (filters.one_line) and neither do files (tags.tokenize).
_BLOCK, _FIELD = "\x1e", "\x1f"
_FIELDS = 4
_HEAD, _ROW = _TABLE = "h", "t"
_RULE = "-" * 24

Laid = tuple[str, str | None]
"""What goes before a block (nothing, or 1 and the quote's bars), and its lines, if it has any."""


@dataclass(slots=True)
class _Container:
    """A quote or list item around what is being written."""

    first: str
    rest: str
    begun: bool = False


class TextTwin:
    """Writes the marked template of one document."""

    def __init__(self, table: TagTable) -> None:
        self._table = table
        self._around: list[_Container] = []
        self._counters: list[int | None] = []
        self._list_begins = False
        self._row = ""
        self._parts: list[str] = []

    def render(self, tokens: Sequence[Token]) -> str:
        """The template for `tokens`; `finish` makes text of what it renders to."""
        self._write(tokens)
        return "".join(self._parts)

    def _write(self, tokens: Sequence[Token]) -> None:
        for position, token in enumerate(tokens):
            match token.type:
                case "inline":
                    self._inline(tokens[position - 1], token)
                case "th_open" | "td_open":
                    self._row += CELL + (RIGHT if alignment(token) == "right" else LEFT)
                case "tr_close":
                    head = tokens[position + 1].type == "thead_close"
                    self._block(_HEAD if head else _ROW, self._row, gap=head)
                    self._row = ""
                case "jinja":
                    self._parts.append(token.content)
                case "hr":
                    self._block("p", _RULE)
                case "fence" if TWIN in token.meta:
                    self._write(token.meta[TWIN])
                case "fence":
                    self._block("v", token.content.rstrip())
                case "bullet_list_open" | "ordered_list_open":
                    self._list_begins = self._list_begins or not self._counters
                    ordered = token.type == "ordered_list_open"
                    self._counters.append(int(attribute(token, "start") or 1) if ordered else None)
                case "bullet_list_close" | "ordered_list_close":
                    self._counters.pop()
                case "list_item_open":
                    self._around.append(self._item())
                case "blockquote_open":
                    self._around.append(_Container("> ", "> "))
                case "list_item_close" | "blockquote_close":
                    self._around.pop()

    def _item(self) -> _Container:
        number = self._counters[-1]
        marker = "- " if number is None else f"{number}. "
        if number is not None:
            self._counters[-1] = number + 1
        return _Container(marker, " " * len(marker))

    def _inline(self, before: Token, token: Token) -> None:
        if before.type == "heading_open":
            self._block({"h1": "=", "h2": "-"}.get(before.tag, "p"), self._text(token.children))
            return
        if before.type in ("th_open", "td_open"):
            self._row += self._text(token.children)
            return
        only = only_child(token)
        tight = before.hidden and not self._list_begins
        self._list_begins = False
        if only is not None and asks(only, BUTTON):
            label = self._text((token.children or [])[1:-1])
            self._block("p", f"{label}:\n{text_address(only, self._table)}", gap=not tight)
        else:
            self._block("p", self._text(token.children), gap=not tight)

    def _block(self, style: str, text: str, *, gap: bool = True) -> None:
        blank = "".join(c.rest for c in self._around if c.begun).rstrip()
        first = "".join(c.rest if c.begun else c.first for c in self._around)
        rest = "".join(c.rest for c in self._around)
        for container in self._around:
            container.begun = True
        fields = (style, f"1{blank}" if gap else "", first, rest, text)
        self._parts.append(_BLOCK + _FIELD.join(fields))

    def _text(self, children: Sequence[Token] | None) -> str:
        parts: list[str] = []
        links: list[tuple[int, Token]] = []
        for child in children or []:
            match child.type:
                case "text" | "code_inline":
                    parts.append(child.content)
                case "softbreak":
                    parts.append(" ")
                case "hardbreak":
                    parts.append("\n")
                case "image":
                    parts.append(f"[{child.content}]")
                case "link_open":
                    links.append((len(parts), child))
                case "link_close":
                    start, opening = links.pop()
                    shown, plain = "".join(parts[start:]), attribute(opening, "href")
                    if plain not in (shown, f"mailto:{shown}"):
                        parts.append(f" ({text_address(opening, self._table)})")
        return "".join(parts)


def rule() -> str:
    """The template of a line between the body and the footer."""
    return _BLOCK + _FIELD.join(("p", "1", "", "", _RULE))


def finish(rendered: str) -> str:
    """The text part: blocks wrapped at 72 columns (an address is never broken), ends in newline."""
    laid: list[Laid] = []
    rows: list[str] = []
    head = ("", "", "")
    blocks = blocks_of(rendered)
    for position, block in enumerate(blocks):
        if not is_row(block):
            laid.append(lay_out(block))
            continue
        style, gap, first, rest, text = block.split(_FIELD)
        head = (gap, first, rest) if style == _HEAD else head
        rows.append(text)
        if position + 1 == len(blocks) or blocks[position + 1][0] != _ROW:
            laid.append(_laid(head, set_table(rows, WIDTH - len(head[2]), CUT)))
            rows = []
    return together(laid)


def blocks_of(rendered: str) -> list[str]:
    """The blocks of a rendered text. Before the first stand only the line ends of statements."""
    return [block for block in rendered.split(_BLOCK) if block.count(_FIELD) == _FIELDS]


def is_row(block: str) -> bool:
    """Whether it is of a table, which is laid out as a whole."""
    return block[0] in _TABLE


def together(laid: Sequence[Laid]) -> str:
    """The text of these blocks."""
    parts: list[str] = []
    for gap, body in laid:
        if body is None:
            continue
        if gap and parts:
            parts.append(gap[1:].rstrip())
        parts.append(body)
    return "\n".join(parts).strip("\n") + "\n"


def lay_out(block: str) -> Laid:
    """One block of a rendered text that is not of a table."""
    style, gap, first, rest, text = block.split(_FIELD)
    if style == "v":
        body = text.split("\n")
    else:
        body = [wrapped for line in text.split("\n") for wrapped in _wrap(line, len(rest))]
    under = style * min(WIDTH, max(map(_columns, body))) if style in "=-" and body else None
    return _laid((gap, first, rest), body, under)


def _laid(around: tuple[str, str, str], body: Sequence[str], under: str | None = None) -> Laid:
    gap, first, rest = around
    lines = [(rest if index else first) + line for index, line in enumerate(body)]
    if under is not None:
        lines.append(rest + under)
    return gap, "\n".join(line.rstrip() for line in lines) if lines else None


def _columns(text: str) -> int:
    """Its width for a reader, who does not see our marks."""
    return len(text) - text.count(CUT)


def _wrap(line: str, indent: int) -> list[str]:
    """`line` in pieces of at most 72 columns less `indent`; nothing for an empty line."""
    room = max(WIDTH - indent, 20)
    if _columns(line) <= room and "  " not in line:
        return [line.strip()] if line.strip() else []
    words = line.split()
    if CUT not in line:
        return _filled(" ".join(words), room)
    lines: list[str] = []
    current = ""
    for word in words:
        if current and _columns(current) + 1 + _columns(word) > room:
            lines.append(current)
            current = word
        else:
            current = f"{current} {word}" if current else word
    return [*lines, current] if current else lines


def _filled(text: str, room: int) -> list[str]:
    """Words with one space between them, in lines of as many as have room, or one that has not.

    Ten times as fast as going from word to word: of most letters it takes no notice.
    """
    lines: list[str] = []
    begin = 0
    while len(text) - begin > room:
        end = text.rfind(" ", begin, begin + room + 1)
        if end < 0:
            end = text.find(" ", begin + room)
            if end < 0:
                break
        lines.append(text[begin:end])
        begin = end + 1
    return [*lines, text[begin:]] if begin < len(text) else lines
