"""Links of content: where they stand, which are due for a look, and what looks found."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.link_health import Finding, Health, Look, State
from digital_cs.domain.link_url import host_of
from digital_cs.domain.redirect import Redirect

Connection = AsyncConnection[Any]

LOOKS_KEPT = 20
"""Of each address: what older ones say is in its state."""
LINK, PAGE = "link", "page"
_HEALTH = tuple(Health.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link stands, `url` in its normal form; an item's own page has line 0, kind page."""

    url: str
    line: int = 0
    kind: str = LINK


@dataclass(frozen=True, slots=True)
class Which:
    """Which links are meant; those of all hosts and items where nothing is said.

    `since`: also those that are not due yet, unless they were looked at from that moment on.
    """

    host: str | None = None
    item: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """An address to look at, what is known of it, and whether its text is wanted."""

    url: str
    health: Health
    page: bool


@dataclass(frozen=True, slots=True)
class LinkView:
    """An address, what is known of it, in how many items it stands, and the first of them."""

    url: str
    host: str
    health: Health
    items: int
    item_id: str
    line: int
    place: str


_STANDS = """
  s.url in (select url from links where %(item)s::text is null or item_id = %(item)s)
  and (%(host)s::text is null or s.host = %(host)s)
"""
_VIEW = f"""
  select s.url, s.host, l.items, l.item_id, l.line,
         coalesce((select locator from content_items i where i.id = l.item_id), l.item_id),
         {", ".join(f"s.{name}" for name in _HEALTH)}
    from link_states s cross join lateral (
         select count(distinct item_id) as items,
                (array_agg(item_id order by item_id, line))[1] as item_id,
                (array_agg(line order by item_id, line))[1] as line
           from links where url = s.url and (%(item)s::text is null or item_id = %(item)s)) l
"""
_IS_DUE = """
  (case when %(since)s::timestamptz is null
        then s.next_check_at is null or s.next_check_at <= %(now)s
        else s.checked_at is null or s.checked_at < %(since)s end)
"""


async def replace_links(connection: Connection, places: Mapping[str, Sequence[Place]]) -> int:
    """Set the links of items, by item id; what is known of an address stays. Call it in a
    transaction. Returns how many addresses are new."""
    await connection.execute("delete from links where item_id = any(%s)", (list(places),))
    rows = sorted({(item, p.url, p.line, p.kind) for item, found in places.items() for p in found})
    async with connection.cursor() as cursor, cursor.copy(
        "copy links (item_id, url, line, kind) from stdin"
    ) as copy:  # fmt: skip
        for row in rows:
            await copy.write_row(row)
    urls = sorted({row[1] for row in rows})
    hosts = [host_of(url) for url in urls]
    await connection.execute(
        "insert into link_hosts (host) select distinct unnest(%s::text[]) order by 1"
        " on conflict do nothing",
        (hosts,),
    )
    cursor = await connection.execute(
        "insert into link_states (url, host) select * from unnest(%s::text[], %s::text[])"
        " on conflict do nothing",
        (urls, hosts),
    )
    return cursor.rowcount


async def claim_hosts(
    connection: Connection, worker: str, now: datetime, seconds: float, most: int, which: Which
) -> list[str]:
    """Servers with links that are due, those with the most first; nobody else gets them for so
    many real seconds. `now` is the business moment."""
    cursor = await connection.execute(
        f"""
        with due as (
          select s.host, count(*) as links from link_states s where {_IS_DUE} and {_STANDS}
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
               {", ".join(f"s.{name}" for name in _HEALTH)}
          from link_states s where s.host = %(of)s and {_IS_DUE} and {_STANDS}
         order by s.next_check_at nulls first, s.url limit %(most)s
        """,
        {"of": host, "now": now, "most": most, **asdict(which)},
    )
    return [Due(row[0], _health(row[2:]), row[1]) for row in await cursor.fetchall()]


