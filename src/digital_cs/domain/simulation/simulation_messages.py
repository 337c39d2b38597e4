"""Follows the messages of one made-up account, each to its one end, and counts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from digital_cs.domain.programs.enrollment import MessageState, SendMessage, SkipMessage
from digital_cs.domain.programs.program_graph import SendNode
from digital_cs.domain.sending.eligibility import SERVICE, Ruling
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.simulation_budget import BudgetCounts
from digital_cs.domain.simulation.simulation_counts import ProgramCounts
from digital_cs.domain.simulation.traveller import Moment

BUDGET_RULES = "budget."
"""How the rules of the policy begin that are about how much somebody gets."""


@dataclass(slots=True)
class _Message:
    """One message on its way, with the rules of the budget that it met so far."""

    visit: int
    asked: bool = False
    met: set[str] = field(default_factory=set)


class AccountCounts:
    """Counts the way of one account through all its programs.

    An enrollment stands at one step at a time, so it has at most one message on the way.
    """

    def __init__(
        self, programs: Sequence[Played], counts: Sequence[ProgramCounts], budget: BudgetCounts
    ) -> None:
        self._programs = programs
        self._counts = counts
        self._budget = budget
        self._last: dict[int, Moment] = {}
        self._open: dict[int, _Message] = {}
        self._settled: dict[int, int] = {}
        self._wishes: defaultdict[str, list[datetime]] = defaultdict(list)
        self._limited: set[str] = set()

    def follow(self, way: Iterable[Moment], number: int, account_id: str) -> None:
        """Count a whole way; `number` is that of the account, from 0."""
        for moment in way:
            counts = self._counts[moment.program]
            if moment.program not in self._last:
                counts.accounts += 1
                counts.held_out += moment.held_out
            self._last[moment.program] = moment
            counts.count(moment)
            self._count_message(moment, counts)
        for program, last in self._last.items():
            self._counts[program].count_end(last)
        for program in list(self._open):
            self._counts[program].waiting += 1
            self._settle(program, "waiting")
        for contact, at in self._wishes.items():
            self._budget.count_wishes(number, account_id, contact, at)
        self._budget.persons += len(self._limited)
        self._budget.accounts += bool(self._limited)

    def _count_message(self, moment: Moment, counts: ProgramCounts) -> None:
        outcome, program = moment.outcome, moment.program
        for effect in outcome.effects:
            if isinstance(effect, SkipMessage):
                self._wish(program, effect.visit, counts)
                self._settle(program, "left out" if effect.merge is None else "merged")
        act, position = outcome.act, outcome.position
        if isinstance(act, SendMessage):
            self._wish(program, act.visit, counts)
            if moment.ruling is not None:
                self._ask(self._open[program], act, moment.ruling, moment.at)
            if moment.state is MessageState.ACCEPTED:
                self._settle(program, "sent")
            elif moment.state is MessageState.FAILED:
                self._settle(program, "refused")
        elif outcome.ending is not None:
            if program in self._open:
                counts.left += 1
                self._settle(program, "account left")
        elif isinstance(self._programs[program].graph.nodes.get(position.step), SendNode):
            self._wish(program, position.visit, counts)

    def _wish(self, program: int, visit: int, counts: ProgramCounts) -> None:
        """A step wishes to send, perhaps not for the first time."""
        if program not in self._open and self._settled.get(program) != visit:
            counts.wished += 1
            self._open[program] = _Message(visit)

    def _ask(self, message: _Message, act: SendMessage, ruling: Ruling, at: datetime) -> None:
        if not message.asked and act.kind != SERVICE and ruling.reason is not Reason.HELD_OUT:
            self._wishes[act.contact_id].append(at)
        message.asked = True
        if ruling.rule.startswith(BUDGET_RULES) and ruling.rule not in message.met:
            message.met.add(ruling.rule)
            self._limited.add(act.contact_id)
            self._budget.rules[ruling.rule] += 1

    def _settle(self, program: int, became: str) -> None:
        message = self._open.pop(program, None)
        if message is None:
            return
        self._settled[program] = message.visit
        if message.met:
            self._budget.messages += 1
            self._budget.became[became] += 1
