"""Loads programs from content/programs, with file, line and advice in every complaint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from digital_cs.catalog.milestones import milestone_names
from digital_cs.catalog.policy import policy_beside
from digital_cs.catalog.program_checks import Surroundings, findings
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import Document, bytes_of, read_yaml
from digital_cs.domain.problem import Problem
from digital_cs.domain.programs.program import Program
from digital_cs.domain.sending.policy import Policy
from digital_cs.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """One file: its program, unless an error keeps it from being used, and every complaint."""

    file: str
    program: Program | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """The usable programs by id, where each was read, and the complaints about all files."""

    programs: Mapping[str, Program] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The complaints that keep a program from being used."""
        return tuple(each for each in self.problems if each.severity == "error")


def load_programs(content_dir: Path, emails: Collection[str] | None = None) -> Catalog:
    """Every program of `content_dir`, each checked against the others, e-mails and the policy.

    `emails` are the names that a send may use; by default those of the files in
    `content_dir/emails`. Raises NotFoundError if there is no folder of programs.
    """
    folder = content_dir / "programs"
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}. Set CONTENT_DIR to your content.")
    paths = yaml_files(folder)
    known = emails if emails is not None else email_names(content_dir)
    milestones, policy = milestone_names(content_dir), policy_beside(content_dir)
    segments, triggers = stems(content_dir / "segments"), stems(content_dir / "triggers")
    drafts = [_draft(path) for path in paths]
    ids = {each.program.program for each in drafts if each.program} | {p.stem for p in paths}
    programs: dict[str, Program] = {}
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path, draft in zip(paths, drafts, strict=True):
        around = Surroundings(
            path.stem, known, ids, segments=segments, milestones=milestones, triggers=triggers,
            policy=policy,
        )  # fmt: skip
        found = _check(draft, around)
        problems.extend(found.problems)
        if found.program is None:
            continue
        if found.program.program in programs:
            problems.append(_second(draft, found.program.program, files))
            continue
        programs[found.program.program] = found.program
        files[found.program.program] = path
    return Catalog(programs, files, tuple(problems))


def load_program(
    path: Path,
    emails: Collection[str] | None = None,
    program_ids: Collection[str] | None = None,
    policy: Policy | None = None,
) -> LoadedProgram:
    """The program in one file. What is None it is not checked against.

    Raises NotFoundError if there is no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}. Check the name.")
    return _check(_draft(path), Surroundings(path.stem, emails, program_ids, policy=policy))


def check_program_text(
    text: str | bytes,
    file: str = "program.yaml",
    emails: Collection[str] | None = None,
    program_ids: Collection[str] | None = None,
) -> LoadedProgram:
    """The program in a text, which is called `file` in complaints. Never raises for content."""
    return _check(_parse(read_yaml(text, file)), Surroundings(None, emails, program_ids))


def stems(folder: Path) -> frozenset[str]:
    """The names of the YAML files in a folder; none if it is not there."""
    if not folder.is_dir():
        return frozenset()
    return frozenset(path.stem for path in yaml_files(folder))


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files in a folder, in order of their names."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".yaml", ".yml") and not path.name.startswith(".")
    )


def email_names(content_dir: Path) -> frozenset[str]:
    """The names of the e-mails in `content_dir`, by their files."""
    return frozenset(path.stem for path in (content_dir / "emails").glob("*.md"))


def program_to_json(program: Program) -> dict[str, Any]:
    """The program as JSON values, in the words of the file, without what is the default."""
    return program.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def program_from_json(data: Mapping[str, Any]) -> Program:
    """The program that `program_to_json` was given. Raises pydantic's ValidationError."""
    return Program.model_validate(data)


def program_hash(program: Program) -> str:
    """A hash of what the program says: comments, order of keys and layout do not count."""
    canonical = json.dumps(
        program_to_json(program), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A file as it was read, before the checks that need its surroundings."""

    document: Document
    program: Program | None
    problems: tuple[Problem, ...]


def _draft(path: Path) -> _Draft:
    file = f"{path.parent.parent.name}/{path.parent.name}/{path.name}".lstrip("/")
    raw = bytes_of(path, file)
    if isinstance(raw, Problem):
        return _Draft(Document(file, readable=False), None, (raw,))
    return _parse(read_yaml(raw, file))


def _parse(document: Document) -> _Draft:
    problems = list(document.problems)
    if not document.readable:
        return _Draft(document, None, tuple(problems))
    if not isinstance(document.value, dict):
        empty = document.value is None
        message = "The file is empty." if empty else "The file holds no program."
        place = document.place(())
        problems.append(
            Problem(
                document.file, place.line, place.column, "no-program", message,
                "Begin it with the lines 'program: …', 'name: …', 'owner: …' and 'steps:'.",
            )
        )  # fmt: skip
        return _Draft(document, None, tuple(problems))
    try:
        program = Program.model_validate(document.value)
    except ValidationError as error:
        problems.extend(value_problems(Program, error, document))
        return _Draft(document, None, tuple(problems))
    return _Draft(document, program, tuple(problems))


def _check(draft: _Draft, around: Surroundings) -> LoadedProgram:
    document, problems = draft.document, list(draft.problems)
    for found in findings(draft.program, around) if draft.program is not None else ():
        place = document.place(found.path)
        problems.append(
            Problem(
                document.file, place.line, place.column, found.rule, found.message, found.advice,
                found.severity,
            )
        )  # fmt: skip
    broken = any(each.severity == "error" for each in problems)
    ordered = sorted(problems, key=lambda each: (each.line, each.column, each.rule, each.message))
    return LoadedProgram(document.file, None if broken else draft.program, tuple(ordered))


def _second(draft: _Draft, id: str, files: Mapping[str, Path]) -> Problem:
    place = draft.document.place(("program",))
    return Problem(
        draft.document.file, place.line, place.column, "duplicate-program",
        f"The program '{id}' stands in {files[id].name} too.", "Keep one of the two files.",
    )  # fmt: skip
