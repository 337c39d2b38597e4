"""Says in people's words what pydantic found wrong with a value, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from digital_cs.catalog.model_path import description, keys_of
from digital_cs.catalog.part_names import for_people, owners_of, part_name, sentence
from digital_cs.catalog.suggestions import did_you_mean, nearest, one_of
from digital_cs.catalog.value_cases import Case, cases_of
from digital_cs.catalog.yaml_source import Document, Path
from digital_cs.domain.problem import Problem
from digital_cs.domain.programs.program import STEP_KINDS
from digital_cs.domain.rules.condition import KINDS as CONDITION_KINDS

_WRITTEN_LIKE = re.compile(r"an? .* is written like (\"[^\"]*\"), not .*", re.DOTALL)
_ADVICE = re.compile(r"(.*?)[:;] ((?:did you mean|write|name|use|give|add) .*)", re.DOTALL)
_CHOICES: Mapping[str, tuple[str, Sequence[str], str]] = {
    "step": ("step", tuple(STEP_KINDS), "wait: 3 days"),
    "condition": ("condition", tuple(CONDITION_KINDS), "milestone: first_campaign_sent"),
    "entry": ("entry", ("event", "date", "segment", "trigger"), "event: trial_started"),
    "moment": ("moment", ("weekday", "date"), "weekday: tuesday"),
}
_BOUNDS = {"ge": "at least", "le": "at most", "gt": "above", "lt": "below"}
_EXPECTED = {
    "string": "a text", "tuple": "a list", "model": "a group of keys", "dict": "a group of keys",
    "int": "a whole number", "float": "a number", "finite": "a number", "bool": "true or false",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One complaint, not yet tied to a line. `at_key` points at the key, not at its value."""

    path: Path
    rule: str
    message: str
    advice: str | None = None
    at_key: bool = False


def value_problems(
    model: type[BaseModel], error: ValidationError, document: Document
) -> list[Problem]:
    """Every error of a validation as a problem with its line and column."""
    return [
        Problem(
            document.file, place.line, place.column, fault.rule, sentence(fault.message),
            fault.advice,
        )
        for case in cases_of(model, error, document)
        for fault in (_FAULTS.get(case.kind, _odd)(case),)
        for place in (document.place(fault.path, of_key=fault.at_key),)
    ]  # fmt: skip


def _unknown_key(case: Case) -> Fault:
    key, part = str(case.spot.path[-1]), case.spot.part
    name = part_name(part)
    allowed = keys_of(part)
    if part in STEP_KINDS.values() and key in STEP_KINDS:
        first = next(kind for kind, each in STEP_KINDS.items() if each is part)
        return Fault(
            case.spot.path, "two-steps-in-one", f"This step does two things: {first} and {key}.",
            "Begin the second one with a dash of its own.", at_key=True,
        )  # fmt: skip
    homes = owners_of(key, part)
    advice = did_you_mean(key, allowed)
    if advice is None and homes:
        advice = f"It belongs to {' or '.join(homes[:3])}."
    return Fault(
        case.spot.path, "unknown-key", f"Unknown key '{key}' in {name}.",
        advice or f"It knows: {', '.join(allowed)}.", at_key=True,
    )  # fmt: skip


def _missing_key(case: Case) -> Fault:
    key, part = str(case.spot.path[-1]), case.spot.part
    meant = description(part, key)
    advice = f"Add '{key}: …'" + (f" ({for_people(meant).rstrip('.')})" if meant else "")
    return Fault(
        case.spot.path[:-1], "missing-key", f"{part_name(part)} needs '{key}'.", sentence(advice)
    )


def _unknown_kind(case: Case) -> Fault:
    """A step, condition or entry that begins with no known word."""
    noun, known, example = _CHOICES[case.kind]
    rule, value, advice = f"unknown-{noun}", case.value, f"Write it like '{example}'."
    here = case.spot.path
    if value is None:
        message = f"Here should be a {noun}, and there is nothing."
        return Fault(here, rule, message, advice, at_key=True)
    if isinstance(value, dict):
        for key in value:
            near = nearest(key, known)
            if near is not None:
                message = f"There is no {noun} called '{key}'."
                return Fault((*here, key), rule, message, f"Did you mean '{near}'?", at_key=True)
        advice = f"A {noun} begins with one of: {', '.join(known)}."
        if not value:
            return Fault(here, rule, f"This {noun} is empty.", advice)
        key = next(iter(value))
        return Fault((*here, key), rule, f"There is no {noun} called '{key}'.", advice, at_key=True)
    if isinstance(value, str) and value in known:
        return Fault(here, rule, f"'{value}' says too little.", f"Write '{value}: …'.")
    if isinstance(value, list):
        advice = "Remove one dash, or the brackets."
    return Fault(here, rule, f"{_a(value)} is no {noun}.", advice)


