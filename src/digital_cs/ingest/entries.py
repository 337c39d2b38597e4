"""Entries: which accounts come into which programs, by event, by date and by rule."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.catalog.programs import program_from_json
from digital_cs.clock import Clock
from digital_cs.domain.account import Account, day_of
from digital_cs.domain.business_calendar import BusinessCalendar
from digital_cs.domain.condition import Verdict, leaves
from digital_cs.domain.program import DateEntry, EventEntry, Program, SegmentEntry
from digital_cs.domain.send_window import resolve_zone
from digital_cs.domain.span import add, subtract
from digital_cs.domain.zone import to_utc
from digital_cs.store import events, facts, marks, programs
from digital_cs.store.enrollments import Enrolled, enroll

Connection = AsyncConnection[Any]

EVER = datetime(1970, 1, 1, tzinfo=UTC)
STILL_FRESH = timedelta(days=7)
"""A date entry that was missed by an outage is still taken so long after its moment."""

_BUSINESS_DAYS = BusinessCalendar()


@dataclass(frozen=True, slots=True)
class Matching:
    """A mark for each entry that matches, with the entry in words; and the marks of those of
    which it is not known, which stay as they are."""

    marks: dict[str, str]
    unknown: tuple[str, ...]


class Entries:
    """Knows the entries of the published programs; read again when a version changes."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock, workspace_zone: str) -> None:
        self._pool = pool
        self._clock = clock
        self._workspace_zone = workspace_zone
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
        """The events by which a program may be entered now."""
        rules = [rule for each in await self._programs(connection) for rule in each.enter.when]
        return {rule.event for rule in rules if isinstance(rule, EventEntry)}

    async def by_events(
        self, connection: Connection, events: Sequence[events.EventRecord]
    ) -> Enrolled:
        """Enroll the accounts that new product events bring in, in the caller's transaction."""
        total = Enrolled()
        for program in await self._programs(connection):
            names = {rule.event for rule in program.enter.when if isinstance(rule, EventEntry)}
            ids = sorted({event.account_id for event in events if event.name in names})
            if not ids:
                continue
            ids = await self._fitting(connection, program, ids)
            total += await enroll(
                connection, program.program, ids, source="event", now=self._clock.now(),
                again=program.enter.again,
            )  # fmt: skip
        return total

    async def _fitting(
        self, connection: Connection, program: Program, ids: Sequence[str]
    ) -> list[str]:
        """Those for which `only_if` holds. Not known counts as not yet (P9)."""
        rule = program.enter.only_if
        if rule is None:
            return list(ids)
        now = self._clock.now()
        page = await facts.facts_page(
            connection, ids=ids, event_names=_event_names([rule]), most=len(ids)
        )
        return [a.id for a in page if rule.verdict(a, EVER, now) is Verdict.YES]

    async def sweep(self, changed_since: datetime | None = None) -> int:
        """Enroll whom dates and rules bring in; only changed accounts, or everybody (None)."""
        entered = 0
        async with self._pool.connection() as connection:
            for program in await self._programs(connection):
                if any(not isinstance(rule, EventEntry) for rule in program.enter.when):
                    entered += await self._sweep_program(connection, program, changed_since)
        return entered

    async def _sweep_program(
        self, connection: Connection, program: Program, changed_since: datetime | None
    ) -> int:
        entered = 0
        async for page in _pages(connection, program, changed_since):
            entered += await self._enter_page(connection, program, page)
        return entered

    async def _enter_page(
        self, connection: Connection, program: Program, page: Sequence[Account]
    ) -> int:
        now = self._clock.now()
        matches = {a.id: m for a in page if (m := self.matching(program, a, now)) is not None}
        entered = 0
        async with connection.transaction():
            by_source: dict[str, set[str]] = {}
            for id, mark in await marks.replace(
                connection, program.program, {id: m.marks for id, m in matches.items()}, now,
                kept={id: m.unknown for id, m in matches.items()},
            ):  # fmt: skip
                by_source.setdefault(matches[id].marks[mark], set()).add(id)
            for source, ids in sorted(by_source.items()):
                result = await enroll(
                    connection, program.program, sorted(ids), source=source, now=now,
                    again=program.enter.again,
                )  # fmt: skip
                entered += len(result.enrolled)
        return entered

    def matching(self, program: Program, account: Account, now: datetime) -> Matching | None:
        """Which entries an account matches now; None: not known, not even one of them (P9)."""
        rule = program.enter.only_if
        allowed = rule.verdict(account, EVER, now) if rule is not None else Verdict.YES
        if allowed is Verdict.UNKNOWN:
            return None
        if allowed is Verdict.NO:
            return Matching({}, ())
        found, unknown = {}, []
        for number, entry in enumerate(program.enter.when):
            if isinstance(entry, SegmentEntry):
                verdict = entry.segment.verdict(account, EVER, now)
                if verdict is Verdict.YES:
                    found[segment_mark(number)] = f"segment: {entry.segment.words()}"
                elif verdict is Verdict.UNKNOWN:
                    unknown.append(segment_mark(number))
            elif isinstance(entry, DateEntry) and (day := self._date(entry, account, now)):
                mark = date_mark(entry, day)
                found[mark] = f"date: {mark}"
        return Matching(found, tuple(unknown))

    def _date(self, entry: DateEntry, account: Account, now: datetime) -> str | None:
        """The date, when its moment has come and it is not over."""
        day = day_of(account.traits.get(entry.date))
        if day is None:
            return None
        zone = resolve_zone("account", None, account.zone, self._workspace_zone).zone
        moment = to_utc(datetime.combine(day, time()), zone)
        over = moment + timedelta(days=1)
        if entry.shift is not None:
            move = subtract if entry.shift.direction == "before" else add
            moment = move(moment, entry.shift.span, zone, _BUSINESS_DAYS)
        return day.isoformat() if moment <= now < max(over, moment + STILL_FRESH) else None

    async def launch(self, connection: Connection, program: Program, *, enroll_them: bool) -> int:
        """At the first publishing: mark those who match already, or let the sweep enroll them.

        Returns how many match already.
        """
        count, now = 0, self._clock.now()
        async for page in _pages(connection, program):
            found = {a.id: m.marks for a in page
                     if (m := self.matching(program, a, now)) is not None and m.marks}  # fmt: skip
            count += len(found)
            if found and not enroll_them:
                await marks.replace(connection, program.program, found, now)
        return count


async def _pages(
    connection: Connection, program: Program, changed_since: datetime | None = None
) -> AsyncIterator[list[Account]]:
    """Every account, or those changed since, with all that the entries look at."""
    conditions = [r.segment for r in program.enter.when if isinstance(r, SegmentEntry)]
    if program.enter.only_if is not None:
        conditions.append(program.enter.only_if)
    names, after = _event_names(conditions), ""
    while page := await facts.facts_page(
        connection, after=after, changed_since=changed_since, event_names=names
    ):
        yield page
        after = page[-1].id


def segment_mark(number: int) -> str:
    """The mark of the entry that stands at this place of the program, counted from 0."""
    return f"segment {number}"


def date_mark(entry: DateEntry, day: str) -> str:
    """The mark of a date entry for one date (ISO): a date that moves is another one."""
    shift = f"{entry.shift.words()} " if entry.shift is not None else ""
    return f"{shift}{entry.date} {day}"


def _event_names(conditions: Iterable[Any]) -> set[str]:
    def names() -> Iterator[str]:
        for condition in conditions:
            for leaf in leaves(condition):
                name = getattr(leaf, "event", None)
                if isinstance(name, str):
                    yield name

    return set(names())
