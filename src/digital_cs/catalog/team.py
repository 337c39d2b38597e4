"""Loads content/team.yaml, and finds the owners in a content folder whom nobody there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from digital_cs.catalog.content_folder import documents
from digital_cs.catalog.findings import Finding, in_order, problem_of
from digital_cs.catalog.front_matter import read_page
from digital_cs.catalog.suggestions import did_you_mean
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import Document, Place, bytes_of, read_yaml
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.problem import Problem
from digital_cs.domain.timing.zone import UnknownZoneError, load_zone

FILE = "team.yaml"
"""Its name in the content folder."""

_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_OWNERS = ("owner", "backup")
_RULES = ("programs", "segments", "triggers")
_NOBODY = Team()


@dataclass(frozen=True, slots=True)
class LoadedTeam:
    """The team of the file, an empty one if an error is among the complaints.

    `there` is False where the folder has no such file: then only addresses can be owners.
    """

    there: bool = False
    team: Team = _NOBODY
    problems: tuple[Problem, ...] = ()


def load_team(content_dir: Path, today: date | None = None) -> LoadedTeam:
    """The team of a content folder. Never raises for content.

    With a day, a manager or an owner who is gone by then is complained of, too.
    """
    path = content_dir / FILE
    if not path.exists():
        return LoadedTeam()
    file = f"{content_dir.name}/{FILE}".lstrip("/")
    raw = bytes_of(path, file)
    if isinstance(raw, Problem):
        return LoadedTeam(True, problems=(raw,))
    return check_team_text(raw, file, today)


def check_team_text(text: str | bytes, file: str = FILE, today: date | None = None) -> LoadedTeam:
    """The team in a text, which is called `file` in complaints."""
    document = read_yaml(text, file)
    problems = list(document.problems)
    team = _NOBODY
    if document.readable and not isinstance(document.value, dict):
        empty = Finding(
            (), "no-team", "The file names nobody.",
            "Begin it with 'people:', or remove it: then only addresses can be owners.",
        )  # fmt: skip
        problems.append(problem_of(document, empty))
    elif document.readable:
        try:
            team = Team.model_validate(document.value)
        except ValidationError as error:
            problems += value_problems(Team, error, document)
        else:
            problems += [problem_of(document, each) for each in _findings(team, today)]
    if any(each.severity == "error" for each in problems):
        team = _NOBODY
    return LoadedTeam(True, team, in_order(problems))


def owner_problems(content_dir: Path, team: Team) -> tuple[Problem, ...]:
    """Warnings of names that content states for its owners, and that nobody of the team has.

    One a name, at the first place of it.
    """
    found: dict[str, Problem] = {}
    more: dict[str, int] = {}
    for name, file, place in _stated(content_dir):
        word = name.casefold()
        if team.find(name) is not None:
            continue
        if word in found:
            more[word] = more.get(word, 0) + 1
            continue
        found[word] = Problem(
            file, place.line, place.column, "unknown-owner",
            f"Nobody in {FILE} is called '{name}', so nobody can be asked to review this{{}}.",
            did_you_mean(name, team.people)
            or f"Add '{name}' to {FILE}, or write somebody's address here.",
            "warning",
        )  # fmt: skip
    return tuple(
        Problem(
            each.file, each.line, each.column, each.rule,
            each.message.format(_and_more(more.get(word, 0))), each.suggestion, "warning",
        )
        for word, each in found.items()
    )  # fmt: skip


def _and_more(count: int) -> str:
    return f" and {count:,} more" if count else ""


def _findings(team: Team, today: date | None) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, person in team.people.items():
        for spelling in dict.fromkeys((name, *person.also)):
            other = first.setdefault(spelling.casefold(), name)
            if other != name:
                yield Finding(
                    ("people", name), "two-of-a-name", f"'{spelling}' is a name of '{other}', too.",
                    "Give one of them another name.",
                )  # fmt: skip
        yield from _of_person(("people", name), name, person)
    manager = team.find(team.manager)
    if team.manager is None:
        yield Finding(
            (), "no-manager", "Nobody is asked last, and for what nobody owns.",
            "Write 'manager: NAME': the program manager.", "warning",
        )  # fmt: skip
    elif manager is None:
        yield Finding(
            ("manager",), "unknown-person", f"There is no '{team.manager}' among the people.",
            did_you_mean(team.manager, team.people) or "Add them under 'people'.",
        )  # fmt: skip
    elif manager.address is None or (today is not None and not manager.there(today)):
        why = "has no address" if manager.address is None else f"is gone since {manager.gone}"
        yield Finding(
            ("manager",), "manager-unreachable",
            f"The manager {why}, so nobody is asked last, nor for what nobody owns.",
            "Name somebody who can be written to.", "warning",
        )  # fmt: skip


def _of_person(path: tuple[str, ...], name: str, person: Person) -> Iterator[Finding]:
    if person.address is None and person.gone is None:
        yield Finding(
            path, "no-address", f"'{name}' has no address, so their backups are asked instead.",
            "Add 'address: …'.", "warning",
        )  # fmt: skip
    elif person.address is not None and not _ADDRESS.fullmatch(person.address):
        yield Finding(
            (*path, "address"), "bad-address", f"'{person.address}' is no e-mail address.",
            "Write it like maya@example.com, without a name.",
        )  # fmt: skip
    if person.zone is not None:
        try:
            load_zone(person.zone)
        except UnknownZoneError as error:
            yield Finding((*path, "zone"), "unknown-zone", str(error))


def _stated(content_dir: Path) -> Iterator[tuple[str, str, Place]]:
    """The owners and backups that the files of a content folder state, with their places."""
    for folder in sorted(content_dir.iterdir()) if content_dir.is_dir() else ():
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        for below in documents(folder):
            file = f"{content_dir.name}/{folder.name}/{below}"
            front = read_page((folder / below).read_bytes(), file).front
            for key in _OWNERS:
                if key in front and front[key].text:
                    yield front[key].text, file, Place(front[key].line, front[key].column)
        for path in sorted(folder.glob("*.y*ml")) if folder.name in _RULES else ():
            file = f"{content_dir.name}/{folder.name}/{path.name}"
            raw = bytes_of(path, file)
            document = read_yaml(raw, file) if isinstance(raw, bytes) else Document(file)
            value = document.value if isinstance(document.value, dict) else {}
            for key in _OWNERS:
                if isinstance(value.get(key), str) and value[key]:
                    yield value[key], file, document.place((key,))
