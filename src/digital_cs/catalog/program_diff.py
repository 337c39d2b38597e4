"""What changed between two versions of a program, in sentences for its manager."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

from digital_cs.catalog.step_words import (
    again_words,
    entry_words,
    holdout_words,
    launch_words,
    leaving_words,
    moment_words,
    most_words,
    roles_words,
    same_person_words,
    step_words,
    window_words,
)
from digital_cs.domain.programs import program as spec
from digital_cs.domain.timing.span import Span


def diff(old: spec.Program, new: spec.Program) -> list[str]:
    """One sentence a change; none if and only if the programs say the same.

    "+" was added, "-" was removed, "~" was changed. A step that was added or changed is known
    by its place in the new program, one that was removed by its place in the old.
    """
    before, after = _facts(old), _facts(new)
    changes = [
        f"~ {key}: {before[key]} → {after[key]}" for key in before if before[key] != after[key]
    ]
    changes += _rules(old, new)
    changes += _steps(old, new)
    return changes or list(_unspoken(_leaves(old), _leaves(new)))


def _facts(program: spec.Program) -> dict[str, str]:
    """What a program says once, under the words that the outline uses."""
    goal = program.goal
    return {
        "id": program.program,
        "name": f"'{program.name}'",
        "about": f"'{' '.join(program.about.split())}'" if program.about else "nothing",
        "owner": program.owner,
        "backup": program.backup or "nobody",
        "enters": "; ".join(entry_words(program.enter)),
        "again": again_words(program.enter),
        "at launch": f"those who match already {launch_words(program.enter)}",
        "goal": f"{goal.name} ({goal.when.words()})" if goal is not None else "none",
        "leaves early": leaving_words(program),
        "writes to": roles_words(program.to),
        "priority": program.priority.value,
        "sends on": window_words(program.send_window),
        "topic": program.topic or "as the policy says",
        "a person of two accounts gets": same_person_words(program),
        "at most": most_words(program),
        "holdout": holdout_words(program),
    }


def _rules(old: spec.Program, new: spec.Program) -> Iterator[str]:
    before = [f"exit: {rule.because} ({rule.when.words()})" for rule in old.exits]
    after = [f"exit: {rule.because} ({rule.when.words()})" for rule in new.exits]
    yield from (f"- {rule}" for rule in before if rule not in after)
    yield from (f"+ {rule}" for rule in after if rule not in before)
    if sorted(before) == sorted(after) and before != after:
        yield "~ exits: the same ones, in another order"


@dataclass(frozen=True, slots=True)
class _Line:
    """One step of the flattened program: where it stands, and what it says."""

    place: str
    around: tuple[str, ...]
    kind: str
    words: str
    fields: dict[str, str]

    @property
    def key(self) -> tuple[object, ...]:
        return self.around, self.kind, self.fields[self.kind]


def _steps(old: spec.Program, new: spec.Program) -> Iterator[str]:
    before, after = list(_flat(old.steps, old)), list(_flat(new.steps, new))
    matcher = difflib.SequenceMatcher(
        None, [line.key for line in before], [line.key for line in after], autojunk=False
    )
    for _, first, last, start, stop in matcher.get_opcodes():
        yield from _block(before[first:last], after[start:stop])


def _block(before: list[_Line], after: list[_Line]) -> Iterator[str]:
    """Pairs the steps of one kind, in their order; the rest came or went."""
    rest = list(before)
    for line in after:
        twin = next(
            (each for each in rest if (each.kind, each.around) == (line.kind, line.around)), None
        )
        if twin is None:
            yield f"+ {line.place}: {line.words}"
            continue
        # What stands before the twin has gone, and is told before what comes after it.
        while rest[0] is not twin:
            gone = rest.pop(0)
            yield f"- {gone.place}: {gone.words}"
        rest.pop(0)
        yield from _changed(twin, line)
    yield from (f"- {line.place}: {line.words}" for line in rest)


def _changed(before: _Line, after: _Line) -> Iterator[str]:
    for field in {**before.fields, **after.fields}:
        was, now = before.fields.get(field, "none"), after.fields.get(field, "none")
        if was != now:
            name = "" if field == after.kind else f" {field.replace('_', ' ')}"
            kind = after.kind.replace("_", " ")
            yield f"~ {after.place} ({kind}):{name} {was} → {now}"


def _flat(
    steps: tuple[Any, ...], program: spec.Program, place: str = "", around: tuple[str, ...] = ()
) -> Iterator[_Line]:
    for number, step in enumerate(steps, start=1):
        here = f"{place}step {number}"
        kind = next(key for key, each in spec.STEP_KINDS.items() if type(step) is each)
        yield _Line(
            here, around, kind, step_words(step, program).removesuffix(":"), _fields(step, kind)
        )
        for label, path in _ways(step):
            yield from _flat(path, program, f"{here} › {label} › ", (*around, kind, label))


def _ways(step: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The paths inside a step under names that do not change with its conditions."""
    match step:
        case spec.WaitFor():
            yield from (("it happens", step.if_it_happens), ("time is up", step.if_not))
        case spec.Branch():
            for number, case in enumerate(step.branch, start=1):
                yield f"way {number}", case.do
            yield "otherwise", step.otherwise
        case spec.Split():
            for arm in step.split:
                yield arm.name, arm.do
        case spec.Task():
            yield from (("done", step.when_done), ("expired", step.when_expired))


