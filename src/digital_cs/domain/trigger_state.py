"""When a trigger fires for one account: a pure step from one verdict to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from digital_cs.domain.verdict import Verdict

NONE = timedelta()


@dataclass(frozen=True, slots=True)
class Dynamics:
    """How long it must hold, how long it rests after it fired, and what makes it ready again."""

    persists: timedelta = NONE
    cooldown: timedelta = NONE
    re_arm: bool = True
    clear_for: timedelta = NONE


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
    dynamics: Dynamics, state: State, verdict: Verdict, moment: datetime
) -> tuple[State, Fired | Held | None]:
    """The state after a verdict of a moment, and what comes of it; None: it does not hold.

    Not known changes nothing: it neither begins nor breaks a span for which something must hold
    or must have stopped, and it never fires. Moments must not go back.
    """
    if verdict is Verdict.UNKNOWN:
        return state, Held(Because.NOT_KNOWN)
    if verdict is Verdict.NO:
        return _stopped(dynamics, state, moment), None
    if not state.armed:
        return replace(state, since=None), Held(Because.NOT_ARMED)
    state = replace(state, since=state.since or moment)
    assert state.since is not None
    long_enough = state.since + dynamics.persists
    rested = state.fired_at + dynamics.cooldown if state.fired_at is not None else moment
    if moment < long_enough or moment < rested:
        because = Because.PERSISTS if long_enough >= rested else Because.COOLDOWN
        return state, Held(because, max(long_enough, rested))
    fired = Fired(state.since)
    return State(not dynamics.re_arm, None if dynamics.re_arm else state.since, moment), fired


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