async def due_count(connection: Connection, now: datetime, which: Which) -> int:
    """How many addresses are due for a look."""
    cursor = await connection.execute(
        f"select count(*) from link_states s where {_IS_DUE} and {_STANDS}",
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
            f"update link_states set {', '.join(f'{name} = %s' for name in _HEALTH)}"
            " where url = %s",
            [(*(getattr(health, name) for name in _HEALTH), url) for url, _, health in found],
        )
        await cursor.execute(
            "delete from link_looks k using (select id, row_number() over"
            " (partition by url order by id desc) as nth from link_looks where url = any(%s)) old"
            " where old.id = k.id and old.nth > %s",
            ([url for url, _, _ in found], LOOKS_KEPT),
        )


async def looks(connection: Connection, url: str) -> list[Look]:
    """The last looks at an address, the oldest first."""
    cursor = await connection.execute(
        "select at, finding, status, detail, leads_to from link_looks where url = %s order by id",
        (url,),
    )
    return [
        Look(at, Finding(finding), status, detail, leads_to)
        for at, finding, status, detail, leads_to in await cursor.fetchall()
    ]


async def list_links(
    connection: Connection, which: Which, *, states: Sequence[State] = (), most: int = 100_000
) -> list[LinkView]:
    """Addresses with what is known of them, the worst first; of these states, where some are
    named."""
    cursor = await connection.execute(
        f"""
        {_VIEW} where {_STANDS} and (%(states)s::text[] = '{{}}' or s.state = any(%(states)s))
         order by array_position(%(order)s::text[], s.state), l.items desc, s.url limit %(most)s
        """,
        {"states": list(states), "order": list(_WORST_FIRST), "most": most, **asdict(which)},
    )
    return [_view(row) for row in await cursor.fetchall()]


async def get(connection: Connection, url: str) -> LinkView | None:
    """One address, if it stands anywhere."""
    cursor = await connection.execute(
        f"{_VIEW} where s.url = %(url)s and l.items > 0", {"url": url, "item": None}
    )
    row = await cursor.fetchone()
    return _view(row) if row else None


async def places_of(connection: Connection, url: str) -> list[tuple[str, str, int]]:
    """Where an address stands: item, the item's place in its source, and the line (0: its page)."""
    cursor = await connection.execute(
        "select l.item_id, coalesce(i.locator, l.item_id), l.line from links l"
        " left join content_items i on i.id = l.item_id where l.url = %s order by 2, 3",
        (url,),
    )
    return [(item, place, line) for item, place, line in await cursor.fetchall()]


async def counts(connection: Connection, which: Which) -> dict[State, int]:
    """How many addresses are in each state."""
    cursor = await connection.execute(
        f"select s.state, count(*) from link_states s where {_STANDS} group by s.state",
        asdict(which),
    )
    found = dict(await cursor.fetchall())
    return {state: found[state] for state in State if state in found}


async def of_items(
    connection: Connection, item_ids: Sequence[str]
) -> dict[str, list[tuple[Place, Health]]]:
    """The links of items with what is known of each: what evidence about them is made from."""
    cursor = await connection.execute(
        f"select l.item_id, l.line, l.kind, s.url, {', '.join(f's.{name}' for name in _HEALTH)}"
        " from links l join link_states s using (url) where l.item_id = any(%s)"
        " order by l.item_id, l.line, s.url",
        (list(item_ids),),
    )
    found: dict[str, list[tuple[Place, Health]]] = {}
    for item_id, line, kind, url, *rest in await cursor.fetchall():
        found.setdefault(item_id, []).append((Place(url, line, kind), _health(rest)))
    return found


_WORST_FIRST = (
    State.BROKEN, State.FAILING, State.REDIRECTED, State.REFUSED, State.UNKNOWN, State.OK,
)  # fmt: skip


def _view(row: Sequence[Any]) -> LinkView:
    url, host, items, item_id, line, place, *health = row
    return LinkView(url, host, _health(health), items, item_id, line, place)


def _health(row: Sequence[Any]) -> Health:
    values = dict(zip(_HEALTH, row, strict=True))
    return Health(**{
        **values, "state": State(values["state"]),
        "finding": Finding(values["finding"]) if values["finding"] else None,
        "redirect": Redirect(values["redirect"]) if values["redirect"] else None,
    })  # fmt: skip
