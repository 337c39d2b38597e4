"""One account on its way through programs with no server: the engine's loop in small."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum

from digital_cs.domain.programs.enrollment import (
    CloseTask,
    Controls,
    Effect,
    EnrollIn,
    Facts,
    LeaveProgram,
    MessageFact,
    MessageState,
    OpenTask,
    Outcome,
    Plan,
    Position,
    SendMessage,
    SetAccount,
    TaskFact,
    WebhookFact,
    start,
)
from digital_cs.domain.programs.what_next import advance
from digital_cs.domain.sending.eligibility import Answer, Ruling
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.sim_account import Change, SimAccount, changed, used
from digital_cs.domain.simulation.sim_gate import Attention, Gate
from digital_cs.domain.simulation.sim_world import World
from digital_cs.domain.timing.business_calendar import BusinessCalendar


@dataclass(frozen=True, slots=True)
class Moment:
    """One outcome on the way: when, in which program, and what became of a message.

    `ruling` is what was decided where a message was about to go out, `state` what the provider
    did with it if it went. `held_out` accounts get no marketing of the program.
    """

    at: datetime
    program: int
    outcome: Outcome
    ruling: Ruling | None = None
    state: MessageState | None = None
    held_out: bool = False


class _Turn(IntEnum):
    """Whose turn it is, in the order of those at the same moment."""

    ENTERS = 0
    CHANGES = 1
    WAKES = 2


@dataclass(slots=True)
class _Enrollment:
    """The account inside one program; `wake_at` None: over, or only something may wake it."""

    number: int
    program: Played
    position: Position
    facts: Facts
    held_out: float | None
    wake_at: datetime | None
    listens: frozenset[str] = frozenset()
    plan: Plan | None = None
    task_done_at: datetime | None = None
    ended: bool = False
    messages: dict[int, MessageFact] = field(default_factory=dict)
    calls: dict[int, WebhookFact] = field(default_factory=dict)
    tasks: dict[int, TaskFact] = field(default_factory=dict)


def travel(
    programs: Sequence[Played], sim: SimAccount, until: datetime, calendar: BusinessCalendar,
    world: World, gate: Gate,
) -> Iterator[Moment]:  # fmt: skip
    """Yield every outcome on the way of one account, until all ended or `until` is passed.

    Its programs take their turns in the order of time, on one account and one attention. They are
    woken as the engine would wake them: at the moment that they named, or by what they listen to.
    An account enters a program at most once.
    """
    return _Way(programs, sim, calendar, world, gate).play(until)


class _Way:
    def __init__(
        self, programs: Sequence[Played], sim: SimAccount, calendar: BusinessCalendar,
        world: World, gate: Gate,
    ) -> None:  # fmt: skip
        self.programs = programs
        self.sim = sim
        self.calendar = calendar
        self.world = world
        self.gate = gate
        self.account = sim.account
        self.attention = Attention()
        self.comes_at = dict(enumerate(sim.enters))
        self.inside: dict[int, _Enrollment] = {}

    def play(self, until: datetime) -> Iterator[Moment]:
        changes = deque(self.sim.changes)
        while (turn := self._next_turn(changes)) is not None and turn[0] <= until:
            now, what, number = turn
            if what is _Turn.ENTERS:
                entered = self._enter(number, now)
                if entered is not None:
                    yield from self._look(entered, now)
            elif what is _Turn.CHANGES:
                change = changes.popleft()
                self.account = changed(self.account, change)
                for each in list(self.inside.values()):
                    if change.key in each.listens:
                        yield from self._look(each, now)
            else:
                yield from self._look(self.inside[number], now)

    def _next_turn(self, changes: deque[Change]) -> tuple[datetime, _Turn, int] | None:
        turns = [(at, _Turn.ENTERS, n) for n, at in self.comes_at.items() if at is not None]
        turns += [
            (each.wake_at, _Turn.WAKES, n)
            for n, each in self.inside.items()
            if each.wake_at is not None
        ]
        if changes and (turns or any(each.listens for each in self.inside.values())):
            turns.append((changes[0].at, _Turn.CHANGES, 0))
        return min(turns, default=None)

    def _enter(self, number: int, now: datetime, *, sent: bool = False) -> _Enrollment | None:
        """Come in, unless its rule says no; `sent`: another program has enrolled it."""
        self.comes_at[number] = None
        program = self.programs[number]
        if number in self.inside:
            return None
        self.account = used(self.account, self.sim.active, now)
        if not (sent or number == self.sim.made_for or program.may_enter(self.account, now)):
            return None
        entered = _Enrollment(
            number, program, start(program.graph.first, now),
            Facts(self.account.id, self.account, now, self.calendar, self.world.workspace_zone),
            self.gate.held_out(program, self.account.id), now,
        )  # fmt: skip
        entered.facts = replace(
            entered.facts, messages=entered.messages, calls=entered.calls, tasks=entered.tasks
        )
        self.inside[number] = entered
        return entered

    def _others(self, one: _Enrollment) -> list[_Enrollment]:
        return [each for each in self.inside.values() if each is not one and not each.ended]

    def _look(self, each: _Enrollment, now: datetime) -> Iterator[Moment]:
        """Ask what comes next at this moment, and perform it until it rests or ends."""
        if each.task_done_at is not None and now >= each.task_done_at:
            each.tasks[each.position.visit] = TaskFact(each.task_done_at)
            each.task_done_at = None
        rulings: dict[int, Ruling] = {}
        while True:
            self.account = used(self.account, self.sim.active, now)
            if self.account is not each.facts.account or each.facts.rulings != rulings:
                each.facts = replace(each.facts, account=self.account, rulings=rulings)
            outcome = advance(each.program.graph, each.position, each.facts, now)
            each.position, act = outcome.position, outcome.act
            ruling = state = None
            if isinstance(act, SendMessage):
                ruling = self._ask(each, act, now)
                if ruling.answer is Answer.SEND:
                    state = self._send(each, act, now)
                else:
                    rulings = {act.visit: ruling}
            elif act is not None:
                each.calls[act.visit] = self.world.call(self.account.id, act)
            held_out = each.held_out is not None
            yield Moment(now, each.number, outcome, ruling, state, held_out)
            for effect in outcome.effects:
                self._apply(each, effect, now)
            if act is None:
                break
        each.ended = outcome.ending is not None
        each.listens, each.plan = outcome.listens, outcome.plan
        wakes = (outcome.wake_at, each.task_done_at)
        each.wake_at = None if each.ended else min(filter(None, wakes), default=None)

    def _ask(self, each: _Enrollment, act: SendMessage, now: datetime) -> Ruling:
        plans = [other.plan for other in self._others(each) if other.plan is not None]
        return self.gate.ask(
            each.program, act, self.account, self.attention, plans, each.held_out, now
        )

    def _send(self, each: _Enrollment, act: SendMessage, now: datetime) -> MessageState:
        answer = self.world.answer(self.account.id, act, now)
        each.messages[act.visit] = answer
        if answer.state is MessageState.ACCEPTED:
            self.attention.note(act, now)
        return answer.state

    def _apply(self, each: _Enrollment, effect: Effect, now: datetime) -> None:
        match effect:
            case SetAccount():
                traits = {**self.account.traits, **dict(effect.traits)}
                stage = effect.stage or self.account.stage
                self.account = replace(self.account, stage=stage, traits=traits)
                keys = {f"trait:{name}" for name, _ in effect.traits}
                keys |= {"stage"} if effect.stage else set()
                for other in self._others(each):
                    if keys & other.listens:
                        other.wake_at = now
            case OpenTask():
                each.task_done_at = self.world.done_at(self.account.id, effect, now)
            case CloseTask():
                each.task_done_at = None
            case EnrollIn():
                for number, program in enumerate(self.programs):
                    if program.id == effect.program:
                        self._enter(number, now, sent=True)
            case LeaveProgram():
                for other in self._others(each):
                    if other.program.id == effect.program:
                        because = f"The program {each.program.id} took the account out."
                        other.facts = replace(other.facts, controls=Controls(exit_because=because))
                        other.wake_at = now
