"""Tells the tables of a template that hold rows of data from those that only hold its layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from digital_cs.rendering.carry_over.foreign_tags import MARK
from digital_cs.rendering.carry_over.html_tree import Node
from digital_cs.rendering.carry_over.inline import is_button

_RIGHT = re.compile(r"right\b|\bnumeric\b", re.I)
_GROUPS = frozenset({"tbody", "thead", "tfoot"})
_NOT_IN_CELLS = frozenset({"table", "ul", "ol", "hr", "blockquote"})


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, and the marks of tags between them; `titled` if the first row is a head."""

    rows: list[str | list[Node | None]]
    columns: int
    titled: bool
    right: list[bool]


def read_table(node: Node) -> Table | None:
    """The data of a table, or None if it is there for the layout's sake."""
    if node.attribute("role") == "grid" or any(
        each.tag in _NOT_IN_CELLS or is_button(each) for each in node.walk() if each is not node
    ):
        return None
    rows = [*_rows(node)]
    cells = [row for row in rows if isinstance(row, list)]
    columns = max((len(row) for row in cells), default=0)
    if columns < 2 or not all(any(cell and cell.text().strip() for cell in row) for row in cells):
        return None
    titled = isinstance(rows[0], list) and all(cell and cell.tag == "th" for cell in rows[0])
    if not titled and len(rows) == 1:
        return None
    right = [any(_set_right(row[n]) for row in cells if n < len(row)) for n in range(columns)]
    return Table(rows, columns, titled, right)


def _rows(node: Node) -> Iterator[str | list[Node | None]]:
    for child in node.children:
        if isinstance(child, str):
            yield from (mark[0] for mark in MARK.finditer(child))
        elif child.tag in _GROUPS:
            yield from _rows(child)
        elif child.tag == "tr":
            row: list[Node | None] = []
            for cell in child.children:
                if isinstance(cell, Node) and cell.tag in ("td", "th"):
                    row.append(cell)
                    span = cell.attribute("colspan")
                    row += [None] * (min(int(span), 20) - 1 if span.isdecimal() else 0)
            if row:
                yield row


def _set_right(cell: Node | None) -> bool:
    if cell is None:
        return False
    return any(
        each.attribute("align") == "right"
        or each.style("text-align") == "right"
        or bool(_RIGHT.search(each.attribute("class")))
        for each in cell.walk()
    )
