"""Reads the files of content/emails and content/blocks: the front matter, and where text begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from digital_cs.domain.content.stale_words import RULE_KEYS, WHEN_STALE
from digital_cs.domain.problem import Problem
from digital_cs.rendering.tag_lint import suggest

MAX_FILE_BYTES = 64 * 1024
LIBRARY_KEYS = ("id", "area", "volatility", "review_every", "evergreen")
"""What `content import` reads for the library, and nothing here."""
EMAIL_KEYS = (
    "subject", "preview", "topic", "owner", "backup", "reviewed", "reply_to", *RULE_KEYS, "blocks",
    *LIBRARY_KEYS,
)  # fmt: skip
EMAIL_REQUIRED = ("subject", "preview", "topic", "owner")
BLOCK_KEYS = ("owner", "backup", "reviewed", *RULE_KEYS, *LIBRARY_KEYS)
RULES = "blocks"
"""The key under which an e-mail says what becomes of single blocks when they are stale."""
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


@dataclass(frozen=True, slots=True)
class Value:
    """A front-matter value as its author wrote it, and where it stands."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One content file: `file` is its name for people, `body_line` where its body begins.

    `rules` is what an e-mail says of single blocks, by their file: see `domain.stale_words`. A part
    of a text that is no file says what it shows by its `place`; `frame` and `kept` are as in
    `domain.stale_rule.Part`.
    """

    file: str
    raw: str
    front: Mapping[str, Value]
    body: str
    body_line: int
    problems: tuple[Problem, ...]
    rules: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    place: str = ""
    frame: bool = False
    kept: bool = False


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
    rules: dict[str, Mapping[str, Value]] = {}
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
        elif name == RULES:
            rules = _block_rules(value, file, problems)
        elif not isinstance(value, yaml.ScalarNode):
            message = f"`{name}` is not a plain text."
            problems.append(Problem(file, line, column, "front-matter", message, None))
        else:
            front[name] = _value(value)
    body_line = rest.count("\n", 0, end.end()) + 2
    return SourceFile(file, raw, front, rest[end.end() :], body_line, tuple(problems), rules)


def _value(node: Any) -> Value:
    """A scalar node as its author wrote it."""
    return Value(node.value.strip(), node.start_mark.line + 2, node.start_mark.column + 1)


def _block_rules(node: Any, file: str, problems: list[Problem]) -> dict[str, Mapping[str, Value]]:
    """`blocks: {help.md: drop}`, or in place of the word the keys of a rule, by block."""
    found: dict[str, Mapping[str, Value]] = {}

    def complain(at: Any, message: str, advice: str | None) -> None:
        line, column = at.start_mark.line + 2, at.start_mark.column + 1
        problems.append(Problem(file, line, column, "stale-rule", message, advice))

    if not isinstance(node, yaml.MappingNode):
        complain(node, f"`{RULES}` names no blocks.", f"Write `{RULES}: {{help.md: drop}}`.")
        return found
    for key, value in node.value:
        name = str(key.value).strip().removeprefix("blocks/")
        if name in found:
            complain(key, f"`{name}` stands here twice.", "Keep one.")
        elif isinstance(value, yaml.ScalarNode):
            found[name] = {WHEN_STALE: _value(value)}
        elif isinstance(value, yaml.MappingNode):
            words: dict[str, Value] = {}
            for inner, said in value.value:
                if str(inner.value) not in RULE_KEYS:
                    complain(inner, f"`{inner.value}` is not a key of a rule.",
                             suggest(str(inner.value), RULE_KEYS))  # fmt: skip
                elif not isinstance(said, yaml.ScalarNode):
                    complain(said, f"`{inner.value}` is not a plain text.", None)
                else:
                    words[str(inner.value)] = _value(said)
            if words:
                found[name] = words
        else:
            complain(value, f"`{name}` has no rule.", "Write warn, drop, hold or use x.md.")
    return found


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
