"""A program played for many made-up accounts on the same "what next", with no server and no mail.

Accounts are taken one by one and forgotten; only counts are kept, so memory does not grow with
their number. Nothing is drawn by chance here: the same accounts in the same world give the same
counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from digital_cs.domain.business_calendar import BusinessCalendar
from digital_cs.domain.enrollment import CloseTask, Decision, MessageState, OpenTask, Verdict
from digital_cs.domain.program_graph import Graph
from digital_cs.domain.traveller import A_DAY, Moment, SimAccount, World, travel

PROGRESS_EVERY = 500


@dataclass(slots=True)
class SimulationResult:
    """What happened, in counts. Days are UTC's; reasons are those of the decisions.

    `endings` are by kind and by reason, `inside` by the step at which accounts still stand,
    `holds` by step and `skips` and `deferrals` by reason. `looks` is how often "what next" was
    asked.
    """

    program: str
    first_day: date
    days: int
    accounts: int = 0
    looks: int = 0
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
        if not self.touches_by_day:
            return None
        return min(self.touches_by_day.items(), key=lambda item: (-item[1], item[0]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for --json: days as ISO dates in order, counts from the largest down."""
        peak = self.peak_day
        return {
            "program": self.program,
            "first_day": self.first_day.isoformat(),
            "days": self.days,
            "accounts": self.accounts,
            "touches": self.touches,
            "touches_by_day": {
                day.isoformat(): count for day, count in sorted(self.touches_by_day.items())
            },
            "peak_day": {"day": peak[0].isoformat(), "touches": peak[1]} if peak else None,
            "touches_by_step": _ranked(self.touches_by_step),
            "failures_by_step": _ranked(self.failures_by_step),
            "retries": self.retries,
            "tasks_by_step": _ranked(self.tasks_by_step),
            "tasks_expired": self.tasks_expired,
            "endings": {kind: _ranked(self.endings[kind]) for kind in sorted(self.endings)},
            "inside": _ranked(self.inside),
            "holds": _ranked(self.holds),
            "skips": _ranked(self.skips),
            "deferrals": _ranked(self.deferrals),
            "looks": self.looks,
        }

    def count(self, way: Iterable[Moment]) -> None:
        """Count the whole way of one account."""
        self.accounts += 1
        outcome = None
        for now, outcome, state in way:
            self.looks += 1
            if state is not None:
                self._count_message(outcome.position.step, state, now.date())
            for effect in outcome.effects:
                if isinstance(effect, OpenTask):
                    self.tasks_by_step[effect.step] += 1
                elif isinstance(effect, CloseTask) and effect.reason == "expired":
                    self.tasks_expired += 1
            for decision in outcome.decisions:
                self._count_decision(decision)
        if outcome is None or outcome.ending is None:
            self.inside[outcome.position.step if outcome is not None else ""] += 1
        else:
            self.endings.setdefault(outcome.ending.value, Counter())[outcome.because] += 1

    def _count_message(self, step: str, state: MessageState, day: date) -> None:
        if state is MessageState.ACCEPTED:
            self.touches_by_day[day] += 1
            self.touches_by_step[step] += 1
        elif state is MessageState.FAILED:
            self.failures_by_step[step] += 1
        else:
            self.retries += 1

    def _count_decision(self, decision: Decision) -> None:
        match decision.verdict:
            case Verdict.HELD:
                self.holds[decision.step] += 1
            case Verdict.SKIPPED:
                self.skips[decision.reason] += 1
            case Verdict.DEFERRED:
                self.deferrals[decision.reason] += 1


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def simulate(
    graph: Graph,
    population: Iterable[SimAccount],
    *,
    start: datetime,
    days: int,
    calendar: BusinessCalendar,
    world: World | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> SimulationResult:
    """Play the program for everybody in the population, over `days` from `start` (UTC).

    Accounts that enter after the period are not counted. `on_progress` is told how many accounts
    are done, and of how many if the population has a length.
    """
    world = world or World()
    until = start + days * A_DAY
    total = len(population) if isinstance(population, Sized) else None
    result = SimulationResult(graph.id, start.date(), days)
    done = 0
    for done, sim in enumerate(population, start=1):
        if sim.enters_at <= until:
            result.count(travel(graph, sim, until, calendar, world))
        if on_progress is not None and done % PROGRESS_EVERY == 0:
            on_progress(done, total)
    if on_progress is not None:
        on_progress(done, total)
    return result
