"""The work of checking links: servers claimed, what is due at them, and what looks found."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.links.link_health import Health, Look
from digital_cs.store.content.links import HEALTH, STANDS, Which, health_from

Connection = AsyncConnection[Any]

LOOKS_KEPT = 20
"""Of each address: what older ones say is in its state."""
_IS_DUE = """
  (case when %(since)s::timestamptz is null
        then s.next_check_at is null or s.next_check_at <= %(now)s
        else s.checked_at is null or s.checked_at < %(since)s end)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """An address to look at, what is known of it, and whether its text is wanted."""

    url: str
    health: Health
    page: bool


async def claim_hosts(
    connection: Connection, worker: str, now: datetime, seconds: float, most: int, which: Which
) -> list[str]:
    """Servers with links that are due, those with the most first; nobody else gets them for so
    many real seconds. `now` is the business moment."""
    cursor = await connection.execute(
        f"""
        with due as (
          select s.host, count(*) as links from link_states s where {_IS_DUE} and {STANDS}
           group by s.host),
        chosen as (
          select h.host from link_hosts h join due using (host)
           where (h.claimed_until is null or h.claimed_until <= clock_timestamp())
             and (h.left_alone_until is null or h.left_alone_until <= %(now)s)
           order by due.links desc, h.host limit %(most)s for update of h skip locked)
        update link_hosts h set claimed_by = %(worker)s, left_alone_until = null,
               claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
          from chosen where chosen.host = h.host returning h.host
        """,
        {"worker": worker, "now": now, "seconds": seconds, "most": most, **asdict(which)},
    )
    return [row[0] for row in await cursor.fetchall()]


async def renew_claim(connection: Connection, worker: str, host: str, seconds: float) -> bool:
    """Keep a server for so many seconds more; False: somebody else has it by now."""
    cursor = await connection.execute(
        "update link_hosts set claimed_until = clock_timestamp() + make_interval(secs => %s)"
        " where host = %s and claimed_by = %s",
        (seconds, host, worker),
    )
    return cursor.rowcount == 1


async def release(
    connection: Connection, worker: str, host: str | None = None,
    left_alone_until: datetime | None = None,
) -> None:  # fmt: skip
    """Give back a server, or (None) all that are claimed by a worker."""
    await connection.execute(
        "update link_hosts set claimed_by = null, claimed_until = null,"
        " left_alone_until = coalesce(%s, left_alone_until)"
        " where claimed_by = %s and (%s::text is null or host = %s)",
        (left_alone_until, worker, host, host),
    )


async def due(
    connection: Connection, host: str, now: datetime, most: int, which: Which
) -> list[Due]:
    """Addresses of one server that are due for a look, the longest due first."""
    cursor = await connection.execute(
        f"""
        select s.url, exists (select from links l where l.url = s.url and l.kind = 'page'),
               {", ".join(f"s.{name}" for name in HEALTH)}
          from link_states s where s.host = %(of)s and {_IS_DUE} and {STANDS}
         order by s.next_check_at nulls first, s.url limit %(most)s
        """,
        {"of": host, "now": now, "most": most, **asdict(which)},
    )
    return [Due(row[0], health_from(row[2:]), row[1]) for row in await cursor.fetchall()]


async def due_count(connection: Connection, now: datetime, which: Which) -> int:
    """How many addresses are due for a look."""
    cursor = await connection.execute(
        f"select count(*) from link_states s where {_IS_DUE} and {STANDS}",
        {"now": now, **asdict(which)},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def save(connection: Connection, found: Iterable[tuple[str, Look, Health]]) -> None:
    """Keep what looks found, and what is known by them. Call it in a transaction."""
    found = list(found)
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "insert into link_looks (url, at, finding, status, detail, leads_to)"
            " values (%s, %s, %s, %s, %s, %s)",
            [(url, k.at, k.finding, k.status, k.detail, k.leads_to) for url, k, _ in found],
        )
        await cursor.executemany(
            f"update link_states set {', '.join(f'{name} = %s' for name in HEALTH)} where url = %s",
            [(*(getattr(health, name) for name in HEALTH), url) for url, _, health in found],
        )
        await cursor.execute(
            "delete from link_looks k using (select id, row_number() over"
            " (partition by url order by id desc) as nth from link_looks where url = any(%s)) old"
            " where old.id = k.id and old.nth > %s",
            ([url for url, _, _ in found], LOOKS_KEPT),
        )
