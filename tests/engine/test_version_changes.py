"""A program changes while accounts are inside, and their sleeping workflows go on (P20)."""

from __future__ import annotations

from datetime import timedelta

from digital_cs.domain.programs.program import Program
from digital_cs.ingest.rules.entries import Entries
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.version_changes import Brought, Wish, bring
from tests import rig
from tests.engine.house import House, Visit

DAY_IN_TEN_SECONDS = 8640.0


def patient(wait: str) -> Program:
    return rig.program("changed", [{"wait": wait}, {"send": "welcome-trial-1"}])


def gateway_of(visit: Visit) -> Gateway:
    engine = visit.engine
    return Gateway(engine.pool, engine.clock, Entries(engine.pool, engine.clock, "UTC"))


async def test_sleeping_workflows_go_on_at_their_step_of_the_new_version_one_by_one(
    house: House,
) -> None:
    async with house.at_work(clock_speed=DAY_IN_TEN_SECONDS) as visit:
        await visit.publish(patient("300 days"))
        ids = await visit.enroll("changed", *await visit.people(4, "changed"))
        await visit.sees(
            "select 1 from enrollments where program_id = 'changed' and label = 'wait 300 days'"
            " having count(*) = 4"
        )
        runs = [(await visit.workflow(id).describe()).run_id for id in ids]
        await visit.publish(patient("1 hour"))

        done = await bring(gateway_of(visit), "changed", Wish.MOVE, spread=timedelta(hours=12))

        assert done.moved == 4
        await visit.ended(*ids)
        assert [(await visit.workflow(id).describe()).run_id for id in ids] == runs
        found = await visit.ask(
            "select version, state, count(*) from messages where program_id = 'changed'"
            " group by 1, 2"
        )
        assert found == [(2, "accepted", 4)]
    for number in range(4):
        assert len(house.mails(f"changed-{number:05d}@company.test")) == 1


async def test_an_open_task_is_closed_when_its_account_restarts(house: House) -> None:
    call = {"id": "call", "task": "Call them", "assign_to": "csm", "due_in": "100 days"}
    async with house.at_work(clock_speed=DAY_IN_TEN_SECONDS) as visit:
        await visit.publish(rig.program("anew", [call]))
        ids = await visit.enroll("anew", *await visit.people(1, "anew"))
        await visit.sees("select 1 from tasks where program_id = 'anew' and state = 'open'")
        await visit.publish(rig.program("anew", [{"send": "welcome-trial-1"}, call]))

        done = await bring(gateway_of(visit), "anew", Wish.RESTART, spread=timedelta(hours=1))

        assert done == Brought(restarted=1, spread=1)
        await visit.sees("select 1 from tasks where program_id = 'anew' and state = 'open'"
                         " and visit > 1")  # fmt: skip
        assert await visit.ask(
            "select closed_by from tasks where state = 'cancelled' and enrollment_id = %s", ids[0]
        ) == [("It began anew with version 2.",)]
    assert len(house.mails("anew-00000@company.test")) == 1
