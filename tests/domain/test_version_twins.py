"""Which step of a changed program is which of the old one (P20)."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from digital_cs.domain.programs.program_graph import Graph, SendNode, WaitNode
from digital_cs.domain.programs.version_twins import twins
from tests.domain.program_strategies import programs
from tests.domain.rehearsal import HELLO, PRO, REPORT, TASK, program, wait_for

WEEK, MONTH = {"wait": "1 week"}, {"wait": "1 month"}


def at(graph: Graph, *path: str | int) -> str:
    """The id of the step at a place in the file."""
    return next(id for id, found in graph.paths.items() if found == ("steps", *path))


def became(old: list[dict[str, Any]], new: list[dict[str, Any]], *path: str | int) -> Any:
    """The place in the new program of the step at this place of the old one."""
    before, after = program(*old), program(*new)
    twin = twins(before, after).get(at(before, *path))
    return None if twin is None else after.paths[twin][1:]


def test_a_step_that_only_stands_elsewhere_is_the_same_step() -> None:
    old = [WEEK, HELLO, MONTH, {"send": "bye"}]
    new = [{"send": "first"}, *old]

    assert [became(old, new, n) for n in range(4)] == [(1,), (2,), (3,), (4,)]


def test_a_wait_of_another_length_between_the_same_steps_is_the_same_wait() -> None:
    old, new = [HELLO, MONTH, {"send": "bye"}], [HELLO, WEEK, {"send": "bye"}]

    assert became(old, new, 1) == (1,)


def test_a_step_that_is_gone_has_no_twin() -> None:
    old = [HELLO, WEEK, {"send": "more"}, MONTH, {"send": "bye"}]
    new = [HELLO, MONTH, {"send": "bye"}]

    assert became(old, new, 1) is None
    assert became(old, new, 2) is None
    assert became(old, new, 3) == (1,)


def test_a_written_name_is_stronger_than_the_place_or_what_is_said() -> None:
    named = {"id": "patience", "wait": "1 week"}
    old, new = [named, HELLO, MONTH, {"send": "bye"}], [WEEK, HELLO, {**named, "wait": "2 days"}]

    assert became(old, new, 0) == (2,)


def test_steps_of_two_kinds_are_never_the_same_even_under_one_name() -> None:
    old = [{"id": "x", "wait": "1 week"}, {"send": "bye"}]

    assert became(old, [{"id": "x", **HELLO}, {"send": "bye"}], 0) is None
    assert became(old, [{"id": "x", **HELLO}, WEEK, {"send": "bye"}], 0) == (1,)


def test_steps_inside_a_step_are_looked_for_inside_of_what_it_has_become() -> None:
    look = wait_for(REPORT, if_not=[WEEK, {"send": "not"}])
    branch = {"branch": [{"when": PRO, "do": [MONTH, {"send": "pro"}]}], "otherwise": [WEEK]}
    old = [look, branch, {**TASK, "when_done": [MONTH]}]
    new = [HELLO, {"wait": "2 days"}, look, branch, {**TASK, "when_done": [WEEK]}]

    assert became(old, new, 0, "if_not", 0) == (2, "if_not", 0)
    assert became(old, new, 1, "branch", 0, "do", 0) == (3, "branch", 0, "do", 0)
    assert became(old, new, 1, "otherwise", 0) == (3, "otherwise", 0)
    assert became(old, new, 2, "when_done", 0) == (4, "when_done", 0)


@settings(max_examples=60, deadline=None)
@given(programs())
def test_every_step_of_an_unchanged_program_is_itself(graph: Graph) -> None:
    assert twins(graph, graph) == {id: id for id in graph.nodes}


@settings(max_examples=60, deadline=None)
@given(programs(), programs())
def test_no_two_steps_become_one_and_none_becomes_another_kind(old: Graph, new: Graph) -> None:
    found = twins(old, new)

    assert len(set(found.values())) == len(found)
    assert all(type(old.nodes[was]) is type(new.nodes[now]) for was, now in found.items())


def test_two_sends_of_one_email_are_told_apart_by_their_neighbours() -> None:
    old = program(HELLO, WEEK, HELLO, MONTH, {"send": "bye"})
    new = program(HELLO, WEEK, HELLO, WEEK, {"send": "bye"})
    second = at(old, 2)

    assert isinstance(old.nodes[second], SendNode)
    assert new.paths[twins(old, new)[second]] == ("steps", 2)
    assert isinstance(new.nodes[twins(old, new)[at(old, 3)]], WaitNode)
