"""What a trigger would have done on past days: the same step, in memory, day after day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from digital_cs.domain.rules.trigger import Trigger
from digital_cs.domain.rules.trigger_state import (
    FRESH,
    PASSED_OVER,
    Because,
    Fired,
    Held,
    State,
    due,
    step,
    worth_keeping,
)
from digital_cs.domain.rules.verdict import Verdict

A_DAY = timedelta(days=1)


def judged_at(day: date) -> datetime:
    """The moment from which a day is complete: what is known of it is judged then."""
    return datetime.combine(day + A_DAY, time(), UTC)


@dataclass(frozen=True, slots=True)
class Day:
    """What came of one day: for whom it fires, and for how many the verdict is not known.

    `waiting` counts those of the unknown that would have fired if it still held.
    """

    day: date
    fired: tuple[str, ...]
    unknown: int = 0
    waiting: int = 0
    passed_over: int = 0


class Rehearsal:
    """The states of all accounts for one trigger, as if it had been published after the first day.

    Each day is begun, told its verdicts in any order and any number of parts, and ended. Accounts
    that it does not hold for, and that it has not fired for lately, take no memory.
    """

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self._dynamics = trigger.dynamics
        self._passes_over = trigger.at_launch == "skip" and trigger.event is None
        self._states: dict[str, State] = {}
        self._is_first = True

    def begin(self, day: date, usage_through: date | None) -> None:
        """Begin a day. Days must follow each other; `usage_through` is how far usage is known."""
        self._day = day
        self._late = self._trigger.is_late(usage_through, judged_at(day))
        self._moment = self._dynamics.counted_from(judged_at(day))
        self._unseen = set(self._states)
        self._fired: list[str] = []
        self._unknown = self._waiting = self._passed_over = 0

    def take(self, verdicts: Iterable[tuple[str, Verdict]]) -> None:
        """Take up verdicts of the day, each account once; who is not named is a no."""
        for id, verdict in verdicts:
            self._unseen.discard(id)
            state = self._states.get(id, FRESH)
            if self._is_first and self._passes_over and verdict is Verdict.YES:
                self._passed_over += 1
                self._states[id] = PASSED_OVER
                continue
            state, outcome = step(self._dynamics, state, verdict, self._moment, late=self._late)
            if isinstance(outcome, Fired):
                self._fired.append(id)
            if isinstance(outcome, Held) and outcome.because is Because.NOT_KNOWN:
                self._unknown += 1
                when = due(self._dynamics, state)
                self._waiting += state.armed and when is not None and when <= self._moment
            self._keep(id, state)

    def end(self) -> Day:
        """End the day: who was not named has stopped."""
        for id in self._unseen:
            state, _ = step(self._dynamics, self._states[id], Verdict.NO, self._moment)
            self._keep(id, state)
        self._is_first = False
        return Day(
            self._day, tuple(sorted(self._fired)), self._unknown, self._waiting, self._passed_over
        )

    def _keep(self, id: str, state: State) -> None:
        if worth_keeping(self._dynamics, state, self._moment):
            self._states[id] = state
        else:
            self._states.pop(id, None)
