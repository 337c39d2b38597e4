"""Those who are about to get a broadcast, beside those whom programs write to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.exposure import BROADCAST
from digital_cs.domain.sending.broadcast import BroadcastState, due_by_zone
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.broadcasts import broadcast_audience, broadcasts

Connection = AsyncConnection[Any]

MOST = 1000
"""Running broadcasts that are looked at; many more would be a fault."""

# Whom a frozen one still has to reach is in the ledger; of another, who would be chosen now. The
# texts of an issue are called as their pages are; one with messages that waited shows what the
# variant does that it was made of.
_FROZEN = """
insert into going_out_to (broadcast, email, account_id, contact_id, due_at, zone)
select b.id, m.email || case when m.email <> b.id or m.variant ~ '^(plain-m\\d+)?$' then ''
                             else '/' || regexp_replace(m.variant, '-m\\d+$', '') end,
       m.account_id, m.contact_id, m.due_at, m.zone
  from messages m join broadcasts b on b.id = m.broadcast_id
 where m.state = 'planned' and b.state = 'running' and not b.paused and m.due_at <= %s
"""
_UNFROZEN = """
update going_out_to g set broadcast = %(id)s, email = coalesce(%(email)s,
       %(id)s || coalesce((select '/' || nullif(r.variant, '') from newsletter_readers r
                            where r.issue_id = %(id)s and r.account_id = g.account_id), ''))
 where broadcast is null
"""
_ADD = """
insert into going_out (account_id, person, key)
select g.account_id, lower(c.email), jsonb_build_array(null, %(prefix)s::text || g.broadcast,
         g.email, (greatest(g.due_at, %(now)s) at time zone 'UTC'
           + make_interval(secs => coalesce(z.ahead, %(workspace)s)))::date)::text
  from going_out_to g join contacts c on c.id = g.contact_id
  left join unnest(%(zones)s::text[], %(ahead)s::int[]) z(name, ahead) on z.name = g.zone
 where g.due_at <= %(until)s
"""


async def add(
    connection: Connection, clocks: dict[str, Any], now: datetime, until: datetime,
    workspace_zone: str, calendar: BusinessCalendar,
) -> None:  # fmt: skip
    """Add them to the table `going_out`. `clocks` says how far zones are ahead (`zones`, `ahead`,
    `workspace`).
    """
    running = [
        each
        for each in await broadcasts.list_broadcasts(connection, [BroadcastState.RUNNING], MOST)
        if not each.paused
    ]
    if not running:
        return
    await connection.execute(
        "create temporary table going_out_to (broadcast text, email text, account_id text,"
        " contact_id text, due_at timestamptz, zone text) on commit drop"
    )
    await connection.execute(_FROZEN, (until,))
    for each in running:
        if each.frozen_at is None and min(due_by_zone(each.plan, now).values()) <= until:
            await broadcast_audience.place(
                connection, each, "going_out_to", now, workspace_zone, calendar
            )
            await connection.execute(_UNFROZEN, {"id": each.id, "email": each.plan.email})
    await connection.execute(_ADD, {**clocks, "prefix": BROADCAST, "now": now, "until": until})
    await connection.execute("drop table going_out_to")
