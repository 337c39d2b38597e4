"""Entries: which accounts come into which programs, by event, by date and by rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from digital_cs.store import accounts, marks, programs
from digital_cs.store.enrollments import Enrolled, enroll

Connection = AsyncConnection[Any]

EVER = datetime(1970, 1, 1, tzinfo=UTC)
STILL_FRESH = timedelta(days=7)
"""A date entry that was missed by an outage is still taken so long after its moment."""

_BUSINESS_DAYS = BusinessCalendar()


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

    async def by_events(
        self, connection: Connection, events: Sequence[accounts.EventRecord]
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
        page = await accounts.facts_page(
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
        entered, after = 0, ""
        conditions = [r.segment for r in program.enter.when if isinstance(r, SegmentEntry)]
        if program.enter.only_if is not None:
            conditions.append(program.enter.only_if)
        names = _event_names(conditions)
        while True:
            page = await accounts.facts_page(
                connection, after=after, changed_since=changed_since, event_names=names
            )
            if not page:
                return entered
            after = page[-1].id
            entered += await self._enter_page(connection, program, page)

    async def _enter_page(
        self, connection: Connection, program: Program, page: Sequence[Account]
    ) -> int:
        now = self._clock.now()
        matches = {a.id: self.matching(program, a, now) for a in page}
        async with connection.transaction():
            fresh = await marks.replace(
                connection, program.program,
                {id: found for id, found in matches.items() if found is not None}, now,
            )  # fmt: skip
            if not fresh:
                return 0
            result = await enroll(
                connection, program.program, sorted({id for id, _ in fresh}),
                source=f"entry {fresh[0][1]}", now=now, again=program.enter.again,
            )  # fmt: skip
        return len(result.enrolled)

    def matching(self, program: Program, account: Account, now: datetime) -> list[str] | None:
        """The marks of an account: one for each entry that it matches now; None: not known."""
        rule = program.enter.only_if
        allowed = rule.verdict(account, EVER, now) if rule is not None else Verdict.YES
        if allowed is Verdict.UNKNOWN:
            return None
        if allowed is Verdict.NO:
            return []
        found = []
        for number, entry in enumerate(program.enter.when):
            if isinstance(entry, SegmentEntry):
                verdict = entry.segment.verdict(account, EVER, now)
                if verdict is Verdict.UNKNOWN:
                    return None
                if verdict is Verdict.YES:
                    found.append(f"segment {number}")
            elif isinstance(entry, DateEntry) and (day := self._date_mark(entry, account, now)):
                found.append(f"{entry.date} {day}")
        return found

    def _date_mark(self, entry: DateEntry, account: Account, now: datetime) -> str | None:
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
        count, after, now = 0, "", self._clock.now()
        while True:
            page = await accounts.facts_page(
                connection, after=after,
                event_names=_event_names(
                    [r.segment for r in program.enter.when if isinstance(r, SegmentEntry)]
                ),
            )  # fmt: skip
            if not page:
                return count
            after = page[-1].id
            found = {a.id: m for a in page if (m := self.matching(program, a, now))}
            count += len(found)
            if found and not enroll_them:
                await marks.replace(connection, program.program, found, now)


def _event_names(conditions: Iterable[Any]) -> set[str]:
    def names() -> Iterator[str]:
        for condition in conditions:
            for leaf in leaves(condition):
                name = getattr(leaf, "event", None)
                if isinstance(name, str):
                    yield name

    return set(names())
