"""Conditions that name a trigger: its firing wakes, ends and admits, at once and once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digital_cs.domain.rules.condition import TriggerFired, Verdict
from digital_cs.domain.rules.segment import Segment
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import UsageError
from digital_cs.store.programs import touch_facts
from digital_cs.temporal.segments import explain, publish_segments
from digital_cs.temporal.triggers import stop_trigger
from tests.temporal.live import DAY, SILENCE, Live, a_program, trigger


def a_segment(name: str, when: dict[str, object]) -> Segment:
    return Segment.model_validate({"segment": name, "name": name, "owner": "maya", "when": when})


FELL_QUIET = a_segment("fell-quiet", {"trigger": "quiet"})
WAITING = {"exits": [{"when": {"trigger": "quiet"}, "because": "It fell quiet."}]}


async def members(live: Live, name: str) -> list[str]:
    found = await live.rows(f"select account_id from segment_members where segment_id = '{name}'")
    return [row["account_id"] for row in found]


async def woken(live: Live) -> list[str]:
    rows = await live.rows("select enrollment_id from outbox where kind = 'wake'")
    return [row["enrollment_id"] for row in rows]


async def test_a_firing_wakes_who_waits_for_it_and_nobody_else(live: Live) -> None:
    await live.account("acme", "globex")
    await live.publish(trigger(**SILENCE))
    await live.gateway.publish([a_program(**WAITING)])
    await live.gateway.enroll("help", ["acme", "globex"])
    await live.quiet("acme")
    await live.keep()
    assert await woken(live) == ["help:acme:1"]


async def test_a_firing_has_the_segments_that_read_it_looked_at_again(live: Live) -> None:
    """They are entered by it, and left again never: in a segment a firing counts since ever."""
    await live.account("acme", "globex")
    await live.publish(trigger(**SILENCE))
    await publish_segments(live.gateway, [FELL_QUIET])
    inside = a_program(enter={"when": [{"segment": {"segment": "fell-quiet"}}]})
    await live.gateway.publish([inside])
    await live.quiet("acme")
    await live.keep(moments=2)
    assert await members(live, "fell-quiet") == ["acme"]
    entered = await live.rows("select account_id, source from enrollments")
    assert entered == [{"account_id": "acme", "source": "segment: fell-quiet"}]
    found = await explain(live.gateway, "fell-quiet", "acme")
    (answer,) = found.answers
    assert (answer.words, answer.figure, answer.data) == (
        "trigger quiet fired", "first on 10 March 2026", "ours"
    )  # fmt: skip


async def test_a_trigger_may_look_at_what_other_triggers_did_and_at_its_own_firings(
    live: Live,
) -> None:
    """Once in a life: an event of which only the first one is of interest."""
    await live.account("acme")
    once = {"event": "export", "cooldown": "1 hour"}
    await live.publish(
        trigger("ever", **once),
        trigger("once", **once, only_if={"not": {"trigger": "once"}}),
        trigger("after", **once, only_if={"trigger": "once"}),
    )
    for _ in range(3):
        await live.happens("acme", "export")
        live.clock.moment += DAY
    fired = [name for name, _ in await live.fired()]
    assert {name: fired.count(name) for name in fired} == {"ever": 3, "once": 1, "after": 2}


@pytest.mark.parametrize("kind", ["says no", "says yes"])
async def test_a_trigger_and_a_segment_that_rest_on_each_other_come_to_rest(
    live: Live, kind: str
) -> None:
    """A circle is harmless: that a trigger fired becomes true once for an account, and stays so."""
    read = {"segment": "fell-quiet"}
    await live.account("acme")
    await live.publish(trigger(**SILENCE))
    await publish_segments(live.gateway, [FELL_QUIET])
    if kind == "says no":
        await live.publish(trigger(**SILENCE, only_if={"not": read}))
    else:
        rule = {"any": [{"quiet_for": "7 days"}, read]}
        await live.publish(trigger(when=rule, cooldown="1 hour"))
    await live.quiet("acme")
    await live.keep(moments=6)
    assert await live.fired() == [("quiet", "acme")]
    assert await members(live, "fell-quiet") == ["acme"]
    assert await live.rows("select 1 from account_changes") == []
    live.clock.moment += timedelta(days=40)
    await live.keep(moments=6)
    assert await live.fired() == [("quiet", "acme")]


async def test_what_names_a_trigger_that_does_not_run_is_refused(live: Live) -> None:
    for wanted in (
        live.gateway.publish([a_program(**WAITING)]),
        publish_segments(live.gateway, [FELL_QUIET]),
        live.publish(trigger("late", event="export", only_if={"trigger": "quiet"})),
    ):
        with pytest.raises(UsageError, match="names the trigger quiet, which is not published"):
            await wanted
    await live.publish(
        trigger(**SILENCE), trigger("late", event="export", only_if={"trigger": "quiet"})
    )


async def test_a_trigger_and_a_segment_that_it_rests_on_are_published_together(live: Live) -> None:
    await publish_segments(live.gateway, [FELL_QUIET], coming=["quiet"])
    await live.publish(trigger(**SILENCE, only_if={"not": {"segment": "fell-quiet"}}))
    await publish_segments(live.gateway, [FELL_QUIET])


@pytest.mark.parametrize(
    "reader", ["segment fell-quiet", "program help", "program by-event", "trigger late"]
)
async def test_a_trigger_that_a_condition_names_cannot_be_stopped(live: Live, reader: str) -> None:
    await live.publish(trigger(**SILENCE, only_if={"not": {"trigger": "quiet"}}))
    match reader:
        case "segment fell-quiet":
            await publish_segments(live.gateway, [FELL_QUIET])
        case "program help":
            await live.gateway.publish([a_program(**WAITING)])
        case "program by-event":
            enter = {"when": [{"event": "export"}], "only_if": {"trigger": "quiet"}}
            await live.gateway.publish([a_program(program="by-event", enter=enter)])
        case _:
            await live.publish(trigger("late", event="export", only_if={"trigger": "quiet"}))
    with pytest.raises(UsageError, match=f"in a condition of the {reader}: publish that without"):
        await stop_trigger(live.gateway, "quiet")


async def test_a_trigger_that_names_only_itself_can_be_stopped(live: Live) -> None:
    await live.publish(trigger(**SILENCE, only_if={"not": {"trigger": "quiet"}}))
    assert await stop_trigger(live.gateway, "quiet")


async def test_the_firing_that_brings_an_account_in_takes_it_out_by_nothing_and_the_next_one_does(
    live: Live,
) -> None:
    """A goal or an exit of "it fires again" is one of firings after the entry (P7)."""
    await live.account("acme")
    await live.publish(trigger("export", event="export", cooldown="1 hour"))
    exits = [{"when": {"trigger": "export"}, "because": "It exports again."}]
    await live.gateway.publish([a_program(enter={"when": [{"trigger": "export"}]}, exits=exits)])
    verdicts = []
    for _ in range(2):
        await live.happens("acme", "export")
        async with live.pool.connection() as connection:
            loaded = await touch_facts.load(
                connection, "help:acme:1", live.clock.now(), BusinessCalendar()
            )
        assert loaded is not None
        rule = TriggerFired(trigger="export")
        verdicts.append(rule.verdict(loaded.account, loaded.started_at, live.clock.now()))
        live.clock.moment += DAY
    assert verdicts == [Verdict.NO, Verdict.YES]
