"""Product events: kept as they came, each once, and rolled up into usage by day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.store import partitions
from digital_cs.store.usage import move_last_active

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A product event of a known account."""

    id: str
    account_id: str
    name: str
    at: datetime
    contact_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    value: float | None = None

    @property
    def day(self) -> date:
        """The UTC day on which it happened."""
        return self.at.astimezone(UTC).date()


def user_key(user_id: str) -> int:
    """A user as a signed 64-bit number: what distinct users are counted by."""
    digest = hashlib.blake2b(user_id.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


_KEEP = """
insert into product_events (id, day, at, received_at, account_id, user_id, kind, name, value,
       properties, source)
select g.id, g.day, g.at, %(now)s, g.account_id, g.contact_id, 'track', g.name, g.value,
       coalesce(g.properties, '{}'), %(source)s
  from jsonb_to_recordset(%(rows)s) as g(id text, day date, at timestamptz, account_id text,
       contact_id text, name text, value float8, properties jsonb)
  join accounts a on a.id = g.account_id
on conflict do nothing
returning id
"""

_ROLL_UP = """
insert into usage_days as u (account_id, event, day, n, users, value, first_at, last_at, user_keys)
select g.account_id, g.event, g.day, g.n, cardinality(g.keys), g.value, g.first_at, g.last_at,
       g.keys
  from jsonb_to_recordset(%(rows)s) as g(account_id text, event text, day date, n bigint,
       value float8, first_at timestamptz, last_at timestamptz, keys bigint[])
 order by 1, 2, 3
on conflict (account_id, event, day) do update
   set n = u.n + excluded.n, value = u.value + excluded.value,
       first_at = least(u.first_at, excluded.first_at),
       last_at = greatest(u.last_at, excluded.last_at),
       user_keys = case when u.user_keys is null or u.user_keys @> excluded.user_keys
                        then u.user_keys
                        else array(select distinct k from unnest(u.user_keys || excluded.user_keys)
                                     as k order by k) end,
       users = case when u.user_keys is null or u.user_keys @> excluded.user_keys
                    then u.users
                    else (select count(distinct k) from unnest(u.user_keys || excluded.user_keys)
                            as k) end
"""


async def record_events(
    connection: Connection, records: Sequence[EventRecord], now: datetime, source: str = "api"
) -> list[EventRecord]:
    """Keep events, each once; returns those that are new. Unknown accounts are left out."""
    await partitions.ensure(connection, (record.day for record in records), now)
    rows = [
        {
            "id": r.id, "day": r.day.isoformat(), "account_id": r.account_id,
            "contact_id": r.contact_id, "name": r.name, "at": r.at.isoformat(),
            "value": r.value, "properties": r.properties,
        }
        for r in records
    ]  # fmt: skip
    cursor = await connection.execute(_KEEP, {"rows": Jsonb(rows), "now": now, "source": source})
    kept = {row[0] for row in await cursor.fetchall()}
    fresh = [record for record in records if record.id in kept]
    await roll_up(connection, fresh, now)
    return fresh


async def roll_up(connection: Connection, fresh: Iterable[EventRecord], now: datetime) -> None:
    """Add new events to the usage of their days."""
    found: dict[tuple[str, str, date], list[EventRecord]] = {}
    last: dict[str, date] = {}
    for event in fresh:
        found.setdefault((event.account_id, event.name, event.day), []).append(event)
        last[event.account_id] = max(event.day, last.get(event.account_id, event.day))
    rows = [
        {
            "account_id": account, "event": name, "day": day.isoformat(), "n": len(events),
            "value": sum(event.value or 0.0 for event in events),
            "first_at": min(event.at for event in events).isoformat(),
            "last_at": max(event.at for event in events).isoformat(),
            "keys": sorted({user_key(e.contact_id) for e in events if e.contact_id is not None}),
        }
        for (account, name, day), events in found.items()
    ]  # fmt: skip
    if rows:
        await connection.execute(_ROLL_UP, {"rows": Jsonb(rows)})
        await move_last_active(connection, last, now)