def _wrong_type(case: Case) -> Fault:
    expected = _EXPECTED[case.kind.split("_")[0]]
    value = case.value
    advice = case.help()
    if value is None:
        message = f"{case.key} has no value."
        advice = f"Give it {expected}{'' if case.required else ', or remove the line'}."
        return Fault(case.spot.path, "no-value", message, advice, at_key=True)
    message = f"{case.key} should be {expected}, and is {_a(value)}."
    if expected == "a text" and not isinstance(value, dict | list):
        shown = str(value).lower() if isinstance(value, bool) else value
        advice = f'Put it in quotes: "{shown}".'
    elif expected == "a list":
        plain = isinstance(value, str)
        advice = f"Write [{value}]." if plain else "Begin each entry on its own line with a dash."
    elif expected == "a group of keys" and isinstance(value, list):
        advice = "Remove the dash: there is only one."
    return Fault(case.spot.path, "wrong-type", message, advice)


def _not_in_list(case: Case) -> Fault:
    known = re.findall(r"'([^']*)'", str(case.context["expected"]))
    others = case.help() if case.spot.choice is not None else one_of(known)
    advice = did_you_mean(str(case.value), known) or others
    if isinstance(case.value, dict | list):
        return Fault(case.spot.path, "wrong-type", f"{case.key} is {_a(case.value)}.", advice)
    if case.value is None:
        return Fault(case.spot.path, "no-value", f"{case.key} has no value.", advice, at_key=True)
    return Fault(case.spot.path, "unknown-value", f"{case.key} cannot be '{case.value}'.", advice)


def _bad_pattern(case: Case) -> Fault:
    if "http" in str(case.context["pattern"]):
        return Fault(case.spot.path, "bad-address", f"'{case.value}' is no web address.",
                     "Write it in full, beginning with https://.")  # fmt: skip
    between, words = (
        ("_", "underscores") if "_" in str(case.context["pattern"]) else ("-", "dashes")
    )
    name = re.sub(r"[^a-z0-9]+", between, str(case.value).lower()).strip(between)
    message = f"'{case.value}' is no name: names have small letters, digits and {words} only."
    advice = f"Write '{name}'." if name else None
    return Fault(case.spot.path, "bad-name", message, advice, at_key=case.of_key)


def _bad_text(case: Case) -> Fault:
    """What the domain itself refused; its sentences often say what to write."""
    like = _WRITTEN_LIKE.fullmatch(case.text)
    if like is not None:
        message = f"{case.key} cannot be {_a(case.value)}."
        return Fault(case.spot.path, "bad-value", message, f"Write it like {like[1]}.")
    found = _ADVICE.fullmatch(case.text.rstrip())
    if found is None:
        return Fault(case.spot.path, "bad-value", case.text, case.help())
    text, advice = found[1], sentence(found[2])
    if text == f"'{case.value}'" or re.fullmatch(r"'[^']*'", text):
        text = f"{case.key} cannot be read: {text}"
    return Fault(case.spot.path, "bad-value", text, advice)


def _too_few(case: Case) -> Fault:
    least = case.context["min_length"]
    message = f"{case.key} needs at least {least} {'entry' if least == 1 else 'entries'}."
    return Fault(case.spot.path, "too-few", message, case.help(), at_key=True)


def _limit(case: Case) -> Fault:
    if case.kind == "string_too_short":
        return Fault(case.spot.path, "no-value", f"{case.key} is empty.", case.help())
    if case.kind == "string_too_long":
        most = case.context["max_length"]
        message = f"{case.key} is longer than {most} characters."
        return Fault(case.spot.path, "too-long", message, "Find a shorter one.")
    word, bound = next((_BOUNDS[each], bound) for each, bound in case.context.items())
    message = f"{case.key} is {case.value}, and must be {word} {bound:g}."
    return Fault(case.spot.path, "out-of-range", message, case.help())


def _odd(case: Case) -> Fault:
    return Fault(case.spot.path, "bad-value", f"{case.key}: {case.text}", case.help())


_TYPES = ("string_type", "tuple_type", "model_type", "model_attributes_type", "dict_type",
          "int_type", "int_parsing", "int_parsing_size", "int_from_float", "float_type",
          "float_parsing", "finite_number", "bool_type", "bool_parsing")  # fmt: skip
_FAULTS: Mapping[str, Callable[[Case], Fault]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing_key,
    "value_error": _bad_text,
    "string_pattern_mismatch": _bad_pattern,
    "literal_error": _not_in_list,
    "enum": _not_in_list,
    "too_short": _too_few,
    "string_too_short": _limit,
    "string_too_long": _limit,
    "greater_than": _limit,
    "greater_than_equal": _limit,
    "less_than_equal": _limit,
    **dict.fromkeys(_CHOICES, _unknown_kind),
    **dict.fromkeys(_TYPES, _wrong_type),
}


def _a(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{value if len(value) < 60 else value[:57] + '…'}'"
        case list():
            return "a list"
        case dict():
            return "a group of keys"
    return "nothing"
