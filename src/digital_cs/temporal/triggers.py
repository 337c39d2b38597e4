"""What people may ask about triggers: to publish and stop them, and what they would have done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from digital_cs.catalog.triggers import trigger_to_json, triggers_of
from digital_cs.domain.programs.program import Program
from digital_cs.domain.rules.backtest import Day, judged_at
from digital_cs.domain.rules.kept_rule import TRIGGER, KeptRule, spec_hash
from digital_cs.domain.rules.reads import triggers_named
from digital_cs.domain.rules.segment import Segment, segments_named
from digital_cs.domain.rules.trigger import Trigger
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.rules import backtest
from digital_cs.ingest.rules.backtest import Backtest
from digital_cs.ingest.rules.calendars import load_business_calendar
from digital_cs.store.people.accounts import countries
from digital_cs.store.product import milestone_definitions, milestones
from digital_cs.store.rules import segment_members, segments
from digital_cs.store.rules import triggers as store
from digital_cs.store.rules.triggers import TriggerRow
from digital_cs.temporal.segments import publish_with

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class PublishedTrigger:
    """What publishing a trigger did. `holds` is for how many accounts its rule holds now, and
    `passed_over` whether these must stop first, as `at_launch` says."""

    trigger: str
    version: int
    new: bool
    holds: int
    passed_over: bool


async def publish_triggers(
    gateway: Gateway, wanted: Sequence[Trigger], *, dry_run: bool = False,
    along: Sequence[Segment] = (),
) -> list[PublishedTrigger]:  # fmt: skip
    """Publish triggers, together; what has not changed stays at its version.

    For whom a new rule holds is known at once, and no trigger fires for them unless it says so.
    `dry_run` only says what would change. The segments `along` are published with them. Raises
    UsageError for a name of no published segment, or of no trigger that runs or is among these.
    """
    async with gateway.pool.connection() as connection:
        async with connection.transaction(force_rollback=dry_run):
            await publish_with(connection, gateway, along, {each.trigger for each in wanted})
            await _require_named(connection, wanted)
            done = [await _publish(connection, gateway, trigger) for trigger in wanted]
            spoken = await milestone_definitions.refresh(connection, gateway.clock.now())
        if not dry_run:
            await milestones.catch_up_again(connection, spoken.caught_up)
    return done


async def _publish(connection: Connection, gateway: Gateway, trigger: Trigger) -> PublishedTrigger:
    now, name = gateway.clock.now(), trigger.trigger
    spec = trigger_to_json(trigger)
    version, new = await store.publish(connection, name, spec, spec_hash(spec), now)
    rule = f"{TRIGGER}{name}"
    if trigger.event is not None:
        # It happens and is over: there is nobody to keep, apart from who fired lately.
        await segments.retire(connection, [rule], now)
        return PublishedTrigger(name, version, new, 0, False)
    kept = await segments.keep(connection, rule, KeptRule(when=trigger.condition).spec(), now)
    if kept.asks_anew:
        await gateway.membership.settle(connection, [rule], "The rule of a trigger was changed.")
    holds = await segment_members.count_accounts(connection, [rule])
    passed_over = kept.asks_anew and trigger.at_launch == "skip"
    return PublishedTrigger(name, version, new, holds, passed_over)


async def _require_named(connection: Connection, wanted: Sequence[Trigger]) -> None:
    names = {trigger.trigger for trigger in wanted}
    for trigger in wanted:
        if trigger.condition is None:
            continue
        silent = await store.missing(connection, triggers_named([trigger.condition]) - names)
        if silent:
            raise UsageError(_no_trigger(f"trigger {trigger.trigger}", silent[0]))
        absent = await segments.missing(connection, segments_named(trigger.condition))
        if absent:
            raise UsageError(
                f"The trigger {trigger.trigger} names the segment {absent[0]}, which is not"
                f" published: `digital-cs segment publish {absent[0]}` does that."
            )


async def require_triggers(connection: Connection, program: Program) -> None:
    """Raises UsageError if the program is entered by, or waits for, a trigger that does not run."""
    absent = await store.missing(connection, triggers_of(program))
    if absent:
        raise UsageError(_no_trigger(f"program {program.program}", absent[0]))


def _no_trigger(whose: str, name: str) -> str:
    return (
        f"The {whose} names the trigger {name}, which is not published:"
        f" `digital-cs trigger publish {name}` does that."
    )


async def stop_trigger(gateway: Gateway, name: str) -> bool:
    """Have a trigger fire no more, until it is published again; False if it is stopped already.

    Raises UsageError while accounts enter a program by it or a condition waits for it,
    NotFoundError for an unknown one.
    """
    async with gateway.pool.connection() as connection, connection.transaction():
        await published(connection, name)
        programs = [id for id, _ in await store.listeners(connection, name)]
        if programs:
            raise UsageError(
                f"Accounts enter {' and '.join(programs)} by the trigger {name}: publish"
                f" {'that program' if len(programs) == 1 else 'these programs'} without it first."
            )
        readers = await segments.used_by(connection, name, "trigger")
        others = [each for each in readers if each != f"trigger {name}"]
        if others:
            raise UsageError(
                f"The trigger {name} is named in a condition of the {' and the '.join(others)}:"
                f" publish {'that' if len(others) == 1 else 'these'} without it first."
            )
        now = gateway.clock.now()
        await segments.retire(connection, [f"{TRIGGER}{name}"], now)
        return await store.stop(connection, name, now)


async def published(connection: Connection, name: str) -> TriggerRow:
    """The published trigger of this name. Raises NotFoundError, and says what there is."""
    rows = await store.list_triggers(connection)
    for row in rows:
        if row.id == name:
            return row
    names = ", ".join(row.id for row in rows)
    there = f"Published are: {names}." if rows else "None is published yet."
    raise NotFoundError(f"There is no published trigger '{name}'. {there}")


async def calendar_of_history(
    gateway: Gateway, content_dir: Path, first: date, last: date
) -> BusinessCalendar:
    """The calendar of the days from `first` to `last`, and of those that they are held against."""
    async with gateway.pool.connection() as connection:
        places = await countries(connection)
    return await asyncio.to_thread(
        load_business_calendar, content_dir, judged_at(first), places, last
    )


async def backtest_trigger(
    gateway: Gateway, trigger: Trigger, first: date, last: date, calendar: BusinessCalendar,
    on_day: Callable[[Day], None] = lambda day: None,
) -> Backtest:  # fmt: skip
    """What a trigger, published or not, would have done from `first` to `last`; nothing is
    written. Raises UsageError for a name of no published segment or trigger."""
    async with gateway.pool.connection() as connection:
        await _require_named(connection, [trigger])
        return await backtest.run(connection, trigger, first, last, calendar, on_day)
