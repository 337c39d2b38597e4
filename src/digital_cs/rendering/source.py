"""Reads the files of content/emails and content/blocks: front matter, lines, includes put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

import yaml

from digital_cs.domain.problem import Problem
from digital_cs.rendering.tag_lint import suggest
from digital_cs.rendering.tags import STATEMENT_LINE, TOKEN, Line, Tag, TagTable, tokenize

MAX_FILE_BYTES = 64 * 1024
MAX_LINES = 3000
LIBRARY_KEYS = ("id", "area", "volatility", "review_every", "evergreen")
"""What `content import` reads for the library, and nothing here."""
EMAIL_KEYS = (
    "subject", "preview", "topic", "owner", "backup", "reviewed", "reply_to", *LIBRARY_KEYS,
)  # fmt: skip
EMAIL_REQUIRED = ("subject", "preview", "topic", "owner")
BLOCK_KEYS = ("owner", "backup", "reviewed", *LIBRARY_KEYS)
FENCE = "~" * 40
MJML = "mjml"
"""A fence of Markdown that says this holds rows of MJML; a block of MJML becomes such a fence."""
_INCLUDE = re.compile(r"include\s+([\"'])([^\"']*)\1")
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


@dataclass(frozen=True, slots=True)
class Value:
    """A front-matter value as its author wrote it, and where it stands."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One content file: `file` is its name for people, `body_line` where its body begins."""

    file: str
    raw: str
    front: Mapping[str, Value]
    body: str
    body_line: int
    problems: tuple[Problem, ...]


def read_source(path: Path, file: str, keys: Iterable[str]) -> SourceFile:
    """The file at `path` and every complaint about its front matter. Raises no content error."""
    return parse_source(path.read_bytes(), file, keys)


def parse_source(data: bytes, file: str, keys: Iterable[str]) -> SourceFile:
    """What a file holds, which is called `file` in complaints, and those about its front matter."""
    problems: list[Problem] = []

    def broken(line: int, column: int, rule: str, message: str, advice: str) -> SourceFile:
        problem = Problem(file, line, column, rule, message, advice)
        return SourceFile(file, "", {}, "", 1, (problem,))

    if len(data) > MAX_FILE_BYTES:
        return broken(
            1, 1, "file-too-large", f"The file has {len(data)} bytes.", "Keep it under 64 KB."
        )
    try:
        raw = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return broken(1, 1, "not-utf8", "The file is not UTF-8 text.", "Save it as UTF-8.")
    fence, newline, rest = raw.partition("\n")
    if fence.rstrip() != "---":
        return SourceFile(file, raw, {}, raw, 1, ())
    end = re.search(r"^---[ \t]*$\n?", rest, re.MULTILINE)
    if not newline or end is None:
        return broken(
            1, 1, "front-matter", "The front matter is not closed.", "End it with a line `---`."
        )
    front: dict[str, Value] = {}
    try:
        # The loader in C ends the whole process on a text that is nested some ten thousand deep.
        node = yaml.compose(rest[: end.start()], Loader=yaml.SafeLoader)
    except RecursionError:
        return broken(2, 1, "front-matter", "The front matter is nested too deep.", "Keep it flat.")
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 2, mark.column + 1) if mark else (1, 1)
        message = f"The front matter cannot be read: {fault.problem or 'it is not YAML'}."
        return broken(line, column, "front-matter", message, "Quote a text that holds `: ` or `#`.")
    if node is not None and not isinstance(node, yaml.MappingNode):
        return broken(2, 1, "front-matter", "The front matter is no list of `key: value`.", "")
    known = tuple(keys)
    for key, value in node.value if node is not None else ():
        line, column = key.start_mark.line + 2, key.start_mark.column + 1
        name = str(key.value)
        if name not in known:
            message = f"`{name}` is not a key of this file."
            problems.append(
                Problem(file, line, column, "unknown-key", message, suggest(name, known))
            )
        elif name in front:
            message = f"`{name}` stands here twice."
            problems.append(Problem(file, line, column, "duplicate-key", message, "Keep one."))
        elif not isinstance(value, yaml.ScalarNode):
            message = f"`{name}` is not a plain text."
            problems.append(Problem(file, line, column, "front-matter", message, None))
        else:
            mark = value.start_mark
            front[name] = Value(value.value.strip(), mark.line + 2, mark.column + 1)
    body_line = rest.count("\n", 0, end.end()) + 2
    return SourceFile(file, raw, front, rest[end.end() :], body_line, tuple(problems))


def front_problems(source: SourceFile) -> list[Problem]:
    """What an e-mail's front matter lacks or says wrongly."""
    problems: list[Problem] = []

    def complain(key: str, rule: str, message: str, advice: str | None) -> None:
        at = source.front.get(key)
        line, column = (at.line, at.column) if at else (1, 1)
        problems.append(Problem(source.file, line, column, rule, message, advice))

    for key in EMAIL_REQUIRED:
        value = source.front.get(key)
        if value is None or not value.text:
            rule = "missing-subject" if key == "subject" else "missing-key"
            complain(key, rule, f"The e-mail has no {key}.", f"Add `{key}: …` at the top.")
    for key in ("subject", "preview"):
        value = source.front.get(key)
        if value is not None and "\n" in value.text:
            complain(key, "line-break", f"The {key} has a line break.", "Write it on one line.")
    reply = source.front.get("reply_to")
    if reply is not None and not _ADDRESS.fullmatch(reply.text):
        complain("reply_to", "bad-address", "reply_to is not an e-mail address.", None)
    return problems + reviewed_problems(source)


def reviewed_problems(source: SourceFile) -> list[Problem]:
    """A `reviewed` that is not a date."""
    reviewed = source.front.get("reviewed")
    if reviewed is None or reviewed_on(source) is not None:
        return []
    message = "`reviewed` is not a date."
    return [
        Problem(
            source.file, reviewed.line, reviewed.column, "bad-date", message, "Write 2026-03-12."
        )
    ]


def reviewed_on(source: SourceFile) -> date | None:
    """The day somebody last reviewed the file, if it says so."""
    reviewed = source.front.get("reviewed")
    try:
        return date.fromisoformat(reviewed.text) if reviewed is not None else None
    except ValueError:
        return None


@dataclass(slots=True)
class Expander:
    """Puts a file's blocks in its place, once, at load: nothing is included at render time."""

    blocks: Mapping[str, SourceFile]
    table: TagTable
    room: int = MAX_LINES

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
        for line in lines:
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
            used[name] = None
            inner, names, faults = self.expand(self.blocks[name], (*trail, name))
            # Blank lines keep the block's first and last paragraph apart from its neighbours.
            blank = Line("", line.file, line.number)
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
        path = PurePosixPath(match[2])
        if len(path.parts) != 2 or path.parts[0] != "blocks" or ".." in path.parts:
            message = f"`{match[2]}` is not in content/blocks."
            return "", tag.problem("bad-include", message, "Only blocks can be included.")
        name = path.parts[1]
        if name not in self.blocks:
            message = f"There is no block `{match[2]}`."
            known = [f"blocks/{block}" for block in self.blocks]
            return "", tag.problem("bad-include", message, suggest(match[2], known))
        if name in trail:
            message = f"blocks/{name} includes itself ({' → '.join((*trail, name))})."
            return "", tag.problem("include-cycle", message, "Take one include out.")
        return name, None
