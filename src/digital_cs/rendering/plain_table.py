"""Sets the rows of a table in columns of plain text, or one under the other where they are wide."""

from __future__ import annotations

from collections.abc import Sequence

CELL = "\x1d"
"""Stands before each cell of a row in a template, followed by `LEFT` or `RIGHT`."""
LEFT, RIGHT = "<", ">"
_BETWEEN = "  "


def cells_of(row: str) -> list[tuple[str, str]]:
    """The cells of a rendered row: how each is set, and its words on one line."""
    return [(cell[:1], " ".join(cell[1:].split())) for cell in row.split(CELL)[1:]]


def set_table(rows: Sequence[str], room: int, mark: str) -> list[str]:
    """The lines of a table whose first row is its head (which may be empty).

    `room` is how many columns of text there are, `mark` a character that takes none.
    """
    head, *body = ([*cells_of(row)] for row in rows)
    titled = any(words for _, words in head)
    shown = [head, *body] if titled else body
    if not shown:
        return []

    def wide(words: str) -> int:
        return len(words) - words.count(mark)

    widths = [
        max(wide(row[column][1]) for row in shown if column < len(row))
        for column in range(max(map(len, shown)))
    ]
    if sum(widths) + len(_BETWEEN) * (len(widths) - 1) > room:
        return _stacked(head if titled else [], body)
    lines: list[str] = []
    for row in shown:
        cells = [
            " " * (width - wide(words)) + words
            if how == RIGHT
            else words + " " * (width - wide(words))
            for (how, words), width in zip(row, widths, strict=False)
        ]
        lines.append(_BETWEEN.join(cells).rstrip())
        if titled and row is head:
            lines.append(_BETWEEN.join("-" * width for width in widths))
    return lines


def _stacked(
    head: Sequence[tuple[str, str]], body: Sequence[Sequence[tuple[str, str]]]
) -> list[str]:
    """Each cell on a line of its own, after its column's title."""
    lines: list[str] = []
    for row in body:
        if lines and len(row) > 1:
            lines.append("")
        for position, (_, words) in enumerate(row):
            title = head[position][1] if position < len(head) else ""
            if words:
                lines.append(f"{title}: {words}" if title else words)
    return lines
