"""The verdicts of a kept rule on some accounts, or on all: conditions in SQL, dates by zone."""

# ruff: noqa: S608  the statements are put together from constants and compiled rules

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.rules.kept_rule import KeptRule, near
from digital_cs.domain.rules.verdict import Verdict, every
from digital_cs.ingest.rules.calendars import Calendar, calendar_for
from digital_cs.store.rules import segment_dates
from digital_cs.store.rules.condition_sql import Compiled, compile_condition, evaluate
from digital_cs.store.rules.segment_members import Found, Verdicts, in_memory
from digital_cs.store.rules.segments import SegmentRow

Connection = AsyncConnection[Any]

PAGE = 2000
"""Accounts with a date that are read at a time."""

_WRITTEN = {Verdict.YES: True, Verdict.NO: False, Verdict.UNKNOWN: None}


class Judge:
    """Compiles each rule once, and again when it was published anew."""

    def __init__(self, workspace_zone: str, calendar: Calendar) -> None:
        self._workspace_zone = workspace_zone
        self._calendar = calendar
        self._known: dict[str, tuple[str, KeptRule, Compiled | None]] = {}

    def _rule(self, row: SegmentRow) -> tuple[KeptRule, Compiled | None]:
        known = self._known.get(row.id)
        if known is None or known[0] != row.content_hash:
            rule = KeptRule.model_validate(row.spec)
            compiled = compile_condition(rule.when) if rule.when is not None else None
            known = self._known[row.id] = (row.content_hash, rule, compiled)
        return known[1], known[2]

    async def some(
        self, connection: Connection, row: SegmentRow, ids: Sequence[str], now: datetime
    ) -> Verdicts:
        """The verdicts on these accounts."""
        rule, compiled = self._rule(row)
        if rule.date is not None:
            dated = await segment_dates.of(connection, rule.date.date, ids)
            return await self._dated(connection, rule, compiled, dated, now)
        assert compiled is not None
        values = compiled.values(now, await calendar_for(rule.when, self._calendar), ids)
        return Verdicts(_unmarked(compiled.query_of_ids), values)

    def reads_dates(self, row: SegmentRow) -> bool:
        """Whether the rule asks for the nearness of a date: then everybody comes by `pages`."""
        return self._rule(row)[0].date is not None

    async def everybody(self, row: SegmentRow, now: datetime, *, strict: bool = False) -> Verdicts:
        """The verdicts on all accounts at once; `strict`: see `Verdicts`."""
        rule, compiled = self._rule(row)
        assert compiled is not None
        calendar = await calendar_for(rule.when, self._calendar)
        values = compiled.values(now, calendar)
        return Verdicts(_unmarked(compiled.query), values, strict)

    async def pages(
        self, connection: Connection, row: SegmentRow, now: datetime
    ) -> AsyncIterator[tuple[list[str], Verdicts]]:
        """The verdicts on all accounts that have the date, page by page with the accounts; others
        are not known."""
        rule, compiled = self._rule(row)
        assert rule.date is not None
        after = ""
        while page := await segment_dates.page(connection, rule.date.date, after, PAGE):
            ids = [each.account_id for each in page]
            yield ids, await self._dated(connection, rule, compiled, page, now)
            after = page[-1].account_id

    async def _dated(
        self, connection: Connection, rule: KeptRule, compiled: Compiled | None,
        accounts: Sequence[segment_dates.Dated], now: datetime,
    ) -> Verdicts:  # fmt: skip
        """Zones come from the pinned tzdata and never from Postgres (P4), so this is no SQL."""
        entry = rule.date
        assert entry is not None
        besides: dict[str, tuple[Verdict, datetime | None]] = {}
        if compiled is not None:
            ids = [each.account_id for each in accounts]
            calendar = await calendar_for(rule.when, self._calendar)
            judged = await evaluate(connection, compiled, now, calendar, ids)
            besides = {each.account_id: (each.verdict, each.flip) for each in judged}
        found = []
        for each in accounts:
            verdict, flips, day = near(
                entry, {entry.date: each.value}, each.zone, self._workspace_zone, now
            )
            also, also_flips = besides.get(each.account_id, (Verdict.YES, None))
            moments = [moment for moment in (flips, also_flips) if moment is not None]
            found.append(
                Found(
                    each.account_id, _WRITTEN[every((verdict, also))],
                    min(moments, default=None), day,
                )
            )  # fmt: skip
        return in_memory(found)


def _unmarked(query: str) -> str:
    return f"select q.*, '' as mark from ({query}) q"
