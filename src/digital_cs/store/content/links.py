"""Links of content: where they stand, and what is known of them."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.links.link_health import Finding, Health, Look, State
from digital_cs.domain.links.link_url import host_of
from digital_cs.domain.links.redirect import Redirect

Connection = AsyncConnection[Any]

LINK, PAGE, FOUND = "link", "page", "found"
"""A link in an item's file; its own live page; and a link that stands on that page."""

_LOCK = 0x4C494E4B
"""Who sets links waits for others who do: two that set those of one item would both insert them."""
HEALTH = tuple(Health.__dataclass_fields__)
"""The columns of link_states that are the fields of Health."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link stands, `url` in its normal form. What stands in no file has line 0."""

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
class LinkView:
    """An address, what is known of it, in how many items it stands, and the first of them."""

    url: str
    host: str
    health: Health
    items: int
    item_id: str
    line: int
    place: str


STANDS = """
  s.url in (select url from links where %(item)s::text is null or item_id = %(item)s)
  and (%(host)s::text is null or s.host = %(host)s)
"""
_VIEW = f"""
  select s.url, s.host, l.items, l.item_id, l.line,
         coalesce((select locator from content_items i where i.id = l.item_id), l.item_id),
         {", ".join(f"s.{name}" for name in HEALTH)}
    from link_states s cross join lateral (
         select count(distinct item_id) as items,
                (array_agg(item_id order by item_id, line))[1] as item_id,
                (array_agg(line order by item_id, line))[1] as line
           from links where url = s.url and (%(item)s::text is null or item_id = %(item)s)) l
"""


async def replace_links(connection: Connection, places: Mapping[str, Sequence[Place]]) -> int:
    """Set the links of items, by item id; what is known of an address stays, and an item whose
    links are the same is not touched. Call it in a transaction. Returns how many addresses are new.
    """
    await connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    cursor = await connection.execute(
        "select item_id, url, line, kind from links where item_id = any(%s) and kind <> 'found'",
        (list(places),),
    )
    before = set(await cursor.fetchall())
    now = {(item, p.url, p.line, p.kind) for item, found in places.items() for p in found}
    changed = {row[0] for row in before ^ now}
    rows = sorted(row for row in now if row[0] in changed)
    await connection.execute("delete from links where item_id = any(%s)", (sorted(changed),))
    async with connection.cursor() as writing, writing.copy(
        "copy links (item_id, url, line, kind) from stdin"
    ) as copy:  # fmt: skip
        for row in rows:
            await copy.write_row(row)
    return await _register(connection, {row[1] for row in rows})


async def replace_found(connection: Connection, pages: Mapping[str, Sequence[str]]) -> None:
    """Set what live pages link to, by the page's address, for those of their items that have no
    links of their own: who has the file knows them with their lines. Call it in a transaction."""
    cursor = await connection.execute(
        "select item_id, url from links l where url = any(%s) and kind = 'page' and not exists"
        " (select from links f where f.item_id = l.item_id and f.kind = 'link')",
        (list(pages),),
    )
    rows = sorted({(item, url) for item, page in await cursor.fetchall() for url in pages[page]})
    await connection.execute(
        "delete from links l using links p where p.url = any(%s) and p.kind = 'page'"
        " and l.item_id = p.item_id and l.kind = 'found'",
        (list(pages),),
    )
    await connection.execute(
        "insert into links (item_id, url, line, kind) select i, u, 0, 'found'"
        " from unnest(%s::text[], %s::text[]) as t (i, u) on conflict do nothing",
        ([item for item, _ in rows], [url for _, url in rows]),
    )
    await _register(connection, {url for _, url in rows})


async def _register(connection: Connection, urls: set[str]) -> int:
    """Know these addresses and their servers; returns how many are new.

    Always in the same order, so that two who do it at once wait, and never for each other.
    """
    ordered = sorted(urls)
    hosts = [host_of(url) for url in ordered]
    await connection.execute(
        "insert into link_hosts (host) select distinct unnest(%s::text[]) order by 1"
        " on conflict do nothing",
        (hosts,),
    )
    cursor = await connection.execute(
        "insert into link_states (url, host) select * from unnest(%s::text[], %s::text[])"
        " on conflict do nothing",
        (ordered, hosts),
    )
    return cursor.rowcount


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
        {_VIEW} where {STANDS} and (%(states)s::text[] = '{{}}' or s.state = any(%(states)s))
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
        f"select s.state, count(*) from link_states s where {STANDS} group by s.state",
        asdict(which),
    )
    found = dict(await cursor.fetchall())
    return {state: found[state] for state in State if state in found}


async def of_items(
    connection: Connection, item_ids: Sequence[str]
) -> dict[str, list[tuple[Place, Health]]]:
    """The links of items with what is known of each: what evidence about them is made from."""
    cursor = await connection.execute(
        f"select l.item_id, l.line, l.kind, s.url, {', '.join(f's.{name}' for name in HEALTH)}"
        " from links l join link_states s using (url) where l.item_id = any(%s)"
        " order by l.item_id, l.line, s.url",
        (list(item_ids),),
    )
    found: dict[str, list[tuple[Place, Health]]] = {}
    for item_id, line, kind, url, *rest in await cursor.fetchall():
        found.setdefault(item_id, []).append((Place(url, line, kind), health_from(rest)))
    return found


_WORST_FIRST = (
    State.BROKEN, State.FAILING, State.REDIRECTED, State.REFUSED, State.UNKNOWN, State.OK,
)  # fmt: skip


def _view(row: Sequence[Any]) -> LinkView:
    url, host, items, item_id, line, place, *health = row
    return LinkView(url, host, health_from(health), items, item_id, line, place)


def health_from(row: Sequence[Any]) -> Health:
    """What is known of an address, from the columns HEALTH."""
    values = dict(zip(HEALTH, row, strict=True))
    return Health(**{
        **values, "state": State(values["state"]),
        "finding": Finding(values["finding"]) if values["finding"] else None,
        "redirect": Redirect(values["redirect"]) if values["redirect"] else None,
    })  # fmt: skip
