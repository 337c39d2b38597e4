"""When a trigger fires for one account: a pure step from one verdict to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from digital_cs.domain.rules.verdict import Verdict

NONE = timedelta()
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Dynamics:
    """How long it must hold, how long it rests after it fired, and what makes it ready again.

    `instant` is what happens and is over, like an event: it never holds, and need not stop.
    """

    persists: timedelta = NONE
    cooldown: timedelta = NONE
    re_arm: bool = True
    clear_for: timedelta = NONE
    instant: bool = False

    def counted_from(self, moment: datetime) -> datetime:
        """The moment as the step takes it: days are counted whole (UTC) where all spans are days.

        What is judged once a day, whenever its data comes, then fires as it would at midnight.
        """
        spans = (self.persists, self.cooldown, self.clear_for)
        if any(span % A_DAY for span in spans):
            return moment
        return datetime.combine(moment.date(), time(), UTC)


@dataclass(frozen=True, slots=True)
class State:
    """Where a trigger stands for one account.

    While it is armed, `since` is when it began to hold; after it fired, when it stopped holding.
    """

    armed: bool = True
    since: datetime | None = None
    fired_at: datetime | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether it is as if the account had never been looked at."""
        return self == FRESH


FRESH = State()
PASSED_OVER = State(armed=False)
"""For whom it holds already when the trigger is published: it must stop before it may fire."""


class Because(StrEnum):
    """Why a trigger does not fire although it holds, or may hold."""

    NOT_KNOWN = "not known"
    PERSISTS = "must hold longer"
    COOLDOWN = "fired lately"
    NOT_ARMED = "did not stop since it fired"


@dataclass(frozen=True, slots=True)
class Fired:
    """It fires now; it holds since."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """It does not fire, and why. `until` is when time alone could change that."""

    because: Because
    until: datetime | None = None


def step(
    dynamics: Dynamics, state: State, verdict: Verdict, moment: datetime, *, late: bool = False
) -> tuple[State, Fired | Held | None]:
    """The state after a verdict of a moment, and what comes of it; None: it does not hold.

    `moment` is one that `counted_from` gave; they must not go back. Not known changes nothing: it
    neither begins nor breaks a span for which something must hold or must have stopped, and it
    never fires. `late` is a verdict of earlier than the moment, which may have turned since: it
    counts, but nothing fires by it.
    """
    if verdict is Verdict.UNKNOWN:
        return state, Held(Because.NOT_KNOWN)
    if verdict is Verdict.NO:
        return _stopped(dynamics, state, moment), None
    if not state.armed:
        return replace(state, since=None), Held(Because.NOT_ARMED)
    since = state.since or moment
    goes_on = replace(state, since=None if dynamics.instant else since)
    if late:
        return goes_on, Held(Because.NOT_KNOWN)
    long_enough = since + dynamics.persists
    rested = state.fired_at + dynamics.cooldown if state.fired_at is not None else moment
    if moment < long_enough or moment < rested:
        because = Because.PERSISTS if long_enough >= rested else Because.COOLDOWN
        return goes_on, Held(because, max(long_enough, rested))
    if dynamics.re_arm and not dynamics.instant:
        return State(armed=False, fired_at=moment), Fired(since)
    return replace(goes_on, fired_at=moment), Fired(since)


def _stopped(dynamics: Dynamics, state: State, moment: datetime) -> State:
    if state.armed:
        return replace(state, since=None)
    since = state.since or moment
    if moment < since + dynamics.clear_for:
        return replace(state, since=since)
    return State(True, None, state.fired_at)


def due(dynamics: Dynamics, state: State) -> datetime | None:
    """When time alone makes something of this state: the next moment worth a look."""
    if state.since is None:
        return None
    if not state.armed:
        return state.since + dynamics.clear_for
    long_enough = state.since + dynamics.persists
    if state.fired_at is None:
        return long_enough
    return max(long_enough, state.fired_at + dynamics.cooldown)


def worth_keeping(dynamics: Dynamics, state: State, moment: datetime) -> bool:
    """Whether the state still says something; if not, it may be forgotten."""
    if not state.armed or state.since is not None:
        return True
    return state.fired_at is not None and moment < state.fired_at + dynamics.cooldown
