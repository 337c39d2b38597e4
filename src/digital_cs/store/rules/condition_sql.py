"""A condition compiled to SQL: one statement that gives its verdict on all accounts, or on some.

The same meaning as the condition's own `verdict`, held to it by a property test. Everything that
a person wrote is a parameter. Each table is read once, in one pass for all leaves that ask of it.
"""

# ruff: noqa: S608  the statements are put together from constants and names of parameters

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.rules import condition as ast
from digital_cs.domain.rules.verdict import Verdict
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.database.arrays import text_array
from digital_cs.store.rules import (
    condition_sql_people,
    condition_sql_product,
    condition_sql_tickets,
    condition_sql_traits,
    condition_sql_usage,
)
from digital_cs.store.rules.condition_sql_sheet import Later, Leaf, Sheet

Connection = AsyncConnection[Any]

_LEAVES: Mapping[type[Any], Callable[[Sheet, Any], Leaf]] = {
    ast.StageIs: condition_sql_traits.stage,
    ast.TraitIs: condition_sql_traits.trait,
    ast.DateWithin: condition_sql_traits.date,
    ast.LimitNear: condition_sql_traits.limit,
    ast.MilestoneReached: condition_sql_product.milestone,
    ast.MilestoneMissed: condition_sql_product.missed,
    ast.EventHappened: condition_sql_product.event,
    ast.TriggerFired: condition_sql_product.trigger,
    ast.SegmentIs: condition_sql_product.segment,
    ast.ProgramIs: condition_sql_product.program,
    ast.QuietFor: condition_sql_usage.quiet,
    ast.UsageIs: condition_sql_usage.usage,
    ast.UsageChange: condition_sql_usage.change,
    ast.ContactIs: condition_sql_people.contact,
    ast.ContactGone: condition_sql_people.gone,
    ast.SubscriptionIs: condition_sql_people.subscription,
    ast.TicketsAre: condition_sql_tickets.tickets,
    ast.TicketSpike: condition_sql_tickets.spike,
}

_FEEDS = (
    "cross join (select max(complete_day) filter (where feed = 'usage') as usage_day,"
    " max(complete_through) filter (where feed = 'tickets') as tickets_at from feeds) feeds"
)

_VERDICTS = {True: Verdict.YES, False: Verdict.NO, None: Verdict.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition as a select of `account_id`, `verdict` (true, false, null) and `flip`.

    `query` is for all accounts, `query_of_ids` for those of a parameter; either may stand as a
    subselect in a bigger statement. They are two texts, so that a plan that was kept for all is
    never used for one. `flip` is the next moment at which time alone may change the verdict, apart
    from what turns daily (`condition.turns_daily`) and from a feed that becomes late, which only
    ever makes a verdict unknown.
    """

    query: str
    query_of_ids: str
    _given: Mapping[str, Any]
    _later: Mapping[str, Later]
    _ids: str

    def values(
        self, now: datetime, calendar: BusinessCalendar, ids: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """The parameters of `query`, or of `query_of_ids` if there are ids."""
        found = dict(self._given)
        found |= {name: later(now, calendar) for name, later in self._later.items()}
        if ids is not None:
            found[self._ids] = text_array(ids)
        return found


def compile_condition(condition: Any, prefix: str = "c") -> Compiled:
    """Compile a condition. Statements that hold several of them give each its own `prefix`."""
    sheet = Sheet(prefix)
    condition_sql_usage.prepare(sheet, ast.leaves(condition))
    flips: dict[str, None] = {}
    verdict = _verdict(sheet, condition, flips)
    flip = f"least({', '.join(flips)})" if flips else "null::timestamptz"
    ids = f"{prefix}_ids"

    def query(one_by_one: bool) -> str:
        joins = [_FEEDS] if sheet.feeds else []
        joins += sheet.joins.values()
        joins += [family.text(one_by_one) for family in sheet.families.values()]
        where = [f"where a.id = any(%({ids})s::text[])"] if one_by_one else []
        return "\n".join(
            (f"select a.id as account_id, {verdict} as verdict,", f"  {flip} as flip",
             "  from accounts a", *joins, *where)
        )  # fmt: skip

    return Compiled(query(False), query(True), sheet.given, sheet.later, ids)


def _verdict(sheet: Sheet, condition: Any, flips: dict[str, None]) -> str:
    if isinstance(condition, ast.Not):
        return f"(not {_verdict(sheet, condition.not_, flips)})"
    if isinstance(condition, ast.AllOf | ast.AnyOf):
        parts = condition.all if isinstance(condition, ast.AllOf) else condition.any
        word = " and " if isinstance(condition, ast.AllOf) else " or "
        return f"({word.join(_verdict(sheet, part, flips) for part in parts)})"
    leaf = _LEAVES[type(condition)](sheet, condition)
    if leaf.flip is not None:
        flips[leaf.flip] = None
    return leaf.verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one account, and when time alone may change it."""

    account_id: str
    verdict: Verdict
    flip: datetime | None


async def evaluate(
    connection: Connection, compiled: Compiled, now: datetime, calendar: BusinessCalendar,
    ids: Sequence[str] | None = None, only: Verdict | None = None,
) -> list[Judged]:  # fmt: skip
    """Judge all accounts, or these. With `only`, those of one verdict come back: all is a lot."""
    query = compiled.query if ids is None else compiled.query_of_ids
    if only is not None:
        test = {Verdict.YES: "true", Verdict.NO: "false", Verdict.UNKNOWN: "unknown"}[only]
        query = f"select * from ({query}) judged where verdict is {test}"
    cursor = await connection.execute(query, compiled.values(now, calendar, ids))
    return [Judged(id, _VERDICTS[found], flip) for id, found, flip in await cursor.fetchall()]
