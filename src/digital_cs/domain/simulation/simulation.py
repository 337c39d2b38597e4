"""Programs played for many made-up accounts on the engine's own decisions: no server, no mail.

Accounts are taken one by one and forgotten; only counts are kept, so memory does not grow with
their number. Nothing is drawn by chance here: the same accounts in the same world give the same
counts.

What next is `what_next.advance`, and every message is decided by `eligibility.decide`, on what the
simulation itself has sent before. Three things are not as in the engine. A day's cap of a program
is kept exactly, but given out account by account and not by the clock: how many go on each day is
right, which accounts wait is not. Rates are left out: they put messages off by minutes. And no
person belongs to two accounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from digital_cs.domain.sending.policy import OPEN, Policy, length
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.sim_account import A_DAY, SimAccount
from digital_cs.domain.simulation.sim_gate import Gate
from digital_cs.domain.simulation.sim_world import World
from digital_cs.domain.simulation.simulation_budget import BudgetCounts
from digital_cs.domain.simulation.simulation_counts import ProgramCounts, peak, peak_facts
from digital_cs.domain.simulation.simulation_messages import AccountCounts
from digital_cs.domain.simulation.traveller import travel
from digital_cs.domain.timing.business_calendar import BusinessCalendar

PROGRESS_EVERY = 500


@dataclass(slots=True)
class SimulationResult:
    """What happened, in counts: by program, and of the attention budget in all of them.

    `accounts` came to at least one program. `caps` are the messages that each program may send on
    one day, None: any number.
    """

    first_day: date
    days: int
    programs: list[ProgramCounts]
    budget: BudgetCounts
    caps: list[int | None]
    accounts: int = 0

    @property
    def touches(self) -> int:
        """Messages that were accepted, in all programs."""
        return sum(program.touches for program in self.programs)

    @property
    def wished(self) -> int:
        """Messages that programs wished to send."""
        return sum(program.wished for program in self.programs)

    @property
    def touches_by_day(self) -> Counter[date]:
        """Messages that were accepted in all programs, by UTC day."""
        return sum((program.touches_by_day for program in self.programs), Counter())

    @property
    def peak_day(self) -> tuple[date, int] | None:
        """The day with the most touches in all programs, the earliest of equals."""
        return peak(self.touches_by_day)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for --json."""
        by_day = self.touches_by_day
        return {
            "first_day": self.first_day.isoformat(),
            "days": self.days,
            "accounts": self.accounts,
            "wished": self.wished,
            "touches": self.touches,
            "touches_by_day": {day.isoformat(): n for day, n in sorted(by_day.items())},
            "peak_day": peak_facts(by_day),
            "budget": self.budget.as_dict(),
            "programs": [
                {**program.as_dict(), "at_most_a_day": cap}
                for program, cap in zip(self.programs, self.caps, strict=True)
            ],
        }


def simulate(
    programs: Sequence[Played],
    population: Iterable[SimAccount],
    *,
    start: datetime,
    days: int,
    calendar: BusinessCalendar,
    policy: Policy = OPEN,
    world: World | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> SimulationResult:
    """Play the programs for everybody in the population, over `days` from `start` (UTC).

    Accounts that come after the period are not counted. `on_progress` is told how many accounts
    are done, and of how many if the population has a length; without one, a day's share of all
    accounts is no cap.
    """
    world = world or World()
    until = start + days * A_DAY
    total = len(population) if isinstance(population, Sized) else None
    gate = Gate(policy, calendar, total)
    result = SimulationResult(
        start.date(), days, [ProgramCounts(program.id) for program in programs],
        BudgetCounts(length(policy.budget.per)), [gate.cap(program.graph) for program in programs],
    )  # fmt: skip
    done = 0
    for done, sim in enumerate(population, start=1):
        first = sim.first_moment
        if first is not None and first <= until:
            result.accounts += 1
            way = travel(programs, sim, until, calendar, world, gate)
            counts = AccountCounts(programs, result.programs, result.budget)
            counts.follow(way, done, sim.account.id)
        if on_progress is not None and done % PROGRESS_EVERY == 0:
            on_progress(done, total)
    if on_progress is not None:
        on_progress(done, total)
    return result
