"""Loads segments from content/segments, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from digital_cs.catalog.condition_checks import Names, condition_findings, parts
from digital_cs.catalog.findings import Finding, in_order, problem_of
from digital_cs.catalog.milestones import milestone_names
from digital_cs.catalog.programs import program_from_json, program_to_json, stems, yaml_files
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import Document, bytes_of, read_yaml
from digital_cs.domain.problem import Problem
from digital_cs.domain.programs.program import Program
from digital_cs.domain.rules.condition import SegmentIs
from digital_cs.domain.rules.segment import Segment, all_below, cycle, segments_named
from digital_cs.errors import NotFoundError

FOLDER = "segments"
"""Its name in the content folder."""


@dataclass(frozen=True, slots=True)
class LoadedSegments:
    """The usable segments by id, where each was read, and the complaints about all files."""

    segments: Mapping[str, Segment] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The complaints that keep a segment from being used."""
        return tuple(each for each in self.problems if each.severity == "error")

    @property
    def rests_on(self) -> dict[str, frozenset[str]]:
        """The segments that each one names."""
        return {name: segments_named(each.when) for name, each in self.segments.items()}

    @property
    def sound(self) -> dict[str, Segment]:
        """Those that rest on nothing but usable segments."""
        below = {name: all_below([name], self.rests_on) for name in self.segments}
        return {n: s for n, s in self.segments.items() if below[n] <= self.segments.keys()}

    def with_all_below(self, names: Iterable[str]) -> list[Segment]:
        """These segments and all that they rest on, as far as there are files of them."""
        wanted = all_below(names, self.rests_on)
        return [self.segments[name] for name in sorted(wanted) if name in self.segments]


def load_segments(content_dir: Path) -> LoadedSegments:
    """Every segment of a content folder, each checked against the others, the milestones, the
    programs and the triggers; none where it has no folder of them. Never raises for content."""
    folder = content_dir / FOLDER
    paths = yaml_files(folder) if folder.is_dir() else []
    names = Names(
        frozenset(path.stem for path in paths),
        milestone_names(content_dir),
        stems(content_dir / "programs"),
        stems(content_dir / "triggers"),
    )
    drafts = [_draft(path, content_dir, names) for path in paths]
    in_circles = _in_circles(drafts)
    segments: dict[str, Segment] = {}
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path, draft in zip(paths, drafts, strict=True):
        found = [*draft.problems, *in_circles.get(draft.document.file, ())]
        problems += in_order(found)
        broken = any(each.severity == "error" for each in found)
        if draft.segment is not None and not broken:
            segments[draft.segment.segment] = draft.segment
            files[draft.segment.segment] = path
    return LoadedSegments(segments, files, tuple(problems))


