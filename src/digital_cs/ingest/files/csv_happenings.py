"""The loads of what happened to accounts, which may contradict what they are flagged as."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from digital_cs.domain.account import LEAVING_STAGES
from digital_cs.ingest.files.csv_files import Format, Remark
from digital_cs.ingest.files.csv_formats import MilestoneRow
from digital_cs.ingest.files.csv_loads import Door, Ending, Load, Rows, contradiction
from digital_cs.store.people import consistency
from digital_cs.store.people.differences import EVENTS, MILESTONES, Difference
from digital_cs.store.product import milestone_definitions, partitions, sources, usage
from digital_cs.store.product.events import EventRecord

T = TypeVar("T")

MOST_NAMES = 50
"""Different names of events that are still compared with the accounts at the end."""


class _HappeningLoad(Load[T]):
    """What happened to accounts, which may contradict what they are flagged as."""

    def __init__(self, door: Door, form: Format[T]) -> None:
        super().__init__(door, form)
        self._names: set[str] = set()

    def saw(self, rows: Rows[T]) -> None:
        if len(self._names) <= MOST_NAMES:
            self._names.update(record.name for _, record in rows)  # type: ignore[attr-defined]

    async def end(self, taken: int, left_out: int) -> Ending:
        ending = await super().end(taken, left_out)
        if self.door.dry or len(self._names) > MOST_NAMES:
            return ending
        compared = [(self.door.compare, self._names)] if self.door.compare else [
            (("stage", name.casefold()), {name})
            for name in sorted(self._names) if name.casefold() in LEAVING_STAGES
        ]  # fmt: skip
        for pair, names in compared:
            assert pair is not None
            flag, value = pair
            async with self.door.pool.connection() as connection:
                found = await consistency.flag_and_happening(
                    connection, self.form.noun, names, flag, value
                )
            kind = self.form.noun.removesuffix("s")
            listed = " or ".join(sorted(names))
            ending.warnings += contradiction(
                found,
                f"{flag} {value}, but no {kind} {listed}",
                f"the {kind} {listed}, but not {flag} {value}",
            )
        return ending


class EventLoad(_HappeningLoad[EventRecord]):
    """Product events. They only feed usage when somebody says how far they are complete."""

    kept = EVENTS

    def __init__(self, door: Door, form: Format[EventRecord]) -> None:
        super().__init__(door, form)
        self._on_counted_days = 0

    async def known(self, rows: Rows[EventRecord]) -> tuple[Rows[EventRecord], list[Remark]]:
        rows, remarks = await super().known(rows)
        async with self.door.pool.connection() as connection:
            gone = await partitions.dropped(connection, (record.day for _, record in rows))
            remarks += [
                Remark(line, "at", f"The events of {record.day} were dropped already, as the"
                       " settings say: whether this one was counted cannot be told any more.")
                for line, record in rows if record.day in gone
            ]  # fmt: skip
            rows = [row for row in rows if row[1].day not in gone]
            self._on_counted_days += await usage.new_on_counted_days(
                connection,
                [{"id": record.id, "account_id": record.account_id, "event": record.name,
                  "day": record.day.isoformat()} for _, record in rows],
            )  # fmt: skip
        return rows, remarks

    async def end(self, taken: int, left_out: int) -> Ending:
        ending = await super().end(taken, left_out)
        if count := self._on_counted_days:
            ending.warnings.append(
                f"{count:,} of {taken:,} {'is' if count == 1 else 'are'} of a day of which a file"
                " of usage told the whole already, and add to it. If they are counted there too,"
                " load that file once more after this one: it puts the days right."
            )
        return ending

    async def save(self, records: list[EventRecord]) -> Mapping[str, int]:
        done = await self.door.intake.record_events(records, self.door.source, history=True)
        return {"enrollments through them": done.enrolled}

    def complete_through(self) -> datetime | None:
        return self.stated_through()

    async def note(
        self, received: int, refused: int, through: datetime | None, error: str | None = None
    ) -> None:
        # A source of usage that never says how far it is would hold every verdict on silence.
        async with self.door.pool.connection() as connection, connection.transaction():
            await sources.note(
                connection, self.door.source, kind="csv",
                feeds=("usage",) if self.door.through else (), at=self.door.now,
                received=received, refused=refused, complete_through=through, error=error,
            )  # fmt: skip

    def plain(self, record: EventRecord) -> Mapping[str, Any]:
        return {"id": record.id, "day": record.day.isoformat()}


class MilestoneLoad(_HappeningLoad[MilestoneRow]):
    """Milestones that accounts reached. The earliest moment counts."""

    feeds = ("milestones",)
    kept = MILESTONES

    async def end(self, taken: int, left_out: int) -> Ending:
        ending = await super().end(taken, left_out)
        async with self.door.pool.connection() as connection:
            kept = await milestone_definitions.kept(connection)
        known = [each.milestone.milestone for each in kept]
        for name in sorted(self._names.difference(known)) if known else ():
            near = difflib.get_close_matches(name, known, n=1)
            ending.warnings.append(
                f"No milestone is called '{name}'."
                + (f" Did you mean '{near[0]}'?" if near else " milestones.yaml declares them.")
            )
        return ending

    async def differ(self, rows: Rows[MilestoneRow]) -> Difference:
        earliest: dict[tuple[str, str], tuple[int, MilestoneRow]] = {}
        for line, row in rows:
            key = row.account_id, row.name
            if key not in earliest or row.reached_at < earliest[key][1].reached_at:
                earliest[key] = (line, row)
        found = await super().differ(list(earliest.values()))
        return found._replace(same=found.same + len(rows) - len(earliest))

    async def save(self, records: list[MilestoneRow]) -> Mapping[str, int]:
        await self.door.intake.save_milestones(
            [(row.account_id, row.name, row.reached_at) for row in records]
        )
        return {}
