"""What a simulation counts in one program: messages and what became of them, tasks, endings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from digital_cs.domain.programs.enrollment import (
    CloseTask,
    Decision,
    MessageState,
    OpenTask,
    Verdict,
)
from digital_cs.domain.simulation.traveller import Moment


def ranked(counts: Mapping[str, int]) -> dict[str, int]:
    """From the largest down, equals by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def peak(by_day: Mapping[date, int]) -> tuple[date, int] | None:
    """The day with the most, the earliest of equals."""
    return min(by_day.items(), key=lambda item: (-item[1], item[0]), default=None)


def peak_facts(by_day: Mapping[date, int]) -> dict[str, Any] | None:
    """The day with the most, as plain data."""
    found = peak(by_day)
    return {"day": found[0].isoformat(), "touches": found[1]} if found else None


@dataclass(slots=True)
class ProgramCounts:
    """What happened in one program, in counts. Days are UTC's; reasons are those of decisions.

    `accounts` came in, `held_out` of them to be compared. `endings` are by kind and by reason,
    `inside` by the step at which accounts still stand, `holds` by step and `skips` and `deferrals`
    by reason. `looks` is how often "what next" was asked.

    Each message that was `wished` came to one end: it was sent (`touches`), refused for good
    (`failures_by_step`), is among the `skips` (those that wait for a newsletter as "merged"), the
    account `left` before, or it is `waiting` at the end.
    """

    program: str
    accounts: int = 0
    held_out: int = 0
    looks: int = 0
    wished: int = 0
    left: int = 0
    waiting: int = 0
    touches_by_day: Counter[date] = field(default_factory=Counter)
    touches_by_step: Counter[str] = field(default_factory=Counter)
    failures_by_step: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    tasks_by_step: Counter[str] = field(default_factory=Counter)
    tasks_expired: int = 0
    endings: dict[str, Counter[str]] = field(default_factory=dict)
    inside: Counter[str] = field(default_factory=Counter)
    holds: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    deferrals: Counter[str] = field(default_factory=Counter)

    @property
    def touches(self) -> int:
        """Messages that were accepted."""
        return self.touches_by_step.total()

    @property
    def peak_day(self) -> tuple[date, int] | None:
        """The day with the most touches, the earliest of equals."""
        return peak(self.touches_by_day)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for --json: days as ISO dates in order, counts from the largest down."""
        return {
            "program": self.program,
            "accounts": self.accounts,
            "held_out": self.held_out,
            "wished": self.wished,
            "touches": self.touches,
            "left": self.left,
            "waiting": self.waiting,
            "touches_by_day": {
                day.isoformat(): count for day, count in sorted(self.touches_by_day.items())
            },
            "peak_day": peak_facts(self.touches_by_day),
            "touches_by_step": ranked(self.touches_by_step),
            "failures_by_step": ranked(self.failures_by_step),
            "retries": self.retries,
            "tasks_by_step": ranked(self.tasks_by_step),
            "tasks_expired": self.tasks_expired,
            "endings": {kind: ranked(self.endings[kind]) for kind in sorted(self.endings)},
            "inside": ranked(self.inside),
            "holds": ranked(self.holds),
            "skips": ranked(self.skips),
            "deferrals": ranked(self.deferrals),
            "looks": self.looks,
        }

    def count(self, moment: Moment) -> None:
        """Count one outcome; whether its message is a new one is followed elsewhere."""
        self.looks += 1
        if moment.state is MessageState.ACCEPTED:
            self.touches_by_day[moment.at.date()] += 1
            self.touches_by_step[moment.outcome.position.step] += 1
        elif moment.state is MessageState.FAILED:
            self.failures_by_step[moment.outcome.position.step] += 1
        elif moment.state is not None:
            self.retries += 1
        for effect in moment.outcome.effects:
            if isinstance(effect, OpenTask):
                self.tasks_by_step[effect.step] += 1
            elif isinstance(effect, CloseTask) and effect.reason == "expired":
                self.tasks_expired += 1
        for decision in moment.outcome.decisions:
            self._count_decision(decision)

    def count_end(self, last: Moment) -> None:
        """Count where the way of an account ended, or stands."""
        outcome = last.outcome
        if outcome.ending is None:
            self.inside[outcome.position.step] += 1
        else:
            self.endings.setdefault(outcome.ending.value, Counter())[outcome.because] += 1

    def _count_decision(self, decision: Decision) -> None:
        match decision.verdict:
            case Verdict.HELD:
                self.holds[decision.step] += 1
            case Verdict.SKIPPED:
                self.skips[decision.reason] += 1
            case Verdict.DEFERRED:
                self.deferrals[decision.reason] += 1
