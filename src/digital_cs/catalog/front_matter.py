"""Front matter of documents that others wrote: every key with its place, and the text below."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from digital_cs.domain.problem import Problem

MAX_BYTES = 2 * 1024 * 1024
MAX_FRONT = 64 * 1024
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*$\n?", re.MULTILINE)
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_COMMENT_FOR_VALUE = re.compile(r"^[\w.-]+:[ \t]+#\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Told:
    """A value as its author wrote it, and where it stands; of a list, its first entry."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Page:
    """One document. `has_front` tells an empty front matter from none; `broken`: do not use it."""

    file: str
    front: Mapping[str, Told] = field(default_factory=dict)
    body: str = ""
    has_front: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether something keeps the page from being read."""
        return any(problem.severity == "error" for problem in self.problems)


def read_page(data: bytes, file: str) -> Page:
    """The document in `data`, called `file` in complaints. Never raises for what it says."""
    if len(data) > MAX_BYTES:
        return _broken(file, 1, 1, "file-too-large", "The file is over 2 MB.", "Split it.")
    try:
        raw = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return _broken(file, 1, 1, "not-utf8", "The file is not UTF-8 text.", "Save it as UTF-8.")
    if "\0" in raw:
        return _broken(file, 1, 1, "not-text", "The file holds a zero byte.", "Is it a document?")
    fence, _, rest = raw.partition("\n")
    if fence.rstrip() != "---":
        return Page(file, {}, raw)
    end = _CLOSING.search(rest)
    if end is None:
        return _broken(
            file, 1, 1, "front-matter", "The front matter is not closed.",
            "End it with a line `---`.",
        )  # fmt: skip
    head, body = rest[: end.start()], rest[end.end() :]
    if len(head) > MAX_FRONT:
        return _broken(file, 1, 1, "front-matter", "The front matter is over 64 KB.", None)
    try:
        front, problems = _values(head, file)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 2, mark.column + 1) if mark else (1, 1)
        message = f"The front matter cannot be read: {fault.problem or 'it is not YAML'}."
        advice = "Quote a text that holds `: ` or begins with a sign."
        return _broken(file, line, column, "front-matter", message, advice)
    except yaml.YAMLError:
        return _broken(file, 1, 1, "front-matter", "The front matter is not YAML.", None)
    for found in _COMMENT_FOR_VALUE.finditer(head):
        line = head.count("\n", 0, found.start()) + 2
        problems.append(
            Problem(
                file, line, found.end() - found.start() - 1, "comment-for-value",
                "What begins with # is a comment, so this key has no value.",
                "Put the value in quotes.", "warning",
            )
        )  # fmt: skip
    return Page(file, front, body, has_front=True, problems=tuple(problems))


def printable(text: str) -> str:
    """The text on one line, without signs that steer terminals or that no database takes."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _values(head: str, file: str) -> tuple[dict[str, Told], list[Problem]]:
    """The top level of a mapping; what is nested in it is passed over, but for a list's first.

    By events, for building a tree of thousands of nested brackets ends the whole process.
    """
    front: dict[str, Told] = {}
    problems: list[Problem] = []
    depth, in_list = 0, False
    key: yaml.ScalarEvent | None = None
    for event in yaml.parse(head, Loader=yaml.CSafeLoader):
        match event:
            case yaml.MappingStartEvent() if depth == 0:
                depth = 1
            case yaml.CollectionStartEvent() | yaml.ScalarEvent() | yaml.AliasEvent() if depth == 0:
                raise yaml.MarkedYAMLError(
                    None, None, "it is no list of `key: value`", _mark(event)
                )
            case yaml.CollectionStartEvent():
                if depth == 1 and key is not None:
                    front[key.value] = _told(event)
                    in_list = isinstance(event, yaml.SequenceStartEvent)
                depth += 1
            case yaml.CollectionEndEvent():
                depth -= 1
                key = None if depth == 1 else key
            case yaml.ScalarEvent() | yaml.AliasEvent() if depth == 1 and key is not None:
                front[key.value] = _told(event)
                key = None
            case yaml.ScalarEvent() if depth == 1:
                key = event
                if event.value in front:
                    problems.append(_twice(event, file))
            case yaml.ScalarEvent() if depth == 2 and in_list and key and not front[key.value].text:
                front[key.value] = _told(event)
    return front, problems


def _told(event: Any) -> Told:  # Any: the stubs let an event have no mark, and these have one
    text = ""
    if isinstance(event, yaml.ScalarEvent) and (event.style or event.value not in _NOTHING):
        text = printable(event.value)
    return Told(text, event.start_mark.line + 2, event.start_mark.column + 1)


def _mark(event: Any) -> Any:
    return event.start_mark


def _twice(key: Any, file: str) -> Problem:
    mark = key.start_mark
    message = f"`{key.value}` stands here twice, and this one counts."
    return Problem(
        file, mark.line + 2, mark.column + 1, "duplicate-key", message, "Keep one.", "warning"
    )


def _broken(file: str, line: int, column: int, rule: str, message: str, advice: str | None) -> Page:
    return Page(file, problems=(Problem(file, line, column, rule, message, advice),))
