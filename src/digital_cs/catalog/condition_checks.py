"""What is wrong with conditions that read well: names of segments, triggers and the like."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from digital_cs.catalog.findings import Finding
from digital_cs.catalog.suggestions import did_you_mean, nearest
from digital_cs.catalog.yaml_source import Path
from digital_cs.domain.account import LEAVING_STAGES
from digital_cs.domain.rules.condition import (
    MilestoneMissed,
    MilestoneReached,
    ProgramIs,
    SegmentIs,
    StageIs,
    TriggerFired,
)

USUAL_STAGES = ("trial", "onboarding", "active", *LEAVING_STAGES)
"""A company may have stages of its own; a word that is almost one of these is a slip."""


@dataclass(frozen=True, slots=True)
class Names:
    """What conditions may name. None: not known here, so not checked."""

    segments: Collection[str] | None = None
    milestones: Collection[str] | None = None
    programs: Collection[str] | None = None
    triggers: Collection[str] | None = None


def parts(part: BaseModel, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every part of a file's model with its path in the file, from top to bottom."""
    yield path, part
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        here = (*path, info.alias or name)
        if isinstance(value, BaseModel):
            yield from parts(value, here)
        elif isinstance(value, tuple):
            for index, each in enumerate(value):
                if isinstance(each, BaseModel):
                    yield from parts(each, (*here, index))


def condition_findings(path: Path, part: Any, names: Names) -> Iterator[Finding]:
    """Every complaint about one leaf of a condition; none about anything else."""
    check = _CHECKS.get(type(part))
    if check is not None:
        yield from check(path, part, names)


def slip(path: Path, word: str, usual: tuple[str, ...], noun: str) -> Iterator[Finding]:
    """A word that is almost a usual one."""
    meant = nearest(word, usual, cutoff=0.8)
    if word not in usual and meant is not None:
        yield Finding(
            path, f"unusual-{noun}", f"'{word}' is not a usual {noun}.",
            f"Did you mean '{meant}'?", "warning",
        )  # fmt: skip


def unknown(
    path: Path, noun: str, name: str, known: Collection[str] | None, folder: str
) -> Iterator[Finding]:
    """A name of something that has a file of its own, and is in none."""
    if known is not None and name not in known:
        yield Finding(
            path, f"unknown-{noun}", f"There is no {noun} called '{name}'.",
            did_you_mean(name, known)
            or f"Write it in content/{folder}/{name}.yaml, or name another one.",
        )  # fmt: skip


def _segment(path: Path, rule: SegmentIs, names: Names) -> Iterator[Finding]:
    yield from unknown((*path, "segment"), "segment", rule.segment, names.segments, "segments")


def _program(path: Path, rule: ProgramIs, names: Names) -> Iterator[Finding]:
    yield from unknown((*path, "program"), "program", rule.program, names.programs, "programs")


def _trigger(path: Path, rule: TriggerFired, names: Names) -> Iterator[Finding]:
    yield from unknown((*path, "trigger"), "trigger", rule.trigger, names.triggers, "triggers")


def _milestone(
    path: Path, rule: MilestoneReached | MilestoneMissed, names: Names
) -> Iterator[Finding]:
    """A slip here would be waited for in vain, without a word."""
    key = "milestone" if isinstance(rule, MilestoneReached) else "missed"
    name = getattr(rule, key)
    if names.milestones is not None and name not in names.milestones:
        yield Finding(
            (*path, key), "unknown-milestone",
            f"There is no milestone '{name}' in milestones.yaml; the event '{name}' reaches it.",
            did_you_mean(name, names.milestones) or "Declare it there, to say what reaches it.",
            "warning",
        )  # fmt: skip


def _stage(path: Path, rule: StageIs, names: Names) -> Iterator[Finding]:
    for index, stage in enumerate(rule.wanted):
        here: Path = (*path, "stage") if isinstance(rule.stage, str) else (*path, "stage", index)
        yield from slip(here, stage, USUAL_STAGES, "stage")


_CHECKS: dict[type[BaseModel], Callable[[Path, Any, Names], Iterator[Finding]]] = {
    SegmentIs: _segment, ProgramIs: _program, MilestoneReached: _milestone,
    MilestoneMissed: _milestone, StageIs: _stage, TriggerFired: _trigger,
}  # fmt: skip
