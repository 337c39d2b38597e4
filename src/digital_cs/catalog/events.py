"""Loads content/events.yaml, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from digital_cs.catalog.findings import Finding, in_order, problem_of
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import bytes_of, read_yaml
from digital_cs.domain.newsletters.event import Events
from digital_cs.domain.problem import Problem

FILE = "events.yaml"
"""Its name in the content folder."""

_NONE = Events()


@dataclass(frozen=True, slots=True)
class LoadedEvents:
    """The events of the file, none if an error is among the complaints."""

    events: Events = _NONE
    problems: tuple[Problem, ...] = ()


def load_events(content_dir: Path) -> LoadedEvents:
    """The events of a content folder. Never raises for content."""
    path = content_dir / FILE
    if not path.exists():
        return LoadedEvents()
    file = f"{content_dir.name}/{FILE}".lstrip("/")
    raw = bytes_of(path, file)
    if isinstance(raw, Problem):
        return LoadedEvents(problems=(raw,))
    return check_events_text(raw, file)


def check_events_text(text: str | bytes, file: str = FILE) -> LoadedEvents:
    """The events in a text, which is called `file` in complaints."""
    document = read_yaml(text, file)
    problems = list(document.problems)
    if not document.readable:
        return LoadedEvents(problems=tuple(problems))
    if not isinstance(document.value, dict):
        nothing = Finding((), "no-events", "The file holds no events.", "Begin it with 'events:'.")
        return LoadedEvents(problems=(*problems, problem_of(document, nothing)))
    try:
        found = Events.model_validate(document.value)
    except ValidationError as error:
        problems += value_problems(Events, error, document)
        return LoadedEvents(problems=in_order(problems))
    problems += [problem_of(document, each) for each in _findings(found)]
    broken = any(each.severity == "error" for each in problems)
    return LoadedEvents(_NONE if broken else found, in_order(problems))


def _findings(found: Events) -> Iterator[Finding]:
    names = [each.event for each in found.events]
    for index, each in enumerate(found.events):
        if names.index(each.event) != index:
            yield Finding(
                ("events", index, "event"), "duplicate-event", f"'{each.event}' stands here twice.",
                "Keep one of them, or give one another name.",
            )  # fmt: skip
