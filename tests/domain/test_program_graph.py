"""Nested paths become a graph; what its structure gets wrong is named with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from digital_cs.domain.programs.program_graph import (
    FINISHED,
    BranchNode,
    Complaint,
    EndNode,
    Graph,
    SendNode,
    SplitNode,
    TaskNode,
    WaitForNode,
    compile_program,
    successors,
)
from tests.domain.program_strategies import programs
from tests.domain.rehearsal import program, written

PRO = {"trait": "plan", "is": "pro"}


def complaints(*steps: dict[str, Any]) -> list[Complaint]:
    return compile_program(written(*steps))[1]


def chain(graph: Graph, step: str) -> list[str]:
    """The steps from `step` on, always by the default path."""
    ids = []
    while step != FINISHED:
        ids.append(step)
        step = graph.nodes[step].next
    return ids


def test_steps_follow_each_other_and_the_last_leads_to_the_end() -> None:
    graph = program({"send": "hello"}, {"wait": "3 days"}, {"send": "tips"})
    assert chain(graph, graph.first) == ["hello", "wait-2", "tips"]


def test_every_path_of_a_fork_joins_at_the_step_after_it() -> None:
    graph = program(
        {
            "id": "fork",
            "branch": [{"when": PRO, "do": [{"send": "pro"}]}, {"when": {"stage": "trial"}}],
            "otherwise": [{"send": "free"}],
        },
        {"send": "both"},
    )
    fork = graph.nodes["fork"]
    assert isinstance(fork, BranchNode)
    assert [target for _, target in fork.cases] == ["pro", "both"]
    assert fork.next == "free"
    assert chain(graph, "pro") == ["pro", "both"]
    assert chain(graph, "free") == ["free", "both"]


def test_forks_nest_and_the_inner_join_leads_to_the_outer_one() -> None:
    inner = {
        "id": "inner", "task": "Call", "assign_to": "csm",
        "when_done": [{"send": "thanks"}], "when_expired": [{"send": "sorry"}],
    }  # fmt: skip
    outer = {
        "id": "outer", "wait_for": {"event": "report_run"}, "for_up_to": "3 days",
        "if_it_happens": [inner, {"send": "more"}],
    }  # fmt: skip
    graph = program(outer, {"send": "last"})
    node, task = graph.nodes["outer"], graph.nodes["inner"]
    assert isinstance(node, WaitForNode)
    assert isinstance(task, TaskNode)
    assert (node.next, node.timed_out) == ("inner", "last")
    assert chain(graph, task.next) == ["thanks", "more", "last"]
    assert chain(graph, task.expired) == ["sorry", "more", "last"]


def test_an_end_inside_a_path_ends_the_program_and_a_split_keeps_its_arms() -> None:
    graph = program(
        {
            "id": "half",
            "split": [
                {"name": "a", "share": 1, "do": [{"id": "stop", "end": "was in a"}]},
                {"name": "b", "share": 1},
            ],
        },
        {"send": "for-b"},
    )
    half = graph.nodes["half"]
    assert isinstance(half, SplitNode)
    assert half.arms == (("a", 1, "stop"), ("b", 1, "for-b"))
    assert isinstance(graph.nodes["stop"], EndNode)
    assert list(successors(graph.nodes["stop"])) == []


def test_go_to_leads_back_forward_and_across() -> None:
    graph = program(
        {"id": "again", "wait": "1 week"},
        {
            "id": "fork",
            "branch": [{"when": PRO, "do": [{"go_to": "bye"}]}],
            "otherwise": [{"send": "nudge"}, {"go_to": "again"}],
        },
        {"id": "bye", "send": "bye-bye"},
    )
    assert graph.nodes["nudge"].next == "again"
    assert dict(successors(graph.nodes["fork"]))["plan is pro"] == "bye"


def test_a_first_step_may_be_a_go_to_and_what_follows_an_end_is_reached_by_one() -> None:
    graph = program(
        {"go_to": "fork"},
        {"id": "rescue", "send": "rescue"},
        {"end": "rescued"},
        {"id": "fork", "branch": [{"when": PRO, "do": [{"go_to": "rescue"}]}]},
    )
    assert graph.first == "fork"


def test_of_a_piece_that_nothing_leads_to_only_the_first_step_is_named() -> None:
    inner = {"branch": [{"when": PRO, "do": [{"send": "deep"}]}]}
    found = complaints({"end": "x"}, {"wait": "1 day"}, inner, {"send": "late"})
    assert [complaint.path for complaint in found] == [("steps", 1)]


def test_sends_inherit_roles_and_priority_from_the_program() -> None:
    graph = program({"send": "a"}, {"send": "b", "to": ["owner"], "priority": "high"},
                    to=["champion"], priority="low")  # fmt: skip
    a, b = graph.nodes["a"], graph.nodes["b"]
    assert isinstance(a, SendNode)
    assert isinstance(b, SendNode)
    assert (a.to, a.priority, b.to, b.priority) == (("champion",), "low", ("owner",), "high")


def test_made_ids_never_take_a_written_one() -> None:
    graph = program(
        {"id": "wait-2", "wait": "1 day"}, {"wait": "2 days"}, {"send": "hi"}, {"send": "hi"}
    )
    assert chain(graph, graph.first) == ["wait-2", "wait-2-step", "hi", "hi-4"]


def test_the_graph_knows_what_it_hears_everywhere_and_which_events_matter() -> None:
    graph = program(
        {"wait_for": {"event": "invited"}, "for_up_to": "3 days"},
        goal={"name": "on", "when": {"milestone": "sso-on"}},
        exits=[
            {"when": {"all": [PRO, {"date": "renewal_on", "within": "3 days"}]}, "because": "x"}
        ],
    )
    assert graph.listens == {
        "stage", "managed", "milestone:sso-on", "trait:plan", "trait:renewal_on",
    }  # fmt: skip
    assert graph.event_names == {"invited"}
    assert len(graph.timed) == 2


@pytest.mark.parametrize(
    ("steps", "rule", "path"),
    [
        ([{"end": "x"}, {"send": "late"}], "unreachable-step", ("steps", 1)),
        (
            [
                {
                    "wait_for": PRO, "for_up_to": "1 day",
                    "if_it_happens": [{"end": "a"}], "if_not": [{"end": "b"}],
                },
                {"send": "late"},
            ],
            "unreachable-step", ("steps", 1),
        ),
        ([{"wait": "1 day"}, {"go_to": "nowhere"}], "unknown-step", ("steps", 1, "go_to")),
        (
            [{"id": "x", "wait": "1 day"}, {"id": "x", "wait": "1 day"}],
            "duplicate-step", ("steps", 1, "id"),
        ),
        ([{"id": "x", "send": "a"}, {"go_to": "x"}], "loop-without-wait", ("steps", 0)),
        (
            [{"id": "x", "wait_until": {"weekday": "any"}}, {"go_to": "x"}],
            "loop-without-wait", ("steps", 0),
        ),
        (
            [{"id": "x", "wait_for": PRO, "for_up_to": "1 day", "if_it_happens": [{"go_to": "x"}]}],
            "loop-without-wait", ("steps", 0),
        ),
    ],
)  # fmt: skip
def test_a_broken_structure_is_named_with_its_place(
    steps: list[dict[str, Any]], rule: str, path: tuple[str | int, ...]
) -> None:
    found = complaints(*steps)
    assert [(complaint.rule, complaint.path) for complaint in found] == [(rule, path)]


def test_a_misspelt_go_to_is_answered_with_the_nearest_step() -> None:
    found = complaints({"id": "remind", "wait": "1 day"}, {"send": "a"}, {"go_to": "remimd"})
    assert found[0].suggestion == "Did you mean 'remind'?"


@pytest.mark.parametrize(
    "rest", [{"wait": "1 day"}, {"task": "Call", "assign_to": "csm"}], ids=["wait", "task"]
)
def test_a_loop_with_a_step_that_takes_time_is_welcome(rest: dict[str, Any]) -> None:
    assert not complaints({"id": "x", **rest}, {"send": "a"}, {"go_to": "x"})


@settings(max_examples=60, deadline=None)
@given(programs())
def test_in_every_graph_each_way_leads_to_a_step_or_to_the_end(graph: Graph) -> None:
    targets = {target for node in graph.nodes.values() for _, target in successors(node)}
    assert targets <= {*graph.nodes, FINISHED}
    assert targets | {graph.first} >= set(graph.nodes)
    assert all(id == node.id for id, node in graph.nodes.items())
