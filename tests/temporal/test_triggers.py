"""Triggers as they run: published, judged day by day as feeds come, fired once, with a reason."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from psycopg.errors import RaiseException
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.account import NO_HOLIDAYS
from digital_cs.domain.program import Program
from digital_cs.domain.trigger import Trigger
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.entries import Entries
from digital_cs.store import pool, timeline, triggers
from digital_cs.store.accounts import AccountRecord
from digital_cs.store.contacts import ContactRecord
from digital_cs.store.events import EventRecord
from digital_cs.store.suppressions import suppress
from digital_cs.store.usage import UsageRecord
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.triggers import backtest_trigger, publish_triggers, stop_trigger
from tests import rig
from tests.activities.house import StoppedClock

DAY = timedelta(days=1)
TODAY = rig.MONDAY.date()
SILENCE: dict[str, Any] = {"silence": {"for": "7 days"}, "cooldown": "10 days"}


def trigger(name: str = "quiet", **parts: Any) -> Trigger:
    return Trigger.model_validate({"trigger": name, "name": name, "owner": "maya", **parts})


@dataclass
class Live:
    """An engine without workers: what a keeper does is done when a test says so."""

    pool: AsyncConnectionPool[Any]
    clock: StoppedClock
    gateway: Gateway

    async def publish(self, *wanted: Trigger) -> None:
        await publish_triggers(self.gateway, wanted)

    async def keep(self, *, moments: int = 1) -> None:
        """What a keeper does in one tick, or in several."""
        for _ in range(moments):
            await self.gateway.membership.look()
            await self.gateway.membership.turn()
            await self.gateway.entries.triggers.judge()

    async def account(self, *ids: str, **facts: Any) -> None:
        facts.setdefault("stage", "active")
        await self.gateway.intake.save_accounts([AccountRecord(id, id, **facts) for id in ids])

    async def used(self, day: date, usage: Sequence[tuple[str, str, int]]) -> None:
        """The usage feed of a day arrives, with (account, event, how often)."""
        records = [UsageRecord(account, day, event, n) for account, event, n in usage]
        await self.gateway.intake.save_usage(records, day)

    async def happens(self, account: str, event: str) -> None:
        now = self.clock.now()
        record = EventRecord(f"{account} {event} {now}", account, event, now)
        await self.gateway.intake.record_events([record])

    async def quiet(self, *ids: str) -> None:
        """These are seen today, then nobody is for eight days, and the feed says so."""
        await self.used(TODAY, [(id, "login", 1) for id in ids])
        await self.keep()
        self.clock.moment = rig.MONDAY + 8 * DAY
        await self.used(TODAY + 7 * DAY, [])

    async def fired(self, **asked: Any) -> list[tuple[str, str]]:
        async with self.pool.connection() as connection:
            return [(f.trigger, f.account) for f in await triggers.firings(connection, **asked)]

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            found: list[dict[str, Any]] = await (await cursor.execute(query)).fetchall()
            return found


@pytest.fixture
async def live(database: str) -> AsyncIterator[Live]:
    clock = StoppedClock()
    async with pool.opened(database, 6) as opened:
        yield Live(opened, clock, Gateway(opened, clock, Entries(opened, clock, "UTC")))


def a_program(**parts: Any) -> Program:
    return rig.program("help", [{"wait": "30 days"}, {"send": "welcome-trial-1"}], **parts)


# Live is what a backtest says


BY_DAY = [
    trigger("drop", usage_drop={"event": "work", "at_least": 10}, cooldown="20 days",
            clear_for="3 days", only_if={"stage": "active"}),
    trigger("silence", silence={"for": "5 days"}, cooldown="7 days"),
    trigger("seldom", persists="3 days", cooldown="10 days", when={
        "usage": ["work", "look"], "measure": "days", "within": "7 days", "at_most": 2}),
    trigger("at-once", when={"usage": "work", "within": "3 days", "at_most": 1},
            cooldown="1 day", at_launch="fire"),
    trigger("again", silence={"for": "3 days"}, cooldown="4 days", re_arm=False),
    trigger("exported", event="export", cooldown="5 days", only_if={"stage": "active"}),
]  # fmt: skip


def a_company(seed: int, first: date, days: int) -> dict[date, list[tuple[str, str, int]]]:
    """Usage by day of accounts that work, pause, stop and come back, each in its own way."""
    chance = random.Random(seed)
    usage: dict[date, list[tuple[str, str, int]]] = {first + n * DAY: [] for n in range(days)}
    for number in range(16):
        busy, active = chance.random(), True
        for rows in usage.values():
            if chance.random() < 0.04:
                active = not active
            if active and chance.random() < busy:
                event = "work" if chance.random() < 0.8 else "look"
                rows.append((f"account-{number:02d}", event, chance.randint(1, 9)))
    return usage


@pytest.mark.parametrize("seed", [1, 2])
async def test_day_by_day_the_engine_fires_as_the_backtest_says_afterwards(
    live: Live, seed: int
) -> None:
    """The same company, once as it happens and once as history."""
    before, days = 75, 45
    first = TODAY
    usage = a_company(seed, first - before * DAY, before + days)
    chance = random.Random(seed)
    await live.account(*(f"account-{n:02d}" for n in range(14)))
    await live.account("account-14", "account-15", stage="trial")
    for day in sorted(usage)[:before]:
        await live.used(day, usage[day])
    live.clock.moment = datetime.combine(first, time(6), UTC)
    await live.publish(*BY_DAY)
    for day in sorted(usage)[before:]:
        live.clock.moment = datetime.combine(day, time(15), UTC)
        for account in sorted({account for account, event, n in usage[day] if n == 9}):
            await live.happens(account, "export")
        await live.keep()
        live.clock.moment = datetime.combine(day + DAY, time(), UTC)
        await live.keep()  # a new day, of which nothing is known yet
        live.clock.moment += timedelta(minutes=chance.randint(30, 600))
        await live.used(day, usage[day])
        await live.keep(moments=2)

    for each in BY_DAY:
        async with live.pool.connection() as connection:
            found = await triggers.firings(connection, trigger=each.trigger, most=10_000)
        live_days = sorted(
            (f.at.date() - (DAY if each.event is None else 0 * DAY), f.account) for f in found
        )
        afterwards = await backtest_trigger(
            live.gateway, each, first, first + (days - 1) * DAY, NO_HOLIDAYS
        )
        expected = sorted((firing.day, firing.account) for firing in afterwards.firings)
        if each.at_launch == "fire":  # published in the morning: what it fires for is of this day
            live_days = sorted((max(day, first), account) for day, account in live_days)
        assert live_days == expected, each.trigger
        assert len(expected) > 3, each.trigger


# What a firing does, and does once


async def test_a_firing_says_why_and_who_enters_by_it_knows_the_reason(live: Live) -> None:
    """P19: support reads why Acme is in a program."""
    await live.account("acme")
    await live.publish(trigger(**SILENCE))
    await live.gateway.publish([a_program(enter={"when": [{"trigger": "quiet"}]})])
    await live.quiet("acme")
    await live.keep()

    words = "Nothing was heard for 7 days: last active on 2 March 2026."
    (firing,) = await live.rows("select * from trigger_firings")
    assert (firing["account_id"], firing["version"], firing["at"]) == ("acme", 1, live.clock.now())
    assert firing["words"] == words
    assert firing["figures"] == {"quiet for 7 days": "last active on 2 March 2026"}
    (entered,) = await live.rows("select account_id, source, started_at from enrollments")
    assert entered["source"] == f"trigger quiet: {words[:-1]}"
    async with live.pool.connection() as connection:
        found = await timeline.timeline(connection, account="acme")
    assert [(each.what, each.words) for each in found] == [
        ("trigger", f"The trigger quiet fired. {words}"),
        ("entered", f"Entered, by trigger quiet: {words}"),
    ]  # fmt: skip


async def test_it_fires_once_however_often_and_by_how_many_keepers_it_is_judged(
    live: Live,
) -> None:
    ids = [f"account-{number}" for number in range(20)]
    await live.account(*ids)
    await live.publish(trigger("at-once", **SILENCE), trigger("later", persists="1 day", **SILENCE))
    await live.gateway.publish(
        [a_program(enter={"when": [{"trigger": "at-once"}], "again": "always"})]
    )
    await live.quiet(*ids)
    other = Live(
        live.pool, live.clock, Gateway(live.pool, live.clock, Entries(live.pool, live.clock, "UTC"))
    )
    for _ in range(2):
        await asyncio.gather(live.keep(moments=2), other.keep(moments=2))
    live.clock.moment += DAY
    await live.used(TODAY + 8 * DAY, [])
    for _ in range(2):
        await asyncio.gather(live.keep(moments=2), other.keep(moments=2))
    for name in ("at-once", "later"):
        assert await live.fired(trigger=name, most=1000) == [(name, id) for id in sorted(ids)]
    assert len(await live.rows("select id from enrollments")) == len(ids)


async def test_what_goes_wrong_halfway_leaves_nothing_and_is_done_again(live: Live) -> None:
    """The firing, its state, and who enters by it are there together, or not at all."""
    await live.account("acme")
    await live.publish(trigger(**SILENCE))
    await live.gateway.publish([a_program(enter={"when": [{"trigger": "quiet"}]})])
    await live.quiet("acme")
    async with live.pool.connection() as connection:
        await connection.execute(
            "create function broken() returns trigger language plpgsql as"
            " $$ begin raise exception 'the power fails'; end $$"
        )
        await connection.execute(
            "create trigger broken before insert on enrollments for each row"
            " execute function broken()"
        )
    with pytest.raises(RaiseException, match="the power fails"):
        await live.keep()
    assert await live.fired() == []
    async with live.pool.connection() as connection:
        await connection.execute("drop trigger broken on enrollments")
    await live.keep(moments=2)
    assert await live.fired() == [("quiet", "acme")]
    assert len(await live.rows("select id from enrollments")) == 1


async def test_who_listens_to_a_trigger_is_woken(live: Live) -> None:
    await live.account("acme", "globex")
    await live.publish(trigger(**SILENCE))
    await live.gateway.publish([a_program()])
    await live.gateway.enroll("help", ["acme", "globex"])
    async with live.pool.connection() as connection:
        await connection.execute("update program_versions set listens = '{trigger:quiet}'")
    await live.quiet("acme")
    await live.keep()
    woken = await live.rows("select enrollment_id from outbox where kind = 'wake'")
    assert [row["enrollment_id"] for row in woken] == ["help:acme:1"]


# Late feeds, spans, and what must stop first


async def test_a_late_feed_holds_the_verdict_and_never_reads_as_a_drop(live: Live) -> None:
    """P9: nothing comes for weeks, and nothing fires; when it comes, who did stop is noticed."""
    await live.account("acme", "globex")
    await live.publish(
        trigger(**SILENCE), trigger("drop", usage_drop={"at_least": 5}, persists="at once")
    )
    for day in (TODAY + n * DAY for n in range(80)):
        live.clock.moment = datetime.combine(day + DAY, time(3), UTC)
        await live.used(day, [(id, "work", 5) for id in ("acme", "globex")])
    await live.keep()
    for _ in range(20):
        live.clock.moment += DAY
        await live.keep()
    assert await live.fired() == []

    for late in range(20):
        day = TODAY + (80 + late) * DAY
        await live.used(day, [("globex", "work", 5)])
        await live.keep()
    assert sorted(await live.fired()) == [("drop", "acme"), ("quiet", "acme")]


async def test_it_must_hold_for_its_span_and_stop_before_it_fires_again(live: Live) -> None:
    await live.account("acme", traits={"used": 1, "seats": 10})
    await live.publish(
        trigger("near", limit_near={"used": "used", "of": "seats"}, persists="3 hours",
                cooldown="1 hour", clear_for="2 hours")
    )  # fmt: skip

    async def hours(count: int, used: int) -> list[tuple[str, str]]:
        await live.account("acme", traits={"used": used})
        for _ in range(count):
            await live.keep()
            live.clock.moment += timedelta(hours=1)
        return await live.fired()

    assert await hours(3, 9) == []
    assert await hours(1, 8) == []  # it broke off, just before
    assert await hours(3, 10) == []
    assert await hours(1, 10) == [("near", "acme")]
    assert await hours(1, 5) == [("near", "acme")]
    assert await hours(5, 9) == [("near", "acme")]  # it had not stopped for long enough
    assert await hours(3, 5) == [("near", "acme")]
    assert await hours(3, 9) == [("near", "acme")]
    assert await hours(1, 9) == [("near", "acme")] * 2


async def test_a_shorter_span_counts_from_its_publishing(live: Live) -> None:
    near: dict[str, Any] = {"limit_near": {"used": "used", "of": "seats"}}
    await live.account("acme", traits={"used": 1, "seats": 10})
    await live.publish(trigger("near", persists="30 days", **near))
    await live.account("acme", traits={"used": 10})
    await live.keep()
    live.clock.moment += 2 * DAY
    await live.publish(trigger("near", persists="1 day", **near))
    await live.keep()
    assert await live.fired() == [("near", "acme")]


# Events, and people who are gone


async def test_an_event_fires_once_in_its_cooldown_for_whom_the_rest_holds(live: Live) -> None:
    await live.account("acme", traits={"plan": "pro"})
    await live.account("globex")  # of which the plan is not known
    await live.publish(
        trigger("exported", event="export", cooldown="7 days",
                only_if={"trait": "plan", "is": "pro"})
    )  # fmt: skip
    await asyncio.gather(
        *(live.happens(account, "export") for account in ("acme", "globex", "acme"))
    )
    await live.happens("acme", "other")
    live.clock.moment += 6 * DAY
    await live.happens("acme", "export")
    await live.keep()
    assert await live.fired() == [("exported", "acme")]
    live.clock.moment += DAY
    await live.happens("acme", "export")
    assert await live.fired() == [("exported", "acme")] * 2
    assert (await live.rows("select words from trigger_firings"))[0]["words"] == "export happened."


@pytest.mark.parametrize("how", ["bounced", "deactivated"])
async def test_a_champion_who_bounces_or_is_deactivated_is_gone(live: Live, how: str) -> None:
    await live.account("acme", "globex")

    def ada(account: str, *, active: bool = True) -> ContactRecord:
        address, roles = f"ada@{account}.test", ("champion",)
        return ContactRecord(f"{account}-1", account, address, "Ada", "Ada", roles, active=active)

    await live.gateway.intake.save_contacts([ada("acme"), ada("globex")])
    await live.publish(trigger("gone", champion_gone={"role": "champion"}))
    if how == "bounced":
        async with live.pool.connection() as connection, connection.transaction():
            await suppress(connection, "acme-1", "hard bounce", "smtp", live.clock.now())
    else:
        await live.gateway.intake.save_contacts([ada("acme", active=False)])
    await live.keep()
    assert await live.fired() == [("gone", "acme")]


# Publishing


@pytest.mark.parametrize(("at_launch", "fires"), [("skip", []), ("fire", [("quiet", "acme")])])
async def test_for_whom_it_holds_at_its_publishing_is_passed_over_unless_it_says_otherwise(
    live: Live, at_launch: str, fires: list[tuple[str, str]]
) -> None:
    """P20: a new trigger lets no crowd loose."""
    await live.account("acme")
    await live.quiet("acme")
    (done,) = await publish_triggers(
        live.gateway, [trigger(**SILENCE, at_launch=at_launch)], dry_run=True
    )
    assert (done.new, done.holds, await live.fired()) == (True, 1, [])
    await live.publish(trigger(**SILENCE, at_launch=at_launch))
    await live.keep(moments=2)
    assert await live.fired() == fires

    await live.used(TODAY + 8 * DAY, [("acme", "login", 1)])
    await live.keep()
    live.clock.moment += 20 * DAY
    await live.used(TODAY + 27 * DAY, [])
    await live.keep()
    assert await live.fired() == [*fires, ("quiet", "acme")]


async def test_another_rule_of_the_same_name_is_another_version_and_no_crowd(live: Live) -> None:
    await live.account("acme", "globex")
    await live.publish(trigger(silence={"for": "30 days"}))
    await live.quiet("acme")
    await live.keep()
    (done,) = await publish_triggers(live.gateway, [trigger(**SILENCE)])
    assert (done.version, done.new, done.holds, done.passed_over) == (2, True, 1, True)
    (same,) = await publish_triggers(live.gateway, [trigger(**SILENCE)])
    assert (same.version, same.new, same.passed_over) == (2, False, False)
    await live.keep(moments=2)
    assert await live.fired() == []


async def test_a_stopped_trigger_fires_no_more_and_one_that_is_listened_to_cannot_be_stopped(
    live: Live,
) -> None:
    await live.account("acme")
    await live.publish(trigger(**SILENCE))
    await live.gateway.publish([a_program(enter={"when": [{"trigger": "quiet"}]})])
    with pytest.raises(UsageError, match="enter help by the trigger quiet"):
        await stop_trigger(live.gateway, "quiet")
    await live.gateway.publish([a_program(enter={"when": [{"event": "x"}]})])
    assert await stop_trigger(live.gateway, "quiet")
    assert not await stop_trigger(live.gateway, "quiet")
    await live.quiet("acme")
    await live.keep()
    assert await live.fired() == []
    with pytest.raises(NotFoundError, match="Published are: quiet"):
        await stop_trigger(live.gateway, "queit")


async def test_a_trigger_that_names_no_published_segment_is_refused(live: Live) -> None:
    with pytest.raises(UsageError, match="segment big, which is not published"):
        await live.publish(trigger(**SILENCE, only_if={"segment": "big"}))
