"""Who will be shown which content in the coming days, and through which messages."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.account import LEAVING_STAGES, NO_HOLIDAYS, UNSUBSCRIBED, day_of
from digital_cs.domain.business_calendar import BusinessCalendar
from digital_cs.domain.eligibility import SERVICE
from digital_cs.domain.exposure import Exposure, Outgoing, Reach, Send, Showing, in_order
from digital_cs.domain.outlook import TIMED, Coming, Outlook, Standpoint
from digital_cs.domain.program import Program
from digital_cs.domain.program_graph import (
    Graph,
    SendNode,
    SplitNode,
    WaitDateNode,
    compile_program,
)
from digital_cs.domain.program_ways import Known, leads_to_a_message
from digital_cs.domain.touch import ANYBODY
from digital_cs.domain.zone import load_zone, zone_names
from digital_cs.store import exposure_broadcasts, shown
from digital_cs.store.condition_sql_people import QUIET_BECAUSE
from digital_cs.store.holdouts import SHARE_OF
from digital_cs.store.replies import AWAITED
from digital_cs.store.suppressions import SUPPRESSED_HERE

__all__ = ["DAYS", "Exposure", "Outgoing", "Showing", "of_emails", "of_items"]

Connection = AsyncConnection[Any]

DAYS = 14
"""How far is looked ahead, where nothing else is said."""


async def of_items(
    connection: Connection, now: datetime, days: int = DAYS, *, workspace_zone: str = "UTC",
    calendar: BusinessCalendar = NO_HOLIDAYS,
) -> dict[str, Exposure]:  # fmt: skip
    """What is about to be shown, by item; an item that nobody will be shown is missing.

    Those inside programs now are looked at, not those who will enter, and the broadcasts that are
    started; nobody who is paused, held out, or cannot be written to. The cost grows with the
    enrollments in the database, and here only with how many different standpoints they have.
    Opens a transaction.
    """
    outgoing = await of_emails(
        connection, now, days, workspace_zone=workspace_zone, calendar=calendar
    )
    by_item = await shown.emails_that_show(connection)
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
        graphs = await _graphs(connection)
        # How many stand where, the planner cannot know, and takes them for a handful; comparing
        # all of them with each other takes hours where a hash takes a second.
        await connection.execute("set local enable_nestloop = off")
        until, clocks = now + timedelta(days=days), _clocks(now, workspace_zone)
        await connection.execute(_GATHER, {**clocks, **_values(graphs, now, until)})
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


_DRAWN = SHARE_OF.format(parts="e.program_id, x.id, e.account_id")

# Who stands where, one row each, and never seen here one by one: `key` is all that decides what
# may come, and those who share it are looked at once. Moments are what a clock shows there, to
# the hour, so that people of all zones can share one.
_GATHER = f"""
create temporary table going_out on commit drop as
with steps as (
       select * from jsonb_to_recordset(%(steps)s)
         as s(program text, version int, step text, timed bool, sends bool, traits text[],
              stays text[], splits jsonb)),
     zones as (select * from unnest(%(zones)s::text[], %(ahead)s::int[]) z(name, ahead)),
     inside as materialized (
       select e.account_id, e.program_id, e.version, e.step, e.plans_contact, a.zone,
              case when d.due > %(now)s then d.due when d.due is not null then %(now)s end as due,
              s.sends and e.plans_at is null and (e.position ? 'held_since'
                   or coalesce(e.position ->> 'noted', '') like 'held:%%') as held,
              coalesce(h.held, false) as held_out,
              case when s.traits <> '{{}}' then
                (select jsonb_object_agg(t, left(a.traits ->> t, 10)) from unnest(s.traits) t) end
                as dates,
              case when s.splits <> '[]' then
                (select jsonb_object_agg(x.id, width_bucket({_DRAWN}, x.bounds))
                   from jsonb_to_recordset(s.splits) x(id text, bounds float8[])) end as arms
         from enrollments e
         join programs p on p.id = e.program_id
         join steps s on (s.program, s.version, s.step) = (e.program_id, e.version, e.step)
         join accounts a on a.id = e.account_id
        cross join lateral (select case when s.sends
                 then coalesce(e.plans_at, (e.position ->> 'not_before')::timestamptz)
                 else (e.position ->> 'due_at')::timestamptz end as due) d
         left join holdouts h on h.program_id = e.program_id and h.account_id = e.account_id
        where e.ended_at is null and not e.paused and e.exit_because is null
          and p.state in ('running', 'closed', 'finishing')
          and (a.stage is null or a.stage <> all(%(leaving)s) or a.stage = any(s.stays))
          and (not s.timed or d.due is null or d.due <= %(until)s)
          and not {AWAITED.format(account="e.account_id")}),
     able as materialized (
       select m.account_id, m.contact_id, m.roles, lower(c.email) as address, c.zone,
              ({QUIET_BECAUSE}) is null and (c.quiet_until is null or c.quiet_until < %(until)s)
                as wants, row_number() over (partition by m.account_id
                order by ({QUIET_BECAUSE}) is not null, c.created_at, c.id) as place
         from memberships m join contacts c on c.id = m.contact_id {SUPPRESSED_HERE}
        where m.left_at is null and c.active
          and m.account_id in (select account_id from inside)
          and coalesce({QUIET_BECAUSE}, %(unsubscribed)s) = %(unsubscribed)s),
     roles as materialized (
       select account_id, min(address) filter (where place = 1) as reader,
              coalesce(array_agg(distinct role) filter (where wants), '{{}}') as marketing,
              array_agg(distinct role) as service
         from able cross join unnest(roles || '{ANYBODY}'::text) role group by 1)
