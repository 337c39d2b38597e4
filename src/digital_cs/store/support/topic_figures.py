"""What the tickets of a span say of each topic, counted in sets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import LEAVING_STAGES
from digital_cs.domain.support.rate_change import Counts
from digital_cs.domain.support.topic_rank import Counted, Span

Connection = AsyncConnection[Any]

_SEGMENT = """(%(segment)s::text is null or exists (select from segment_members m
  where m.segment_id = %(segment)s and m.account_id = {account}))"""

_COUNTED = f"""
with asked as (
  select topic, account_id, count(*) filter (where opened_at >= %(start)s) as now,
         count(*) filter (where opened_at < %(start)s) as before
    from tickets t
   where opened_at >= %(before)s and opened_at < %(end)s and status <> 'deleted'
     and topic is not null and account_id is not null and {_SEGMENT.format(account="t.account_id")}
   group by 1, 2)
select topic, count(*) filter (where now > 0), sum(now)::bigint, max(now), sum(before)::bigint,
       sum(now * now)::bigint, sum(before * before)::bigint, sum(now * before)::bigint
  from asked group by 1 having sum(now) > 0
"""  # noqa: S608  put together from constants


@dataclass(frozen=True, slots=True)
class Ground:
    """What the figures of a span stand on.

    `active`: accounts that could ask. `first`: the first ticket there is. `without_account` and
    `without_topic` are tickets of the span that no topic's figures hold. `due` are tickets that
    wait to be looked at, and `complete_through` is how far the help desks told us everything.
    """

    active: int
    first: datetime | None
    tickets: int
    without_account: int
    without_topic: int
    due: int
    complete_through: datetime | None


@dataclass(frozen=True, slots=True)
class OfSegment:
    """A topic among the accounts of a segment."""

    segment: str
    name: str
    accounts: int
    tickets: int
    active: int


async def counted(connection: Connection, span: Span, segment: str | None = None) -> list[Counted]:
    """Each topic that was asked about in the span, in no order."""
    cursor = await connection.execute(
        _COUNTED,
        {"start": span.start, "end": span.end, "before": span.before.start, "segment": segment},
    )
    return [
        Counted(topic, accounts, now, most, Counts(now, before, *sums))
        for topic, accounts, now, most, before, *sums in await cursor.fetchall()
    ]


async def ground(connection: Connection, span: Span, segment: str | None = None) -> Ground:
    """What the figures of a span stand on."""
    cursor = await connection.execute(
        "select (select count(*) from accounts a where coalesce(stage, '') <> all(%(leaving)s)"  # noqa: S608
        f" and {_SEGMENT.format(account='a.id')}),"
        " (select min(opened_at) from tickets), count(*),"
        " count(*) filter (where account_id is null),"
        " count(*) filter (where account_id is not null and topic is null),"
        " (select count(*) from tickets where topic_due),"
        " (select complete_through from feeds where feed = 'tickets')"
        " from tickets t where opened_at >= %(start)s and opened_at < %(end)s"
        f" and status <> 'deleted' and {_SEGMENT.format(account='t.account_id')}",
        {"start": span.start, "end": span.end, "segment": segment,
         "leaving": list(LEAVING_STAGES)},
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    return Ground(*row)


async def by_segment(connection: Connection, span: Span) -> dict[str, list[OfSegment]]:
    """Each topic in each segment that asked about it, the one with most accounts first."""
    cursor = await connection.execute(
        "with sizes as (select m.segment_id, count(*) as active from segment_members m"
        " join accounts a on a.id = m.account_id and coalesce(a.stage, '') <> all(%(leaving)s)"
        " group by 1)"
        " select t.topic, m.segment_id, s.spec->>'name', count(distinct t.account_id), count(*),"
        " coalesce(z.active, 0) from tickets t"
        " join segment_members m on m.account_id = t.account_id"
        " join segments s on s.id = m.segment_id and s.state = 'kept'"
        " left join sizes z on z.segment_id = m.segment_id"
        " where t.opened_at >= %(start)s and t.opened_at < %(end)s and t.status <> 'deleted'"
        " and t.topic is not null and strpos(m.segment_id, ':') = 0"  # no entry, no trigger
        " group by 1, 2, 3, 6 order by 1, 4 desc, 2",
        {"start": span.start, "end": span.end, "leaving": list(LEAVING_STAGES)},
    )
    found: dict[str, list[OfSegment]] = {}
    for topic, segment, name, accounts, tickets, active in await cursor.fetchall():
        found.setdefault(topic, []).append(
            OfSegment(segment, name or segment, accounts, tickets, active)
        )
    return found
