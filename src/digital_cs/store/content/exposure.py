"""Who will be shown which content in the coming days, and through which messages."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import NO_HOLIDAYS
from digital_cs.domain.content.exposure import Exposure, Outgoing, Reach, Send, Showing, in_order
from digital_cs.domain.content.outlook import Coming, Outlook
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.zone import load_zone
from digital_cs.store.content import exposure_broadcasts, shown, standpoints
from digital_cs.store.content.standpoints import Graphs, clocks_of

__all__ = ["DAYS", "Exposure", "Outgoing", "Showing", "of_emails", "of_items"]

Connection = AsyncConnection[Any]

DAYS = 14
"""How far is looked ahead, where nothing else is said."""


async def of_items(
    connection: Connection, now: datetime, days: int = DAYS, *, workspace_zone: str = "UTC",
    calendar: BusinessCalendar = NO_HOLIDAYS,
) -> dict[str, Exposure]:  # fmt: skip
    """What is about to be shown, by item; an item that nobody will be shown is missing.

    Those inside programs now are looked at, not those who will enter, and the broadcasts and issues
    of newsletters that are started; nobody who is paused, held out, or cannot be written to. The
    cost grows with the enrollments in the database, and here only with how many different
    standpoints they have. Opens a transaction.
    """
    outgoing = await of_emails(
        connection, now, days, workspace_zone=workspace_zone, calendar=calendar
    )
    by_item = await shown.emails_that_show(connection)
    for item, texts in (await shown.issues_that_show(connection)).items():
        by_item[item] = [*by_item.get(item, ()), *texts]
    programs = await shown.program_items(connection)
    by_email: dict[str, set[Send]] = defaultdict(set)
    sends: dict[str, set[Send]] = defaultdict(set)
    for program, email in {(each.program, each.email) for each in outgoing.showings}:
        by_email[email].add((program, email))
        if program in programs:
            sends[programs[program]].add((program, email))
    for item, emails in by_item.items():
        for email in emails:
            sends[item] |= by_email.get(email, set())
    return outgoing.exposures(sends)


async def of_emails(
    connection: Connection, now: datetime, days: int = DAYS, *, workspace_zone: str = "UTC",
    calendar: BusinessCalendar = NO_HOLIDAYS,
) -> Outgoing:  # fmt: skip
    """The messages that may go out, by day, and how many different people they reach."""
    async with connection.transaction():
        graphs = await standpoints.graphs_inside(connection)
        # How many stand where, the planner cannot know, and takes them for a handful; comparing
        # all of them with each other takes hours where a hash takes a second.
        await connection.execute("set local enable_nestloop = off")
        until, clocks = now + timedelta(days=days), clocks_of(now, workspace_zone)
        await standpoints.gather(connection, graphs, clocks, now, until)
        await exposure_broadcasts.add(connection, clocks, now, until, workspace_zone, calendar)
        cursor = await connection.execute(
            "select key, count(distinct account_id) from going_out group by key"
        )
        groups = await cursor.fetchall()
        showings, plans = _look(groups, graphs, now, days, workspace_zone, calendar)
        outgoing = Outgoing(showings, await _reach(connection, plans) if plans else ())
        # All of this may be part of a longer transaction.
        await connection.execute("drop table going_out")
        await connection.execute("set local enable_nestloop = on")
    return outgoing


# How many different accounts, or people, have just these plans, over all of their enrollments.
_REACH = """
with plans as (select * from unnest(%(keys)s::text[], %(plans)s::int[]) p(key, plan))
select plans, count(*) from (
       select array_agg(distinct p.plan order by p.plan) as plans
         from going_out g join plans p on p.key = g.key group by g.{who}) each
 group by plans
"""


def _look(
    groups: Iterable[tuple[str, int]], graphs: Graphs, now: datetime,
    days: int, workspace_zone: str, calendar: BusinessCalendar,
) -> tuple[tuple[Showing, ...], dict[str, frozenset[Send]]]:  # fmt: skip
    """What the groups may get, by day; and by group which messages that are."""
    clock = now.astimezone(load_zone(workspace_zone)).replace(tzinfo=UTC)
    until = clock + timedelta(days=days)
    outlooks = {id: Outlook(graph, clock, until, calendar) for id, graph in graphs.items()}
    counts: dict[tuple[str, str, date], int] = defaultdict(int)
    doubts: set[tuple[str, str, date]] = set()
    plans: dict[str, frozenset[Send]] = {}
    for key, size in groups:
        told = json.loads(key)
        if told[0] is None:
            _, broadcast, email, day = told
            counts[email, broadcast, date.fromisoformat(day)] += size
            plans[key] = frozenset({(broadcast, email)})
            continue
        at = standpoints.place_of(told, graphs)
        first: dict[str, Coming] = {}
        for coming in outlooks[at.program, at.version].of(at.stands):
            known = first.get(coming.email, coming)
            if at.may_get(coming) and coming.at <= known.at:
                first[coming.email] = coming
        for email, coming in first.items():
            place = (email, at.program, coming.at.date())
            counts[place] += size
            if not coming.sure:
                doubts.add(place)
        if first:
            plans[key] = frozenset((at.program, email) for email in first)
    showings = (Showing(*place, n, place not in doubts) for place, n in counts.items())
    return in_order(showings), plans


async def _reach(connection: Connection, plans: Mapping[str, frozenset[Send]]) -> tuple[Reach, ...]:
    numbers = {plan: number for number, plan in enumerate(set(plans.values()))}
    named: Sequence[frozenset[Send]] = list(numbers)
    values = {"keys": list(plans), "plans": [numbers[plan] for plan in plans.values()]}
    found: list[Reach] = []
    for who in ("account_id", "person"):
        cursor = await connection.execute(_REACH.format(who=who), values)
        for together, size in await cursor.fetchall():
            sends = frozenset().union(*(named[number] for number in together))
            found.append(Reach(sends, **{"accounts" if who == "account_id" else "people": size}))
    return tuple(found)
