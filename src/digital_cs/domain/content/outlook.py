"""What an enrollment may send in the coming days, and about when, by its program alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from itertools import count
from zoneinfo import ZoneInfo

from digital_cs.domain.programs.program_graph import (
    FINISHED,
    Graph,
    Node,
    SendNode,
    TaskNode,
    WaitDateNode,
    WaitForNode,
    WaitNode,
    WaitWeekdayNode,
)
from digital_cs.domain.programs.program_ways import NOTHING, Known, all_pass, targets
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.send_window import next_open, next_weekday_time
from digital_cs.domain.timing.span import Span, add, subtract
from digital_cs.domain.timing.zone import load_zone, to_utc

TIMED = (WaitNode, WaitWeekdayNode, WaitDateNode)
"""Steps that nothing but time ends: what follows them is no earlier than their moment."""

_NEVER = datetime.max.replace(tzinfo=UTC)
_EVER = datetime.min.replace(tzinfo=UTC)
_MOST_ROUNDS = 50
"""A step that is reached later and later is in a loop: its last moment is not looked for."""

Way = tuple[str, datetime, datetime]
"""A step that comes next, and between which moments it is reached."""


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Where an enrollment stands.

    `due` is the moment, not yet past, for which the step's work is planned: the end of a wait or
    of its limit, or that of its message; None: nobody has looked yet. `held` says that something
    else than time keeps its message back. `now` is what the clock shows there, where that is
    another than the outlook's.
    """

    step: str
    due: datetime | None = None
    held: bool = False
    known: Known = NOTHING
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """A message that may go out, at the earliest at `at`.

    It is `sure` if every way through the program leads to it in time. Even then it is left out
    when the account leaves, or the decision at the moment of sending says so.
    """

    step: str
    email: str
    kind: str
    to: tuple[str, ...]
    at: datetime
    sure: bool


