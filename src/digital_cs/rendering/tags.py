"""Finds the Jinja tags of a content file and carries them through Markdown and MJML as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from digital_cs.domain.problem import Problem

TagKind = Literal["expression", "statement"]

# Quotes never match outside a string, so each text has one reading: no exponential backtracking.
_STRING = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
_OPENING = re.compile(r"\{[{%#]")
_WHOLE = {
    "{{": re.compile(rf"\{{\{{((?:{_STRING}|[^\"'}}]|\}}(?!\}}))*)\}}\}}", re.DOTALL),
    "{%": re.compile(rf"\{{%((?:{_STRING}|[^\"'%]|%(?!\}}))*)%\}}", re.DOTALL),
    "{#": re.compile(r"\{#(.*?)#\}", re.DOTALL),
}

# Letters and digits only: Markdown, its link normaliser and MJML all leave such a word alone.
TOKEN = re.compile(r"zq([xs])([0-9]+)\1z")
STATEMENT_LINE = re.compile(r"\s*(?:zqs[0-9]+sz\s*)+")

GAP = "\ue006"
"""Stands alone between empty lines where a block was left out: what was apart stays apart."""

# Control characters carry no text, but they would carry our marks (see sandbox, plain_text).
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ue000-\ue00f]|" + TOKEN.pattern)


@dataclass(frozen=True, slots=True)
class Tag:
    """One `{{ expression }}` or `{% statement %}` and where it stands (counted from 1)."""

    kind: TagKind
    code: str
    file: str
    line: int
    column: int
    shown: str = ""

    @property
    def word(self) -> str:
        """The first word of a statement: if, elif, else, endif, for, endfor, include."""
        words = self.code.split(None, 1) if self.kind == "statement" else ()
        return words[0] if words else ""

    @property
    def written(self) -> str:
        """The tag as its author wrote it; `shown` where `code` was derived from it."""
        if self.shown:
            return self.shown
        return f"{{{{ {self.code} }}}}" if self.kind == "expression" else f"{{% {self.code} %}}"

    def problem(self, rule: str, message: str, suggestion: str | None = None) -> Problem:
        """An error at this tag."""
        return Problem(self.file, self.line, self.column, rule, message, suggestion)


@dataclass(slots=True)
class TagTable:
    """The tags of one e-mail, numbered; a token in a text names its number."""

    tags: list[Tag] = field(default_factory=list)

    def add(self, tag: Tag) -> str:
        """Keep `tag`; returns the token that stands for it."""
        letter = "x" if tag.kind == "expression" else "s"
        self.tags.append(tag)
        return f"zq{letter}{len(self.tags) - 1}{letter}z"

    def found_in(self, text: str) -> Iterator[Tag]:
        """The tags whose tokens stand in `text`, in order."""
        for match in TOKEN.finditer(text):
            yield self.tags[int(match[2])]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, in which tags are tokens, and where it comes from."""

    text: str
    file: str
    number: int


def _position(text: str, offset: int) -> tuple[int, int]:
    """Line (from 0) and column (from 1) of `offset`."""
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset)


def tokenize(
    text: str, file: str, first_line: int, table: TagTable
) -> tuple[list[Line], list[Problem]]:
    """The lines of `text` with every tag replaced by its token, and what could not be read.

    `first_line` is the number of the text's first line in `file`. A tag over several lines
    becomes one word on the line where it begins. Comments vanish.
    """
    problems: list[Problem] = []

    def complain(offset: int, rule: str, message: str, suggestion: str) -> None:
        row, column = _position(text, offset)
        problems.append(Problem(file, first_line + row, column, rule, message, suggestion))

    for match in _FORBIDDEN.finditer(text):
        complain(
            match.start(), "forbidden-character", "A control character stands here.", "Delete it."
        )
    if problems:
        return [], problems

    lines: list[Line] = []
    current = ""
    number = first_line
    position = 0

    def take(static: str) -> None:
        nonlocal current, number
        first, *rest = static.split("\n")
        current += first
        for part in rest:
            lines.append(Line(current, file, number))
            number += 1
            current = part

    while opening := _OPENING.search(text, position):
        start = opening.start()
        take(text[position:start])
        whole = _WHOLE[opening[0]].match(text, start)
        if whole is None:
            complain(
                start,
                "template-syntax",
                f"The tag that begins here with {opening[0]} never ends, or a quote in it is open.",
                f"Close it with {opening[0][1].replace('{', '}')}}}.",
            )
            position = start + 2
            continue
        row, column = _position(text, start)
        position = whole.end()
        if opening[0] != "{#":
            inner = whole[0][2:-2]
            if inner.startswith(("-", "+")) or inner.endswith(("-", "+")):
                complain(
                    start,
                    "whitespace-control",
                    "Whitespace control has no meaning in an e-mail.",
                    "Write the tag without - and +.",
                )
            code = inner.strip().replace("\n", " ")
            kind: TagKind = "expression" if opening[0] == "{{" else "statement"
            current += table.add(Tag(kind, code, file, first_line + row, column))
        # The lines inside a tag are not lines of text; only the count goes on.
        number += whole[0].count("\n")
    take(text[position:])
    lines.append(Line(current, file, number))
    return lines, problems
