"""Caps on damage, end to end: held by a switch, an incident, a cap or a rate, and sent after."""

from __future__ import annotations

from digital_cs.domain.sending.policy import OPEN, Damage, DayShare, Policy, Quiet, Rates
from digital_cs.store.sending import holds, policies
from digital_cs.temporal.sending import Sending
from tests.activities.house import House

PAPERS = {"send": "welcome-trial-1", "useful_for": "7 days"}
NOTICE = {**PAPERS, "send": "renewal-7", "kind": "service"}


def sending(house: House) -> Sending:
    return Sending(house.pool, house.clock)


async def under(house: House, **parts: object) -> None:
    """Put a policy in force that limits nothing but this."""
    policy = Policy.model_validate({**OPEN.model_dump(mode="json"), **parts})
    async with house.pool.connection() as connection, connection.transaction():
        await policies.publish(connection, policy, house.clock.now())


async def crowd(house: House, count: int) -> list[str]:
    """So many accounts inside `welcome`, whose only message is due."""
    await house.publish(PAPERS)
    names = [f"acme-{number}" for number in range(count)]
    for name in names:
        await house.account(name, f"ada-{name}")
    return [await house.enroll(name) for name in names]


async def sent(house: House) -> int:
    return len(house.letters())


async def test_while_all_is_stopped_a_message_waits_and_goes_when_it_is_started_again(
    house: House,
) -> None:
    await sending(house).stop("Wrong prices.", "maya")
    id = await house.start(PAPERS)

    assert not (await house.advance(id)).ended
    assert await house.decisions() == [("held", "stopped")]
    status = await sending(house).status()
    assert [(h.program, h.reason, h.enrollments) for h in status.held] == [
        ("welcome", "stopped", 1)
    ]  # fmt: skip
    house.later(days=2)

    assert (await sending(house).start("jonas")).woken == 1
    assert await house.woken() == {id}
    assert (await house.advance(id)).ended
    assert await sent(house) == 1


async def test_who_came_to_wait_for_a_stop_that_is_over_is_found(house: House) -> None:
    """Their waiting was written down a moment after the start had looked who is waiting."""
    await sending(house).stop("Wrong prices.", "maya")
    id = await house.start(PAPERS)
    await house.advance(id)

    async def overlooked() -> set[str]:
        async with house.pool.connection() as connection:
            await holds.wake_overlooked(connection)
        return await house.woken()

    assert await overlooked() == set()
    await sending(house).start("jonas")
    await house.woken()
    assert await overlooked() == {id}
    await house.advance(id)
    assert await overlooked() == set()


async def test_what_is_useful_no_more_when_all_is_started_again_is_skipped(house: House) -> None:
    """P8."""
    await sending(house).stop("Wrong prices.", "maya")
    id = await house.start(PAPERS)
    await house.advance(id)
    house.later(days=8)

    await sending(house).start("jonas")

    assert (await house.advance(id)).ended
    assert await house.decisions() == [("held", "stopped"), ("skipped", "no_longer_useful")]
    assert await sent(house) == 0


async def test_an_incident_quiets_its_account_until_it_is_closed(house: House) -> None:
    """P18."""
    await under(house, quiet=Quiet().model_dump())
    id = await house.start(PAPERS)
    await house.account("globex", "grace")
    other = await house.enroll("globex")
    incident = await sending(house).open_incident("Exports fail", "maya", ["acme"])

    assert not (await house.advance(id)).ended
    assert (await house.advance(other)).ended
    assert await house.decisions() == [("held", "incident"), ("sent", "accepted")]

    await house.woken()
    await sending(house).close_incident(incident.id, "jonas")
    assert await house.woken() == {id}
    assert (await house.advance(id)).ended


async def test_over_its_cap_a_program_waits_for_tomorrow_and_its_owner_is_told(
    house: House,
) -> None:
    share = DayShare(share=1, at_least=2)
    await under(house, damage=Damage(program_a_day=share).model_dump())
    ids = await crowd(house, 4)

    replies = [await house.advance(id) for id in ids]

    assert [reply.ended for reply in replies] == [True, True, False, False]
    (alert,) = await house.open_alerts()
    assert (alert["kind"], alert["owner"], alert["times"]) == ("cap", "maya", 2)
    tomorrow = await house.sleep_and_advance(ids[2], replies[2])
    assert house.clock.now().hour == 0
    assert tomorrow.ended
    assert await sent(house) == 3


async def test_a_person_who_allows_more_lets_who_waited_go_at_once(house: House) -> None:
    share = DayShare(share=1, at_least=1)
    await under(house, damage=Damage(program_a_day=share).model_dump())
    ids = await crowd(house, 3)
    replies = [await house.advance(id) for id in ids]
    assert [reply.ended for reply in replies] == [True, False, False]

    allowed = await sending(house).allow("welcome", 2, "maya")

    assert (allowed.day.sent, allowed.day.cap, allowed.woken) == (1, 2, 2)
    assert await house.woken() == set(ids[1:])
    assert await house.open_alerts() == []
    assert [(await house.advance(id)).ended for id in ids[1:]] == [True, False]
    assert await sent(house) == 2


async def test_over_its_rate_each_message_gets_a_moment_of_its_own_and_goes_then(
    house: House,
) -> None:
    rates = Rates(fleet=1.0)
    await under(house, damage=Damage(program_a_day=None, a_minute=rates).model_dump())
    ids = await crowd(house, 4)

    replies = [await house.advance(id) for id in ids]

    assert replies[0].ended
    waits = [reply.sleep_seconds or 0.0 for reply in replies[1:]]
    assert all(60 * nth - 20 < wait <= 60 * nth for nth, wait in enumerate(waits, 1))
    decisions = await house.decisions()
    assert decisions == [("sent", "accepted"), *[("deferred", "rate")] * 3]
    house.later(seconds=waits[0])
    await house.rows("update rates set free_at = free_at - interval '1 minute'")
    assert (await house.advance(ids[1])).ended
    early = await house.advance(ids[2])
    assert not early.ended, "its own moment has not come"
    assert abs((early.sleep_seconds or 0.0) - (waits[1] - waits[0])) < 1
    assert await sent(house) == 2


async def test_the_switch_holds_service_notices_too_and_a_cap_counts_them(house: House) -> None:
    """P17: they are exempt from budgets, not from mistakes."""
    share = DayShare(share=1, at_least=1)
    await under(house, damage=Damage(program_a_day=share).model_dump(), service=["renewal-7"])
    await house.publish(NOTICE)
    await house.account("acme", "ada")
    await house.account("globex", "grace")
    first, second = await house.enroll("acme"), await house.enroll("globex")
    await sending(house).stop("Wrong prices.", "maya")
    assert not (await house.advance(first)).ended
    await sending(house).start("maya")
    house.later(minutes=1)

    assert (await house.advance(first)).ended
    assert not (await house.advance(second)).ended
    assert ("deferred", "cap") in await house.decisions()