select i.account_id, coalesce(planned.address, r.reader) as person,
       jsonb_build_array(i.program_id, i.version, i.step,
         date_trunc('hour', i.due at time zone 'UTC'
           + make_interval(secs => coalesce(z.ahead, %(workspace)s))),
         i.held, i.held_out, r.marketing, r.service, i.dates, i.arms)::text as key
  from inside i
  join roles r on r.account_id = i.account_id
  left join able planned
    on planned.account_id = i.account_id and planned.contact_id = i.plans_contact
  left join zones z on z.name = coalesce(planned.zone, i.zone)
"""

# How many different accounts, or people, have just these plans, over all of their enrollments.
_REACH = """
with plans as (select * from unnest(%(keys)s::text[], %(plans)s::int[]) p(key, plan))
select plans, count(*) from (
       select array_agg(distinct p.plan order by p.plan) as plans
         from going_out g join plans p on p.key = g.key group by g.{who}) each
 group by plans
"""


async def _graphs(connection: Connection) -> dict[tuple[str, int], Graph]:
    """The versions of programs that somebody is inside of."""
    cursor = await connection.execute(
        "select v.program_id, v.number, v.spec from program_versions v where exists"
        " (select from enrollments e where e.program_id = v.program_id and e.version = v.number"
        " and e.ended_at is null)"
    )
    return {
        (program, version): compile_program(Program.model_validate(spec), version)[0]
        for program, version, spec in await cursor.fetchall()
    }


def _clocks(now: datetime, workspace_zone: str) -> dict[str, Any]:
    """How many seconds clocks are ahead of UTC, in every zone and where nobody knows which."""
    names = sorted(zone_names())
    return {
        "zones": names, "ahead": [_ahead(name, now) for name in names],
        "workspace": _ahead(workspace_zone, now),
    }  # fmt: skip


def _values(
    graphs: Mapping[tuple[str, int], Graph], now: datetime, until: datetime
) -> dict[str, Any]:
    steps = [
        {
            "program": program, "version": version, "step": step,
            "timed": isinstance(graph.nodes[step], TIMED),
            "sends": isinstance(graph.nodes[step], SendNode),
            "traits": _traits(graph), "splits": _splits(graph), "stays": sorted(graph.stay_when),
        }
        for (program, version), graph in graphs.items()
        for step in sorted(leads_to_a_message(graph))
    ]  # fmt: skip
    return {
        "steps": Jsonb(steps), "now": now, "until": until, "unsubscribed": UNSUBSCRIBED,
        "leaving": list(LEAVING_STAGES),
    }  # fmt: skip


def _traits(graph: Graph) -> list[str]:
    return sorted({n.trait for n in graph.nodes.values() if isinstance(n, WaitDateNode)})


def _splits(graph: Graph) -> list[dict[str, Any]]:
    """The splits of a program, each with the points in [0, 1) at which the next arm begins."""
    found = []
    for node in graph.nodes.values():
        if isinstance(node, SplitNode):
            ends = [*accumulate(share for _, share, _ in node.arms)]
            found.append({"id": node.id, "bounds": [end / ends[-1] for end in ends[:-1]]})
    return found


def _arms(graph: Graph, drawn: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for id, nth in drawn.items():
        node = graph.nodes[id]
        if isinstance(node, SplitNode):
            yield id, node.arms[nth][0]


def _ahead(zone: str, now: datetime) -> int:
    """How many seconds a clock there is ahead of UTC."""
    offset = now.astimezone(load_zone(zone)).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0


def _look(
    groups: Iterable[tuple[str, int]], graphs: Mapping[tuple[str, int], Graph], now: datetime,
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
        (program, version, step, due, held, held_out, marketing, service, dates, arms) = told
        known = Known(
            tuple((name, day) for name, text in (dates or {}).items() if (day := day_of(text))),
            tuple(_arms(graphs[program, version], arms or {})),
        )
        at = datetime.fromisoformat(due).replace(tzinfo=UTC) if due else None
        stands = Standpoint(step, at, held, known)
        first: dict[str, Coming] = {}
        for coming in outlooks[program, version].of(stands):
            roles = service if coming.kind == SERVICE else () if held_out else marketing
            if not set(coming.to).isdisjoint(roles):
                first.setdefault(coming.email, coming)
        for email, coming in first.items():
            place = (email, program, coming.at.date())
            counts[place] += size
            if not coming.sure:
                doubts.add(place)
        if first:
            plans[key] = frozenset((program, email) for email in first)
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
