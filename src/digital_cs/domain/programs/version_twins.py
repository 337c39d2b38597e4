"""Which step of a changed program is which of the old one, for those who stand at it (P20)."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from digital_cs.domain.programs.program_graph import (
    BranchNode,
    EndNode,
    EnrollNode,
    Graph,
    LeaveNode,
    Node,
    SendNode,
    SetNode,
    SplitNode,
    TaskNode,
    WaitDateNode,
    WaitForNode,
    WaitNode,
    WaitWeekdayNode,
    WebhookNode,
)

Path = tuple[str | int, ...]


def twins(old: Graph, new: Graph) -> dict[str, str]:
    """The step of `new` that each step of `old` has become; those that are gone are left out.

    A step is known by the name that people gave it, or by its e-mail; else by what it says, among
    the steps around it, and at last by its kind. Both of a pair are of one kind.
    """
    found = {
        id: id
        for id in old.nodes
        if id in old.named & new.named and type(old.nodes[id]) is type(new.nodes[id])
    }
    before, after = _sequences(old), _sequences(new)
    todo: list[tuple[Path, Path]] = [(("steps",), ("steps",))]
    todo += [inner for was, now in found.items() for inner in _inside(old, was, new, now, before)]
    seen: set[tuple[Path, Path]] = set()
    while todo:
        around = todo.pop()
        if around in seen:
            continue
        seen.add(around)
        pairs = _aligned(old, before[around[0]], new, after[around[1]], found)
        for was, now in pairs:
            found[was] = now
            todo += _inside(old, was, new, now, before)
    return found


def _sequences(graph: Graph) -> dict[Path, list[str]]:
    """The ids of steps that follow each other, by the place in which they do."""
    found: dict[Path, list[str]] = defaultdict(list)
    for id in sorted(graph.nodes, key=lambda id: _order(graph.paths[id])):
        found[graph.paths[id][:-1]].append(id)
    return found


def _order(path: Path) -> tuple[tuple[bool, str | int], ...]:
    return tuple((isinstance(part, int), part) for part in path)


def _inside(
    old: Graph, was: str, new: Graph, now: str, before: dict[Path, list[str]]
) -> Iterator[tuple[Path, Path]]:
    """The places inside a step, and the same places inside of what it has become."""
    path = old.paths[was]
    for place in [*before]:
        if len(place) > len(path) and place[: len(path)] == path:
            rest = place[len(path) :]
            if sum(isinstance(part, int) for part in rest) <= (rest[0] in ("branch", "split")):
                yield place, (*new.paths[now], *rest)


def _aligned(
    old: Graph, before: Sequence[str], new: Graph, after: Sequence[str], found: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Pairs among steps that follow each other; who has a twin already keeps the others apart."""
    taken = set(found.values())
    left = [("twin", found[id]) if id in found else _says(old.nodes[id]) for id in before]
    right = [("twin", id) if id in taken else _says(new.nodes[id]) for id in after]
    for _, first, last, start, stop in difflib.SequenceMatcher(
        None, left, right, autojunk=False
    ).get_opcodes():
        rest = [id for id in after[start:stop] if id not in taken]
        for id in before[first:last]:
            if id in found:
                continue
            kind = type(old.nodes[id])
            twin = next((each for each in rest if type(new.nodes[each]) is kind), None)
            if twin is not None:
                # What stands before it has come newly.
                rest = rest[rest.index(twin) + 1 :]
                yield id, twin


def _says(node: Node) -> Hashable:
    """What a step says itself, without where it leads."""
    said: object = None
    match node:
        case SendNode():
            said = node.email
        case WaitNode():
            said = node.span
        case WaitWeekdayNode():
            said = (node.weekdays, node.at)
        case WaitDateNode():
            said = (node.trait, node.shift, node.at)
        case WaitForNode():
            said = (node.condition, node.limit)
        case BranchNode():
            said = [condition for condition, _ in node.cases]
        case SplitNode():
            said = [name for name, _, _ in node.arms]
        case TaskNode():
            said = node.title
        case WebhookNode():
            said = node.url
        case SetNode():
            said = (node.stage, node.traits)
        case EnrollNode() | LeaveNode():
            said = node.program
        case EndNode():
            said = node.reason
    return type(node).__name__, repr(said)
