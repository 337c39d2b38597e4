"""What a policy makes of the messages of real programs: later, in part, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from digital_cs.domain.sending.policy import OPEN, Budget, Damage, DayShare, Limits, Rates
from digital_cs.store.people import preferences
from digital_cs.store.people.preferences import set_topics
from digital_cs.store.sending import caps, merges, policies
from tests import rig
from tests.activities.house import House

DAY = timedelta(days=1)
ONE = {"send": "welcome-trial-1", "useful_for": "10 days"}
TWO = {"send": "welcome-trial-2", "useful_for": "10 days"}
THREE = {"send": "welcome-trial-3", "useful_for": "10 days"}


async def in_force(house: House, **parts: Any) -> None:
    async with house.pool.connection() as connection, connection.transaction():
        await policies.publish(connection, OPEN.model_copy(update=parts), house.clock.now())


def budget(*, person: int | None = None, account: int | None = None) -> Budget:
    """So many a week, whatever the priority."""
    limits = [
        None if number is None else Limits(low=number, normal=number, high=number)
        for number in (person, account)
    ]
    return Budget(person=limits[0], account=limits[1])


async def words(house: House) -> list[tuple[str, str, str]]:
    return [
        (row["verdict"], row["reason"], row["words"])
        for row in await house.rows("select * from decisions order by id")
    ]


async def test_what_is_over_budget_goes_out_when_there_is_room_again(house: House) -> None:
    """P17: deferred, until useful-until."""
    await in_force(house, budget=budget(person=2))
    id = await house.start(ONE, {"wait": "1 day"}, TWO, {"wait": "1 day"}, THREE)
    first = house.clock.now()
    reply = await house.advance(id)
    reply = await house.sleep_and_advance(id, reply)
    reply = await house.sleep_and_advance(id, reply)
    assert len(house.letters()) == 2
    row = await house.enrollment(id)
    assert row["wake_at"] == first + 7 * DAY
    assert (row["plans_at"], row["plans_contact"]) == (row["wake_at"], "ada")

    reply = await house.sleep_and_advance(id, reply)

    assert reply.ended
    assert len(house.letters()) == 3
    (deferred,) = [each for each in await words(house) if each[0] == "deferred"]
    assert deferred == (
        "deferred", "budget_person", "Ada already had 2 messages in a week, and 2 is the most for"
        " a message of normal priority. Deferred until Mon 9 Mar 2026 09:00.",
    )  # fmt: skip
    (decision,) = await house.rows("select * from decisions where verdict = 'deferred'")
    assert (decision["rule"], decision["policy"]) == ("budget.person", 2)
    assert decision["until"] == row["wake_at"]
    assert {row["policy"] for row in await house.ledger()} == {2}


async def test_what_would_come_too_late_is_left_out_and_says_so(house: House) -> None:
    await in_force(house, budget=budget(account=1))
    id = await house.start(ONE, {"send": "welcome-trial-2", "useful_for": "3 days"})

    assert (await house.advance(id)).ended

    assert (await words(house))[-1] == (
        "skipped", "budget_account", "The account already had 1 message in a week, and 1 is the"
        " most for a message of normal priority. Later than that it is no longer useful"
        " (Thu 5 Mar 2026 09:00).",
    )  # fmt: skip
    assert [row["state"] for row in await house.ledger()] == ["accepted", "skipped"]


async def test_what_is_to_be_merged_waits_for_the_next_newsletter(house: House) -> None:
    await in_force(house, budget=budget(person=1))
    id = await house.start(ONE, {**TWO, "over_budget": "merge"}, {**THREE, "over_budget": "drop"})

    assert (await house.advance(id)).ended

    (merge,) = await house.rows("select * from merges")
    assert (merge["contact_id"], merge["email"], merge["topic"]) == ("ada", "welcome-trial-2",
                                                                     "tips")  # fmt: skip
    assert (merge["state"], merge["useful_until"]) == ("waiting", house.clock.now() + 10 * DAY)
    reasons = [row["reason"] for row in await house.ledger()]
    assert reasons == ["accepted", "merged", "budget_person"]


async def test_what_no_newsletter_took_in_time_is_over_and_says_so(house: House) -> None:
    await in_force(house, budget=budget(person=1))
    await house.advance(await house.start(ONE, {**TWO, "over_budget": "merge"}))
    async with house.pool.connection() as connection:
        assert await merges.expire(connection, house.later(days=9)) == 0
        for expected in (1, 0):
            assert await merges.expire(connection, house.later(days=1)) == expected

    assert (await words(house))[-1] == (
        "skipped", "no_newsletter", "No newsletter went out while it was useful."
    )  # fmt: skip
    (_, row) = await house.ledger()
    assert (row["state"], row["reason"]) == ("skipped", "no_newsletter")


async def test_a_low_message_leaves_its_place_to_a_high_one_of_another_program(
    house: House,
) -> None:
    """P17: the higher priority wins, not the first one processed: what is due soon is known."""
    await in_force(house, budget=budget(person=1))
    await house.account("acme", "ada")
    await house.publish({"wait": "5 hours"}, {**ONE, "priority": "high"}, id="renewal")
    await house.publish({**TWO, "priority": "low"}, id="nudge")
    renewal = await house.enroll("acme", "renewal")
    first = await house.advance(renewal)
    nudge = await house.enroll("acme", "nudge")

    waits = await house.advance(nudge)

    assert house.letters() == []
    (reserved,) = await words(house)
    assert reserved[1:] == (
        "reserved", "A message of high priority is due Mon 2 Mar 2026 14:00 and keeps its place."
        " Deferred until Mon 2 Mar 2026 14:15.",
    )  # fmt: skip
    await house.sleep_and_advance(renewal, first)
    house.later(minutes=15)
    await house.advance(nudge)
    assert waits.sleep_seconds == 5 * 3600 + 900
    assert [row["program_id"] for row in await house.ledger()] == ["renewal"]
    assert (await words(house))[-1][1] == "budget_person"


async def test_who_does_not_want_the_topic_is_passed_over_for_who_does(house: House) -> None:
    """P1 and preferences; with nobody else the message is left out, and says why."""
    await house.account("acme", "ada", "bob")
    async with house.pool.connection() as connection, connection.transaction():
        await set_topics(connection, "ada", {"tips": False}, "page", house.clock.now())
    await house.publish(ONE, {"wait": "1 day"}, TWO)
    id = await house.enroll()
    reply = await house.advance(id)
    assert [letter.to for letter in house.letters()] == ["bob@acme.test"]

    async with house.pool.connection() as connection, connection.transaction():
        await set_topics(connection, "bob", {"tips": False}, "page", house.clock.now())
    assert (await house.sleep_and_advance(id, reply)).ended

    assert len(house.letters()) == 1
    assert (await words(house))[-1] == ("skipped", "topic_off", "Ada has switched off “Tips”.")


async def test_a_pause_that_somebody_asked_for_is_kept_to_its_end(house: House) -> None:
    id = await house.start(ONE)
    until = rig.MONDAY + 4 * DAY
    async with house.pool.connection() as connection, connection.transaction():
        await preferences.pause_until(connection, "ada", until, house.clock.now())

    reply = await house.advance(id)
    assert (await house.enrollment(id))["wake_at"] == until
    await house.sleep_and_advance(id, reply)
    assert len(house.letters()) == 1


async def test_a_cap_is_lifted_by_a_person_and_by_the_next_day(house: House) -> None:
    await in_force(house, damage=Damage(program_a_day=DayShare(share=1, at_least=1)))
    await house.publish(ONE)
    for name in ("acme", "globex", "initech"):
        await house.account(name, f"{name}-ada")
    one, two, three = [await house.enroll(name) for name in ("acme", "globex", "initech")]
    await house.advance(one)

    second, third = await house.advance(two), await house.advance(three)

    assert len(house.letters()) == 1
    assert (await words(house))[-1] == (
        "deferred", "cap", "The program has sent 1 today, and may not send more without a person"
        " saying so. Deferred until Tue 3 Mar 2026 00:00.",
    )  # fmt: skip
    (alert,) = await house.open_alerts()
    assert (alert["kind"], alert["owner"]) == ("cap", "maya")
    async with house.pool.connection() as connection, connection.transaction():
        await caps.allow(connection, "welcome", rig.MONDAY.date(), "maya", 2, house.clock.now())
    assert await house.woken() == {two, three}
    await house.advance(two)
    await house.advance(three)
    assert len(house.letters()) == 2
    assert second.sleep_seconds == third.sleep_seconds
    await house.sleep_and_advance(three, third)
    assert len(house.letters()) == 3


async def test_above_a_rate_each_gets_a_moment_of_its_own(house: House) -> None:
    """Nobody sleeps in a worker slot, and nobody asks in vain."""
    await in_force(house, damage=Damage(program_a_day=None, a_minute=Rates(fleet=1.0)))
    await house.publish(ONE)
    ids = []
    for name in ("acme", "globex", "initech"):
        await house.account(name, f"{name}-ada")
        ids.append(await house.enroll(name))

    replies = [await house.advance(id) for id in ids]

    assert len(house.letters()) == 1
    waits = [reply.sleep_seconds for reply in replies[1:]]
    assert all(wait is not None for wait in waits)
    assert 50 < float(waits[0] or 0) <= 61
    assert 110 < float(waits[1] or 0) <= 121
    assert {reason for _, reason, _ in await words(house)} == {"accepted", "rate"}
    assert (await house.enrollment(ids[1]))["label"] == "wait to send welcome-trial-1"


async def test_one_message_names_both_accounts_of_a_person(house: House) -> None:
    """P2, where the program says so."""
    await house.publish({"wait": "1 hour"}, ONE, same_person="both")
    for account in ("acme", "globex"):
        await house.account(account)
        await house.person("ada", account, "champion")
    await house.rows("update contacts set email = 'ada@both.test'")
    acme, globex = [await house.enroll(name) for name in ("acme", "globex")]
    first, second = await house.advance(acme), await house.advance(globex)

    await house.sleep_and_advance(acme, first)
    await house.advance(globex)

    (letter,) = house.letters()
    text = (house.sink.folder / letter.file).read_text()
    assert "Acme and Globex" in text
    assert second.sleep_seconds == first.sleep_seconds
    (skipped,) = await house.rows("select * from messages where state = 'skipped'")
    assert (skipped["account_id"], skipped["reason"]) == ("globex", "same_person")


async def test_a_new_policy_holds_for_the_next_message(house: House) -> None:
    id = await house.start(ONE, {"wait": "1 day"}, TWO)
    reply = await house.advance(id)
    await in_force(house, budget=budget(person=1))

    await house.sleep_and_advance(id, reply)

    assert len(house.letters()) == 1
    assert [row["policy"] for row in await house.rows("select policy from messages")] == [1]
    assert (await words(house))[-1][1] == "budget_person"
