"""Triggers as they run: fired once, with a reason, when what must hold is known to hold."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.people.suppressions import suppress
from digital_cs.store.product.events import EventRecord
from digital_cs.store.programs import timeline
from digital_cs.temporal.triggers import publish_triggers, stop_trigger
from tests.ingest.collecting import collecting, track
from tests.temporal.live import DAY, SILENCE, TODAY, Live, a_program, trigger

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
    assert firing["figures"] == {
        "quiet for 7 days": "last active on 2 March 2026", "usage complete up to": "9 March 2026"
    }  # fmt: skip
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
    other = live.another()
    for _ in range(2):
        await asyncio.gather(live.keep(moments=2), other.keep(moments=2))
    live.clock.moment += DAY
    await live.used(TODAY + 8 * DAY, [])
    for _ in range(2):
        await asyncio.gather(live.keep(moments=2), other.keep(moments=2))
    for name in ("at-once", "later"):
        fired = await live.fired(trigger=name, most=1000)
        assert sorted(fired) == [(name, id) for id in sorted(ids)]
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
    await live.keep()
    assert await live.fired() == []
    async with live.pool.connection() as connection:
        await connection.execute("drop trigger broken on enrollments")
    live.clock.moment += timedelta(minutes=10)
    await live.another().keep(moments=2)
    assert await live.fired() == [("quiet", "acme")]
    assert len(await live.rows("select id from enrollments")) == 1


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


async def test_events_of_the_apis_processes_fire_it_once_between_them(
    live: Live, database: str
) -> None:
    """Two processes get the same moment's events, each in a group of its own."""
    await live.account("acme")
    await live.publish(trigger("exported", event="export"))
    async with (
        collecting(database, live.clock) as one,
        collecting(database, live.clock) as other,
    ):
        await asyncio.gather(*(
            collector.take("web", [track(f"{number}", "export", at=live.clock.now())])
            for number, collector in enumerate((one, other) * 4)
        ))  # fmt: skip
    assert await live.fired() == [("exported", "acme")]


async def test_an_event_of_long_ago_is_history_and_fires_nothing(live: Live) -> None:
    await live.account("acme", "globex")
    await live.publish(trigger("exported", event="export"))
    now = live.clock.now()
    old = EventRecord("1", "acme", "export", now - 8 * DAY)
    late = EventRecord("2", "globex", "export", now - 6 * DAY)
    await live.gateway.intake.record_events([old, late])
    assert await live.fired() == [("exported", "globex")]


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
