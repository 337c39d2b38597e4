"""Entries: which accounts come into which programs, by event, by trigger, by date and by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.catalog.programs import program_from_json
from digital_cs.clock import Clock
from digital_cs.domain.programs.program import (
    DateEntry,
    EventEntry,
    Program,
    SegmentEntry,
    TriggerEntry,
)
from digital_cs.domain.rules.condition import SegmentIs, Verdict
from digital_cs.domain.rules.kept_rule import ENTRY, date_words, entry_of, entry_rules
from digital_cs.ingest.rules.calendars import Calendar, calendar_for, no_holidays
from digital_cs.ingest.rules.moves import Moved
from digital_cs.ingest.rules.triggers import STILL_NEWS, Triggers
from digital_cs.store.product import events
from digital_cs.store.programs import programs
from digital_cs.store.programs.enrollments import Enrolled, enroll
from digital_cs.store.rules import segment_members
from digital_cs.store.rules.condition_sql import compile_condition, evaluate

Connection = AsyncConnection[Any]

EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Entries:
    """Knows the entries of the published programs; read again when a version changes.

    Events and triggers bring accounts in as they happen. Dates and rules are kept rules: what
    moves by them is told to `follow`.
    """

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock, workspace_zone: str,
        calendar: Calendar = no_holidays,
    ) -> None:  # fmt: skip
        self.pool = pool
        self.clock = clock
        self.workspace_zone = workspace_zone
        self.calendar = calendar
        self.triggers = Triggers(pool, clock, calendar, self.by_trigger)
        self._parsed: dict[tuple[str, int], Program] = {}

    async def _programs(self, connection: Connection) -> list[Program]:
        found = []
        for row in await programs.running(connection):
            key = (row.id, row.version)
            if key not in self._parsed:
                self._parsed[key] = program_from_json(row.spec)
            found.append(self._parsed[key])
        return found

    async def event_names(self, connection: Connection) -> set[str]:
        """The events by which a program may be entered now, or a trigger fires."""
        rules = [rule for each in await self._programs(connection) for rule in each.enter.when]
        entering = {rule.event for rule in rules if isinstance(rule, EventEntry)}
        return entering | await self.triggers.event_names(connection)

    async def by_events(
        self, connection: Connection, events: Sequence[events.EventRecord]
    ) -> Enrolled:
        """Enroll the accounts that new product events bring in, and fire the triggers that wait
        for one, in the caller's transaction. History that is brought in later does neither."""
        total = Enrolled()
        now = self.clock.now()
        events = [event for event in events if event.at > now - STILL_NEWS]
        for program in await self._programs(connection):
            names = {rule.event for rule in program.enter.when if isinstance(rule, EventEntry)}
            ids = sorted({event.account_id for event in events if event.name in names})
            total += await self._enter(connection, program, ids, "event", now)
        await self.triggers.by_events(connection, events)
        return total

    async def by_trigger(
        self, connection: Connection, trigger: str, reasons: Mapping[str, str], now: datetime
    ) -> Enrolled:
        """Enroll the accounts for which a trigger fired, in the caller's transaction; `reasons`
        say why, a sentence by account (P19)."""
        total = Enrolled()
        for program in await self._programs(connection):
            if TriggerEntry(trigger=trigger) not in program.enter.when:
                continue
            by_source: dict[str, list[str]] = {}
            for id in await self._fitting(connection, program, sorted(reasons)):
                source = f"trigger {trigger}: {reasons[id].rstrip('.')}"
                by_source.setdefault(source, []).append(id)
            for source, ids in sorted(by_source.items()):
                total += await enroll(
                    connection, program.program, ids, source=source, now=now,
                    again=program.enter.again,
                )  # fmt: skip
        return total

    async def _enter(
        self, connection: Connection, program: Program, ids: Sequence[str], source: str,
        now: datetime,
    ) -> Enrolled:  # fmt: skip
        ids = await self._fitting(connection, program, ids)
        if not ids:
            return Enrolled()
        return await enroll(
            connection, program.program, ids, source=source, now=now, again=program.enter.again
        )

    async def _fitting(
        self, connection: Connection, program: Program, ids: Sequence[str]
    ) -> list[str]:
        """Those for which `only_if` holds. Not known counts as not yet (P9)."""
        rule = program.enter.only_if
        if rule is None or not ids:
            return list(ids)
        verdicts = await self.judge(connection, rule, ids)
        return [id for id in ids if verdicts.get(id) is Verdict.YES]

    async def judge(
        self, connection: Connection, condition: Any, ids: Sequence[str]
    ) -> dict[str, Verdict]:
        """The verdict of a condition on each of these accounts, as it is now."""
        calendar = await calendar_for(condition, self.calendar)
        judged = await evaluate(
            connection, compile_condition(condition), self.clock.now(), calendar, ids
        )
        return {each.account_id: each.verdict for each in judged}

    async def follow(self, connection: Connection, moved: Moved) -> None:
        """Enroll who came to match an entry. Who came by a change of the rule is no crowd to let
        in at once (P20)."""
        if not moved.rule_id.startswith(ENTRY) or moved.crowd:
            return
        name, number = entry_of(moved.rule_id)
        program = next((p for p in await self._programs(connection) if p.program == name), None)
        if program is None:
            return
        by_source: dict[str, list[str]] = {}
        for move in moved.moves:
            if move.kind == "entered":
                source = _source(program, number, move.mark)
                by_source.setdefault(source, []).append(move.account_id)
        for source, ids in sorted(by_source.items()):
            await enroll(
                connection, name, sorted(ids), source=source, now=moved.now,
                again=program.enter.again,
            )  # fmt: skip


def _source(program: Program, number: int, mark: str) -> str:
    """What brought an account in, in words."""
    entry = program.enter.when[number]
    if isinstance(entry, DateEntry):
        return f"date: {date_words(entry, mark)}"
    assert isinstance(entry, SegmentEntry)
    if isinstance(entry.segment, SegmentIs):
        return f"segment: {entry.segment.segment}"
    return f"segment: {entry.segment.words()}"


async def counted_since(
    connection: Connection, program: Program, account_id: str
) -> dict[int, datetime]:
    """Since when the present match of each entry counts, by number; a match counts once."""
    ids = f"{ENTRY}{program.program}:"
    found = await segment_members.memberships(connection, account_id, ids)
    known = entry_rules(program.program, program.enter)
    return {entry_of(id)[1]: since for id, (since, _) in found.items() if id in known}
