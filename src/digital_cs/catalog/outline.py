"""The readable outline of a program: what its manager wants to see before it is published."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from digital_cs.catalog.step_words import (
    again_words,
    entry_words,
    holdout_words,
    launch_words,
    leaving_words,
    most_words,
    paths_of,
    same_person_words,
    step_words,
    window_words,
)
from digital_cs.domain.programs import program as spec

WIDTH = 96
_LABEL = 14


def outline(program: spec.Program) -> str:
    """The program in words, at most WIDTH columns wide, ending without a line break."""
    lines = [f"{program.name}  ({program.program})"]
    lines += _wrapped(" ".join(program.about.split()), "") if program.about else []
    lines.append("")
    for label, texts in _facts(program):
        for index, text in enumerate(texts):
            lines += _wrapped(text, (label if index == 0 else "").ljust(_LABEL))
    lines += ["", "Steps"]
    lines += _steps(program.steps, program, "  ")
    return "\n".join(line.rstrip() for line in lines)


def _facts(program: spec.Program) -> Iterator[tuple[str, list[str]]]:
    backup = f", backup {program.backup}" if program.backup else ""
    yield "Owner", [f"{program.owner}{backup}"]
    yield "Enters", entry_words(program.enter)
    yield "Again", [again_words(program.enter)]
    if any(isinstance(rule, spec.SegmentEntry | spec.DateEntry) for rule in program.enter.when):
        yield "At launch", [f"those who match already {launch_words(program.enter)}"]
    if program.goal is not None:
        yield "Goal", [f"{program.goal.name} ({program.goal.when.words()})"]
    yield (
        "Leaves early",
        [
            *(f"{rule.because} ({rule.when.words()})" for rule in program.exits),
            leaving_words(program),
        ],
    )
    yield "Sends on", [window_words(program.send_window)]
    if program.priority is not spec.Priority.NORMAL:
        yield "Priority", [program.priority.value]
    yield from _policy_facts(program)


def _policy_facts(program: spec.Program) -> Iterator[tuple[str, list[str]]]:
    """What the program says otherwise than the policy would."""
    if program.topic is not None:
        yield "Topic", [program.topic]
    if program.same_person != "one":
        yield "Same person", [f"gets {same_person_words(program)}"]
    if program.at_most_a_day is not None or program.at_most_a_minute is not None:
        yield "At most", [most_words(program)]
    if program.holdout is not None:
        yield "Holdout", [holdout_words(program)]


def _steps(steps: tuple[Any, ...], program: spec.Program, indent: str) -> Iterator[str]:
    for number, step in enumerate(steps, start=1):
        name = getattr(step, "id", None)
        label = f"[{name}] " if name else ""
        head = f"{indent}{number}. "
        yield from _wrapped(label + step_words(step, program), head)
        inner = " " * len(head)
        if isinstance(step, spec.Task) and step.note:
            yield from _wrapped(f"({' '.join(step.note.split())})", inner)
        for way, path in paths_of(step):
            if path and not way:
                yield from _steps(path, program, inner)
            elif path:
                yield from _wrapped(f"{way}:", f"{inner}- ")
                yield from _steps(path, program, f"{inner}    ")
            else:
                yield from _wrapped(f"{way}: go on", f"{inner}- ")
        unknown = getattr(step, "if_unknown", None)
        if unknown is not None and unknown != spec.Unknown():
            text = f"While data is missing: wait {unknown.hold_for.words()}, then take it for a "
            yield from _wrapped(text + unknown.then, f"{inner}- ")


def _wrapped(text: str, head: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
