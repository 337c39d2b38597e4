"""Milestones: reached once, dated by what happened first, and caught up when their rule changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.milestone import EventReach, Milestone
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.product import milestone_definitions as definitions
from digital_cs.store.product import milestones
from digital_cs.store.programs.enrollments import enroll
from tests import rig
from tests.store.touching import rows

Connection = AsyncConnection[Any]
NOW = rig.MONDAY
TODAY = NOW.date()


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment of this March."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def milestone(name: str, event: str, times: int = 1, users: int | None = None) -> Milestone:
    return Milestone(
        milestone=name, title=name, reached_by=EventReach(event=event, times=times, users=users)
    )


async def used(
    connection: Connection, day: date, *moments: datetime, n: int | None = None,
    users: list[int] | int | None = None, event: str = "sent", account: str = "a",
) -> None:  # fmt: skip
    """A day of usage: with moments and users one by one, or only counted."""
    keys = users if isinstance(users, list) else None
    await connection.execute(
        "insert into usage_days_open"
        " (account_id, event, day, n, users, first_at, last_at, user_keys)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (account_id, event, day) do update"
        " set n = excluded.n, users = excluded.users, first_at = excluded.first_at,"
        " last_at = excluded.last_at, user_keys = excluded.user_keys",
        (
            account, event, day, n or len(moments), len(keys) if keys is not None else users or 0,
            min(moments, default=None), max(moments, default=None), keys,
        ),
    )  # fmt: skip


async def reached(connection: Connection) -> dict[tuple[str, str], datetime]:
    return {
        (row["account_id"], row["name"]): row["reached_at"]
        for row in await rows(connection, "milestones")
    }


async def kept(connection: Connection) -> dict[str, bool]:
    """What counts as a milestone, and whether it is declared or only spoken of."""
    found = await definitions.kept(connection)
    return {each.milestone.milestone: each.declared for each in found}


@pytest.fixture(autouse=True)
async def _customers(connection: Connection) -> None:
    await save_accounts(connection, [AccountRecord("a", "A"), AccountRecord("b", "B")], NOW)


async def test_the_first_event_of_its_name_reaches_a_milestone_at_its_moment(
    connection: Connection,
) -> None:
    await definitions.declare(connection, [milestone("first_send", "sent")], NOW)
    await used(connection, TODAY, at(2, 8, 30), at(2, 17))
    assert await milestones.reach(connection, {("a", "sent"): TODAY}) == [("a", "first_send")]
    assert await reached(connection) == {("a", "first_send"): at(2, 8, 30)}
    assert await milestones.reach(connection, {("a", "sent"): TODAY}) == []


async def test_an_earlier_event_that_comes_late_moves_the_date_back_and_no_later_one_forward(
    connection: Connection,
) -> None:
    await definitions.declare(connection, [milestone("first_send", "sent")], NOW)
    await used(connection, date(2026, 3, 5), at(5, 9))
    await milestones.reach(connection, {("a", "sent"): date(2026, 3, 5)})
    await used(connection, date(2026, 3, 9), at(9, 9))
    assert await milestones.reach(connection, {("a", "sent"): date(2026, 3, 9)}) == []
    await used(connection, date(2026, 3, 3), at(3, 10))
    late = await milestones.reach(connection, {("a", "sent"): date(2026, 3, 3)})
    assert late == [("a", "first_send")]
    await used(connection, date(2026, 3, 3), at(3, 7), at(3, 10))
    await milestones.reach(connection, {("a", "sent"): date(2026, 3, 3)})
    assert await reached(connection) == {("a", "first_send"): at(3, 7)}


async def test_a_number_of_times_counts_over_days_and_is_dated_by_the_one_that_completes_it(
    connection: Connection,
) -> None:
    await definitions.declare(connection, [milestone("regular", "sent", times=4)], NOW)
    await used(connection, date(2026, 3, 3), at(3, 9), at(3, 10))
    assert await milestones.reach(connection, {("a", "sent"): date(2026, 3, 3)}) == []
    await used(connection, date(2026, 3, 4), at(4, 9))
    assert await milestones.reach(connection, {("a", "sent"): date(2026, 3, 4)}) == []
    await used(connection, date(2026, 3, 6), at(6, 9), at(6, 12), at(6, 15))
    assert await milestones.reach(connection, {("a", "sent"): date(2026, 3, 6)}) == [
        ("a", "regular")
    ]
    assert await reached(connection) == {("a", "regular"): at(6, 9)}


async def test_different_people_count_once_over_all_days(connection: Connection) -> None:
    await definitions.declare(connection, [milestone("team", "sent", users=3)], NOW)
    await used(connection, date(2026, 3, 3), at(3, 9), at(3, 10), users=[1, 2])
    await used(connection, date(2026, 3, 4), at(4, 9), at(4, 10), users=[1, 2])
    changed = {("a", "sent"): date(2026, 3, 3)}
    assert await milestones.reach(connection, changed) == []
    await used(connection, date(2026, 3, 5), at(5, 9), users=[3])
    assert await milestones.reach(connection, changed) == [("a", "team")]
    assert await reached(connection) == {("a", "team"): at(5, 9)}


async def test_times_and_people_must_both_be_there(connection: Connection) -> None:
    wanted = milestone("team_regular", "sent", times=4, users=2)
    await definitions.declare(connection, [wanted], NOW)
    changed = {("a", "sent"): date(2026, 3, 3)}
    await used(connection, date(2026, 3, 3), at(3, 9), at(3, 10), users=[1, 2])
    assert await milestones.reach(connection, changed) == []
    await used(connection, date(2026, 3, 5), at(5, 9), at(5, 11), users=[1])
    assert await milestones.reach(connection, changed) == [("a", "team_regular")]
    assert await reached(connection) == {("a", "team_regular"): at(5, 11)}


async def test_days_that_came_as_counts_date_a_milestone_by_their_beginning(
    connection: Connection,
) -> None:
    await definitions.declare(
        connection, [milestone("ten", "sent", times=10), milestone("pair", "sent", users=2)], NOW
    )
    await used(connection, date(2026, 3, 3), n=7, users=1)
    await used(connection, date(2026, 3, 4), n=7, users=2)
    await milestones.reach(connection, {("a", "sent"): date(2026, 3, 3)})
    assert await reached(connection) == {("a", "ten"): at(4), ("a", "pair"): at(4)}


async def test_history_reaches_a_new_or_changed_milestone_and_nothing_is_taken_away(
    connection: Connection,
) -> None:
    await used(connection, date(2026, 3, 3), at(3, 9), at(3, 11))
    await used(connection, date(2026, 3, 4), at(4, 9), account="b")
    done = await definitions.declare(connection, [milestone("keen", "sent", times=2)], NOW)
    assert done == definitions.Declared(new=("keen",), caught_up=("keen",), reached=1)
    assert await reached(connection) == {("a", "keen"): at(3, 11)}

    again = await definitions.declare(connection, [milestone("keen", "sent", times=2)], NOW)
    assert again == definitions.Declared()
    easier = await definitions.declare(connection, [milestone("keen", "sent")], NOW)
    assert easier == definitions.Declared(changed=("keen",), caught_up=("keen",), reached=2)
    first = {("a", "keen"): at(3, 9), ("b", "keen"): at(4, 9)}
    assert await reached(connection) == first
    harder = await definitions.declare(connection, [milestone("keen", "sent", times=9)], NOW)
    assert harder == definitions.Declared(changed=("keen",), caught_up=("keen",))
    assert await reached(connection) == first
    assert await definitions.declare(connection, [], NOW) == definitions.Declared(retired=("keen",))
    assert await reached(connection) == first


async def test_usage_of_an_account_that_nobody_knows_reaches_nothing(
    connection: Connection,
) -> None:
    await definitions.declare(connection, [milestone("first_send", "sent")], NOW)
    await used(connection, TODAY, at(2, 8), account="stranger")
    assert await milestones.reach(connection, {("stranger", "sent"): TODAY}) == []
    assert await milestones.catch_up(connection, ["first_send"]) == 0


async def test_what_is_only_given_is_reached_by_no_event(connection: Connection) -> None:
    signed = Milestone(milestone="signed", title="Signed", reached_by="given")
    await definitions.declare(connection, [signed], NOW)
    await used(connection, TODAY, at(2, 8), event="signed")
    assert await milestones.reach(connection, {("a", "signed"): TODAY}) == []
    given = [("a", "signed", at(4)), ("a", "signed", at(3)), ("nobody", "signed", at(3))]
    assert await milestones.give(connection, given) == [("a", "signed")]
    assert await milestones.give(connection, [("a", "signed", at(9))]) == []
    assert await reached(connection) == {("a", "signed"): at(3)}


async def test_a_milestone_that_only_a_program_speaks_of_is_reached_by_the_event_of_its_name(
    connection: Connection,
) -> None:
    await used(connection, TODAY, at(2, 8), event="shop_connected")
    goal = {"name": "Connected", "when": {"milestone": "shop_connected"}}
    steps = [{"send": "welcome-trial-1"}]
    await rig.publish(connection, rig.program("p", steps, goal=goal), NOW)
    assert await reached(connection) == {("a", "shop_connected"): at(2, 8)}
    assert await definitions.declared(connection) == []
    assert await kept(connection) == {"shop_connected": False}

    declared = milestone("shop_connected", "connected")
    done = await definitions.declare(connection, [declared], NOW)
    assert done.changed == ("shop_connected",)
    assert await kept(connection) == {"shop_connected": True}
    assert await definitions.declared(connection) == [declared]
    assert await definitions.refresh(connection, NOW) == definitions.Declared()
    done = await definitions.declare(connection, [], NOW)  # the program still speaks of it
    assert done.changed == ("shop_connected",)
    assert await kept(connection) == {"shop_connected": False}


async def test_who_waits_for_a_milestone_is_woken_when_history_reaches_it(
    connection: Connection, accounts: list[str]
) -> None:
    await used(connection, TODAY, at(2, 8), account=accounts[0], event="connected")
    steps: list[dict[str, Any]] = [
        {"wait_for": {"milestone": "shop_connected"}, "for_up_to": "3 days"},
        {"send": "welcome-trial-1"},
    ]
    await rig.publish(connection, rig.program("p", steps), NOW)
    await enroll(connection, "p", accounts[:2], source="operator", now=NOW, again="never")
    await connection.execute("delete from outbox")
    await connection.execute(
        "insert into segments (id, version, content_hash, reads, state, changed_at)"
        " values ('connected', 1, '', '{milestone:shop_connected}', 'kept', %s)",
        (NOW,),
    )
    await definitions.declare(connection, [milestone("shop_connected", "connected")], NOW)

    (wish,) = await rows(connection, "outbox")
    assert wish["kind"] == "wake"
    (told,) = await rows(connection, "account_changes")
    assert (told["account_id"], told["keys"]) == (accounts[0], ["milestone:shop_connected"])


async def test_what_comes_in_while_a_milestone_is_declared_reaches_it_too(
    connection: Connection, other: Connection
) -> None:
    changed = {("a", "sent"): TODAY}
    async with other.transaction():
        await used(other, TODAY, at(2, 8))
        assert await milestones.reach(other, changed) == []  # nobody has declared it yet
        done = await definitions.declare(connection, [milestone("first_send", "sent")], NOW)
        assert done.reached == 0
        again = asyncio.create_task(milestones.catch_up_again(connection, done.caught_up))
        await asyncio.sleep(0)
        assert not again.done()
    assert await again == 1
    assert await reached(connection) == {("a", "first_send"): at(2, 8)}


@pytest.mark.parametrize("text", ["'; drop table milestones; --", "%s", 'a"b', "$1", "\\"])
async def test_names_and_events_of_any_spelling_are_only_texts(
    connection: Connection, text: str
) -> None:
    odd = Milestone.model_construct(
        milestone=text, title=text, about="", reached_by=EventReach(event=text)
    )
    await used(connection, TODAY, at(2, 8), event=text)
    await definitions.declare(connection, [odd], NOW)
    assert await milestones.reach(connection, {("a", text): TODAY - timedelta(days=1)}) == []
    assert await reached(connection) == {("a", text): at(2, 8)}
