"""Entries: who comes into a program by event, by date and by rule, and how often."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from digital_cs.ingest.rules.membership import Looked
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.product.usage import UsageRecord, save_usage
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.rules.changes import tell
from tests import rig
from tests.ingest.door import Door


class TestByEvent:
    async def test_the_event_that_is_named_brings_the_account_in(self, door: Door) -> None:
        await door.publish(when=[{"event": "signed_up"}])
        await door.account("acme")
        await door.account("globex")

        assert await door.happens("logged_in") == ()
        assert await door.happens("signed_up", "signed_up") == ("acme",)
        assert await door.happens("signed_up") == ()
        assert await door.entered() == [("p:acme:1", "event")]

    async def test_history_that_is_brought_in_later_enrolls_nobody(self, door: Door) -> None:
        """P8: who imports last year's events writes to nobody."""
        await door.publish(when=[{"event": "signed_up"}])
        await door.account()
        assert await door.happens("signed_up", days_ago=8) == ()
        assert await door.happens("signed_up", days_ago=6) == ("acme",)

    async def test_always_means_as_often_as_it_happens(self, door: Door) -> None:
        await door.publish(when=[{"event": "signed_up"}], again="always")
        await door.account()
        for _ in range(2):
            door.later(days=1)
            assert await door.happens("signed_up") == ("acme",)
            await door.everybody_leaves()
        assert await door.ids() == ["p:acme:1", "p:acme:2"]

    @pytest.mark.parametrize(
        ("traits", "enters"),
        [({"plan": "pro"}, True), ({"plan": "free"}, False), ({}, False)],
    )
    async def test_what_must_hold_besides_is_asked_and_not_known_is_not_yet(
        self, door: Door, traits: dict[str, Any], enters: bool
    ) -> None:
        """P9: missing data is not silently taken for an answer; the next event asks again."""
        await door.publish(when=[{"event": "login"}], only_if={"trait": "plan", "is": "pro"})
        await door.account(traits=traits)

        assert bool(await door.happens("login")) is enters
        if not traits:
            await door.account(traits={"plan": "pro"})
            door.later(seconds=1)
            assert await door.happens("login") == ("acme",)

    async def test_what_must_hold_may_be_an_event_of_long_ago(self, door: Door) -> None:
        await door.publish(when=[{"event": "login"}], only_if={"event": "invited"})
        await door.account()
        assert await door.happens("login") == ()
        await door.happens("invited")
        door.later(days=400)
        assert await door.happens("login") == ("acme",)

    async def test_one_event_brings_the_account_into_every_program_that_names_it(
        self, door: Door
    ) -> None:
        await door.publish("p", when=[{"event": "login"}])
        await door.publish("q", when=[{"event": "login"}, {"event": "other"}])
        await door.account()
        assert await door.happens("login") == ("acme", "acme")
        assert await door.ids() == ["p:acme:1", "q:acme:1"]

    async def test_an_event_entry_is_no_kept_rule(self, door: Door) -> None:
        await door.publish(when=[{"event": "login"}])
        await door.account()
        assert await door.sweep() == 0


