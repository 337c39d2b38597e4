"""The ways through a program, whatever the time: which steps one leads to, and what all pass."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from digital_cs.domain.programs.program_graph import (
    FINISHED,
    Graph,
    Node,
    SendNode,
    SplitNode,
    successors,
)


class Known(NamedTuple):
    """What is known of an account that decides its way: the days that it has in traits, by name,
    and the arms that it is drawn into, by the step of the split."""

    dates: tuple[tuple[str, date], ...] = ()
    arms: tuple[tuple[str, str], ...] = ()


NOTHING = Known()


def targets(node: Node, known: Known) -> list[str]:
    """The steps that one may lead to, as far as it is not known which."""
    drawn = dict(known.arms).get(node.id) if isinstance(node, SplitNode) else None
    return [target for arm, target in successors(node) if drawn is None or arm == drawn]


def all_pass(graph: Graph, start: str, step: str, known: Known = NOTHING) -> bool:
    """Whether every way from `start` comes by `step`: none that does not ends, or goes round."""
    passes = {step: True, FINISHED: False}
    on_the_way: set[str] = set()

    def passed(here: str) -> bool:
        if here in on_the_way:
            return False
        if here not in passes:
            on_the_way.add(here)
            ways = targets(graph.nodes[here], known)
            passes[here] = bool(ways) and all(map(passed, ways))
            on_the_way.discard(here)
        return passes[here]

    return passed(start)


def leads_to_a_message(graph: Graph) -> set[str]:
    """The steps of a program from which a message may still go out."""
    found = {id for id, node in graph.nodes.items() if isinstance(node, SendNode)}
    before = 0
    while len(found) > before:
        before = len(found)
        found |= {
            id
            for id, node in graph.nodes.items()
            if any(target in found for _, target in successors(node))
        }
    return found
