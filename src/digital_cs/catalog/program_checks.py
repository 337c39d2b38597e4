"""What is wrong with a program that reads well: names, windows, and what can never happen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from digital_cs.catalog.condition_checks import (
    USUAL_STAGES,
    Names,
    condition_findings,
    parts,
    slip,
    unknown,
)
from digital_cs.catalog.findings import Finding
from digital_cs.catalog.policy_checks import program_findings, send_findings
from digital_cs.catalog.suggestions import did_you_mean
from digital_cs.catalog.yaml_source import Path
from digital_cs.domain.account import LEAVING_STAGES, MANAGED
from digital_cs.domain.programs import program as spec
from digital_cs.domain.programs.program_graph import compile_program, send_window
from digital_cs.domain.programs.what_next import MOST_INSTANT_STEPS
from digital_cs.domain.rules.condition import AllOf, AnyOf, EventHappened, StageIs
from digital_cs.domain.sending.policy import Policy
from digital_cs.domain.timing.send_window import SendWindow, impossible
from digital_cs.domain.timing.span import Unit
from digital_cs.domain.timing.zone import UnknownZoneError, load_zone, suggest_zone

USUAL_ROLES = ("champion", "admin", "billing", "any")

_MINUTES_A_DAY = 24 * 60
_MINUTES_A_WEEK = 7 * _MINUTES_A_DAY
_ZONE_RULES = ("recipient", "account", "workspace")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands beside the program. None: not known here, so not checked."""

    file_stem: str | None = None
    emails: Collection[str] | None = None
    program_ids: Collection[str] | None = None
    milestones: Collection[str] | None = None
    segments: Collection[str] | None = None
    triggers: Collection[str] | None = None
    policy: Policy | None = None

    @property
    def names(self) -> Names:
        """What the program's conditions may name."""
        return Names(self.segments, self.milestones, self.program_ids, self.triggers)


def findings(program: spec.Program, around: Surroundings) -> Iterator[Finding]:
    """Every complaint about a program, errors and warnings."""
    every = list(parts(program))
    steps = [(path, part) for path, part in every if type(part) in spec.STEP_KINDS.values()]
    if len(steps) > MOST_INSTANT_STEPS:
        yield Finding(
            ("steps",), "too-many-steps", f"The program has {len(steps)} steps.",
            f"Divide it: a program has at most {MOST_INSTANT_STEPS}, and can enroll into another.",
        )  # fmt: skip
        return
    yield from _own_name(program, around)
    yield from _structure(program)
    yield from _window(program)
    yield from _dead_on_arrival(program)
    for path, part in every:
        check = _CHECKS.get(type(part))
        if check is not None:
            yield from check(path, part, program, around)
        yield from condition_findings(path, part, around.names)
    if not any(isinstance(step, spec.Send | spec.Task | spec.Webhook) for _, step in steps):
        yield Finding(
            ("steps",), "reaches-nobody", "The program sends nothing and gives nobody a task.",
            "Add a send or a task step, or remove the program.", "warning",
        )  # fmt: skip


def _own_name(program: spec.Program, around: Surroundings) -> Iterator[Finding]:
    if around.file_stem is not None and around.file_stem != program.program:
        yield Finding(
            ("program",), "file-name",
            f"The program is called '{program.program}' and its file '{around.file_stem}'.",
            f"Rename the file to {program.program}.yaml, or write 'program: {around.file_stem}'.",
        )  # fmt: skip


def _structure(program: spec.Program) -> Iterator[Finding]:
    try:
        _, complaints = compile_program(program)
    except RecursionError:
        yield Finding(
            ("steps",), "too-deep", "The steps are nested too deep.",
            "Move inner steps into a program of their own and enroll into that.",
        )  # fmt: skip
        return
    for complaint in complaints:
        yield Finding(complaint.path, complaint.rule, complaint.message, complaint.suggestion)


