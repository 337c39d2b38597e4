"""Loads newsletters from content/newsletters, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from digital_cs.catalog.condition_checks import Finding, Names, condition_findings, parts
from digital_cs.catalog.milestones import milestone_names
from digital_cs.catalog.policy import policy_beside
from digital_cs.catalog.programs import stems, yaml_files
from digital_cs.catalog.suggestions import did_you_mean
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import Document, bytes_of, read_yaml
from digital_cs.domain.newsletter import Newsletter, Suggestion
from digital_cs.domain.problem import Problem

FOLDER = "newsletters"
"""Its name in the content folder."""


@dataclass(frozen=True, slots=True)
class Around:
    """What of the content folder newsletters may name. None: not known here, so not checked."""

    names: Names = field(default_factory=Names)
    topics: Collection[str] | None = None
    items: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class LoadedNewsletters:
    """The usable newsletters by id, where each was read, and the complaints about all files."""

    newsletters: Mapping[str, Newsletter] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The complaints that keep a newsletter from being used."""
        return tuple(each for each in self.problems if each.severity == "error")


def load_newsletters(content_dir: Path) -> LoadedNewsletters:
    """Every newsletter of a content folder, checked against its segments, policy and items; none
    where it has no folder of them. Never raises for content."""
    folder = content_dir / FOLDER
    policy = policy_beside(content_dir)
    around = Around(
        Names(
            stems(content_dir / "segments"), milestone_names(content_dir),
            stems(content_dir / "programs"),
        ),
        policy.topics if policy is not None else None, _items(content_dir),
    )  # fmt: skip
    newsletters: dict[str, Newsletter] = {}
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in yaml_files(folder) if folder.is_dir() else []:
        file = f"{content_dir.name}/{FOLDER}/{path.name}".lstrip("/")
        raw = bytes_of(path, file)
        if isinstance(raw, Problem):
            problems.append(raw)
            continue
        found, complaints = check_newsletter_text(raw, file, path.stem, around)
        problems.extend(complaints)
        if found is not None:
            newsletters[found.newsletter], files[found.newsletter] = found, path
    return LoadedNewsletters(newsletters, files, tuple(problems))


def check_newsletter_text(
    text: str | bytes, file: str = "newsletter.yaml", stem: str | None = None,
    around: Around | None = None,
) -> tuple[Newsletter | None, tuple[Problem, ...]]:  # fmt: skip
    """The newsletter in a text, unless an error keeps it from being used, and every complaint.

    `stem` is the name that the file has without its ending. Never raises for content.
    """
    document = read_yaml(text, file)
    problems = list(document.problems)
    if not document.readable:
        return None, tuple(problems)
    if not isinstance(document.value, dict):
        empty = document.value is None
        nothing = Finding(
            (), "no-newsletter",
            "The file is empty." if empty else "The file holds no newsletter.",
            "Begin it with the lines 'newsletter: …', 'name: …', 'owner: …' and 'rhythm: …'.",
        )  # fmt: skip
        return None, (*problems, _problem(document, nothing))
    try:
        newsletter = Newsletter.model_validate(document.value)
    except ValidationError as error:
        return None, _ordered([*problems, *value_problems(Newsletter, error, document)])
    found = _findings(newsletter, stem, around or Around())
    problems += [_problem(document, each) for each in found]
    broken = any(problem.severity == "error" for problem in problems)
    return None if broken else newsletter, _ordered(problems)


def _findings(newsletter: Newsletter, stem: str | None, around: Around) -> Iterator[Finding]:
    if stem is not None and newsletter.newsletter != stem:
        yield Finding(
            ("newsletter",), "other-name",
            f"The file is called '{stem}', and the newsletter '{newsletter.newsletter}'.",
            f"Write 'newsletter: {stem}', or rename the file.",
        )  # fmt: skip
    if around.topics is not None and newsletter.topic not in around.topics:
        yield Finding(
            ("topic",), "unknown-topic", f"'{newsletter.topic}' is not a topic of the policy.",
            did_you_mean(newsletter.topic, around.topics)
            or f"It has: {', '.join(around.topics)}.",
        )  # fmt: skip
    for path, part in parts(newsletter):
        yield from condition_findings(path, part, around.names)
        items = around.items if isinstance(part, Suggestion) else None
        if items is not None and part.show not in items:
            yield Finding(
                (*path, "show"), "unknown-item", f"There is no {part.show} in the content folder.",
                did_you_mean(part.show, items) or "Write it, or name another one.",
            )  # fmt: skip


def _items(content_dir: Path) -> frozenset[str]:
    """The places of what can be worth knowing."""
    return frozenset(
        path.relative_to(content_dir).as_posix()
        for folder in ("articles", "feature_notes", "recordings", "pages")
        for path in (content_dir / folder).rglob("*.md")
    )


def _problem(document: Document, found: Finding) -> Problem:
    place = document.place(found.path)
    return Problem(
        document.file, place.line, place.column, found.rule, found.message, found.advice,
        found.severity,
    )  # fmt: skip


def _ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda each: (each.line, each.column, each.rule)))