def load_segment(path: Path) -> tuple[Segment | None, tuple[Problem, ...]]:
    """The segment in one file, wherever it is, with its complaints; names are not checked.

    Raises NotFoundError if there is no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}. Check the name.")
    draft = _draft(path, path.parent, Names())
    return draft.segment, draft.problems


def check_segment_text(
    text: str | bytes,
    file: str = "segment.yaml",
    stem: str | None = None,
    names: Names | None = None,
) -> tuple[Segment | None, tuple[Problem, ...]]:
    """The segment in a text, which is called `file` in complaints. Never raises for content."""
    draft = _parse(read_yaml(text, file), stem, names or Names())
    return draft.segment, draft.problems


def segment_to_json(segment: Segment) -> dict[str, Any]:
    """The segment as JSON values, in the words of the file, without what is the default."""
    return segment.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def segments_of(program: Program) -> frozenset[str]:
    """The segments that a program names, in whatever place."""
    rules = [part for _, part in parts(program)]
    return frozenset(rule.segment for rule in rules if isinstance(rule, SegmentIs))


def spelled_out(program: Program, segments: Mapping[str, Segment]) -> Program:
    """The program with the rule of each segment in the place of its name.

    A name that is not among the segments stays as it is.
    """
    rules = {name: segment_to_json(each)["when"] for name, each in segments.items()}
    return program_from_json(_spelled_out(program_to_json(program), rules, frozenset()))


def spelled_out_rule(segment: Segment, segments: Mapping[str, Segment]) -> Any:
    """The rule of a segment with the rules of these in the place of their names."""
    rules = {name: segment_to_json(each)["when"] for name, each in segments.items()}
    spec = segment_to_json(segment)
    when = _spelled_out(spec["when"], rules, frozenset({segment.segment}))
    return Segment.model_validate({**spec, "when": when}).when


def _spelled_out(node: Any, rules: Mapping[str, Any], inside: frozenset[str]) -> Any:
    if isinstance(node, list):
        return [_spelled_out(each, rules, inside) for each in node]
    if not isinstance(node, dict):
        return node
    name = node.get("segment")
    if node.keys() == {"segment"} and isinstance(name, str) and name in rules.keys() - inside:
        return _spelled_out(rules[name], rules, inside | {name})
    return {key: _spelled_out(each, rules, inside) for key, each in node.items()}


@dataclass(frozen=True, slots=True)
class _Draft:
    document: Document
    segment: Segment | None
    problems: tuple[Problem, ...]


def _draft(path: Path, content_dir: Path, names: Names) -> _Draft:
    file = f"{content_dir.name}/{path.relative_to(content_dir)}".lstrip("/")
    raw = bytes_of(path, file)
    if isinstance(raw, Problem):
        return _Draft(Document(file, readable=False), None, (raw,))
    return _parse(read_yaml(raw, file), path.stem, names)


def _parse(document: Document, stem: str | None, names: Names) -> _Draft:
    problems = list(document.problems)
    if not document.readable:
        return _Draft(document, None, tuple(problems))
    if not isinstance(document.value, dict):
        empty = document.value is None
        problems.append(problem_of(document, Finding(
            (), "no-segment", "The file is empty." if empty else "The file holds no segment.",
            "Begin it with the lines 'segment: …', 'name: …', 'owner: …' and 'when:'.",
        )))  # fmt: skip
        return _Draft(document, None, tuple(problems))
    try:
        segment = Segment.model_validate(document.value)
    except ValidationError as error:
        problems.extend(value_problems(Segment, error, document))
        return _Draft(document, None, tuple(problems))
    problems += [problem_of(document, each) for each in _findings(segment, stem, names)]
    return _Draft(document, segment, tuple(problems))


def _findings(segment: Segment, stem: str | None, names: Names) -> Iterator[Finding]:
    if stem is not None and stem != segment.segment:
        yield Finding(
            ("segment",), "file-name",
            f"The segment is called '{segment.segment}' and its file '{stem}'.",
            f"Rename the file to {segment.segment}.yaml, or write 'segment: {stem}'.",
        )  # fmt: skip
    for path, part in parts(segment):
        yield from condition_findings(path, part, names)


def _in_circles(drafts: list[_Draft]) -> dict[str, list[Problem]]:
    """A complaint by file about a circle of segments; about each circle at one of its members."""
    by_name = {each.segment.segment: each for each in drafts if each.segment is not None}
    rests_on = {
        name: set(segments_named(each.segment.when)) for name, each in by_name.items()
        if each.segment is not None
    }  # fmt: skip
    found: dict[str, list[Problem]] = {}
    while (way := cycle(rests_on)) is not None:
        draft = by_name[way[0]]
        assert draft.segment is not None
        spot = next(
            (*path, "segment") for path, part in parts(draft.segment)
            if path and getattr(part, "segment", None) == way[1]
        )  # fmt: skip
        found.setdefault(draft.document.file, []).append(problem_of(draft.document, Finding(
            spot, "segments-in-a-circle",
            f"The segments rest on each other in a circle: {' -> '.join(way)}.",
            "Take one of these names out of a rule.",
        )))  # fmt: skip
        rests_on[way[0]].discard(way[1])
    return found
