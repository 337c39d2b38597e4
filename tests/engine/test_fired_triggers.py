"""Triggers under a running worker: a firing moves on who waits for it, by itself."""

from __future__ import annotations

import asyncio

from digital_cs.domain.programs.program import Program
from digital_cs.domain.rules.trigger import Trigger
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.triggers import publish_triggers
from tests import rig
from tests.engine.house import House

REST = {"wait": "300 days"}
UPGRADED, EXPORTED = (
    Trigger.model_validate({"trigger": name, "name": name, "owner": "m", **rule})
    for name, rule in (
        ("upgraded", {"when": {"trait": "plan", "is": "pro"}}), ("exported", {"event": "export"})
    )
)  # fmt: skip


def waiting_for(trigger: str) -> Program:
    step = {"wait_for": {"trigger": trigger}, "for_up_to": "300 days", "counting_from": "step",
            "if_it_happens": [REST], "if_not": [{"end": "never"}]}  # fmt: skip
    return rig.program(f"for-{trigger}", [step])


async def test_a_firing_wakes_who_waits_for_it_and_ends_whom_it_takes_out(house: House) -> None:
    """One is found by the keeper as an account changes, one fires with the event that came in."""
    leaving = rig.program(
        "leaving", [REST], exits=[{"when": {"trigger": "exported"}, "because": "It exported."}]
    )
    programs = [waiting_for("upgraded"), waiting_for("exported"), leaving]
    async with house.at_work(clock_speed=60.0) as visit:
        pool, clock = visit.engine.pool, visit.engine.clock
        gateway = Gateway(pool, clock, Entries(pool, clock, "UTC"))
        await publish_triggers(gateway, [UPGRADED, EXPORTED])
        await gateway.publish(programs)
        account, other = await visit.people(2, "fired")
        inside = {each.program: await visit.enroll(each.program, account, other)
                  for each in programs}  # fmt: skip
        for program, trigger in (("for-upgraded", "upgraded"), ("for-exported", "exported")):
            for id in inside[program]:
                await visit.sees(
                    "select 1 from enrollments where id = %s and wake_at is not null"
                    " and %s = any(listens)",
                    id, f"trigger:{trigger}",
                )  # fmt: skip

        await visit.intake.save_accounts([AccountRecord(account, traits={"plan": "pro"})])
        await visit.intake.record_events([EventRecord("e1", account, "export", visit.now)])

        gone_on = "select 1 from enrollments where id = %s and visit > 1"
        await asyncio.gather(
            visit.ended(inside["leaving"][0]),
            visit.sees(gone_on, inside["for-upgraded"][0]),
            visit.sees(gone_on, inside["for-exported"][0]),
        )
        assert await visit.ask(
            "select because from enrollments where id = %s", inside["leaving"][0]
        ) == [("It exported.",)]
        still = "select count(*) from enrollments where account_id = %s and visit = 1"
        assert await visit.ask(f"{still} and ended_at is null", other) == [(3,)]
