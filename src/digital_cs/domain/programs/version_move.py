"""Those inside a program that was changed: where they stand in its new version (P20).

Who moves keeps the step, what was begun at it, and the moment for which it is planned. Where the
change alone would let somebody go on at once, because a wait was made shorter or what it waits for
is true by now, they go on at a moment of their own within a span: a crowd is never let loose.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from digital_cs.domain.programs.enrollment import Effect, Facts, Position, Trail, share_of
from digital_cs.domain.programs.program_graph import (
    Graph,
    Node,
    WaitDateNode,
    WaitForNode,
    WaitNode,
    WaitWeekdayNode,
)
from digital_cs.domain.programs.what_next import date_waited_for, give_up_step
from digital_cs.domain.rules.condition import Verdict as Answer


def moved(
    old: Graph, new: Graph, step: str, position: Position, facts: Facts, now: datetime,
    spread: timedelta,
) -> Position:  # fmt: skip
    """The position in `new`, at the `step` that is the twin of theirs (`version_twins.twins`)."""
    was, node = old.nodes[position.step], new.nodes[step]
    if _goes_on(was, position, facts, now):  # not for the change, and as due as it was
        return replace(position, step=step)
    there = replace(position, step=step, due_at=_due(was, node, position, facts))
    if not _goes_on(node, there, facts, now):
        return there
    at = _moment(new, facts, now, spread)
    if isinstance(node, WaitDateNode):  # what follows is as useful as if the date were then
        return replace(there, entered_at=at, rests_until=at)
    due = max(there.due_at, at) if there.due_at is not None else None
    return replace(there, due_at=due, rests_until=at)


def restarted(
    old: Graph, new: Graph, position: Position, facts: Facts, now: datetime, spread: timedelta
) -> tuple[Position, tuple[Effect, ...]]:
    """The position at the first step of `new`, and what becomes of what was begun at the old."""
    trail = Trail()
    give_up_step(old, position, facts, trail, f"It began anew with version {new.version}.")
    at = _moment(new, facts, now, spread)
    return (
        Position(step=new.first, visit=position.visit + 1, entered_at=at, rests_until=at),
        tuple(trail.effects),
    )


def _moment(new: Graph, facts: Facts, now: datetime, spread: timedelta) -> datetime:
    """A moment of their own within the span; the same however often it is asked."""
    return now + spread * share_of(new.id, str(new.version), facts.enrollment_id)


def _due(was: Node, node: Node, position: Position, facts: Facts) -> datetime | None:
    """For when the step is planned: as before, if the change does not concern that."""
    if position.due_at is None:
        return None
    match was, node:
        case WaitNode(), WaitNode() if was.span != node.span:
            return facts.after(position.entered_at, node.span)
        case WaitForNode(), WaitForNode() if was.limit != node.limit:
            return facts.after(position.entered_at, node.limit)
        case WaitWeekdayNode(), WaitWeekdayNode() if (was.weekdays, was.at) != (
            node.weekdays, node.at,
        ):  # fmt: skip
            return None  # the next such moment, which lies ahead
    return position.due_at


def _goes_on(node: Node, position: Position, facts: Facts, now: datetime) -> bool:
    """Whether a wait would be over at once."""
    match node:
        case WaitNode() | WaitWeekdayNode():
            return position.due_at is not None and position.due_at <= now
        case WaitDateNode():
            until = date_waited_for(node, facts)
            return until is not None and until <= now
        case WaitForNode():
            since = position.entered_at if node.from_step else facts.started_at
            return (position.due_at is not None and position.due_at <= now) or (
                node.condition.verdict(facts.account, since, now) is Answer.YES
            )
    return False
