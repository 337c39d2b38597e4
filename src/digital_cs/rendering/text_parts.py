"""Parts of a text that is no file, each of which can be left out like a block: marked, then cut."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from digital_cs.domain.content.stale_rule import ITEMS
from digital_cs.domain.content.stale_words import RULE_KEYS, WHEN_STALE
from digital_cs.rendering.source import SourceFile, Value

MARK = "\u2063"
"""Invisible, and in nothing that a person writes: it stands around what only we read."""
_LINE = re.compile(f"{MARK}(?:(?P<opens>{{.*}})|end){MARK}")


class PartKind(StrEnum):
    """What a part is, and so what becomes of it when what it shows is stale, or wrong (P25)."""

    ITEM = "item"
    """Shows one item of the library: left out when that is not fresh any more."""
    SECTION = "section"
    """A heading with items under it: left out when none of them is left."""
    MESSAGE = "message"
    """An e-mail that goes along: never left out, for somebody counts on it. Its rules are its own.
    """


def item_part(item: str, text: str) -> str:
    """A text that shows the item of an id, marked."""
    return _marked({"part": PartKind.ITEM, "place": f"{ITEMS}{item}"}, text)


def section_part(text: str) -> str:
    """A heading with marked items under it, marked."""
    return _marked({"part": PartKind.SECTION}, text)


def message_part(email: str, source: SourceFile, text: str) -> str:
    """The text of an e-mail of the content folder, marked; `source` is its file."""
    rules = {key: source.front[key].text for key in RULE_KEYS if key in source.front}
    opens = {"part": PartKind.MESSAGE, "place": f"emails/{email}.md", "rules": rules}
    return _marked(opens, text)


def unmarked(text: str) -> str:
    """A text without any mark, for people to read."""
    kept = [line for line in text.split("\n") if not _LINE.fullmatch(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept))


def cut(source: SourceFile) -> tuple[SourceFile, dict[str, SourceFile]]:
    """A text with its marked parts cut out, each included as a block; and these by their names.

    The names are no names of files. Lines keep their numbers, for complaints.
    """
    blocks: dict[str, SourceFile] = {}
    if MARK not in source.body:
        return source, blocks
    lines = source.body.split("\n")
    inside: list[_Part] = []
    body = [""] * len(lines)
    for number, line in enumerate(lines):
        mark = _LINE.fullmatch(line)
        if mark is None:
            (inside[-1].lines if inside else body)[number] = line
        elif mark["opens"]:
            inside.append(_Part(number, json.loads(mark["opens"]), len(lines)))
        elif inside:
            part = inside.pop()
            name = f"{part.kind} {len(blocks) + 1}"
            blocks[name] = part.block(source, number)
            (inside[-1].lines if inside else body)[part.first] = f'{{% include "blocks/{name}" %}}'
    return replace(source, body="\n".join(body)), blocks


class _Part:
    """A part whose end is not read yet."""

    def __init__(self, first: int, opens: Mapping[str, object], most: int) -> None:
        self.first = first
        self.kind = PartKind(str(opens["part"]))
        self.place = str(opens.get("place", ""))
        rules = opens.get("rules")
        self.rules: Mapping[str, str] = rules if isinstance(rules, dict) else {}
        self.lines = [""] * most

    def block(self, source: SourceFile, last: int) -> SourceFile:
        at = source.body_line + self.first
        rules = {WHEN_STALE: "drop"} if self.kind is PartKind.ITEM else self.rules
        return SourceFile(
            source.file, raw="", front={key: Value(text, at, 1) for key, text in rules.items()},
            body="\n".join(self.lines[self.first : last + 1]), body_line=at, problems=(),
            place=self.place, frame=self.kind is PartKind.SECTION,
            kept=self.kind is PartKind.MESSAGE,
        )  # fmt: skip


def _marked(opens: Mapping[str, object], text: str) -> str:
    head = json.dumps(opens, sort_keys=True, ensure_ascii=False)
    return f"{MARK}{head}{MARK}\n\n{text}\n\n{MARK}end{MARK}"
