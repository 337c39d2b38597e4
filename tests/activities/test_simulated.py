"""What a simulation foresees for an account is what the engine really does with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digital_cs.domain.account import Account, Contact
from digital_cs.domain.programs.enrollment import MessageState, SendMessage, Verdict
from digital_cs.domain.programs.program import Program
from digital_cs.domain.programs.program_graph import compile_program
from digital_cs.domain.sending.policy import Policy
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.sim_account import A_DAY, SimAccount
from digital_cs.domain.simulation.sim_gate import Gate
from digital_cs.domain.simulation.sim_world import World
from digital_cs.domain.simulation.traveller import travel
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.sending import policies
from tests import rig
from tests.activities.house import House

POLICY = Policy.model_validate(
    {"budget": {"person": {"low": 1, "normal": 2, "high": 3}, "account": 5}, "holdout": 0}
)


@dataclass(frozen=True, order=True)
class Said:
    """One decision, without its words: made-up people have no names."""

    at: datetime
    program: str
    visit: int
    verdict: str
    reason: str
    rule: str | None
    until: datetime | None


def send(email: str, to: str = "champion", **how: Any) -> dict[str, Any]:
    return {"send": email, "to": [to], "useful_for": "6 days", **how}


WELCOME = rig.program(
    "welcome",
    [
        send("welcome-trial-1"), {"wait": "1 day"}, send("welcome-trial-2"), {"wait": "1 day"},
        send("welcome-trial-3", over_budget="drop"), {"wait": "4 days"},
        send("trial-ending", useful_for="20 days"), {"wait": "2 hours"},
        send("welcome-paid-1", "admin", kind="service"),
        send("welcome-paid-2", "admin", priority="low", useful_for="20 days"),
        {"wait": "3 days"}, send("first-send-celebration"),  # by then the other has taken it out
    ],
)  # fmt: skip
RENEWAL = rig.program(
    "renewal",
    [
        {"wait": "30 hours"}, send("renewal-90", priority="high"), {"wait": "1 day"},
        send("renewal-30", over_budget="merge"), {"wait": "5 days"}, {"leave": "welcome"},
        send("renewal-7", "admin", priority="high"),
    ],
)  # fmt: skip


async def lived(house: House, programs: list[Program]) -> list[Said]:
    """Both programs in the engine, each woken when it asked for it, or when somebody told it."""
    async with house.pool.connection() as connection, connection.transaction():
        await policies.publish(connection, POLICY, house.clock.now())
        for each in programs:
            await rig.publish(connection, each, house.clock.now())
    await house.account("acme", "ada", "bob")
    house.clock.moment = rig.MONDAY
    ids = [await house.enroll("acme", each.program) for each in programs]
    wakes = dict.fromkeys(ids, rig.MONDAY)
    while wakes:
        id = min(wakes, key=wakes.__getitem__)
        house.clock.moment = wakes.pop(id)
        await house.advance(id)
        woken = await house.woken()
        for row in await house.rows("select id, wake_at from enrollments where ended_at is null"):
            wakes[row["id"]] = house.clock.moment if row["id"] in woken else row["wake_at"]
    rows = await house.rows(
        "select at, program_id, visit, verdict, reason, rule, until from decisions order by id"
    )
    return [Said(*row.values()) for row in rows]


def foreseen(programs: list[Program]) -> list[Said]:
    """The same in a simulation."""
    played = [Played(compile_program(each)[0], each.enter) for each in programs]
    people = (Contact("ada", ("champion",)), Contact("bob", ("admin",)))
    sim = SimAccount(
        Account("acme", stage="trial", traits={"plan": "trial"}, contacts=people),
        (rig.MONDAY,) * len(programs),
    )
    calendar, found = BusinessCalendar(), []
    until = rig.MONDAY + 90 * A_DAY
    for moment in travel(played, sim, until, calendar, World(), Gate(POLICY, calendar, 1)):
        name, at = played[moment.program].id, moment.at
        found += [
            Said(at, name, each.visit, each.verdict, each.reason, each.rule, each.until)
            for each in moment.outcome.decisions
        ]
        act = moment.outcome.act
        if isinstance(act, SendMessage) and moment.state is MessageState.ACCEPTED:
            found.append(Said(at, name, act.visit, Verdict.SENT, "accepted", None, None))
    return found


async def test_the_rulings_of_a_simulation_are_those_of_the_engine(house: House) -> None:
    """P17: two programs, one account, one policy: same decisions, same moments, same order."""
    programs = [WELCOME, RENEWAL]
    expected = foreseen(programs)

    assert await lived(house, programs) == expected
    reasons = {each.reason for each in expected if each.verdict in ("deferred", "skipped")}
    assert reasons >= {"budget_person", "merged", "reserved"}
