"""Segments under a running keeper: a change starts, wakes and ends enrollments by itself."""

from __future__ import annotations

import asyncio

from digital_cs.domain.rules.segment import Segment
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.segments import publish_segments
from tests import rig
from tests.engine.house import House, Visit

PROS = Segment.model_validate(
    {"segment": "pros", "name": "Pros", "owner": "m", "when": {"trait": "plan", "is": "pro"}}
)
WAITING = {"wait_for": {"segment": "pros"}, "for_up_to": "300 days", "counting_from": "step",
           "if_it_happens": [{"wait": "300 days"}], "if_not": [{"end": "never"}]}  # fmt: skip


async def _becomes(visit: Visit, plan: str, *accounts: str) -> None:
    records = [AccountRecord(account, traits={"plan": plan}) for account in accounts]
    await visit.intake.save_accounts(records)


async def test_a_change_starts_wakes_and_ends_enrollments_within_moments(house: House) -> None:
    leaving = rig.program(
        "leaving", [{"wait": "300 days"}],
        exits=[{"when": {"segment": "pros"}, "because": "It is a pro."}],
    )  # fmt: skip
    entering = rig.program("entering", [{"wait": "300 days"}],
                           enter={"when": [{"segment": "pros"}]})  # fmt: skip
    async with house.at_work(clock_speed=60.0) as visit:
        pool, clock = visit.engine.pool, visit.engine.clock
        gateway = Gateway(pool, clock, Entries(pool, clock, "UTC"))
        await publish_segments(gateway, [PROS])
        await gateway.publish([leaving, entering, rig.program("waiting", [WAITING])])
        (account,) = await visit.people(1, "kept")
        (out,) = await visit.enroll("leaving", account)
        (waits,) = await visit.enroll("waiting", account)
        at_rest = "select 1 from enrollments where id = %s and wake_at is not null"
        await visit.sees(f"{at_rest} and 'segment:pros' = any(listens)", waits)

        await _becomes(visit, "pro", account)
        await asyncio.gather(
            visit.ended(out),
            visit.sees("select 1 from enrollments where id = %s", f"entering:{account}:1"),
            visit.sees("select 1 from enrollments where id = %s and visit > 1", waits),
        )
        [(because,)] = await visit.ask("select because from enrollments where id = %s", out)
        assert because == "It is a pro."


async def test_a_rule_that_another_release_published_is_kept_from_the_first_moment(
    house: House,
) -> None:
    """The migration leaves rules of entries empty; the keeper that begins fills them in."""
    old = {"when": [{"segment": {"trait": "plan", "is": "old"}}]}
    program = rig.program("older", [{"wait": "300 days"}], enter=old)
    async with house.engine() as visit:
        await visit.publish(program)
        await visit.tell(
            "update segments set version = 0, content_hash = '', spec = '{}', reads = '{}',"
            " evaluated_at = null, fence = null where id = 'entry:older:0'"
        )
    async with house.at_work(clock_speed=60.0) as visit:
        (account,) = await visit.people(1, "older")
        await _becomes(visit, "old", account)
        await visit.sees("select 1 from enrollments where id = %s", f"older:{account}:1")
