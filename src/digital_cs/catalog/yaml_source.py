"""Reads one YAML file into plain values, and remembers where each of them stands.

Not `yaml.safe_load`: that reads `no` as false, `12:30` as 750 and a date as a date object, takes
the last of two equal keys without a word, and forgets every line number. This reads the events
of libyaml by the rules of YAML 1.2, for files that people write by hand.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml

from digital_cs.catalog.yaml_faults import explain
from digital_cs.domain.problem import Problem

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
"""Far beyond any program; it bounds the recursion here and in whoever reads the values."""
MAX_PROBLEMS = 50
"""A file with more is another kind of file; nobody reads on."""

Path = tuple[str | int, ...]
"""The way to a value: ("steps", 0, "send")."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {word: word.lower() == "true" for word in ("true", "True", "TRUE",
                                                       "false", "False", "FALSE")}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,2})?")
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """The value of a file, its complaints, and the place of every key and value.

    `readable` is False when the text is no YAML at all; then there is no value. A readable
    document may still have problems, such as a key that stands twice.
    """

    file: str
    value: Any = None
    readable: bool = True
    problems: list[Problem] = field(default_factory=list)
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Where the value at `path` stands, or its key; else the nearest thing around it."""
        while path:
            key = self.keys.get(path) if of_key else None
            found = key or self.values.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return self.values.get((), Place(1, 1))


def bytes_of(path: FilePath, file: str) -> bytes | Problem:
    """What stands in a file, which is called `file` in complaints; or why nobody can say."""
    try:
        return path.read_bytes()
    except OSError as fault:
        reason = (fault.strerror or "it is no file").lower()
        return Problem(
            file, 1, 1, "unreadable", f"The file cannot be read: {reason}.",
            "Give the program the right to read it, or move it elsewhere.",
        )  # fmt: skip


def read_yaml(text: str | bytes, file: str) -> Document:
    """The document in `text`, which is called `file` in complaints. Never raises for content."""
    document = Document(file)
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        return _unreadable(
            document, Place(1, 1), "file-too-large", f"The file has {len(raw):,} bytes.",
            f"A file of content has at most {MAX_BYTES:,}: divide it, or move data elsewhere.",
        )  # fmt: skip
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = raw[: fault.start].decode("utf-8", "replace")
        return _unreadable(
            document, _end_of(before), "not-utf8", "The file is not UTF-8 text.",
            "Save it as UTF-8.",
        )  # fmt: skip
    try:
        _Reader(decoded, document).document()
    except yaml.MarkedYAMLError as fault:
        line, column, rule, message, advice = explain(fault, decoded)
        return _unreadable(document, Place(line, column), rule, message, advice)
    except _GiveUpError as fault:
        return _unreadable(document, fault.place, fault.rule, str(fault), fault.advice)
    except yaml.reader.ReaderError as fault:
        before = decoded[: fault.position]
        return _unreadable(
            document, _end_of(before), "control-character",
            "There is an invisible control character here.", "Delete it and type the text again.",
        )  # fmt: skip
    return document


def _unreadable(document: Document, place: Place, rule: str, message: str, advice: str) -> Document:
    problem = Problem(document.file, place.line, place.column, rule, message, advice)
    return Document(document.file, readable=False, problems=[problem])


def _end_of(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1)


class _GiveUpError(Exception):
    """Stops the reading. Trap: libyaml takes minutes for half a million open brackets, so what
    is nested too deep is not even skipped."""

    def __init__(self, place: Place, rule: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.place, self.rule, self.advice = place, rule, advice


class _Reader:
    """Turns libyaml's events into values. Reads on after a complaint, where it can."""

    def __init__(self, text: str, document: Document) -> None:
        self.events = yaml.CSafeLoader(text)
        self.into = document

    def document(self) -> None:
        self.events.get_event()  # the stream starts
        if self.events.check_event(yaml.StreamEndEvent):
            return
        self.events.get_event()  # the document starts
        self.into.value = self.value(())
        self.events.get_event()  # the document ends
        if not self.events.check_event(yaml.StreamEndEvent):
            self.complain(
                self.events.get_event(), "second-document", "A second document begins here.",
                "Remove the line '---', or make two files.",
            )  # fmt: skip

    def value(self, path: Path) -> Any:
        event: Any = self.events.get_event()
        self.into.values[path] = _place(event)
        if len(path) > MAX_DEPTH:
            raise _GiveUpError(
                _place(event), "too-deep", f"This is nested more than {MAX_DEPTH} levels deep.",
                "Move the inner steps into a program of their own and enroll into that.",
            )  # fmt: skip
        if isinstance(event, yaml.AliasEvent):
            self.complain(
                event, "alias", f"'*{event.anchor}' repeats another part of the file.",
                "Write it out; if it is a text that begins with '*', put it in quotes.",
            )  # fmt: skip
            return None
        if event.anchor is not None:
            self.complain(
                event, "alias", f"'&{event.anchor}' names a part of the file to repeat it.",
                "Leave the name away; if it is a text that begins with '&', put it in quotes.",
            )  # fmt: skip
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if event.tag is not None and not event.implicit:
            self.tag(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.mapping(path)

    def sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not self.events.check_event(yaml.SequenceEndEvent):
            items.append(self.value((*path, len(items))))
        self.events.get_event()
        return items

    def mapping(self, path: Path) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not self.events.check_event(yaml.MappingEndEvent):
            event = self.events.get_event()
            if not isinstance(event, yaml.ScalarEvent):
                raise _GiveUpError(
                    _place(event), "bad-key", "A key is a word, not a list or a group of keys.",
                    "Write it as 'key: value'; a text that begins with { or [ needs quotes.",
                )  # fmt: skip
            key, place = event.value, _place(event)
            first = self.into.keys.get((*path, key))
            if first is None:
                self.into.keys[(*path, key)] = place
                entries[key] = self.value((*path, key))
                continue
            self.complain(
                event, "duplicate-key",
                f"'{key}' stands here twice: on line {first.line} and on line {place.line}.",
                "Keep one of them.",
            )  # fmt: skip
            kept = self.into.values.get((*path, key))
            self.value((*path, key))
            if kept is not None:
                self.into.values[(*path, key)] = kept
        self.events.get_event()
        return entries

    def scalar(self, event: yaml.ScalarEvent) -> str | int | float | bool | None:
        """By the core schema of YAML 1.2. Infinity and not-a-number stay texts."""
        text: str = event.value
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self.tag(event)
        if event.tag is not None or not event.implicit[0]:
            return text
        if text in _NULL:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if _INTEGER.fullmatch(text):
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _NUMBER.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                self.complain(event, "number", "This number is too large.", "Use a smaller one.")
            return number
        return text

    def tag(self, event: Any) -> None:
        self.complain(
            event, "tag", f"'{event.tag}' is a YAML tag, and has no meaning here.",
            "Remove it; a text that begins with '!' needs quotes.",
        )  # fmt: skip

    def complain(self, event: Any, rule: str, message: str, advice: str) -> None:
        if len(self.into.problems) < MAX_PROBLEMS:
            place = _place(event)
            self.into.problems.append(
                Problem(self.into.file, place.line, place.column, rule, message, advice)
            )


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