class TestByDate:
    RENEWAL = {"date": "renewal_on", "shift": "90 days before"}  # MONDAY is 2 March 2026

    async def _at(self, door: Door, day: str) -> None:
        await door.account(traits={"renewal_on": day})

    async def test_ninety_days_before_the_date_and_once(self, door: Door) -> None:
        await door.publish(when=[self.RENEWAL])
        await self._at(door, "2026-06-01")  # 90 days before: 3 March

        assert await door.sweep() == 0
        door.later(days=1)
        assert await door.sweep() == 1
        door.later(days=30)
        assert await door.sweep() == 0
        assert await door.entered() == [("p:acme:1", "date: 90 days before renewal_on 2026-06-01")]

    async def test_the_moment_is_midnight_of_the_account(self, door: Door) -> None:
        await door.publish(when=[self.RENEWAL])
        await door.account(traits={"renewal_on": "2026-06-01"}, zone="America/Los_Angeles")
        door.clock.moment = rig.MONDAY.replace(day=3, hour=7)  # 23:00 there, on 2 March
        assert await door.sweep() == 0
        door.later(hours=1)
        assert await door.sweep() == 1

    async def test_a_date_that_moves_is_another_date(self, door: Door) -> None:
        await door.publish(when=[self.RENEWAL], again="always")
        await self._at(door, "2026-05-01")
        assert await door.sweep() == 1
        await self._at(door, "2027-05-01")  # it was renewed
        assert await door.sweep() == 0

        await door.everybody_leaves()
        door.clock.moment = rig.MONDAY.replace(year=2027)
        assert await door.sweep() == 1
        assert await door.ids() == ["p:acme:1", "p:acme:2"]

    async def test_the_same_date_counts_once_however_often_one_may_enter(self, door: Door) -> None:
        await door.publish(when=[self.RENEWAL], again="always")
        await self._at(door, "2026-05-01")
        for _ in range(5):
            await door.sweep()
            await door.everybody_leaves()
            door.later(days=10)
        assert await door.ids() == ["p:acme:1"]

    async def test_what_an_outage_missed_is_caught_up_while_the_date_is_ahead(
        self, door: Door
    ) -> None:
        await door.publish(when=[self.RENEWAL])
        await self._at(door, "2026-03-02")  # it is today: 90 days late, but not over
        await door.account("past", traits={"renewal_on": "2026-03-01"})
        assert await door.sweep() == 1
        assert await door.ids() == ["p:acme:1"]

    async def test_days_after_a_date_are_caught_up_for_a_week(self, door: Door) -> None:
        await door.publish(when=[{"date": "started_on", "shift": "10 days after"}])
        await door.account("late", traits={"started_on": "2026-02-14"})  # due on 24 February
        await door.account("too-late", traits={"started_on": "2026-02-10"})
        await door.account("early", traits={"started_on": "2026-02-21"})
        await door.sweep()
        assert await door.ids() == ["p:late:1"]

    async def test_two_moments_of_one_date_are_two_entries(self, door: Door) -> None:
        month = {"date": "renewal_on", "shift": "30 days before"}
        await door.publish(when=[self.RENEWAL, month], again="always")
        await self._at(door, "2026-05-01")
        assert await door.sweep() == 1
        await door.everybody_leaves()
        door.later(days=31)
        assert await door.sweep() == 1
        assert await door.ids() == ["p:acme:1", "p:acme:2"]

    @pytest.mark.parametrize("value", ["soon", "", None, "9999-12-31", 20260601])
    async def test_what_is_no_date_brings_nobody_in(self, door: Door, value: object) -> None:
        await door.publish(when=[self.RENEWAL])
        await door.account(traits={"renewal_on": value})
        assert await door.sweep() == 0

    async def test_each_account_is_told_its_own_date(self, door: Door) -> None:
        await door.publish(when=[self.RENEWAL])
        await door.account("a", traits={"renewal_on": "2026-04-01"})
        await door.account("b", traits={"renewal_on": "2026-05-01"})
        assert await door.sweep() == 2
        assert [source[-10:] for _, source in await door.entered()] == ["2026-04-01", "2026-05-01"]


