"""Findings: what is wrong with a file, by the path of what it is about; and as complaints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from digital_cs.catalog.yaml_source import Document, Path
from digital_cs.domain.problem import Problem


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint about a file, with the path of what it is about."""

    path: Path
    rule: str
    message: str
    advice: str | None = None
    severity: Literal["error", "warning"] = "error"


def problem_of(document: Document, found: Finding, *, of_key: bool = False) -> Problem:
    """The finding with its line and column: those of the value, or of its key."""
    place = document.place(found.path, of_key=of_key)
    return Problem(
        document.file, place.line, place.column, found.rule, found.message, found.advice,
        found.severity,
    )  # fmt: skip


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The complaints about one file from top to bottom."""
    return tuple(sorted(problems, key=lambda each: (each.line, each.column, each.rule)))
