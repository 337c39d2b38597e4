"""A complaint about a content file that a person can act on: where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One complaint about one place in one file.

    `line` and `column` count from 1. `rule` is a stable id such as `unknown-variable`. An
    "error" keeps the content from being used; a "warning" is shown and does no more.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    suggestion: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        advice = f" {self.suggestion}" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{advice}"