def _fields(step: Any, kind: str) -> dict[str, str]:
    """Everything that a step says itself, the defaults too; `kind` is its main field."""
    fields = {kind: ""}
    if isinstance(step, spec.Branch):
        fields[kind] = f"{len(step.branch)} ways"
        fields |= {f"way {n}": case.when.words() for n, case in enumerate(step.branch, start=1)}
    elif isinstance(step, spec.Split):
        fields[kind] = ", ".join(arm.name for arm in step.split)
        fields |= {f"share of {arm.name}": str(arm.share) for arm in step.split}
    inner = {"branch", "split", "otherwise", "if_it_happens", "if_not", "when_done", "when_expired"}
    for name, info in type(step).model_fields.items():
        if name not in inner:
            fields[info.alias or name] = _shown(getattr(step, name))
    return fields


def _shown(value: object) -> str:
    match value:
        case None | "" | ():
            return "none"
        case Span():
            return value.words()
        case Enum():
            return str(value.value)
        case spec.WeekdayTime() | spec.DateMoment():
            return moment_words(value)
        case spec.Nobody() | spec.Unknown():
            return f"wait {value.hold_for.words()}, then {value.then}"
        case BaseModel() if hasattr(value, "words"):
            return str(value.words())
        case BaseModel():
            return _shown(value.model_dump(exclude_none=True, exclude_defaults=True))
        case tuple():
            return ", ".join(map(_shown, value))
        case dict():
            return ", ".join(f"{key}: {_shown(value[key])}" for key in sorted(value))
        case bool():
            return str(value).lower()
    return str(value)


def _unspoken(before: dict[str, object], after: dict[str, object]) -> Iterator[str]:
    """Differences that the words hide: the number 5 became the text "5"."""
    for path in {**before, **after}:
        was, now = before.get(path, "none"), after.get(path, "none")
        if was != now or type(was) is not type(now):
            yield f"~ {path}: {was!r} → {now!r}"


def _leaves(program: spec.Program) -> dict[str, object]:
    """Every written value by its path in the file."""
    leaves: dict[str, object] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else key)
        elif isinstance(value, list):
            for index, inner in enumerate(value, start=1):
                walk(inner, f"{path}[{index}]")
        else:
            leaves[path] = value

    walk(program.model_dump(mode="json", by_alias=True, exclude_defaults=True), "")
    return leaves
