"""What speaks against content in itself: its links, its live page, releases, who looks after it.

All of this is asked within a look at evidence, of the items that it is about (`evidence.begin`).
"""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.links.link_health import DAYS_UNTIL_BROKEN, Health, State
from digital_cs.domain.links.redirect import Redirect
from digital_cs.store.content.links import HEALTH, LINK, PAGE, health_from
from digital_cs.store.database.streaming import streamed

Connection = AsyncConnection[Any]

DATED = (Kind.FEATURE_NOTE, Kind.NEWSLETTER)
"""What tells of its own day, and is not made wrong by what comes later."""
MOST_RELEASES = 5
"""Release notes that are told of one item, the first ones since its last review."""


@dataclass(frozen=True, slots=True)
class BadLink:
    """A link of an item that a person should act on, known to be bad `since`."""

    item: str
    url: str
    line: int
    own_page: bool
    since: datetime
    health: Health


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A live page that says something else than when it was verified; `change` in words."""

    item: str
    url: str
    changed_at: datetime
    verified_at: datetime
    change: str


@dataclass(frozen=True, slots=True)
class Release:
    """A release note about the product area of an item."""

    item: str
    area: str
    reviewed_on: date | None
    note: str
    title: str
    on: date


async def verify_answered_pages(connection: Connection) -> int:
    """Take pages as verified that changed before the last review of their item.

    Who writes a new date into a file has looked at what the page says; returns how many.
    """
    cursor = await connection.execute(
        "update page_states p set verified_at = s.answered, seen_text = null, changed_at = null,"
        " verified_text = coalesce(p.seen_text, p.verified_text), similarity = null, change = null"
        " from links l join evidence_scope s using (item_id)"
        f" where l.kind = '{PAGE}' and p.url = l.url and p.changed_at < s.answered"
    )
    return cursor.rowcount


# A link that failed before a review and turned out to be broken after it is news: what counts is
# the third day on which it failed, of which the looks that are kept tell.
_LINKS = f"""
select distinct on (l.item_id, l.url) l.item_id, l.url, l.line, l.kind = '{PAGE}',
       case when h.state = '{State.BROKEN}' then
         coalesce(third.at, h.since + interval '{DAYS_UNTIL_BROKEN - 1} days') else h.since end,
       {", ".join(f"h.{name}" for name in HEALTH)}
  from link_states h join links l using (url) join evidence_scope s using (item_id)
  left join lateral (
       select min(k.at) as at from link_looks k where k.url = h.url and k.at >= h.since
        group by (k.at at time zone 'UTC')::date order by 1
       offset {DAYS_UNTIL_BROKEN - 1} limit 1) third on h.state = '{State.BROKEN}'
 where h.since is not null
   and (h.state = '{State.BROKEN}'
        or h.state = '{State.REDIRECTED}' and h.redirect = any(%(redirects)s))
 order by l.item_id, l.url, l.kind <> '{PAGE}', l.kind <> '{LINK}', l.line
"""


async def bad_links(connection: Connection) -> AsyncIterator[list[BadLink]]:
    """Links that are broken, or lead where they should not, some at a time."""
    told = [each.value for each in Redirect if each.worth_telling]
    async for rows in streamed(connection, _LINKS, {"redirects": told}):
        yield [
            BadLink(item, url, line, own_page, since, health_from(health))
            for item, url, line, own_page, since, *health in rows
        ]


async def changed_pages(connection: Connection) -> AsyncIterator[list[ChangedPage]]:
    """Live pages that say something else, some at a time."""
    async for rows in streamed(
        connection,
        "select distinct on (item_id) item_id, url, p.changed_at, p.verified_at,"
        " coalesce(p.change, '') from page_states p join links l using (url)"
        " join evidence_scope using (item_id)"
        f" where l.kind = '{PAGE}' and p.changed_at is not null order by item_id, url",
    ):
        yield [ChangedPage(*row) for row in rows]


_NOTES = """
create temp table evidence_notes on commit drop as
select id, title, lower(area) as area_key, coalesce(stated_on, added_on) as told_on
  from content_items
 where kind = %(note)s and retired_at is null and area is not null
   and coalesce(stated_on, added_on) <= %(today)s
"""
_RELEASES = """
select s.item_id, s.area, s.reviewed_on, n.id, n.title, n.told_on
  from evidence_scope s cross join lateral (
       select * from evidence_notes n
        where n.area_key = s.area_key and n.told_on > s.known_on and n.id <> s.item_id
        order by n.told_on, n.id limit %(most)s) n
 where s.kind <> all(%(dated)s)
"""


async def releases(connection: Connection, today: date) -> AsyncIterator[list[Release]]:
    """Release notes that touch the area of an item and are newer than its last review; of what
    was never reviewed, newer than what we know of it."""
    await connection.execute(_NOTES, {"note": Kind.FEATURE_NOTE, "today": today})
    await connection.execute("create index on evidence_notes (area_key, told_on, id)")
    await connection.execute("analyze evidence_notes")
    async for rows in streamed(
        connection, _RELEASES, {"most": MOST_RELEASES, "dated": list(DATED)}
    ):
        yield [Release(*row) for row in rows]
    await connection.execute("drop table evidence_notes")


async def owners(
    connection: Connection,
) -> AsyncIterator[list[tuple[str, str | None, str | None]]]:
    """Owner and backup of each item that has either, some at a time."""
    async for rows in streamed(
        connection,
        "select item_id, owner, backup from evidence_scope"
        " where coalesce(owner, backup) is not null",
    ):
        yield [(item, owner, backup) for item, owner, backup in rows]
