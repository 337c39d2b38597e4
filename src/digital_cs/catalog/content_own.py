"""Reads our own content folder as a source: what is in it, and which item shows which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from digital_cs.catalog.content_fields import FieldReader
from digital_cs.catalog.content_folder import documents, item_of, strange_name
from digital_cs.catalog.content_reading import Reading, without_doubtful_ids
from digital_cs.catalog.front_matter import read_page
from digital_cs.catalog.newsletters import load_newsletters
from digital_cs.catalog.programs import load_programs, yaml_files
from digital_cs.catalog.segments import load_segments, segments_of
from digital_cs.domain.content.content_item import Found, Shown
from digital_cs.domain.content.content_source import ContentSource
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.content.text_sketch import content_hash, sketch
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.domain.problem import Problem
from digital_cs.domain.programs.program import Program, Send
from digital_cs.domain.programs.program_graph import nested
from digital_cs.domain.rules.segment import Segment, segments_named
from digital_cs.errors import NotFoundError

_FOLDERS = {
    "emails": Kind.EMAIL, "blocks": Kind.BLOCK, "articles": Kind.ARTICLE, "pages": Kind.PAGE,
    "recordings": Kind.RECORDING, "feature_notes": Kind.FEATURE_NOTE,
    "newsletters": Kind.NEWSLETTER,
}  # fmt: skip
_MJML = ".mjml"
_SERVICE, _FOOTER, _SERVICE_FOOTER = "service", "footer.md", "footer-service.md"
_INCLUDE = re.compile(r"{%-?\s*include\s+[\"']blocks/([^\"'/]+)[\"']")


def read_own(source: ContentSource, today: date) -> Reading:
    """Every e-mail, block, article, program and segment. Raises NotFoundError."""
    folder = Path(source.location)
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}. Check the name.")
    shelf = _Shelf(folder, source, today)
    for name, kind in _FOLDERS.items():
        shelf.read_documents(name, kind)
    shelf.read_rules()
    sure, doubts = without_doubtful_ids(shelf.found, shelf.files)
    return Reading(sure, tuple(shelf.problems + doubts), frozenset(shelf.unread))


@dataclass(slots=True)
class _Shelf:
    folder: Path
    source: ContentSource
    today: date
    found: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)

    def read_documents(self, name: str, kind: Kind) -> None:
        if not (self.folder / name).is_dir():
            return
        fields = self.source.fields
        if kind is Kind.EMAIL:
            fields = {"title": "subject", **fields}
        reader = FieldReader(replace(self.source, fields=fields), self.today)
        for below in documents(self.folder / name, _MJML if kind is Kind.BLOCK else ""):
            locator = f"{name}/{below}"
            file = str(self.folder / locator)
            if (strange := strange_name(file)) is not None:
                self.problems.append(strange)
                continue
            page = read_page((self.folder / locator).read_bytes(), file)
            read = reader.read(page.front, file)
            self.problems += (*page.problems, *read.problems)
            if page.broken or any(problem.severity == "error" for problem in read.problems):
                self.unread.add(locator)
                continue
            blocks = dict.fromkeys(_INCLUDE.findall(page.body))
            if kind is Kind.EMAIL:
                blocks |= dict.fromkeys(self._footer(read.values["topic"]))
            shows = tuple((Shown.INCLUDES, f"blocks/{block}") for block in blocks)
            self._add(replace(item_of(page, read.values, locator, kind), shows=shows))

    def _footer(self, topic: str | None) -> Iterator[str]:
        """The block at the end of every e-mail, though none includes it."""
        name = _SERVICE_FOOTER if topic == _SERVICE else _FOOTER
        if (self.folder / "blocks" / name).is_file():
            yield name

    def read_rules(self) -> None:
        """Programs and segments. What is wrong with them is for `digital-cs check` to say."""
        programs: dict[Path, Found] = {}
        if (self.folder / "programs").is_dir():
            loaded = load_programs(self.folder)
            programs = {loaded.files[n]: _program(p) for n, p in loaded.programs.items()}
        rules = load_segments(self.folder)
        segments = {rules.files[n]: _segment(s) for n, s in rules.segments.items()}
        letters = load_newsletters(self.folder)
        newsletters = {letters.files[n]: _newsletter(s) for n, s in letters.by_name.items()}
        for name, usable in (
            ("programs", programs), ("segments", segments), ("newsletters", newsletters)
        ):  # fmt: skip
            folder = self.folder / name
            for path in yaml_files(folder) if folder.is_dir() else ():
                locator = f"{name}/{path.name}"
                if path not in usable:
                    self.unread.add(locator)
                    self.problems.append(_faulty(path))
                    continue
                text = path.read_text(encoding="utf-8-sig")
                item = usable[path]
                self._add(
                    replace(
                        item, locator=locator, content_hash=content_hash(item.title, text),
                        sketch=sketch(text),
                    )
                )  # fmt: skip

    def _add(self, found: Found) -> None:
        self.found.append(found)
        self.files[found.locator] = str(self.folder / found.locator)


def _program(program: Program) -> Found:
    emails = dict.fromkeys(_sends(program.steps))
    return Found(
        "", Kind.PROGRAM, program.name, owner=program.owner, backup=program.backup,
        topic=program.topic,
        shows=(
            *((Shown.SENDS, f"emails/{email}.md") for email in emails),
            *((Shown.USES, f"segments/{name}.yaml") for name in sorted(segments_of(program))),
        ),
    )  # fmt: skip


def _segment(segment: Segment) -> Found:
    names = sorted(segments_named(segment.when))
    return Found(
        "", Kind.SEGMENT, segment.name, owner=segment.owner, backup=segment.backup,
        shows=tuple((Shown.USES, f"segments/{name}.yaml") for name in names),
    )  # fmt: skip


def _newsletter(newsletter: Newsletter) -> Found:
    rules = [newsletter.audience.segment]
    shown: list[str] = []
    for section in newsletter.sections:
        rules += [each.to for each in section.suggestions]
        shown += [each.show for each in section.suggestions]
    segments = sorted({name for rule in rules for name in segments_named(rule)})
    return Found(
        "", Kind.NEWSLETTER, newsletter.name, owner=newsletter.owner, backup=newsletter.backup,
        topic=newsletter.topic,
        shows=(
            *((Shown.SENDS, place) for place in dict.fromkeys(shown)),
            *((Shown.USES, f"segments/{name}.yaml") for name in segments),
        ),
    )  # fmt: skip


def _sends(steps: Iterable[Any]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Send):
            yield step.send
        for inner in nested(step):
            yield from _sends(inner)


def _faulty(path: Path) -> Problem:
    message = "It has errors, so the library keeps what it knew of it."
    return Problem(str(path), 1, 1, "unusable", message, "`digital-cs check` shows them.")
