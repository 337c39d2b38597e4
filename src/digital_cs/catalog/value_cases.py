"""The errors of a pydantic validation, tied to the document and freed of what only follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from digital_cs.catalog.model_path import Spot, description, follow, is_required
from digital_cs.catalog.part_names import for_people, sentence
from digital_cs.catalog.yaml_source import Document, Path

MOST_ERRORS = 200
"""A file with more is not read to its end by anybody, and must not cost seconds."""

OF_KEY = "[key]"
"""What pydantic puts at the end of a location to say that the key before it is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """One pydantic error with all that a sentence about it needs.

    `of_key`: it is about the key itself, a name that somebody gave, and not about its value.
    """

    kind: str
    text: str
    context: Mapping[str, Any]
    spot: Spot
    value: Any
    of_key: bool = False

    @property
    def key(self) -> str:
        """The field in words: 'to', or an entry of 'to'."""
        if not self.spot.path:
            return "the file"
        last = self.spot.path[-1]
        if isinstance(last, int):
            around = next((step for step in reversed(self.spot.path) if isinstance(step, str)), "")
            return f"an entry of '{around}'"
        return f"'{last}'"

    @property
    def required(self) -> bool:
        """Whether the line must be there. An entry of a list never must."""
        return bool(self.spot.path) and is_required(self.spot.part, str(self.spot.path[-1]))

    def help(self) -> str | None:
        """What the field is for, where nothing better can be advised."""
        keys = [step for step in self.spot.path if isinstance(step, str)]
        found = description(self.spot.part, keys[-1]) if keys else None
        return sentence(f"'{keys[-1]}': {for_people(found)}") if found else None


def cases_of(model: type[BaseModel], error: ValidationError, document: Document) -> Iterator[Case]:
    """Every error worth telling, in the order of the document's fields."""
    cases = [
        Case(
            each["type"], each["msg"].removeprefix("Value error, "), each.get("ctx", {}), spot,
            str(spot.path[-1]) if of_key else _value_at(document.value, spot.path), of_key,
        )
        for each in error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
        for of_key in (each["loc"][-1:] == (OF_KEY,),)
        for spot in (follow(model, each["loc"][:-1] if of_key else each["loc"]),)
    ]  # fmt: skip
    yield from _relevant(cases, document)


def _relevant(cases: list[Case], document: Document) -> Iterator[Case]:
    """Leaves out errors that only follow from others.

    For a value that may be of several kinds pydantic complains once for each kind: only those
    of the kind that was written say anything. And a list whose entries are wrong counts for
    pydantic as a list without entries.
    """
    told: set[Path] = set()
    for case in cases:
        if case.kind == "too_short" and len(case.value or ()) >= case.context["min_length"]:
            continue
        choice = case.spot.choice
        if choice is None:
            yield case
            continue
        written = _value_at(document.value, choice)
        kinds: dict[type, str] = {dict: "model", list: "list"}
        shape = kinds.get(type(written), "plain")
        fitting = any(c.spot.choice == choice and c.spot.taken == shape for c in cases)
        if fitting and case.spot.taken != shape:
            continue
        if fitting and shape != "plain":
            yield case
        elif choice not in told:
            told.add(choice)
            yield case


def _value_at(value: Any, path: Path) -> Any:
    for step in path:
        inside = isinstance(value, dict) and step in value
        if not inside and not (isinstance(value, list) and step in range(len(value))):
            return None
        value = value[step]
    return value
