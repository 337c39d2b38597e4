"""Puts the blocks of an e-mail in its place: the ones that are written there, or others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from digital_cs.domain.problem import Problem
from digital_cs.rendering.source import SourceFile
from digital_cs.rendering.tag_lint import suggest
from digital_cs.rendering.tags import GAP, STATEMENT_LINE, TOKEN, Line, Tag, TagTable, tokenize

MAX_LINES = 3000
FENCE = "~" * 40
MJML = "mjml"
"""A fence of Markdown that says this holds rows of MJML; a block of MJML becomes such a fence."""
_FENCE_LINE = re.compile(r"\s{0,3}(~{3,}|`{3,})")
_LIST_ITEM = re.compile(r"\s*(?:[-+*]|\d{1,9}[.)])\s")
_INCLUDE = re.compile(r"include\s+([\"'])([^\"']*)\1")


def included(tag: Tag) -> str | None:
    """The block that an include names, None if it names no file of content/blocks."""
    match = _INCLUDE.fullmatch(tag.code)
    path = PurePosixPath(match[2] if match else "")
    if len(path.parts) != 2 or path.parts[0] != "blocks" or ".." in path.parts:
        return None
    return path.parts[1]


@dataclass(slots=True)
class Expander:
    """Puts a file's blocks in its place, once, at load: nothing is included at render time.

    `instead` are blocks that others stand in for, or none (`domain.stale_rule.Swaps`).
    """

    blocks: Mapping[str, SourceFile]
    table: TagTable
    room: int = MAX_LINES
    instead: Mapping[str, str | None] = field(default_factory=dict)

    def expand(
        self, source: SourceFile, trail: tuple[str, ...] = ()
    ) -> tuple[list[Line], list[str], list[Problem]]:
        """The lines of `source` with all blocks in, the blocks' names, and bad includes.

        Problems inside a block are the block's own and are not repeated here; the names come
        in order of appearance, each once.
        """
        first = len(self.table.tags)
        lines, problems = tokenize(source.body, source.file, source.body_line, self.table)
        includes = [tag for tag in self.table.tags[first:] if tag.word == "include"]
        if source.file.endswith(".mjml"):
            problems += [
                tag.problem("bad-include", "A block of MJML includes nothing.", None)
                for tag in includes
            ]
            opening = Line(f"{FENCE}{MJML}", source.file, source.body_line)
            closing = Line(FENCE, source.file, source.body_line)
            return [opening, *lines, closing], [], problems
        result: list[Line] = []
        used: dict[str, None] = {}
        standing_alone: list[Tag] = []
        fence = ""
        for line in lines:
            if found := _FENCE_LINE.match(line.text):
                closes = bool(fence) and found[1].startswith(fence)
                fence = "" if closes else fence or found[1]
            self.room -= 1
            if self.room < 0:
                # Blocks that include blocks twice would double at every level.
                message = f"With its blocks the e-mail has over {MAX_LINES} lines."
                problems.append(Problem(line.file, line.number, 1, "too-long", message, None))
                break
            tag = self._only_tag(line)
            if tag is None or tag.word != "include":
                result.append(line)
                continue
            standing_alone.append(tag)
            name, problem = self._resolve(tag, trail)
            if problem is not None:
                problems.append(problem)
                continue
            # Blank lines keep the block's first and last paragraph apart from its neighbours.
            blank = Line("", line.file, line.number)
            shown = self.instead.get(name, name)
            if shown is None or shown in trail:
                # Two lists between which it stood must not become one; but where it was an item of
                # a list, the list closes up.
                apart = not fence and not _LIST_ITEM.match(self.blocks[name].body.lstrip("\n"))
                gap = [Line(GAP, line.file, line.number), blank] if apart else []
                result += [blank, *gap]
                continue
            name = shown
            used[name] = None
            inner, names, faults = self.expand(self.blocks[name], (*trail, name))
            result += [blank, *inner, blank]
            used.update(dict.fromkeys(names))
            problems += [fault for fault in faults if fault.rule in ("include-cycle", "too-long")]
        problems += [
            tag.problem("bad-include", "An include shares its line.", "Give it a line of its own.")
            for tag in includes
            if tag not in standing_alone
        ]
        return result, list(used), problems

    def _only_tag(self, line: Line) -> Tag | None:
        found = TOKEN.findall(line.text)
        if len(found) == 1 and STATEMENT_LINE.fullmatch(line.text):
            return self.table.tags[int(found[0][1])]
        return None

    def _resolve(self, tag: Tag, trail: tuple[str, ...]) -> tuple[str, Problem | None]:
        match = _INCLUDE.fullmatch(tag.code)
        if match is None:
            message = f"`{tag.written}` does not name one block."
            return "", tag.problem("bad-include", message, 'Write {% include "blocks/name.md" %}.')
        name = included(tag)
        if name is None:
            message = f"`{match[2]}` is not in content/blocks."
            return "", tag.problem("bad-include", message, "Only blocks can be included.")
        if name not in self.blocks:
            message = f"There is no block `{match[2]}`."
            known = [f"blocks/{block}" for block in self.blocks]
            return "", tag.problem("bad-include", message, suggest(match[2], known))
        if name in trail:
            message = f"blocks/{name} includes itself ({' → '.join((*trail, name))})."
            return "", tag.problem("include-cycle", message, "Take one include out.")
        return name, None
