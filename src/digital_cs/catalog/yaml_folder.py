"""A folder of YAML files that each hold one named thing: read, checked, complained about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from digital_cs.catalog.findings import Finding, in_order, problem_of
from digital_cs.catalog.programs import yaml_files
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import Document, bytes_of
from digital_cs.domain.problem import Problem

Thing = TypeVar("Thing", bound=BaseModel)
Checked = tuple[Thing | None, tuple[Problem, ...]]
"""A usable thing, if no error keeps it from being used, and every complaint."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Thing]):
    """The usable things, where each was read, and the complaints about all files."""

    by_name: Mapping[str, Thing] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The complaints that keep a thing from being used."""
        return tuple(each for each in self.problems if each.severity == "error")


def load_folder(
    content_dir: Path, folder: str, check: Callable[[bytes, str, str], Checked[Thing]]
) -> Loaded[Thing]:
    """Everything in a folder of the content folder; nothing where it is not there.

    `check` is given a text, the name of its file in complaints, and that name without its ending,
    which is the thing's own. Never raises for content.
    """
    things: dict[str, Thing] = {}
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    path = content_dir / folder
    for each in yaml_files(path) if path.is_dir() else []:
        file = f"{content_dir.name}/{folder}/{each.name}".lstrip("/")
        raw = bytes_of(each, file)
        if isinstance(raw, Problem):
            problems.append(raw)
            continue
        found, complaints = check(raw, file, each.stem)
        problems.extend(complaints)
        if found is not None:
            things[each.stem], files[each.stem] = found, each
    return Loaded(things, files, tuple(problems))


def check_document(
    document: Document, model: type[Thing], noun: str, begin: str, *,
    before: Callable[[Mapping[str, object]], Iterable[Finding]] = lambda _: (),
    after: Callable[[Thing], Iterable[Finding]],
) -> Checked[Thing]:  # fmt: skip
    """The thing in a document. `noun` is what it is called, `begin` how such a file is begun.

    `before` looks at what is written, and what it finds keeps the model from being asked; `after`
    looks at what was read. Never raises for content.
    """
    problems = list(document.problems)
    if not document.readable:
        return None, tuple(problems)
    if not isinstance(document.value, dict):
        empty = document.value is None
        nothing = "The file is empty." if empty else f"The file holds no {noun}."
        found = Finding((), f"no-{noun}", nothing, begin)
        return None, (*problems, problem_of(document, found))
    early = [problem_of(document, each, of_key=True) for each in before(document.value)]
    if early:
        return None, in_order([*problems, *early])
    try:
        thing = model.model_validate(document.value)
    except ValidationError as error:
        return None, in_order([*problems, *value_problems(model, error, document)])
    problems += [problem_of(document, each) for each in after(thing)]
    broken = any(problem.severity == "error" for problem in problems)
    return None if broken else thing, in_order(problems)
