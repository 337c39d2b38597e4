"""Where enrollments stand, in a table: each by all that decides what it may send next."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.account import LEAVING_STAGES, UNSUBSCRIBED, day_of
from digital_cs.domain.content.outlook import TIMED, Coming, Standpoint
from digital_cs.domain.programs.program import Program
from digital_cs.domain.programs.program_graph import (
    Graph,
    SendNode,
    SplitNode,
    WaitDateNode,
    compile_program,
)
from digital_cs.domain.programs.program_ways import Known, leads_to_a_message
from digital_cs.domain.programs.touch import ANYBODY
from digital_cs.domain.sending.eligibility import SERVICE
from digital_cs.domain.timing.zone import load_zone, zone_names
from digital_cs.store.people.suppressions import SUPPRESSED_HERE
from digital_cs.store.programs.holdouts import SHARE_OF
from digital_cs.store.rules.condition_sql_people import QUIET_BECAUSE
from digital_cs.store.sending.replies import AWAITED

Connection = AsyncConnection[Any]

Graphs = Mapping[tuple[str, int], Graph]
"""Programs by id and version."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the enrollments with one key share: a standpoint in a version of a program, and the
    roles of those who can be written to, by marketing and by service notices."""

    program: str
    version: int
    stands: Standpoint
    held_out: bool
    marketing: frozenset[str]
    service: frozenset[str]

    def may_get(self, coming: Coming) -> bool:
        """Whether there is somebody in these accounts who would get a message."""
        if coming.kind == SERVICE:
            return not self.service.isdisjoint(coming.to)
        return not self.held_out and not self.marketing.isdisjoint(coming.to)


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
              s.timed or s.sends as planned,
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
         date_trunc('hour', i.due at time zone 'UTC' + here.ahead),
         case when i.due is null or not i.planned then
           date_trunc('hour', %(now)s at time zone 'UTC' + here.ahead) end,
         i.held, i.held_out, r.marketing, r.service, i.dates, i.arms)::text as key
  from inside i
  join roles r on r.account_id = i.account_id
  left join able planned
    on planned.account_id = i.account_id and planned.contact_id = i.plans_contact
  left join zones z on z.name = coalesce(planned.zone, i.zone)
 cross join lateral (
       select make_interval(secs => coalesce(z.ahead, %(workspace)s)) as ahead) here
"""


async def graphs_inside(connection: Connection) -> Graphs:
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


def clocks_of(now: datetime, workspace_zone: str) -> dict[str, Any]:
    """How many seconds clocks are ahead of UTC, in every zone and where nobody knows which."""
    names = sorted(zone_names())
    return {
        "zones": names, "ahead": [_ahead(name, now) for name in names],
        "workspace": _ahead(workspace_zone, now),
    }  # fmt: skip


async def gather(
    connection: Connection, graphs: Graphs, clocks: Mapping[str, Any], now: datetime,
    until: datetime,
) -> None:  # fmt: skip
    """Make the temporary table `going_out` (account_id, person, key), one row for each enrollment
    that may send something until then. Call it in a transaction."""
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
    await connection.execute(
        _GATHER,
        {
            **clocks, "steps": Jsonb(steps), "now": now, "until": until,
            "unsubscribed": UNSUBSCRIBED, "leaving": list(LEAVING_STAGES),
        },
    )  # fmt: skip


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


def place_of(told: Sequence[Any], graphs: Graphs) -> Place:
    """The place that a key of the table tells of, as it is read from its JSON."""
    (program, version, step, due, now, held, held_out, marketing, service, dates,
     drawn) = told  # fmt: skip
    known = Known(
        tuple((name, day) for name, text in (dates or {}).items() if (day := day_of(text))),
        tuple(_arms(graphs[program, version], drawn or {})),
    )
    stands = Standpoint(step, _shown(due), held, known, _shown(now))
    return Place(program, version, stands, held_out, frozenset(marketing), frozenset(service))


def _shown(clock: str | None) -> datetime | None:
    """What a clock shows, as an outlook takes it: as if it were UTC."""
    return datetime.fromisoformat(clock).replace(tzinfo=UTC) if clock else None


def _arms(graph: Graph, drawn: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for id, nth in drawn.items():
        node = graph.nodes[id]
        if isinstance(node, SplitNode):
            yield id, node.arms[nth][0]


def _ahead(zone: str, now: datetime) -> int:
    """How many seconds a clock there is ahead of UTC."""
    offset = now.astimezone(load_zone(zone)).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0
