"""Loads content/milestones.yaml, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from digital_cs.catalog.findings import in_order
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import Document, bytes_of, read_yaml
from digital_cs.catalog.yaml_source import Path as Spot
from digital_cs.domain.milestone import Milestone, Milestones
from digital_cs.domain.problem import Problem

FILE = "milestones.yaml"
"""Its name in the content folder."""


@dataclass(frozen=True, slots=True)
class LoadedMilestones:
    """The milestones of the file in their order, none if an error is among the complaints.

    `there` is False where the folder has no such file: then nothing is declared, nor retired.
    """

    there: bool = False
    milestones: tuple[Milestone, ...] = ()
    problems: tuple[Problem, ...] = ()


def load_milestones(content_dir: Path) -> LoadedMilestones:
    """The milestones of a content folder. Never raises for content."""
    path = content_dir / FILE
    if not path.exists():
        return LoadedMilestones()
    file = f"{content_dir.name}/{FILE}".lstrip("/")
    raw = bytes_of(path, file)
    if isinstance(raw, Problem):
        return LoadedMilestones(True, (), (raw,))
    return check_milestones_text(raw, file)


def milestone_names(content_dir: Path) -> frozenset[str] | None:
    """The names that conditions may use; None where the file is not there, or has errors."""
    loaded = load_milestones(content_dir)
    if not loaded.there or loaded.problems:
        return None
    return frozenset(each.milestone for each in loaded.milestones)


def check_milestones_text(text: str | bytes, file: str = FILE) -> LoadedMilestones:
    """The milestones in a text, which is called `file` in complaints."""
    document = read_yaml(text, file)
    problems = list(document.problems)
    if not document.readable:
        return LoadedMilestones(True, (), tuple(problems))
    if not isinstance(document.value, dict):
        place = document.place(())
        problems.append(
            Problem(
                file, place.line, place.column, "no-milestones", "The file holds no milestones.",
                "Begin it with the line 'milestones:', and each of them with '- milestone: …'.",
            )
        )  # fmt: skip
        return LoadedMilestones(True, (), tuple(problems))
    try:
        found = Milestones.model_validate(document.value)
    except ValidationError as error:
        problems.extend(value_problems(Milestones, error, document))
        return LoadedMilestones(True, (), in_order(problems))
    problems.extend(_findings(found, document))
    return LoadedMilestones(True, () if problems else found.milestones, in_order(problems))


def _findings(found: Milestones, document: Document) -> Iterator[Problem]:
    positions: dict[str, int] = {}
    names = [each.milestone for each in found.milestones]
    for index, each in enumerate(found.milestones):
        here: Spot = ("milestones", index)
        first = positions.setdefault(each.milestone, index)
        if first != index:
            line = document.place(("milestones", first, "milestone")).line
            yield _problem(
                document, (*here, "milestone"), "duplicate-milestone",
                f"'{each.milestone}' stands here twice: on line {line} too.", "Keep one of them.",
            )  # fmt: skip
        for beginning in each.of:
            if beginning in names and positions.get(beginning, index) == index:
                itself = beginning == each.milestone
                where = "this milestone itself" if itself else "a milestone further down"
                yield _problem(
                    document, (*here, "of"), "deadline-from-later",
                    f"'{beginning}' is {where}, so nothing can count from it here.",
                    "Name one that stands above, or a trait that holds a date.",
                )  # fmt: skip


def _problem(document: Document, path: Spot, rule: str, message: str, advice: str) -> Problem:
    place = document.place(path)
    return Problem(document.file, place.line, place.column, rule, message, advice)
