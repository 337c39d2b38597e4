"""What an enrollment does next: one pure function, called by the engine and by its simulators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from digital_cs.domain.account import LEAVING_STAGES, MANAGED, day_of
from digital_cs.domain.programs.enrollment import (
    CallWebhook,
    CloseTask,
    Ending,
    EnrollIn,
    Facts,
    LeaveProgram,
    OpenTask,
    Outcome,
    Plan,
    Position,
    SetAccount,
    Trail,
    Verdict,
    share_of,
)
from digital_cs.domain.programs.program_graph import (
    FINISHED,
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
from digital_cs.domain.programs.step_story import describe
from digital_cs.domain.programs.touch import decide_send, withdraw
from digital_cs.domain.programs.touch import plan as planned
from digital_cs.domain.rules import condition as conditions
from digital_cs.domain.rules.condition import Verdict as Answer
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.send_window import next_weekday_time
from digital_cs.domain.timing.span import Span
from digital_cs.domain.timing.zone import to_utc

MOST_INSTANT_STEPS = 500
"""A chain of instant steps longer than this is a program that `check` should have refused."""

_HEARD_AT_A_SEND = frozenset({"contacts", "calendar", "tickets", "sending"})

WITHOUT_A_DATE = Span.parse("3 days")


def advance(graph: Graph, position: Position, facts: Facts, now: datetime) -> Outcome:
    """Say what comes next for one enrollment at the moment `now` (aware, UTC).

    Total and deterministic: the same arguments give the same outcome. The outcome acts, rests
    or ends (see `Outcome`). An outcome that acts keeps the position at its step: whoever
    performs the act adds its result to the facts and asks again.
    """
    trail = Trail()
    for _ in range(MOST_INSTANT_STEPS):
        ending = _ending(graph, position, facts, now)
        if ending is not None:
            kind, because = ending
            return _end(graph, position, facts, trail, kind, because)
        if position.step == FINISHED:
            return _end(graph, position, facts, trail, Ending.COMPLETED, "All its steps are done.")
        node = graph.nodes[position.step]
        if facts.controls.paused:
            position = _say_why_paused(position, facts, trail)
            return _rest(graph, node, position, facts, trail, now, None, "paused")
        if facts.controls.skip_visit == position.visit and not isinstance(node, SendNode):
            position = _skip(node, position, now, trail)
            continue
        if isinstance(node, EndNode):
            return _end(graph, position, facts, trail, Ending.COMPLETED, node.reason)
        if position.rests_until is not None and now < position.rests_until:
            label = "rest after a change of the program"
            return _rest(graph, node, position, facts, trail, now, position.rests_until, label)
        step = _STEPS[type(node)](graph, node, position, facts, now, trail)
        if isinstance(step, Outcome):
            return step
        position, facts = step
    raise RuntimeError(f"{graph.id} does not come to rest at step {position.step}")


Moved = tuple[Position, Facts]


def _enter(position: Position, step: str, at: datetime) -> Position:
    """Stand at `step` since `at`: the moment for which the change was due, however late we are.

    A message counts as due from there, so that what an outage or a pause held up is told from
    what is fresh (P8, P10). Whatever takes time begins when we get to it, so that our being
    late never uses up a customer's (P12). What people do counts from when we learn of it.
    """
    return Position(step=step, visit=position.visit + 1, entered_at=at)


def _skip(node: Node, position: Position, now: datetime, trail: Trail) -> Position:
    """Past a step that an operator skips: what it waited for did not happen, nor was it done."""
    position = trail.note(position, Verdict.SKIPPED, Reason.OPERATOR, "Skipped by hand.")
    match node:
        case TaskNode():
            if position.due_at is not None:
                trail.effects.append(CloseTask(position.visit, "skipped"))
            return _enter(position, node.expired, now)
        case WaitForNode():
            return _enter(position, node.timed_out, now)
    return _enter(position, node.next, now)


def _say_why_paused(position: Position, facts: Facts, trail: Trail) -> Position:
    """A person who pauses something knows why; a reply does it by itself (P18)."""
    replied_at = facts.controls.replied_at
    if replied_at is None:
        return position
    words = Reason.REPLIED.sentence(day=f"{replied_at.astimezone(facts.zone()):%a %-d %b %Y}")
    return trail.note(position, Verdict.HELD, Reason.REPLIED, words, rule="quiet.replies")


def _ending(
    graph: Graph, position: Position, facts: Facts, now: datetime
) -> tuple[Ending, str] | None:
    """Whatever takes the account out at once; an exit wins over everything (P3, P6)."""
    if facts.controls.exit_because is not None:
        return Ending.EXITED, facts.controls.exit_because
    account = facts.account
    if account.stage in LEAVING_STAGES and account.stage not in graph.stay_when:
        return Ending.EXITED, f"The account is {account.stage}."
    if account.managed and MANAGED not in graph.stay_when:
        return Ending.EXITED, "The account is looked after by a person now."
    for rule in graph.exits:
        if rule.when.verdict(account, facts.started_at, now) is Answer.YES:
            return Ending.EXITED, rule.because
    if graph.goal and graph.goal.when.verdict(account, facts.started_at, now) is Answer.YES:
        return Ending.GOAL, graph.goal.name
    return None


def give_up_step(
    graph: Graph, position: Position, facts: Facts, trail: Trail, because: str
) -> None:
    """What was begun at a step and will not be done: its task is closed, its message withdrawn."""
    node = graph.nodes.get(position.step)
    if isinstance(node, TaskNode) and position.due_at is not None:
        task = facts.tasks.get(position.visit)
        if task is None or task.done_at is None:
            trail.effects.append(CloseTask(position.visit, because))
    if isinstance(node, SendNode):
        withdraw(node, position, facts, trail, because)


def _end(
    graph: Graph, position: Position, facts: Facts, trail: Trail, kind: Ending, because: str
) -> Outcome:
    give_up_step(graph, position, facts, trail, because)
    return Outcome(
        position=position, effects=tuple(trail.effects), decisions=tuple(trail.decisions),
        ending=kind, because=because,
    )  # fmt: skip


def _rest(
    graph: Graph, node: Node, position: Position, facts: Facts, trail: Trail, now: datetime,
    wake_at: datetime | None, label: str, also: frozenset[str] = frozenset(), next_label: str = "",
    plan: Plan | None = None,
) -> Outcome:  # fmt: skip
    """Rest until `wake_at`, or earlier if time alone may flip an exit or the goal."""
    for leaf in graph.timed:
        flip = leaf.next_flip(facts.account, now)
        if flip is not None and (wake_at is None or flip < wake_at):
            wake_at = flip
    return Outcome(
        position=position, effects=tuple(trail.effects), decisions=tuple(trail.decisions),
        wake_at=wake_at, listens=graph.listens | also, label=label,
        next_label=next_label or describe(node), plan=plan,
    )  # fmt: skip


def _then(graph: Graph, node: Node) -> str:
    return describe(graph.nodes.get(node.next))


def _send(
    graph: Graph, node: SendNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Outcome | Moved:
    decided = decide_send(graph, node, position, facts, now, trail)
    if decided.settled:
        return _enter(decided.position, node.next, now), facts
    if decided.exit_because is not None:
        return _end(graph, decided.position, facts, trail, Ending.EXITED, decided.exit_because)
    if decided.act is not None:
        return Outcome(
            position=decided.position, effects=tuple(trail.effects),
            decisions=tuple(trail.decisions), act=decided.act, label=describe(node),
        )  # fmt: skip
    return _rest(
        graph, node, decided.position, facts, trail, now, decided.wake_at, decided.label,
        _HEARD_AT_A_SEND, plan=decided.plan,
    )  # fmt: skip


def _wait(
    graph: Graph, node: WaitNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Outcome | Moved:
    until = position.due_at or facts.after(now, node.span)
    if now >= until:
        return _enter(position, node.next, until), facts
    position = replace(position, due_at=until)
    label = f"wait {node.span.words()}"
    return _rest(
        graph,
        node,
        position,
        facts,
        trail,
        now,
        until,
        label,
        next_label=_then(graph, node),
        plan=planned(graph, node, facts, until),
    )


def _wait_weekday(
    graph: Graph, node: WaitWeekdayNode, position: Position, facts: Facts, now: datetime,
    trail: Trail,
) -> Outcome | Moved:  # fmt: skip
    until = position.due_at or next_weekday_time(now, node.weekdays, node.at, facts.zone())
    if now >= until:
        return _enter(position, node.next, until), facts
    label = f"wait until {until.astimezone(facts.zone()):%a %-d %b %H:%M}"
    position = replace(position, due_at=until)
    return _rest(
        graph,
        node,
        position,
        facts,
        trail,
        now,
        until,
        label,
        next_label=_then(graph, node),
        plan=planned(graph, node, facts, until),
    )


def _wait_date(
    graph: Graph, node: WaitDateNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Outcome | Moved:
    """The date is read again at each call: a renewal that moved moves the wait (P6)."""
    listens = frozenset({f"trait:{node.trait}"})
    day = day_of(facts.account.traits.get(node.trait))
    if day is None:
        since = position.held_since or now
        limit = facts.after(since, WITHOUT_A_DATE)
        if now < limit:
            position = trail.note(
                replace(position, held_since=since), Verdict.HELD, Reason.NO_DATE,
                f"The account has no {node.trait} yet.",
            )  # fmt: skip
            label = f"hold: no {node.trait}"
            return _rest(graph, node, position, facts, trail, now, limit, label, listens)
        words = f"The account still has no {node.trait}."
        if node.exit_without:
            return _end(graph, position, facts, trail, Ending.EXITED, words)
        position = trail.note(position, Verdict.PASSED, Reason.NO_DATE, words)
        return _enter(position, node.next, limit), facts
    until = _on(node, day, facts)
    if now >= until:
        if until < position.entered_at:
            words = f"Already true since {until:%-d %B %Y}."
            position = trail.note(position, Verdict.PASSED, Reason.TRUE_SINCE, words)
        return _enter(position, node.next, max(until, position.entered_at)), facts
    label = f"wait until {until.astimezone(facts.zone()):%-d %b %Y}"
    return _rest(
        graph, node, replace(position, held_since=None, due_at=until), facts, trail, now, until,
        label, listens, _then(graph, node), planned(graph, node, facts, until),
    )  # fmt: skip


def date_waited_for(node: WaitDateNode, facts: Facts) -> datetime | None:
    """The moment that it waits for; None where the account has no such date."""
    day = day_of(facts.account.traits.get(node.trait))
    return None if day is None else _on(node, day, facts)


def _on(node: WaitDateNode, day: date, facts: Facts) -> datetime:
    until = to_utc(datetime.combine(day, node.at), facts.zone())
    if node.shift is None:
        return until
    move = facts.before if node.shift.direction == "before" else facts.after
    return move(until, node.shift.span)


def _wait_for(
    graph: Graph, node: WaitForNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Outcome | Moved:
    account, since = facts.account, facts.started_at
    if node.from_step:
        since = position.entered_at
    first_look = position.due_at is None
    deadline = position.due_at or facts.after(now, node.limit)
    answer = node.condition.verdict(account, since, min(now, deadline))
    if answer is Answer.YES:
        moment = conditions.true_since(node.condition, account, since, now)
        if moment is not None and moment < position.entered_at:
            words = f"Already true since {moment:%-d %B %Y}: {node.condition.words()}."
            position = trail.note(position, Verdict.PASSED, Reason.TRUE_SINCE, words)
        else:
            words = f"It happened: {node.condition.words()}."
            position = trail.note(position, Verdict.TOOK, Reason.HAPPENED, words)
        return _enter(position, node.next, position.entered_at if first_look else now), facts
    listens = frozenset(node.condition.listens())
    label = f"wait for {node.condition.words()}"
    position = replace(position, due_at=deadline)
    if now < deadline:
        flip = conditions.next_flip(node.condition, account, now)
        wake = min(deadline, flip) if flip is not None else deadline
        return _rest(graph, node, position, facts, trail, now, wake, label, listens)
    if answer is Answer.UNKNOWN:
        limit = facts.after(deadline, node.unknown_hold)
        if now < limit:
            position = _hold_unknown(trail, position, node.condition, now)
            label = "hold: data is missing"
            return _rest(graph, node, position, facts, trail, now, limit, label, listens)
        target = node.next if node.unknown_yes else node.timed_out
        words = f"Still not known, so the default: {node.condition.words()}."
        position = trail.note(position, Verdict.TOOK, Reason.UNKNOWN_DEFAULT, words)
        return _enter(position, target, limit), facts
    words = f"Not within {node.limit.words()}: {node.condition.words()}."
    position = trail.note(position, Verdict.TOOK, Reason.TIMED_OUT, words)
    return _enter(position, node.timed_out, deadline), facts


def _hold_unknown(trail: Trail, position: Position, condition: Any, now: datetime) -> Position:
    position = replace(position, held_since=position.held_since or now)
    words = f"Data is missing to answer: {condition.words()}."
    return trail.note(position, Verdict.HELD, Reason.UNKNOWN, words)


def _branch(
    graph: Graph, node: BranchNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Outcome | Moved:
    at = position.entered_at if position.held_since is None else now
    for condition, target in node.cases:
        answer = condition.verdict(facts.account, facts.started_at, now)
        if answer is Answer.UNKNOWN:
            limit = position.due_at or facts.after(now, node.unknown_hold)
            if now < limit:
                position = replace(_hold_unknown(trail, position, condition, now), due_at=limit)
                listens = frozenset(key for c, _ in node.cases for key in c.listens())
                flips = [conditions.next_flip(c, facts.account, now) for c, _ in node.cases]
                wake = min([limit, *(flip for flip in flips if flip is not None)])
                label = "hold: data is missing"
                return _rest(graph, node, position, facts, trail, now, wake, label, listens)
            at = limit
            answer = Answer.YES if node.unknown_yes else Answer.NO
            words = f"Still not known, so the default: {condition.words()}."
            position = trail.note(position, Verdict.TOOK, Reason.UNKNOWN_DEFAULT, words)
        if answer is Answer.YES:
            position = trail.note(position, Verdict.TOOK, Reason.BRANCH, f"{condition.words()}.")
            return _enter(position, target, at), facts
    position = trail.note(position, Verdict.TOOK, Reason.BRANCH, "None of the conditions held.")
    return _enter(position, node.next, at), facts


def _split(
    graph: Graph, node: SplitNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Moved:
    point = share_of(graph.id, node.id, facts.account.id) * sum(share for _, share, _ in node.arms)
    for name, share, target in node.arms:
        point -= share
        if point < 0:
            position = trail.note(position, Verdict.TOOK, Reason.SPLIT, f"Drawn into {name}.")
            return _enter(position, target, position.entered_at), facts
    raise ArithmeticError("a share is below the sum of all shares")


def _task(
    graph: Graph, node: TaskNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Outcome | Moved:
    fact = facts.tasks.get(position.visit)
    if fact is not None and fact.done_at is not None:
        position = trail.note(position, Verdict.TOOK, Reason.TASK_DONE, f"Done: {node.title}.")
        return _enter(position, node.next, now), facts
    due = position.due_at
    if due is None:
        due = facts.after(now, node.due_in)
        position = replace(position, due_at=due)
        trail.effects.append(
            OpenTask(node.id, position.visit, node.title, node.note, node.assign_to, due)
        )
    if now >= due:
        trail.effects.append(CloseTask(position.visit, "expired"))
        position = trail.note(
            position, Verdict.TOOK, Reason.TASK_EXPIRED, f"Not done: {node.title}."
        )
        return _enter(position, node.expired, due), facts
    return _rest(
        graph, node, position, facts, trail, now, due, f"wait for task: {node.title}",
        frozenset({"task"}),
    )  # fmt: skip


def _webhook(
    graph: Graph, node: WebhookNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Outcome | Moved:
    fact = facts.calls.get(position.visit)
    if fact is not None and fact.settled:
        if not fact.delivered:
            words = "The other system never took it; it is listed as a dead letter."
            position = trail.note(position, Verdict.FAILED, Reason.DEAD_LETTER, words)
        return _enter(position, node.next, now), facts
    give_up = position.due_at or facts.after(now, node.give_up_after)
    position = replace(position, due_at=give_up)
    if fact is not None and fact.retry_at is not None and now < fact.retry_at:
        label = f"retry webhook {node.id}"
        return _rest(graph, node, position, facts, trail, now, fact.retry_at, label)
    act = CallWebhook(
        node.id, position.visit, node.url, node.fields, give_up, fact.attempts if fact else 0
    )
    return Outcome(
        position=position, effects=tuple(trail.effects), decisions=tuple(trail.decisions), act=act,
        label=describe(node),
    )  # fmt: skip


def _set(
    graph: Graph, node: SetNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Moved:
    trail.effects.append(SetAccount(node.stage, node.traits))
    account = replace(
        facts.account,
        stage=node.stage or facts.account.stage,
        traits={**facts.account.traits, **dict(node.traits)},
    )
    return _enter(position, node.next, position.entered_at), replace(facts, account=account)


def _enroll(
    graph: Graph, node: EnrollNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Moved:
    trail.effects.append(EnrollIn(node.program, position.visit))
    return _enter(position, node.next, position.entered_at), facts


def _leave(
    graph: Graph, node: LeaveNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> Moved:
    trail.effects.append(LeaveProgram(node.program))
    return _enter(position, node.next, position.entered_at), facts


_STEPS: dict[type[Node], Callable[..., Outcome | Moved]] = {
    SendNode: _send,
    WaitNode: _wait,
    WaitWeekdayNode: _wait_weekday,
    WaitDateNode: _wait_date,
    WaitForNode: _wait_for,
    BranchNode: _branch,
    SplitNode: _split,
    TaskNode: _task,
    WebhookNode: _webhook,
    SetNode: _set,
    EnrollNode: _enroll,
    LeaveNode: _leave,
}