class Outlook:
    """The messages of one version of a program that may go out from `now` until `until`.

    Waits, weekdays, dates and windows are followed in one zone; a branch, a split and whatever
    waits for something is followed on every way. What somebody may defer is taken as if it were
    not, and each step is counted at its first pass, so a day is what counts. What was found for
    one standpoint is remembered for the next: ask one outlook about many.
    """

    def __init__(
        self, graph: Graph, now: datetime, until: datetime, calendar: BusinessCalendar,
        zone: ZoneInfo | None = None,
    ) -> None:  # fmt: skip
        self._graph = graph
        self._now = now
        self._until = until
        self._calendar = calendar
        self._zone = zone or load_zone("UTC")
        self._found: dict[tuple[str, datetime, Known], tuple[Coming, ...]] = {}
        self._openings: dict[datetime, datetime] = {}
        self._ends: dict[tuple[str, datetime], datetime] = {}
        self._bounds: dict[tuple[str, str, tuple[tuple[str, str], ...]], bool] = {}

    def of(self, stands: Standpoint) -> tuple[Coming, ...]:
        """What may go out from there, the earliest first of those that are on one way."""
        if stands.step not in self._graph.nodes:
            return ()
        node, start = self._graph.nodes[stands.step], stands.now or self._now
        if stands.due is not None and isinstance(node, SendNode):
            start = stands.due
        ways = [*self._ways(stands.step, start, start, stands.known, stands.due)]
        if stands.held or not _is_one(ways):
            return tuple(self._look(stands, start))
        [(target, leaves, _)] = ways
        return self._with(node, leaves, self._along(target, leaves, stands.known))

    def _along(self, step: str, at: datetime, known: Known) -> tuple[Coming, ...]:
        """What may go out from a step that is reached at a moment.

        Most of a program is one way without a fork, and many come to the same step in the same
        hour, however far behind it they stand: their rest of the way is looked at once.
        """
        passed: dict[str, tuple[datetime, datetime]] = {}
        rest: tuple[Coming, ...] = ()
        while step != FINISHED and at <= self._until and step not in passed:
            found = self._found.get((step, at, known))
            if found is not None:
                rest = found
                break
            ways = [*self._ways(step, at, at, known, None)]
            if not _is_one(ways):
                rest = tuple(self._look(Standpoint(step, None, known=known), at))
                self._found[step, at, known] = rest
                break
            [(target, leaves, _)] = ways
            passed[step] = at, leaves
            step, at = target, leaves
        for behind, (came, left) in reversed(passed.items()):
            rest = self._with(self._graph.nodes[behind], left, rest)
            if step not in passed:  # else what comes in a second round would be missing
                self._found[behind, came, known] = rest
        return rest

    def _with(self, node: Node, at: datetime, rest: tuple[Coming, ...]) -> tuple[Coming, ...]:
        if not isinstance(node, SendNode) or at > self._until:
            return rest
        others = (each for each in rest if each.step != node.id)
        return (Coming(node.id, node.email, node.kind, node.to, at, True), *others)

    def _look(self, stands: Standpoint, start: datetime) -> Iterator[Coming]:
        nodes = self._graph.nodes
        first = self._first(stands, start)
        if not any(isinstance(nodes[step], SendNode) for step in first):
            return
        last = self._last(stands, start, first)
        for step, at in first.items():
            node = nodes[step]
            if isinstance(node, SendNode) and (opens := self._open(at)) <= self._until:
                sure = self._open(last[step]) <= self._until and self._bound(stands, step)
                yield Coming(step, node.email, node.kind, node.to, opens, sure)

    def _first(self, stands: Standpoint, start: datetime) -> dict[str, datetime]:
        """When each step is reached at the earliest, in that order.

        Nothing is reached earlier by setting out later, so the first way found is the earliest.
        """
        first: dict[str, datetime] = {}
        tie = count()
        ahead = [(start, next(tie), stands.step)]
        while ahead:
            at, _, step = heappop(ahead)
            if step == FINISHED or step in first or at > self._until:
                continue
            due = stands.due if not first else None
            first[step] = at
            for target, early, _ in self._ways(step, at, at, stands.known, due):
                heappush(ahead, (early, next(tie), target))
        return first

    def _last(
        self, stands: Standpoint, start: datetime, first: Mapping[str, datetime]
    ) -> dict[str, datetime]:
        """When each of these steps is reached at the latest; _NEVER stands for past the end."""
        last = {stands.step: _NEVER if stands.held else start}
        rounds = dict.fromkeys(first, 0)
        todo = [stands.step]
        while todo:
            step = todo.pop()
            due = stands.due if step == stands.step and not rounds[step] else None
            for target, _, late in self._ways(step, first[step], last[step], stands.known, due):
                if target not in first or late <= last.get(target, _EVER):
                    continue
                rounds[target] += 1
                past = late > self._until or rounds[target] > _MOST_ROUNDS
                last[target] = _NEVER if past else late
                todo.append(target)
        return last

    def _ways(
        self, step: str, early: datetime, late: datetime, known: Known, due: datetime | None
    ) -> Iterator[Way]:  # fmt: skip
        """Where a step leads that is reached between these moments: step, earliest, latest.

        `due` is when its time is up, where that is known already.
        """
        node = self._graph.nodes[step]
        match node:
            case SendNode():
                yield node.next, self._open(early), self._open(late)
            case WaitDateNode() if due is None:
                day = dict(known.dates).get(node.trait)
                if day is not None:
                    until = self._shifted(node, day)
                    yield node.next, max(early, until), max(late, until)
                elif not node.exit_without:
                    yield node.next, early, _NEVER
            case WaitNode() | WaitWeekdayNode() | WaitDateNode():
                over, over_late = self._over(node, early, due), self._over(node, late, due)
                yield node.next, over, over_late
            case WaitForNode() | TaskNode():
                over, over_late = self._over(node, early, due), self._over(node, late, due)
                yield node.next, early, over_late
                timed_out = node.timed_out if isinstance(node, WaitForNode) else node.expired
                yield timed_out, over, over_late
            case _:
                for target in targets(node, known):
                    yield target, early, late

    def _over(self, node: Node, at: datetime, due: datetime | None) -> datetime:
        """When the time of a step is up that is reached at a moment."""
        if at > self._until:
            return _NEVER
        if due is not None:
            return due
        found = self._ends.get((node.id, at))
        if found is None:
            found = self._ends[node.id, at] = self._end(node, at)
        return found

    def _end(self, node: Node, at: datetime) -> datetime:
        match node:
            case WaitWeekdayNode():
                return next_weekday_time(at, node.weekdays, node.at, self._zone)
            case WaitForNode():
                return self._add(at, node.limit)
            case TaskNode():
                return self._add(at, node.due_in)
            case WaitNode():
                return self._add(at, node.span)
        raise TypeError(f"{node.id} does not end by itself")

    def _add(self, at: datetime, span: Span) -> datetime:
        return add(at, span, self._zone, self._calendar)

    def _shifted(self, node: WaitDateNode, day: date) -> datetime:
        until = to_utc(datetime.combine(day, node.at), self._zone)
        if node.shift is None:
            return until
        move = subtract if node.shift.direction == "before" else add
        return move(until, node.shift.span, self._zone, self._calendar)

    def _open(self, at: datetime) -> datetime:
        """When the window is open from a moment on; _NEVER where that is too late."""
        if at > self._until:
            return _NEVER
        found = self._openings.get(at)
        if found is None:
            opening = next_open(self._graph.window, at, self._zone, self._calendar)
            found = self._openings[at] = opening.at if opening is not None else _NEVER
        return found

    def _bound(self, stands: Standpoint, step: str) -> bool:
        """Whether no way from there ends without having passed `step`."""
        key = (stands.step, step, stands.known.arms)
        found = self._bounds.get(key)
        if found is None:
            found = self._bounds[key] = all_pass(self._graph, stands.step, step, stands.known)
        return found


def _is_one(ways: Sequence[Way]) -> bool:
    """Whether there is one way, and it is known when it is gone."""
    return len(ways) == 1 and ways[0][1] == ways[0][2]
