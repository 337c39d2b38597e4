"""A story of one account as it is told: a title, and a few dated lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

MOST_LINES = 7
"""With its title a story has eight lines at most."""

_VERDICTS = {"deferred": "put off", "skipped": "left out"}
"""Verdicts in other words, where there are better ones."""

Line = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Interlude:
    """A pause of one enrollment by hand."""

    enrollment_id: str
    paused_at: datetime
    resumed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What one account saw. `message_id` is of one message that is told of, if there is one."""

    title: str
    account_id: str
    account: str
    lines: tuple[str, ...]
    message_id: str | None = None


def dated(lines: Iterable[Line], zone: tzinfo = UTC) -> tuple[str, ...]:
    """Each with its day in a zone, in the order of their moments."""
    in_order = sorted(lines, key=lambda line: line[0])
    return tuple(f"{at.astimezone(zone):%e %b}  {words}" for at, words in in_order)


def decided(step: str, verdict: str, words: str) -> str:
    """A decision about a message, as a line."""
    if verdict == "returned":  # the words begin with that it came back
        return f"{step}: {words[:1].lower()}{words[1:]}"
    return f"{step} {_VERDICTS.get(verdict, verdict)}: {words}"