def _window(program: spec.Program) -> Iterator[Finding]:
    """A window that cannot open, or stays shut for longer than an e-mail is useful."""
    written = program.send_window
    if written.zone not in _ZONE_RULES:
        try:
            load_zone(written.zone)
        except UnknownZoneError as fault:
            meant = did_you_mean(written.zone, _ZONE_RULES) if "/" not in written.zone else None
            found = suggest_zone(written.zone)
            advice = f"Did you mean '{found}'?" if found else meant
            yield Finding(
                ("send_window", "zone"), "unknown-zone",
                str(fault) if not advice else f"'{written.zone}' is no zone that a window can use.",
                advice or f"Write {', '.join(_ZONE_RULES)}, or a zone like Europe/Berlin.",
            )  # fmt: skip
            return
    window = send_window(written)
    never = impossible(window)
    if never is not None:
        yield Finding(("send_window",), "impossible-window", never, "Name days and hours.")
        return
    shut = _longest_shut(window)
    for path, part in parts(program):
        if not isinstance(part, spec.Send) or part.useful_for.unit is Unit.BUSINESS_DAY:
            continue  # business days are not used up while the window keeps the weekend
        if part.useful_for.approx_seconds < shut * 60:
            hours = -(-shut // 60)
            yield Finding(
                (*path, "useful_for"), "useful-for-too-short",
                f"This e-mail is useful for {part.useful_for.words()}, and the send window can "
                f"stay shut for {hours} hours: what falls due then is never sent.",
                f"Make it {-(-hours // 24)} days or more, or widen the send window.", "warning",
            )  # fmt: skip


def _longest_shut(window: SendWindow) -> int:
    """The longest time, in minutes, that an ordinary week keeps the window shut."""
    days = window.days & frozenset(range(5)) if window.business_days_only else window.days
    opens = window.opens.hour * 60 + window.opens.minute
    closes = window.closes.hour * 60 + window.closes.minute
    length = (closes - opens) % _MINUTES_A_DAY or _MINUTES_A_DAY
    starts = sorted(day * _MINUTES_A_DAY + opens for day in days)
    if not starts:
        return _MINUTES_A_WEEK
    following = [*starts[1:], starts[0] + _MINUTES_A_WEEK]
    return max(max(then - start - length, 0) for start, then in zip(starts, following, strict=True))


def _dead_on_arrival(program: spec.Program) -> Iterator[Finding]:
    """Entries that some exit or the goal ends in the same moment."""
    entries: list[tuple[Path, Any]] = [(("enter", "only_if"), program.enter.only_if)]
    for index, entry in enumerate(program.enter.when):
        path: Path = ("enter", "when", index)
        if isinstance(entry, spec.SegmentEntry):
            entries.append(((*path, "segment"), entry.segment))
        elif isinstance(entry, spec.EventEntry):
            yield from _ends_by_its_own_event(program, path, entry.event)
    for path, condition in entries:
        for rule in _all_of(condition):
            if not isinstance(rule, StageIs):
                continue
            stages = {rule.stage} if isinstance(rule.stage, str) else set(rule.stage)
            gone = sorted(stages - set(program.stay_when))
            if gone and stages <= {*LEAVING_STAGES, MANAGED}:
                yield Finding(
                    path, "ends-at-once",
                    f"An account that is {' or '.join(gone)} leaves every program at once, so "
                    "nobody gets beyond the first step.",
                    f"Add 'stay_when: [{', '.join(gone)}]' to the program.",
                )  # fmt: skip


def _ends_by_its_own_event(program: spec.Program, path: Path, event: str) -> Iterator[Finding]:
    endings = [("the goal", program.goal.when)] if program.goal is not None else []
    endings += [(f"the exit '{rule.because}'", rule.when) for rule in program.exits]
    for name, condition in endings:
        for rule in _any_of(condition):
            if isinstance(rule, EventHappened) and rule.event == event:
                yield Finding(
                    (*path, "event"), "ends-at-once",
                    f"'{event}' brings an account in, and by {name} takes it out again at once.",
                    "Choose another event for one of the two.",
                )  # fmt: skip


def _all_of(condition: Any) -> Iterator[Any]:
    """The conditions that must hold for this one to hold."""
    if isinstance(condition, AllOf):
        for part in condition.all:
            yield from _all_of(part)
    elif condition is not None:
        yield condition


def _any_of(condition: Any) -> Iterator[Any]:
    """The conditions of which each alone makes this one hold."""
    if isinstance(condition, AnyOf):
        for part in condition.any:
            yield from _any_of(part)
    elif not isinstance(condition, AllOf) or len(condition.all) == 1:
        yield from condition.all if isinstance(condition, AllOf) else (condition,)


def _send(
    path: Path, step: spec.Send, program: spec.Program, around: Surroundings
) -> Iterator[Finding]:
    if around.emails is not None and step.send not in around.emails:
        yield Finding(
            (*path, "send"), "unknown-email", f"There is no e-mail called '{step.send}'.",
            did_you_mean(step.send, around.emails)
            or f"Write it in content/emails/{step.send}.md, or name another one.",
        )  # fmt: skip
    yield from _roles((*path, "to"), step.to or ())
    yield from send_findings(path, step, around.policy)


def _other_program(
    path: Path, step: spec.Enroll | spec.Leave, program: spec.Program, around: Surroundings
) -> Iterator[Finding]:
    key, wanted = (
        ("enroll", step.enroll) if isinstance(step, spec.Enroll) else ("leave", step.leave)
    )
    if wanted == program.program:
        yield Finding(
            (*path, key), "itself", f"The program wants to {key} itself.",
            "To begin again use go_to; to be over use end.",
        )  # fmt: skip
    else:
        yield from unknown((*path, key), "program", wanted, around.program_ids, "programs")


def _trigger(
    path: Path, entry: spec.TriggerEntry, program: spec.Program, around: Surroundings
) -> Iterator[Finding]:
    yield from unknown((*path, "trigger"), "trigger", entry.trigger, around.triggers, "triggers")


def _wait_for(
    path: Path, step: spec.WaitFor, program: spec.Program, around: Surroundings
) -> Iterator[Finding]:
    if not step.if_it_happens and not step.if_not:
        yield Finding(
            path, "same-either-way",
            "Whether it happens or not, the program goes on in the same way.",
            "Add steps under 'if_it_happens' or 'if_not', or use a plain 'wait'.", "warning",
        )  # fmt: skip


def _set(
    path: Path, step: spec.Set, program: spec.Program, around: Surroundings
) -> Iterator[Finding]:
    if step.set.stage is not None:
        yield from slip((*path, "set", "stage"), step.set.stage, USUAL_STAGES, "stage")


def _program(
    path: Path, part: spec.Program, program: spec.Program, around: Surroundings
) -> Iterator[Finding]:
    yield from _roles(("to",), part.to)
    yield from program_findings(part, around.policy)


def _roles(path: Path, roles: tuple[str, ...]) -> Iterator[Finding]:
    for index, role in enumerate(roles):
        yield from slip((*path, index), role, USUAL_ROLES, "role")
    if "any" in roles[:-1]:
        yield Finding(
            (*path, roles.index("any")), "never-asked",
            "'any' is anybody, so the roles after it are never asked.", "Put 'any' last.",
        )  # fmt: skip


_CHECKS: dict[type[BaseModel], Callable[[Path, Any, spec.Program, Surroundings],
                                        Iterator[Finding]]] = {
    spec.Program: _program, spec.Send: _send, spec.Enroll: _other_program,
    spec.Leave: _other_program, spec.WaitFor: _wait_for, spec.Set: _set,
    spec.TriggerEntry: _trigger,
}  # fmt: skip
