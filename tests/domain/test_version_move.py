"""Where those inside a changed program stand, and that no change lets a crowd loose (P20)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from digital_cs.domain.programs.enrollment import CloseTask, MessageFact, MessageState, SkipMessage
from digital_cs.domain.programs.program_graph import Graph
from digital_cs.domain.programs.version_move import moved, restarted
from digital_cs.domain.programs.version_twins import twins
from tests.domain.program_strategies import HORIZON, accounts, programs
from tests.domain.rehearsal import (
    DAY,
    HELLO,
    MONDAY,
    PRO,
    TASK,
    Play,
    acme,
    program,
    some_facts,
    wait_for,
)

SPREAD = 3 * DAY
CROWD = 200


def move(play: Play, new: Graph, spread: timedelta = SPREAD) -> Play:
    """What a person does who publishes `new` and moves those inside."""
    step = twins(play.graph, new)[play.position.step]
    play.position = moved(play.graph, new, step, play.position, play.facts, play.now, spread)
    play.graph = replace(new, version=2)
    play.look()
    return play


def one(graph: Graph, number: int = 1, **account: Any) -> Play:
    return Play(graph, some_facts(acme(**account), enrollment_id=f"e-{number}"))


def crowd(old: Graph, new: Graph, after: timedelta, **account: Any) -> list[Play]:
    """So many who are moved at the same moment."""
    plays = [one(old, number, **account) for number in range(CROWD)]
    for play in plays:
        play.until(MONDAY + after)
        assert not play.sent
        move(play, new)
    return plays


def assert_spread(plays: list[Play], after: timedelta) -> None:
    """Nobody gets it at once, and all do within the span, on each day of it about as many."""
    assert not any(play.sent for play in plays)
    for play in plays:
        play.until(MONDAY + after + SPREAD)
    assert all(play.emails == ["hello"] for play in plays)
    days = Counter((play.sent[0][0] - MONDAY - after) // DAY for play in plays)
    assert set(days) == {0, 1, 2}
    assert max(days.values()) < CROWD / 2


def test_a_wait_that_was_made_longer_ends_as_the_new_one_says() -> None:
    play = one(program({"wait": "5 days"}, HELLO))
    play.until(MONDAY + 2 * DAY)

    move(play, program({"wait": "9 days"}, HELLO))

    play.until(MONDAY + 8 * DAY)
    assert play.emails == []
    play.until(MONDAY + 9 * DAY)
    assert play.emails == ["hello"]


def test_a_wait_that_was_made_shorter_but_is_not_over_ends_earlier() -> None:
    play = one(program({"wait": "9 days"}, HELLO))
    play.until(MONDAY + 2 * DAY)

    move(play, program({"wait": "5 days"}, HELLO)).until(MONDAY + 5 * DAY)

    assert play.emails == ["hello"]


def test_a_wait_that_does_not_change_ends_when_it_would_have() -> None:
    play = one(program({"wait": "5 days"}, HELLO))
    play.until(MONDAY + 2 * DAY)

    move(play, program({"send": "new"}, {"wait": "5 days"}, HELLO))

    assert play.outcome.wake_at == MONDAY + 5 * DAY
    play.until(MONDAY + 5 * DAY)
    assert play.emails == ["hello"]


def test_a_shortened_wait_lets_no_crowd_loose() -> None:
    plays = crowd(program({"wait": "30 days"}, HELLO), program({"wait": "2 days"}, HELLO), 20 * DAY)

    assert_spread(plays, 20 * DAY)


def test_nor_does_a_date_that_comes_earlier_now() -> None:
    """And what is sent then is as useful as if the date were then (P8)."""

    def renewal(ahead: str) -> Graph:
        until = {"date": "renewal_on", "at": "09:00", "shift": ahead}
        return program({"wait_until": until}, HELLO)

    traits = {"renewal_on": (MONDAY + 60 * DAY).date().isoformat()}
    old, new = renewal("10 days before"), renewal("50 days before")

    assert_spread(crowd(old, new, 30 * DAY, traits=traits), 30 * DAY)


def test_nor_does_something_to_wait_for_that_is_true_of_everybody() -> None:
    old = program(wait_for({"event": "report_run"}, "60 days"))
    new = program(wait_for(PRO, "60 days", if_it_happens=[HELLO]))

    assert_spread(crowd(old, new, 30 * DAY, traits={"plan": "pro"}), 30 * DAY)


def test_who_was_about_to_go_on_anyhow_does_so() -> None:
    play = one(program({"wait": "5 days"}, HELLO))
    play.now = MONDAY + 6 * DAY  # a worker comes late

    move(play, program({"wait": "2 days"}, HELLO))

    assert play.emails == ["hello"]


def test_an_exit_is_heard_while_somebody_rests_after_a_change_P6() -> None:
    play = one(program({"wait": "30 days"}, HELLO), number=7)
    play.until(MONDAY + 20 * DAY)
    move(play, program({"wait": "2 days"}, HELLO))
    assert play.outcome.ending is None

    play.change(stage="churned")

    assert play.look().ending is not None
    assert play.emails == []


def test_a_task_that_was_begun_stays_begun() -> None:
    play = one(program(TASK))

    move(play, program(HELLO, {**TASK, "task": "Call them today"}))
    play.task_done()

    assert play.emails == ["done"]


class TestRestarting:
    def restart(self, play: Play, new: Graph) -> Play:
        play.position, left = restarted(
            play.graph, new, play.position, play.facts, play.now, SPREAD
        )
        play.effects += left
        play.graph = new
        play.look()
        return play

    def test_they_begin_at_the_first_step_one_after_the_other(self) -> None:
        new = program(HELLO, {"wait": "30 days"})
        plays = [one(program({"wait": "30 days"}, HELLO), number) for number in range(CROWD)]
        for play in plays:
            play.until(MONDAY + 20 * DAY)
            self.restart(play, new)

        assert_spread(plays, 20 * DAY)

    def test_what_was_begun_at_the_old_step_is_given_up(self) -> None:
        play = one(program(TASK))
        visit = play.position.visit

        self.restart(play, program(HELLO))

        assert CloseTask(visit, "It began anew with version 0.") in play.effects
        assert play.position.visit == visit + 1

    def test_a_message_that_waited_for_another_try_is_withdrawn_with_the_reason(self) -> None:
        later = MONDAY + DAY
        play = Play(
            program(HELLO),
            answer=lambda act: MessageFact(MessageState.PLANNED, 1, later, act.contact_id),
        )
        assert play.outcome.ending is None

        self.restart(play, program({"wait": "1 day"}, HELLO))

        (skipped,) = (each for each in play.effects if isinstance(each, SkipMessage))
        assert skipped.words == "It began anew with version 0."


@settings(max_examples=80, deadline=None)
@given(programs(), programs(), accounts())
def test_wherever_somebody_is_moved_or_restarted_they_come_to_rest_and_go_on(
    old: Graph, new: Graph, account: Any
) -> None:
    play = Play(old, some_facts(account))
    play.until(MONDAY + 7 * DAY)
    if play.outcome.ending is not None:
        return
    before = play.position
    step = twins(old, new).get(before.step)
    if step is None:
        play.position, _ = restarted(old, new, before, play.facts, play.now, SPREAD)
    else:
        play.position = moved(old, new, step, before, play.facts, play.now, SPREAD)
        assert play.position.visit == before.visit
    play.graph = new
    play.look()
    play.until(MONDAY + HORIZON)


@pytest.mark.parametrize("again", range(3))
def test_the_moment_of_each_is_the_same_however_often_it_is_asked(again: int) -> None:
    play = one(program({"wait": "30 days"}, HELLO), number=again)
    play.until(MONDAY + 20 * DAY)
    new = program({"wait": "2 days"}, HELLO)
    step = twins(play.graph, new)[play.position.step]

    first, second = (
        moved(play.graph, new, step, play.position, play.facts, play.now, SPREAD) for _ in range(2)
    )

    assert first == second