class TestBySegment:
    PRO = {"segment": {"trait": "plan", "is": "pro"}}

    async def _plan(self, door: Door, plan: str, account: str = "acme") -> None:
        await door.account(account, traits={"plan": plan})

    async def test_who_comes_to_match_enters_once(self, door: Door) -> None:
        await door.publish(when=[self.PRO], again="always")
        await self._plan(door, "free")
        assert await door.sweep() == 0
        await self._plan(door, "pro")
        assert await door.sweep() == 1
        await door.everybody_leaves()
        assert await door.sweep() == 0
        assert await door.entered() == [("p:acme:1", "segment: plan is pro")]

    @pytest.mark.parametrize(("again", "times"), [("always", 2), ("never", 1)])
    async def test_who_leaves_the_match_and_comes_back_enters_again_if_that_is_allowed(
        self, door: Door, again: str, times: int
    ) -> None:
        await door.publish(when=[self.PRO], again=again)
        for plan in ("pro", "free", "pro"):
            await self._plan(door, plan)
            await door.sweep()
            await door.everybody_leaves()
        assert len(await door.ids()) == times

    async def test_who_is_inside_while_it_matches_again_does_not_enter_at_the_end(
        self, door: Door
    ) -> None:
        await door.publish(when=[self.PRO], again="always")
        await self._plan(door, "pro")
        async with door.pool.connection() as connection:
            await enroll(
                connection, "p", ["acme"], source="operator", now=rig.MONDAY, again="always"
            )
        assert await door.sweep() == 0
        await door.everybody_leaves()
        assert await door.sweep() == 0

    async def test_missing_data_neither_brings_in_nor_lets_go(self, door: Door) -> None:
        """P9: a feed that fails for a day is no reason to enter again when it is back."""
        await door.publish(when=[{"segment": {"quiet_for": "7 days"}}], again="always")
        await door.account()
        assert await door.sweep() == 0  # nothing is known of its usage

        async def use(day: int, through: int | None) -> None:
            record = UsageRecord("acme", datetime(2026, 2, day).date(), "login", 1)
            async with door.pool.connection() as connection:
                await save_usage(connection, [record], door.clock.now())
                if through:
                    await rig.usage_complete(connection, datetime(2026, 2, through).date())

        await use(10, None)
        assert await door.sweep() == 0  # quiet, or the feed is late
        await use(10, 28)
        assert await door.sweep() == 1
        await door.everybody_leaves()
        await use(20, None)  # somebody came back, and the feed is late again
        async with door.pool.connection() as connection:
            await rig.usage_complete(connection, None)
        assert await door.sweep() == 0
        async with door.pool.connection() as connection:
            await rig.usage_complete(connection, datetime(2026, 3, 1).date())
        assert await door.sweep() == 0  # the same silence, as far as anybody knew

    async def test_an_entry_that_cannot_be_answered_does_not_hide_another(self, door: Door) -> None:
        """P9."""
        date = {"date": "renewal_on", "shift": "90 days before"}
        await door.publish(when=[self.PRO, date])
        await door.account(traits={"renewal_on": "2026-05-01"})
        assert await door.sweep() == 1

    async def test_time_alone_may_bring_an_account_in(self, door: Door) -> None:
        await door.publish(when=[{"segment": {"date": "ends_on", "within": "7 days"}}])
        await door.account(traits={"ends_on": "2026-03-20"})
        assert await door.sweep() == 0
        door.later(days=12)
        assert await door.sweep() == 1

    async def test_what_must_hold_besides(self, door: Door) -> None:
        await door.publish(when=[self.PRO], only_if={"stage": "paying"}, again="always")
        await self._plan(door, "pro")
        assert await door.sweep() == 0
        await door.account(stage="paying")
        assert await door.sweep() == 1

    async def test_only_accounts_that_changed_are_looked_at(self, door: Door) -> None:
        await door.publish(when=[self.PRO])
        for number in range(5):
            await self._plan(door, "free", f"a{number}")
        await door.look()
        await self._plan(door, "pro", "a3")

        looked = await door.look()
        assert (looked.verdicts, looked.sets, looked.entered) == (1, 0, 1)
        assert await door.ids() == ["p:a3:1"]
        assert await door.look() == Looked()

    async def test_more_accounts_than_one_page_holds(self, door: Door) -> None:
        await door.publish(when=[self.PRO])
        records = [AccountRecord(f"a{n}", "A", traits={"plan": "pro"}) for n in range(2100)]
        async with door.pool.connection() as connection:
            await tell(connection, await save_accounts(connection, records, rig.MONDAY))
        assert await door.sweep() == 2100
        assert await door.sweep() == 0

    async def test_a_program_that_is_closed_is_not_entered(self, door: Door) -> None:
        """P11."""
        await door.publish(when=[self.PRO, {"event": "login"}])
        await self._plan(door, "pro")
        async with door.pool.connection() as connection:
            await connection.execute("update programs set state = 'closed'")
        assert await door.sweep() == 0
        assert await door.happens("login") == ()

    async def test_a_new_version_counts_from_its_publishing(self, door: Door) -> None:
        await door.publish(when=[self.PRO])
        await self._plan(door, "basic")
        assert await door.sweep() == 0
        await door.publish(when=[{"segment": {"trait": "plan", "is": "basic"}}])
        assert await door.sweep() == 1
