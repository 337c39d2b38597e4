"""Accounts as the rules see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import Account, Event

Connection = AsyncConnection[Any]

_FACTS = """
select a.id, a.stage, a.managed, a.zone, a.country, a.traits, a.last_active_on,
       (select complete_day from feeds where feed = 'usage'),
       (select jsonb_object_agg(m.name, m.reached_at) from milestones m where m.account_id = a.id),
       (select jsonb_object_agg(x.event, x.at) from (select u.event, min(u.first_at) as at
          from usage_days u where u.account_id = a.id and u.event = any(%(events)s)
           and u.first_at is not null group by 1) x)
  from accounts a
 where a.id > %(after)s and (%(ids)s::text[] is null or a.id = any(%(ids)s))
   and (%(changed)s::timestamptz is null or a.updated_at > %(changed)s)
 order by a.id limit %(most)s
"""


async def facts_page(
    connection: Connection, *, after: str = "", ids: Sequence[str] | None = None,
    changed_since: datetime | None = None, event_names: Iterable[str] = (), most: int = 1000,
) -> list[Account]:  # fmt: skip
    """One page of accounts as the rules see them (without contacts), in order of id."""
    cursor = await connection.execute(
        _FACTS,
        {
            "after": after, "ids": list(ids) if ids is not None else None,
            "changed": changed_since, "events": sorted(event_names), "most": most,
        },
    )  # fmt: skip
    return [
        Account(
            id=id, stage=stage, managed=managed, zone=zone, country=country, traits=traits,
            last_active_on=last, usage_through=through,
            milestones={n: datetime.fromisoformat(at) for n, at in (milestones or {}).items()},
            events=tuple(Event(n, datetime.fromisoformat(at)) for n, at in (events or {}).items()),
        )
        for id, stage, managed, zone, country, traits, last, through, milestones, events
        in await cursor.fetchall()
    ]  # fmt: skip
