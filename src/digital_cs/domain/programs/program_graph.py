"""A program as a graph of steps: what runs, and what its structure gets wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from digital_cs.domain.account import MANAGED
from digital_cs.domain.grammar import WEEKDAYS
from digital_cs.domain.programs import program as spec
from digital_cs.domain.rules.condition import leaves
from digital_cs.domain.rules.reads import Reads, reads
from digital_cs.domain.timing.send_window import SendWindow, parse_window_days, parse_window_hours
from digital_cs.domain.timing.span import Span

FINISHED = ""
"""Where the last step leads: the end of the program."""


@dataclass(frozen=True, slots=True)
class Node:
    """A step, with the id of the one that follows it."""

    id: str
    next: str


@dataclass(frozen=True, slots=True)
class SendNode(Node):
    email: str
    to: tuple[str, ...]
    useful_for: Span
    priority: str
    kind: str
    hold_for: Span
    then_exit: bool
    topic: str | None = None
    over_budget: str = "defer"


@dataclass(frozen=True, slots=True)
class WaitNode(Node):
    span: Span


@dataclass(frozen=True, slots=True)
class WaitWeekdayNode(Node):
    weekdays: frozenset[int] | None
    at: time


@dataclass(frozen=True, slots=True)
class WaitDateNode(Node):
    trait: str
    shift: spec.Shift | None
    at: time
    exit_without: bool


@dataclass(frozen=True, slots=True)
class WaitForNode(Node):
    """`next` is the path when it happens, `timed_out` the path when the time is up."""

    condition: Any
    limit: Span
    from_step: bool
    timed_out: str
    unknown_hold: Span
    unknown_yes: bool


@dataclass(frozen=True, slots=True)
class BranchNode(Node):
    """`next` is the path when no case holds."""

    cases: tuple[tuple[Any, str], ...]
    unknown_hold: Span
    unknown_yes: bool


@dataclass(frozen=True, slots=True)
class SplitNode(Node):
    arms: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class TaskNode(Node):
    """`next` is the path when done, `expired` the path when nobody did it in time."""

    title: str
    note: str
    assign_to: str
    due_in: Span
    expired: str


@dataclass(frozen=True, slots=True)
class WebhookNode(Node):
    url: str
    fields: tuple[tuple[str, str], ...]
    give_up_after: Span


@dataclass(frozen=True, slots=True)
class SetNode(Node):
    stage: str | None
    traits: tuple[tuple[str, str | int | float | bool], ...]


@dataclass(frozen=True, slots=True)
class EnrollNode(Node):
    program: str


@dataclass(frozen=True, slots=True)
class LeaveNode(Node):
    program: str


@dataclass(frozen=True, slots=True)
class EndNode(Node):
    reason: str


RESTING = (WaitNode, TaskNode)
"""Steps that always take time. Waiting for something may pass at once, when it is already true,
so a loop needs one of these to come to rest."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a structure, and where: `path` leads into the written program."""

    path: tuple[str | int, ...]
    rule: str
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A program, ready to run. Made once per version and shared by everybody.

    `listens` is what exits and goal hear at every step, `timed` are those of their leaves that
    time alone may flip, `event_names` the product events that matter anywhere inside, and
    `reads` what else of an account any condition of it looks at. `named` are the steps that go by
    a name of their own and not by where they stand.
    """

    id: str
    name: str
    version: int
    first: str
    nodes: dict[str, Node]
    paths: dict[str, tuple[str | int, ...]]
    window: SendWindow
    goal: spec.Goal | None
    exits: tuple[spec.Exit, ...]
    stay_when: frozenset[str]
    listens: frozenset[str]
    timed: tuple[Any, ...]
    event_names: frozenset[str]
    owner: str
    reads: Reads
    same_person: str = "one"
    at_most_a_day: int | None = None
    at_most_a_minute: float | None = None
    named: frozenset[str] = frozenset()


def successors(node: Node) -> Iterator[tuple[str, str]]:
    """Every way out of a step: (label, id of the step it leads to)."""
    match node:
        case WaitForNode():
            yield "it happens", node.next
            yield "time is up", node.timed_out
        case BranchNode():
            for condition, target in node.cases:
                yield condition.words(), target
            yield "otherwise", node.next
        case SplitNode():
            for name, _, target in node.arms:
                yield name, target
        case TaskNode():
            yield "done", node.next
            yield "expired", node.expired
        case EndNode():
            return
        case _:
            yield "", node.next


class _Builder:
    """Flattens nested paths into nodes; ids are written ones, or made from the content."""

    def __init__(self, program: spec.Program) -> None:
        self.program = program
        self.nodes: dict[str, Node] = {}
        self.paths: dict[str, tuple[str | int, ...]] = {}
        self.aliases: dict[str, str] = {}
        self.complaints: list[Complaint] = []
        self.written = set(_written_ids(program.steps))

    def name(self, step: Any, path: tuple[str | int, ...]) -> str:
        wanted: str
        if step.id is not None:
            wanted = step.id
            if wanted in self.nodes:
                self.complaints.append(
                    Complaint(
                        (*path, "id"), "duplicate-step",
                        f"There are two steps called {wanted!r}.", "Give each step its own id.",
                    )
                )  # fmt: skip
        else:
            wanted = step.send if isinstance(step, spec.Send) else _kind(step).replace("_", "-")
            if wanted in self.nodes or wanted in self.written or not isinstance(step, spec.Send):
                wanted = f"{wanted}-{_slug(path)}"
            while wanted in self.nodes or wanted in self.written:
                wanted += "-step"
        self.nodes[wanted] = Node(wanted, FINISHED)  # reserves the name, and keeps the order
        self.paths[wanted] = path
        return wanted

    def sequence(self, steps: tuple[Any, ...], path: tuple[str | int, ...], then: str) -> str:
        """Build `steps`, which lead to `then`; returns the id of the first."""
        names = [
            FINISHED if isinstance(step, spec.GoTo) else self.name(step, (*path, index))
            for index, step in enumerate(steps)
        ]
        entry = then
        for index in range(len(steps) - 1, -1, -1):
            step = steps[index]
            if isinstance(step, spec.GoTo):
                entry = f"->{step.go_to}"
                self.paths.setdefault(entry, (*path, index))
            else:
                self.nodes[names[index]] = self.node(step, names[index], (*path, index), entry)
                entry = names[index]
        return entry

    def node(self, step: Any, id: str, path: tuple[str | int, ...], then: str) -> Node:
        match step:
            case spec.Send():
                return SendNode(
                    id, then, step.send, step.to or self.program.to, step.useful_for,
                    (step.priority or self.program.priority).value, step.kind.value,
                    step.if_nobody.hold_for, step.if_nobody.then == "exit",
                    step.topic or self.program.topic, step.over_budget,
                )  # fmt: skip
            case spec.Wait():
                return WaitNode(id, then, step.wait)
            case spec.WaitUntil(wait_until=spec.WeekdayTime() as until):
                days = (
                    None if until.weekday == "any" else frozenset({WEEKDAYS.index(until.weekday)})
                )
                return WaitWeekdayNode(id, then, days, until.at)
            case spec.WaitUntil(wait_until=spec.DateMoment() as until):
                without = step.if_no_date == "exit"
                return WaitDateNode(id, then, until.date, until.shift, until.at, without)
            case spec.WaitFor():
                return WaitForNode(
                    id, self.sequence(step.if_it_happens, (*path, "if_it_happens"), then),
                    step.wait_for, step.for_up_to, step.counting_from == "step",
                    self.sequence(step.if_not, (*path, "if_not"), then),
                    step.if_unknown.hold_for, step.if_unknown.then == "yes",
                )  # fmt: skip
            case spec.Branch():
                cases = tuple(
                    (case.when, self.sequence(case.do, (*path, "branch", index, "do"), then))
                    for index, case in enumerate(step.branch)
                )
                otherwise = self.sequence(step.otherwise, (*path, "otherwise"), then)
                hold = step.if_unknown
                return BranchNode(id, otherwise, cases, hold.hold_for, hold.then == "yes")
            case spec.Split():
                arms = tuple(
                    (
                        arm.name,
                        arm.share,
                        self.sequence(arm.do, (*path, "split", index, "do"), then),
                    )
                    for index, arm in enumerate(step.split)
                )
                return SplitNode(id, then, arms)
            case spec.Task():
                return TaskNode(
                    id, self.sequence(step.when_done, (*path, "when_done"), then),
                    step.task, step.note, step.assign_to, step.due_in,
                    self.sequence(step.when_expired, (*path, "when_expired"), then),
                )  # fmt: skip
            case spec.Webhook():
                fields = tuple(sorted(step.with_.items()))
                return WebhookNode(id, then, step.webhook, fields, step.give_up_after)
            case spec.Set():
                return SetNode(id, then, step.set.stage, tuple(sorted(step.set.traits.items())))
            case spec.Enroll():
                return EnrollNode(id, then, step.enroll)
            case spec.Leave():
                return LeaveNode(id, then, step.leave)
            case spec.End():
                return EndNode(id, FINISHED, step.end)
        raise TypeError(f"no such step: {step!r}")

    def resolve(self) -> None:
        """Replace every `->id` that go_to left behind by the step that it means."""
        for id, node in self.nodes.items():
            self.nodes[id] = _map_targets(node, self._target)

    def _target(self, target: str) -> str:
        if not target.startswith("->"):
            return target
        wanted = target[2:]
        if wanted in self.nodes:
            return wanted
        path = self.paths.get(target, ())
        self.complaints.append(
            Complaint(
                (*path, "go_to"), "unknown-step", f"There is no step called {wanted!r} to go to.",
                _nearest(wanted, [*self.nodes]),
            )
        )  # fmt: skip
        return FINISHED


def _map_targets(node: Node, target: Any) -> Node:
    changes: dict[str, Any] = {"next": target(node.next)}
    if isinstance(node, WaitForNode):
        changes["timed_out"] = target(node.timed_out)
    elif isinstance(node, TaskNode):
        changes["expired"] = target(node.expired)
    elif isinstance(node, BranchNode):
        changes["cases"] = tuple((condition, target(to)) for condition, to in node.cases)
    elif isinstance(node, SplitNode):
        changes["arms"] = tuple((name, share, target(to)) for name, share, to in node.arms)
    return replace(node, **changes)


def _named(builder: _Builder) -> frozenset[str]:
    """Steps with a written id, and sends that go by their e-mail."""
    sends = (
        id for id, node in builder.nodes.items() if isinstance(node, SendNode) and node.email == id
    )
    return frozenset(builder.written | {*sends})


def _kind(step: Any) -> str:
    return next(key for key, kind in spec.STEP_KINDS.items() if type(step) is kind)


def _slug(path: tuple[str | int, ...]) -> str:
    """A short stable name from where the step stands: steps.2.if_not.0 -> 3-not-1."""
    words = {"if_it_happens": "yes", "if_not": "not", "otherwise": "else", "when_done": "done",
             "when_expired": "late", "branch": "", "split": "", "do": "", "steps": ""}  # fmt: skip
    parts = [str(part + 1) if isinstance(part, int) else words[part] for part in path]
    return "-".join(part for part in parts if part)


def _written_ids(steps: tuple[Any, ...]) -> Iterator[str]:
    for step in steps:
        if getattr(step, "id", None) is not None:
            yield step.id
        for inner in nested(step):
            yield from _written_ids(inner)


def nested(step: Any) -> tuple[tuple[Any, ...], ...]:
    """The paths that stand inside a written step."""
    match step:
        case spec.WaitFor():
            return (step.if_it_happens, step.if_not)
        case spec.Branch():
            return (*(case.do for case in step.branch), step.otherwise)
        case spec.Split():
            return tuple(arm.do for arm in step.split)
        case spec.Task():
            return (step.when_done, step.when_expired)
    return ()


def _nearest(wanted: str, known: list[str]) -> str | None:
    import difflib

    close = difflib.get_close_matches(wanted, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else None


def send_window(window: spec.Window) -> SendWindow:
    """The window of a program, ready to be asked."""
    opens, closes = parse_window_hours(window.hours)
    days, business_days_only = parse_window_days(window.days)
    return SendWindow(
        days=days, opens=opens, closes=closes, zone_rule=window.zone, holidays=window.holidays,
        business_days_only=business_days_only,
    )  # fmt: skip


def compile_program(program: spec.Program, version: int = 0) -> tuple[Graph, list[Complaint]]:
    """Build the graph. It may only be run when there are no complaints."""
    builder = _Builder(program)
    first = builder.sequence(program.steps, ("steps",), FINISHED)
    builder.resolve()
    if first.startswith("->"):
        first = builder._target(first)
    conditions = [exit.when for exit in program.exits]
    if program.goal is not None:
        conditions.append(program.goal.when)
    always = {"stage", MANAGED, *(key for c in conditions for key in c.listens())}
    everything = [*conditions]
    for node in builder.nodes.values():
        if isinstance(node, WaitForNode):
            everything.append(node.condition)
        elif isinstance(node, BranchNode):
            everything.extend(condition for condition, _ in node.cases)
    events = {leaf.event for c in everything for leaf in leaves(c) if getattr(leaf, "event", None)}
    graph = Graph(
        id=program.program, name=program.name, version=version, first=first, nodes=builder.nodes,
        paths=builder.paths, window=send_window(program.send_window), goal=program.goal,
        exits=program.exits, stay_when=frozenset(program.stay_when), listens=frozenset(always),
        timed=tuple(leaf for c in conditions for leaf in leaves(c) if hasattr(leaf, "next_flip")),
        event_names=frozenset(events), owner=program.owner, reads=reads(everything),
        same_person=program.same_person, at_most_a_day=program.at_most_a_day,
        at_most_a_minute=program.at_most_a_minute, named=_named(builder),
    )  # fmt: skip
    complaints = builder.complaints
    if not complaints:
        complaints = [*_not_reached(graph), *_restless_loops(graph)]
    return graph, complaints


def _not_reached(graph: Graph) -> Iterator[Complaint]:
    """Steps that no way leads to; of those that follow each other, only the first."""
    seen = {FINISHED}

    def walk(start: str) -> None:
        todo = [start]
        while todo:
            id = todo.pop()
            if id not in seen:
                seen.add(id)
                todo.extend(target for _, target in successors(graph.nodes[id]))

    walk(graph.first)
    for id in graph.nodes:
        if id not in seen:
            yield Complaint(
                graph.paths[id], "unreachable-step", "This step can never be reached.",
                "Remove it, or lead to it from a step above.",
            )  # fmt: skip
            walk(id)


def _restless_loops(graph: Graph) -> Iterator[Complaint]:
    """Cycles that pass no step that takes time, each reported once, at its first step."""
    state: dict[str, int] = {}

    def visit(id: str, trail: tuple[str, ...]) -> Iterator[Complaint]:
        if id == FINISHED or isinstance(graph.nodes[id], RESTING) or state.get(id) == 2:
            return
        if state.get(id) == 1:
            loop = trail[trail.index(id) :]
            yield Complaint(
                graph.paths[id], "loop-without-wait",
                f"These steps go round for ever without a wait: {' → '.join((*loop, id))}.",
                "Put a wait into the loop.",
            )  # fmt: skip
            return
        state[id] = 1
        for _, target in successors(graph.nodes[id]):
            yield from visit(target, (*trail, id))
        state[id] = 2

    for id in graph.nodes:
        yield from visit(id, ())
