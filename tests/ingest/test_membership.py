"""Kept membership: found out when it may have changed, and only then, however often and by whom."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.ingest.rules.membership import Looked, Membership
from digital_cs.ingest.rules.moves import Moved
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.product import usage
from digital_cs.store.product.usage import UsageRecord
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.rules import changes, segment_queue, segments
from tests import rig
from tests.ingest.door import Door

PRO = {"trait": "plan", "is": "pro"}
NOTHING = Looked()


async def keep(door: Door, id: str, when: dict[str, Any]) -> None:
    """Publish a rule; who belongs is known at once."""
    async with door.pool.connection() as connection, connection.transaction():
        await segments.keep(connection, id, {"when": when}, door.clock.now())
        await door.membership.settle(connection, [id], "")


async def members(door: Door, id: str) -> list[str]:
    return [row[0] for row in await door.ask(
        "select account_id from segment_members where segment_id = %s order by 1", id
    )]  # fmt: skip


async def moves(door: Door, id: str) -> list[tuple[str, str, str]]:
    """(account, entered or left, because) in order of time."""
    rows = await door.ask(
        "select account_id, kind, because from segment_changes where segment_id = %s order by id",
        id,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def settled(door: Door) -> None:
    """Until nobody who does not know a new rule can be under way, and all is done."""
    while await door.look() != NOTHING:
        pass


async def plan(door: Door, *pairs: tuple[str, str | None]) -> None:
    for account, value in pairs:
        await door.account(account, traits={"plan": value})


async def used(door: Door, account: str, day: date, n: int = 1) -> None:
    """Somebody used the product; told as the intake tells it."""
    record = UsageRecord(account, day, "login", n)
    async with door.pool.connection() as connection, connection.transaction():
        saved = await usage.save_usage(connection, [record], door.clock.now())
        keys = changes.of_usage({(account, "login"): day}, door.clock.now().date())
        for id in saved.moved:
            keys[id].add("usage")
        await changes.tell(connection, keys)


async def complete(door: Door, day: date | None) -> None:
    async with door.pool.connection() as connection:
        await rig.usage_complete(connection, day)


class TestChanges:
    async def test_who_changes_enters_and_leaves_once_with_the_reason(self, door: Door) -> None:
        await keep(door, "pros", PRO)
        await plan(door, ("acme", "free"))
        await settled(door)

        for value in ("pro", "pro", "free"):
            await plan(door, ("acme", value))
            await door.look()

        assert await moves(door, "pros") == [
            ("acme", "entered", "Changed: trait:plan."), ("acme", "left", "Changed: trait:plan."),
        ]  # fmt: skip
        assert await members(door, "pros") == []

    async def test_nothing_is_evaluated_when_nothing_changed(self, door: Door) -> None:
        """No full pass per tick."""
        await keep(door, "pros", PRO)
        await plan(door, ("acme", "pro"), ("globex", "free"))
        await settled(door)
        assert [await door.look() for _ in range(3)] == [NOTHING] * 3

    async def test_a_change_is_looked_at_by_the_rules_that_read_it_and_for_that_account_only(
        self, door: Door
    ) -> None:
        await keep(door, "pros", PRO)
        await keep(door, "trials", {"stage": "trial"})
        await plan(door, *[(f"a{number}", "free") for number in range(20)])
        await settled(door)
        await plan(door, ("a7", "pro"))
        assert await door.look() == Looked(verdicts=1, entered=1)

    async def test_missing_data_leaves_members_as_they_are_p9(self, door: Door) -> None:
        await keep(door, "pros", PRO)
        await plan(door, ("acme", "pro"), ("globex", "free"))
        await settled(door)
        for value in (None, "pro", None, "free", None):
            await plan(door, ("acme", value), ("globex", value if value != "pro" else None))
            await door.look()
        assert [kind for _, kind, _ in await moves(door, "pros")] == ["entered", "left"]

    async def test_a_new_account_is_looked_at_also_by_a_rule_about_what_it_lacks(
        self, door: Door
    ) -> None:
        await keep(door, "starting", {"not": {"milestone": "first_send"}})
        await settled(door)
        await door.account("acme")
        await door.look()
        assert await members(door, "starting") == ["acme"]

    async def test_more_changes_than_one_batch_holds(self, door: Door) -> None:
        await keep(door, "pros", PRO)
        await settled(door)
        records = [AccountRecord(f"a{n}", "A", traits={"plan": "pro"}) for n in range(4500)]
        async with door.pool.connection() as connection, connection.transaction():
            await changes.tell(connection, await save_accounts(connection, records, rig.MONDAY))
        assert (await door.look()).entered == 4500
        assert await door.look() == NOTHING

    async def test_what_waits_to_be_looked_at_is_known(self, door: Door) -> None:
        await keep(door, "pros", PRO)
        await settled(door)

        async def waiting() -> tuple[int, float]:
            async with door.pool.connection() as connection:
                return await segment_queue.waiting(connection)

        assert await waiting() == (0, 0.0)
        await plan(door, ("acme", "pro"))
        count, age = await waiting()
        assert (count, age > 0) == (1, True)


class CrashedError(BaseException):
    """Something that nobody catches, and that asyncio does not end its loop for."""


class TestInterrupted:
    async def test_what_was_taken_before_a_crash_is_taken_again(self, door: Door) -> None:
        """Members, queue and all that follows are one transaction."""

        async def crash(connection: AsyncConnection[Any], moved: Moved) -> None:
            raise CrashedError

        await keep(door, "pros", PRO)
        await settled(door)
        await plan(door, ("acme", "pro"))
        with pytest.raises(CrashedError):
            await Membership(door.entries, [crash]).look()

        assert await members(door, "pros") == []
        assert (await door.look()).entered == 1
        assert len(await moves(door, "pros")) == 1

    async def test_a_look_at_everybody_that_crashed_begins_again(self, door: Door) -> None:
        told = 0

        async def crash(connection: AsyncConnection[Any], moved: Moved) -> None:
            nonlocal told
            told += 1
            if told == 2:
                raise KeyboardInterrupt

        records = [AccountRecord(f"a{n}", "A", traits={"plan": "pro"}) for n in range(2500)]
        async with door.pool.connection() as connection:
            await save_accounts(connection, records, rig.MONDAY)
        await door.publish(when=[{"segment": PRO}])
        with pytest.raises(KeyboardInterrupt):
            await Membership(door.entries, [crash]).turn()
        assert await door.ids() == []
        assert await door.sweep() == 2500

    async def test_two_keepers_at_once_let_everybody_enter_once(self, door: Door) -> None:
        await door.publish(when=[{"segment": PRO}], again="always")
        await keep(door, "pros", PRO)
        await settled(door)
        other = Membership(door.entries)
        for _ in range(3):
            await plan(door, *[(f"a{number}", "pro") for number in range(60)])
            await asyncio.gather(door.look(), other.look(), other.turn(), door.look(), other.look())
            await settled(door)
        assert len(await door.ids()) == 60
        assert len(await moves(door, "pros")) == 60

    async def test_who_changes_while_everybody_is_looked_at_is_looked_at_afterwards(
        self, door: Door
    ) -> None:
        """An older verdict never overwrites a newer one."""
        await keep(door, "pros", PRO)
        await plan(door, ("acme", "free"))
        await settled(door)
        async with door.pool.connection() as connection, connection.transaction():
            await segment_queue.hold(connection, "pros")
            await plan(door, ("acme", "pro"))
            await door.look()
            assert await members(door, "pros") == []
        assert (await door.look()).entered == 1
        assert await door.look() == NOTHING
        assert (await moves(door, "pros"))[-1][2] == "It was looked at again after a change."

    async def test_lanes_look_side_by_side_and_each_account_is_of_one(self, door: Door) -> None:
        """While one lane is held by somebody, the accounts of the other go on."""
        await keep(door, "pros", PRO)
        await settled(door)
        everyone = {f"a{number}" for number in range(40)}
        async with door.pool.connection() as connection, connection.transaction():
            assert await segment_queue.hold_lane(connection, "pros", 0)
            await plan(door, *[(id, "pro") for id in everyone])
            await door.look()
            first = set(await members(door, "pros"))
            assert 0 < len(first) < len(everyone)
        await door.look()
        assert set(await members(door, "pros")) == everyone
        again = "It was looked at again after a change."
        later = {id for id, _, because in await moves(door, "pros") if because == again}
        assert later == everyone - first

    async def test_a_rule_that_breaks_holds_up_no_other(self, door: Door) -> None:
        """P12: a fault decides nothing; the same is asked again later."""
        await keep(door, "broken", {"stage": "trial"})
        await keep(door, "pros", PRO)
        change = "update segments set spec = %s::jsonb, content_hash = %s where id = 'broken'"
        await door.ask(f"{change} returning id", '{"when": {"trait": 1}}', "x")
        await plan(door, ("acme", "pro"))
        await door.look()
        assert await members(door, "pros") == ["acme"]
        assert await members(door, "broken") == []

        await door.ask(f"{change} returning id", '{"when": {"stage": "trial"}}', "y")
        door.later(minutes=11)
        await door.look()
        assert await members(door, "broken") == ["acme"]

    async def test_who_changed_without_knowing_a_new_rule_is_found_all_the_same(
        self, door: Door, database: str
    ) -> None:
        """A transaction that told what it changed before the rule was there told nobody."""
        await plan(door, ("acme", "free"))
        async with await AsyncConnection.connect(database) as slow:
            saved = await save_accounts(
                slow, [AccountRecord("acme", traits={"plan": "pro"})], rig.MONDAY
            )
            await changes.tell(slow, saved)
            await keep(door, "pros", PRO)
            await door.look()
            await slow.commit()
        await settled(door)
        assert await members(door, "pros") == ["acme"]


class TestTime:
    async def test_time_alone_flips_one_account_when_its_moment_has_come(self, door: Door) -> None:
        await keep(door, "ending", {"date": "ends_on", "within": "7 days"})
        await door.account("soon", traits={"ends_on": "2026-03-12"})
        await door.account("later", traits={"ends_on": "2026-05-01"})
        await settled(door)

        door.clock.moment = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)
        assert await door.look() == NOTHING
        door.clock.moment = datetime(2026, 3, 5, tzinfo=UTC)
        assert await door.look() == Looked(verdicts=1, entered=1)
        door.clock.moment = datetime(2026, 3, 13, tzinfo=UTC)
        assert await door.look() == Looked(verdicts=1, left=1)
        assert [why for _, _, why in await moves(door, "ending")] == ["Time passed."] * 2

    async def test_windows_of_days_are_looked_at_once_a_day_for_everybody(self, door: Door) -> None:
        await keep(door, "busy", {"usage": "login", "within": "2 days", "at_least": 1})
        await door.account("acme")
        await used(door, "acme", date(2026, 3, 2))
        await complete(door, date(2026, 3, 2))
        await settled(door)
        assert await members(door, "busy") == ["acme"]

        door.clock.moment = datetime(2026, 3, 3, 0, 1, tzinfo=UTC)
        assert await door.look() == Looked(sets=1)
        assert await door.look() == NOTHING
        await complete(door, date(2026, 3, 3))
        assert await door.look() == Looked(sets=1)
        door.clock.moment = datetime(2026, 3, 4, 0, 1, tzinfo=UTC)
        assert (await door.look(), await members(door, "busy")) == (Looked(sets=1, left=1), [])
        assert (await moves(door, "busy"))[-1][2] == "A new day: 2026-03-04."

    async def test_a_late_feed_holds_and_its_next_complete_day_answers_p9(self, door: Door) -> None:
        await keep(door, "quiet", {"quiet_for": "7 days"})
        await door.account("acme")
        await used(door, "acme", date(2026, 3, 2))
        await complete(door, date(2026, 3, 2))
        await settled(door)

        door.clock.moment = datetime(2026, 3, 10, tzinfo=UTC)
        assert await door.look() == Looked(verdicts=1)  # quiet, or the feed is late
        await complete(door, date(2026, 3, 9))
        assert await door.look() == Looked(sets=1, entered=1)
        assert await door.look() == NOTHING
        assert await moves(door, "quiet") == [
            ("acme", "entered", "Data came in: usage 2026-03-09.")
        ]

    async def test_a_feed_of_tickets_that_is_on_time_again_answers_within_the_same_day(
        self, door: Door
    ) -> None:
        await keep(door, "calm", {"not": {"tickets": "open"}})
        await door.account("acme")
        await settled(door)
        assert await members(door, "calm") == []

        async def through(hour: int) -> None:
            async with door.pool.connection() as connection:
                await connection.execute(
                    "insert into sources (name, kind, feeds, complete_through)"
                    " values ('desk', 'zendesk', '{tickets}', %(at)s) on conflict (name)"
                    " do update set complete_through = %(at)s",
                    {"at": datetime(2026, 3, 1, hour, tzinfo=UTC)},
                )

        await through(1)  # it is 09:00 of the next day: too long ago
        assert (await door.look()).sets == 1
        assert await members(door, "calm") == []
        await through(20)
        assert await door.look() == Looked(sets=1, entered=1)


class TestSegmentsOfSegments:
    async def test_whoever_moves_in_one_moves_in_those_that_rest_on_it_in_the_same_pass(
        self, door: Door
    ) -> None:
        await keep(door, "c-first", PRO)
        await keep(door, "b-second", {"segment": "c-first"})
        await keep(door, "a-third", {"not": {"segment": "b-second"}})
        await plan(door, ("acme", "free"))
        await settled(door)
        await plan(door, ("acme", "pro"))

        assert await door.look() == Looked(verdicts=3, entered=2, left=1)
        assert await members(door, "a-third") == []
        assert (await moves(door, "b-second"))[-1][2] == "Changed: segment:c-first."

    async def test_nobody_is_in_between(self, door: Door) -> None:
        """Both sides of a rule change at once: it is asked after both."""
        await keep(door, "a-with", {"all": [{"segment": "pros"}, {"not": {"segment": "payers"}}]})
        await keep(door, "pros", PRO)
        await keep(door, "payers", {"trait": "plan", "one_of": ["pro", "team"]})
        await plan(door, ("acme", "free"))
        await settled(door)
        before = await moves(door, "a-with")
        for value in ("pro", "free", "pro"):
            await plan(door, ("acme", value))
            await door.look()
        assert await moves(door, "a-with") == before

    async def test_a_look_at_everybody_reaches_those_that_rest_on_it_as_well(
        self, door: Door
    ) -> None:
        await keep(door, "quiet", {"quiet_for": "7 days"})
        await keep(door, "quiet-pros", {"all": [{"segment": "quiet"}, PRO]})
        await plan(door, ("acme", "pro"))
        await used(door, "acme", date(2026, 2, 10))
        await settled(door)
        await complete(door, date(2026, 3, 1))
        await settled(door)
        assert await members(door, "quiet-pros") == ["acme"]

    async def test_a_program_may_be_asked_for_like_a_segment(self, door: Door) -> None:
        await door.publish(when=[{"event": "login"}])
        await keep(door, "inside", {"program": "p"})
        await door.account("acme")
        await settled(door)
        await door.happens("login")
        await door.look()
        assert await members(door, "inside") == ["acme"]


class TestWhatFollows:
    async def test_who_enters_wakes_those_who_wait_for_it(self, door: Door) -> None:
        wait = {"wait_for": {"segment": "pros"}, "for_up_to": "30 days", "if_not": [{"end": "no"}]}
        await keep(door, "pros", PRO)
        await plan(door, ("acme", "free"), ("globex", "free"))
        async with door.pool.connection() as connection:
            await rig.publish(connection, rig.program("w", [wait]), rig.MONDAY)
            await enroll(connection, "w", ["acme", "globex"], source="test", now=rig.MONDAY,
                         again="never")  # fmt: skip
        await settled(door)
        await door.ask("delete from outbox returning id")
        await plan(door, ("acme", "pro"))
        await door.ask("delete from outbox returning id")
        await door.look()
        assert await door.ask("select kind, enrollment_id from outbox") == [("wake", "w:acme:1")]

    async def test_a_named_segment_brings_its_new_members_into_a_program(self, door: Door) -> None:
        await keep(door, "pros", PRO)
        await plan(door, ("old", "pro"), ("new", "free"))
        await settled(door)
        await door.publish(when=[{"segment": "pros"}], only_if={"stage": "paying"})
        await settled(door)
        await plan(door, ("new", "pro"))
        assert await door.sweep() == 0
        await door.account("new", stage="paying")
        assert await door.sweep() == 1
        assert await door.entered() == [("p:new:1", "segment: pros")]

    async def test_followers_are_told_page_by_page_and_know_a_crowd(self, door: Door) -> None:
        told: list[tuple[str, int, bool]] = []

        async def listen(connection: AsyncConnection[Any], moved: Moved) -> None:
            told.append((moved.rule_id, len(moved.moves), moved.crowd))

        records = [AccountRecord(f"a{n}", "A", traits={"plan": "pro"}) for n in range(1500)]
        async with door.pool.connection() as connection:
            await save_accounts(connection, records, rig.MONDAY)
        door.membership = Membership(door.entries, [listen])
        await keep(door, "trigger:pros", PRO)
        await settled(door)
        await plan(door, ("a1", "free"))
        await door.look()
        assert told == [
            ("trigger:pros", 1000, True), ("trigger:pros", 500, True), ("trigger:pros", 1, False),
        ]  # fmt: skip
