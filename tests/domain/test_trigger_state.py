"""The step of a trigger: what must hold for so long, rest for so long, and stop in between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.rules.trigger_state import (
    FRESH,
    PASSED_OVER,
    Because,
    Dynamics,
    Fired,
    Held,
    State,
    due,
    step,
    worth_keeping,
)
from digital_cs.domain.rules.verdict import Verdict

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN
LETTERS = {"y": YES, "n": NO, "?": UNKNOWN}


def days(
    dynamics: Dynamics, verdicts: str | Sequence[Verdict], state: State = FRESH
) -> tuple[list[int], State]:
    """On which days it fires (the first is 0), and the state at the end; one verdict a day."""
    fired = []
    for number, letter in enumerate(verdicts):
        verdict = letter if isinstance(letter, Verdict) else LETTERS[letter]
        state, outcome = step(dynamics, state, verdict, START + number * DAY)
        if isinstance(outcome, Fired):
            fired.append(number)
    return fired, state


@pytest.mark.parametrize(
    ("dynamics", "verdicts", "fires"),
    [
        (Dynamics(), "nyyn", [1]),
        (Dynamics(persists=2 * DAY), "yyyy", [2]),
        (Dynamics(persists=2 * DAY), "yynyyy", [5]),
        (Dynamics(persists=2 * DAY), "y??y", [3]),
        (Dynamics(persists=2 * DAY), "y???n", []),
        (Dynamics(), "yyyynyyy", [0, 5]),
        (Dynamics(cooldown=5 * DAY), "ynyyyyy", [0, 5]),
        (Dynamics(cooldown=5 * DAY), "ynynnnnnny", [0, 9]),
        (Dynamics(clear_for=2 * DAY), "ynyynnynnny", [0, 10]),
        (Dynamics(clear_for=2 * DAY), "yn??ny", [0, 5]),
        (Dynamics(cooldown=3 * DAY, re_arm=False), "yyyyyyy", [0, 3, 6]),
        (Dynamics(cooldown=3 * DAY, instant=True), "yynynny", [0, 3, 6]),
        (Dynamics(), "????", []),
    ],
)
def test_it_fires_when_it_should(dynamics: Dynamics, verdicts: str, fires: list[int]) -> None:
    """P9: what is not known neither begins, nor breaks, nor fires."""
    assert days(dynamics, verdicts)[0] == fires


def test_who_was_passed_over_at_the_launch_must_stop_first() -> None:
    assert days(Dynamics(), "yyyny", PASSED_OVER)[0] == [4]


@pytest.mark.parametrize(
    ("verdicts", "because", "until"),
    [
        ("y", Because.PERSISTS, 2),
        ("yyyy", Because.NOT_ARMED, None),
        ("yyynyyy", Because.COOLDOWN, 12),
        ("y?", Because.NOT_KNOWN, None),
    ],
)
def test_who_is_held_is_told_why_and_until_when(
    verdicts: str, because: Because, until: int | None
) -> None:
    dynamics = Dynamics(persists=2 * DAY, cooldown=10 * DAY)
    _, state = days(dynamics, verdicts[:-1])
    moment = START + (len(verdicts) - 1) * DAY
    _, outcome = step(dynamics, state, LETTERS[verdicts[-1]], moment)
    assert outcome == Held(because, None if until is None else START + until * DAY)


spans = st.integers(0, 6).map(lambda count: count * DAY)
all_dynamics = st.builds(
    Dynamics, persists=spans, cooldown=spans, re_arm=st.just(True), clear_for=spans
)
histories = st.lists(st.sampled_from(Verdict), max_size=60)


@given(all_dynamics, histories)
def test_never_twice_within_the_cooldown_and_never_without_a_yes(
    dynamics: Dynamics, history: list[Verdict]
) -> None:
    """P9."""
    fired, _ = days(dynamics, history)
    assert all(history[day] is YES for day in fired)
    rests = [(later - sooner) * DAY for sooner, later in pairwise(fired)]
    assert all(rest >= dynamics.cooldown for rest in rests)


@given(all_dynamics, histories)
def test_between_two_firings_it_was_known_to_have_stopped(
    dynamics: Dynamics, history: list[Verdict]
) -> None:
    """At most once per arming; and a span of *not known* arms nothing."""
    fired, _ = days(dynamics, history)
    for sooner, later in pairwise(fired):
        stops = [day for day in range(sooner, later) if history[day] is NO]
        assert stops
        assert (stops[-1] - stops[0]) * DAY >= dynamics.clear_for


@given(all_dynamics, histories)
def test_before_a_firing_it_held_for_as_long_as_is_asked(
    dynamics: Dynamics, history: list[Verdict]
) -> None:
    for day in days(dynamics, history)[0]:
        first = day
        while first and history[first - 1] is not NO:
            first -= 1
        holds = [each for each in range(first, day + 1) if history[each] is YES]
        assert (day - holds[0]) * DAY >= dynamics.persists


@given(all_dynamics, histories, st.lists(st.integers(0, 60), max_size=10))
def test_what_is_not_known_changes_nothing(
    dynamics: Dynamics, history: list[Verdict], places: list[int]
) -> None:
    """Asked more often while nobody knows, it says the same at the same moments."""
    state = more = FRESH
    for number, verdict in enumerate(history):
        moment = START + number * DAY
        for _ in range(places.count(number)):
            more, outcome = step(dynamics, more, UNKNOWN, moment)
            assert outcome == Held(Because.NOT_KNOWN)
        state, expected = step(dynamics, state, verdict, moment)
        more, outcome = step(dynamics, more, verdict, moment)
        assert (state, expected) == (more, outcome)


@given(all_dynamics, histories)
def test_looked_at_only_when_it_turns_or_is_due_it_fires_on_the_same_days(
    dynamics: Dynamics, history: list[Verdict]
) -> None:
    """The engine does not ask every day: it goes by who entered, who left, and what is due."""
    fired, state, member = [], FRESH, False
    for number, verdict in enumerate(history):
        moment = START + number * DAY
        turned = verdict is not UNKNOWN and (verdict is YES) is not member
        when = due(dynamics, state)
        if turned or (when is not None and when <= moment):
            state, outcome = step(dynamics, state, verdict, moment)
            fired += [number] * isinstance(outcome, Fired)
        member = (verdict is YES) if turned else member
        if not worth_keeping(dynamics, state, moment):
            state = FRESH  # as the store forgets it
    assert fired == days(dynamics, history)[0]


def test_what_was_known_earlier_counts_but_nothing_fires_by_it() -> None:
    """P9: while a feed is late, who was silent may have come back since."""
    dynamics = Dynamics(persists=DAY)
    state, outcome = step(dynamics, FRESH, YES, START, late=True)
    assert outcome == Held(Because.NOT_KNOWN)
    state, outcome = step(dynamics, state, YES, START + DAY, late=True)
    assert outcome == Held(Because.NOT_KNOWN)
    assert step(dynamics, state, YES, START + DAY)[1] == Fired(START)


def test_where_all_spans_are_days_days_are_counted_whole() -> None:
    """A feed that comes at two one day and at five the next makes no difference."""
    late = START + timedelta(hours=5)
    assert Dynamics(persists=2 * DAY).counted_from(late) == START
    assert Dynamics(persists=timedelta(hours=3)).counted_from(late) == late
