"""Simulations of a few programs in one line: what tests of them share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from digital_cs.domain.programs.enrollment import MessageState, SendMessage
from digital_cs.domain.programs.program import Entry
from digital_cs.domain.sending.policy import OPEN, Policy
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.population import Population
from digital_cs.domain.simulation.sim_account import SimAccount
from digital_cs.domain.simulation.sim_gate import Gate
from digital_cs.domain.simulation.sim_world import World
from digital_cs.domain.simulation.simulation import SimulationResult, simulate
from digital_cs.domain.simulation.traveller import Moment, travel
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from tests.domain.rehearsal import DAY, MONDAY, acme, program

CALENDAR = BusinessCalendar()
UNTIL = MONDAY + 200 * DAY


def played(
    id: str, *steps: dict[str, Any], entry: dict[str, Any] | None = None, **rest: Any
) -> Played:
    return Played(program(*steps, program=id, **rest), Entry.model_validate(entry or {}))


def way_of(
    programs: Sequence[Played], policy: Policy = OPEN, sim: SimAccount | None = None,
    until: datetime = UNTIL,
) -> list[Moment]:  # fmt: skip
    sim = sim or SimAccount(acme(), (MONDAY,) * len(programs))
    return [*travel(programs, sim, until, CALENDAR, World(), Gate(policy, CALENDAR))]


def sent(way: list[Moment]) -> list[tuple[int, str]]:
    """(Program, e-mail) of what went out, in order."""
    return [
        (each.program, each.outcome.act.email)
        for each in way
        if isinstance(each.outcome.act, SendMessage) and each.state is MessageState.ACCEPTED
    ]


def play(
    programs: Sequence[Played], policy: Policy, size: int = 20, **rest: Any
) -> SimulationResult:
    people = Population(programs, size, MONDAY, 20)
    return simulate(
        programs, people, start=MONDAY, days=90, calendar=CALENDAR, policy=policy, **rest
    )


def drip(id: str, *emails: str, every: str = "1 day", **how: Any) -> Played:
    """Sends these with the same wait between them."""
    steps: list[dict[str, Any]] = []
    for email in emails:
        steps += [{"wait": every}] if steps else []
        steps.append({"send": email, "useful_for": "30 days", **how})
    return played(id, *steps)
