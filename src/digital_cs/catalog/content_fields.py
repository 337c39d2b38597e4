"""Turns what a file says of itself into the fields of an item, with every complaint in place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Literal, TypeVar

from digital_cs.catalog.content_presets import keys_of, preset_of
from digital_cs.catalog.front_matter import Told
from digital_cs.catalog.suggestions import did_you_mean, one_of
from digital_cs.domain.content.content_source import ContentSource
from digital_cs.domain.content.freshness import Interval
from digital_cs.domain.content.review_policy import Kind, Volatility
from digital_cs.domain.problem import Problem
from digital_cs.domain.timing.written_day import AmbiguousDayError, read_day
from digital_cs.errors import DigitalCsError

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)
_NEVER = frozenset({"false", "no", "off", "never"})
_WITHOUT_REASON = frozenset({"true", "yes", "on", "evergreen"})


@dataclass(frozen=True, slots=True)
class Fields:
    """What the fields of one item say; problems of severity "error" keep it from being used."""

    values: dict[str, Any]
    problems: tuple[Problem, ...]
    tracked: bool


@dataclass(slots=True)
class FieldReader:
    """Reads the fields of all items of one source. Raises UsageError for a wrong mapping."""

    source: ContentSource
    today: date
    keys: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = keys_of(self.source)

    def read(self, front: Mapping[str, Told], file: str, line: int = 1) -> Fields:
        """The fields that `front` states. `line` is where something that is missing would stand."""
        return _Reading(self, front, file, line).fields()


@dataclass(slots=True)
class _Reading:
    reader: FieldReader
    front: Mapping[str, Told]
    file: str
    line: int
    problems: list[Problem] = field(default_factory=list)

    def fields(self) -> Fields:
        source = self.reader.source
        stated_every = self._parsed("review_every", Interval.parse, "bad-interval")
        reviewed_on = self._reviewed_on()
        values = {
            "title": self._text("title"), "stated_id": self._text("id"), "url": self._text("url"),
            "owner": self._text("owner") or source.default_owner, "backup": self._text("backup"),
            "topic": self._text("topic"), "area": self._text("area"),
            "volatility": self._one_of("volatility", Volatility) or Volatility.NORMAL,
            "kind": self._one_of("kind", Kind),
            "review_every": stated_every or source.review_every,
            "evergreen_because": self._evergreen(), "reviewed_on": reviewed_on,
        }  # fmt: skip
        if values["owner"] is None:
            key = self.reader.keys["owner"]
            self._complain(
                "owner", "no-owner", "Nobody owns this.",
                f"Add `{key}: …`, or give a default owner.", "warning",
            )  # fmt: skip
        if stated_every is not None and reviewed_on is None and not self._faulty("reviewed_on"):
            key = self.reader.keys["reviewed_on"]
            self._complain(
                "review_every", "never-reviewed", "It is to be reviewed, and states no review yet.",
                f"Add `{key}: …` at the first one.", "warning",
            )  # fmt: skip
        self._misspelt()
        tracked = any(self._told(name) is not None for name in ("review_every", "reviewed_on"))
        return Fields(values, tuple(self.problems), tracked)

    def _told(self, name: str) -> Told | None:
        """What is said of a field, unless it is empty."""
        found = self.front.get(self.reader.keys.get(name, ""))
        return found if found is not None and found.text else None

    def _text(self, name: str) -> str | None:
        found = self._told(name)
        return found.text if found is not None else None

    def _parsed(self, name: str, parse: Callable[[str], T], rule: str) -> T | None:
        found = self._told(name)
        if found is None:
            return None
        try:
            return parse(found.text)
        except DigitalCsError as error:
            rule = "ambiguous-date" if isinstance(error, AmbiguousDayError) else rule
            self._complain(name, rule, str(error), None)
            return None

    def _reviewed_on(self) -> date | None:
        form = self.reader.source.dates or preset_of(self.reader.source).dates
        found = self._parsed("reviewed_on", lambda text: read_day(text, form), "bad-date")
        if found is not None and found > self.reader.today:
            message = f"The review of {found} is still to come."
            self._complain("reviewed_on", "future-date", message, "Is the year right?", "warning")
        return found

    def _one_of(self, name: str, choices: type[Choice]) -> Choice | None:
        found = self._told(name)
        if found is None:
            return None
        word = found.text.casefold().replace(" ", "_").replace("-", "_")
        known = {str(choice): choice for choice in choices}
        if word not in known:
            advice = did_you_mean(word, known) or one_of(known)
            self._complain(name, f"unknown-{name}", f"'{found.text}' is no {name}.", advice)
        return known.get(word)

    def _evergreen(self) -> str | None:
        found = self._told("evergreen")
        if found is None or found.text.casefold() in _NEVER:
            return None
        if found.text.casefold() in _WITHOUT_REASON:
            key = self.reader.keys["evergreen"]
            self._complain(
                "evergreen", "no-reason", "It is called evergreen without a reason.",
                f'Write `{key}: "why it hardly ever changes"`; it gets a yearly look all the same.',
            )  # fmt: skip
            return None
        return found.text

    def _misspelt(self) -> None:
        """A key that is nearly one that is asked for was meant to be it."""
        keys = set(self.reader.keys.values())
        for name, told in self.front.items():
            if name in keys:
                continue
            near = difflib.get_close_matches(name, keys, n=1, cutoff=0.85)
            if near and near[0] not in self.front and abs(len(near[0]) - len(name)) <= 2:
                self.problems.append(
                    Problem(
                        self.file, told.line, 1, "misspelt-key", f"`{name}` is not read.",
                        f"Did you mean `{near[0]}`?", "warning",
                    )
                )  # fmt: skip

    def _faulty(self, name: str) -> bool:
        return self._told(name) is not None

    def _complain(
        self, name: str, rule: str, message: str, advice: str | None,
        severity: Literal["error", "warning"] = "error",
    ) -> None:  # fmt: skip
        at = self.front.get(self.reader.keys.get(name, ""))
        line, column = (at.line, at.column) if at is not None else (self.line, 1)
        self.problems.append(Problem(self.file, line, column, rule, message, advice, severity))
