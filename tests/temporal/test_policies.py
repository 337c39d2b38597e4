"""Putting a policy in force: who rests before a message is decided anew, and nobody else."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.sending.policy import OPEN, Policy
from digital_cs.store.sending import policies
from digital_cs.temporal.policies import publish_policy
from tests.temporal.live import Live, a_program

FEWER = Policy(holdout=7)


async def woken(live: Live) -> list[str]:
    found = await live.rows("select enrollment_id from outbox where kind = 'wake' order by 1")
    return [row["enrollment_id"] for row in found]


async def rests(connection: AsyncConnection[Any], *ids: str) -> None:
    """These accounts wait before a message; the others wait for time to pass."""
    await connection.execute("delete from outbox")
    await connection.execute("update enrollments set wake_at = wake_at + interval '30 days'")
    await connection.execute(
        "update enrollments set listens = '{contacts,sending}' where account_id = any(%s)",
        (list(ids),),
    )


async def test_who_rests_before_a_message_is_woken_by_a_new_policy_only(live: Live) -> None:
    await live.account("held", "waiting")
    await live.gateway.publish([a_program()])
    await live.gateway.enroll("help", ["held", "waiting"])
    async with live.pool.connection() as connection:
        await rests(connection, "held")

    foreseen = await publish_policy(live.gateway, FEWER, dry_run=True)
    assert (foreseen.version, foreseen.new, foreseen.woken) == (2, True, 1)
    assert await woken(live) == []

    done = await publish_policy(live.gateway, FEWER)
    assert done == foreseen
    assert await woken(live) == ["help:held:1"]

    again = await publish_policy(live.gateway, FEWER)
    assert (again.version, again.new, again.woken, again.changes) == (2, False, 0, ())
    assert await woken(live) == ["help:held:1"]


async def test_an_earlier_policy_put_in_force_again_is_a_version_of_its_own(live: Live) -> None:
    await publish_policy(live.gateway, FEWER)
    done = await publish_policy(live.gateway, OPEN)
    assert (done.version, done.first) == (3, False)
    async with live.pool.connection() as connection:
        assert (await policies.current(connection)).policy == OPEN
        assert (await policies.of_version(connection, 2)).policy == FEWER
        assert [each.version for each in await policies.history(connection)] == [3, 2, 1]


async def test_the_first_policy_is_compared_with_the_defaults(live: Live) -> None:
    async with live.pool.connection() as connection:
        await connection.execute("delete from policies")
    done = await publish_policy(live.gateway, Policy())
    assert (done.version, done.new, done.first, done.changes) == (1, True, True, ())
