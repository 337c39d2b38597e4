"""What content was good for: tickets solved with it, and whether readers say that it helped."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.support.ticket import OVER
from digital_cs.store.database.streaming import streamed

Connection = AsyncConnection[Any]

TEXTS_BACK = timedelta(days=30)
"""Texts of tickets that were solved longer ago were looked through when they were solved."""
_DAYS_TOLD_LATE = timedelta(hours=6)
"""When a day received something is said once an hour; and what is under way comes a little later.
"""


@dataclass(frozen=True, slots=True)
class UseOnTicket:
    """That an item helped with a ticket, as somebody told; the ticket as it is called there."""

    item: str
    ticket: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Vote:
    """Whether an item helped a reader. Of several by one voter, the latest counts."""

    item: str
    voter: str
    helpful: bool
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the product that tells what content was good for."""

    id: str
    name: str
    at: datetime
    received_at: datetime
    who: str | None
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UseView:
    """A use of an item on a ticket; `status` of the ticket, None: it is not known. `renewed_on`:
    the day to which this renewed the item."""

    ticket: str
    at: datetime
    source: str
    status: str | None
    solved_at: datetime | None
    renewed_on: date | None


@dataclass(frozen=True, slots=True)
class VoteCount:
    """What readers said of an item since a moment."""

    helpful: int
    not_helpful: int


async def keep_uses(connection: Connection, uses: Sequence[UseOnTicket]) -> int:
    """Keep uses on tickets, each once; returns how many are new."""
    rows = sorted({(each.item, each.ticket): each for each in uses}.items())
    cursor = await connection.execute(
        "insert into content_uses_on_tickets (item_id, ticket_id, at, source)"
        " select * from unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[])"
        " on conflict do nothing",
        (
            [each.item for _, each in rows], [each.ticket for _, each in rows],
            [each.at for _, each in rows], [each.source for _, each in rows],
        ),
    )  # fmt: skip
    return cursor.rowcount


async def keep_votes(connection: Connection, votes: Sequence[Vote]) -> int:
    """Keep votes, the latest of each voter on an item; returns how many changed something."""
    latest: dict[tuple[str, str], Vote] = {}
    for vote in sorted(votes, key=lambda each: each.at):
        latest[vote.item, vote.voter] = vote
    rows = [latest[key] for key in sorted(latest)]
    cursor = await connection.execute(
        "insert into content_votes as v (item_id, voter, helpful, at, source)"
        " select * from unnest(%s::text[], %s::text[], %s::bool[], %s::timestamptz[], %s::text[])"
        " on conflict (item_id, voter) do update set helpful = excluded.helpful,"
        " at = excluded.at, source = excluded.source where v.at < excluded.at",
        (
            [each.item for each in rows], [each.voter for each in rows],
            [each.helpful for each in rows], [each.at for each in rows],
            [each.source for each in rows],
        ),
    )  # fmt: skip
    return cursor.rowcount


# A ticket may be called by its id here, or by its number at the only help desk that has it.
_TICKET = """
  join lateral (
    select min(t.id) as id, min(t.status) as status, min(t.solved_at) as solved_at from tickets t
     where t.id = any(array[u.ticket_id] || array(
           select name || ':' || u.ticket_id from sources where 'tickets' = any(feeds)))
    having count(*) = 1) t on true
"""
_RENEW = f"""
with solved as (
    select u.item_id, u.ticket_id,
           (greatest(u.at, t.solved_at) at time zone 'UTC')::date as day
      from content_uses_on_tickets u {_TICKET}
     where u.renewed_on is null and t.status = any(%(over)s)
       and greatest(u.at, t.solved_at) <= %(now)s
       and (%(items)s::text[] is null or u.item_id = any(%(items)s))),
  counted as (
    update content_uses_on_tickets u set renewed_on = s.day from solved s
     where u.item_id = s.item_id and u.ticket_id = s.ticket_id returning u.item_id, s.day)
select item_id, max(day) from counted group by item_id order by item_id
"""


async def renew(
    connection: Connection, now: datetime, items: Sequence[str] | None = None
) -> list[str]:
    """Renew items that helped with tickets that are solved now; returns those whose date moved.

    Call it in a transaction. A use counts on the day on which the ticket was solved, or it was
    used on it if that came later; a date never moves back.
    """
    cursor = await connection.execute(
        _RENEW, {"now": now, "over": list(OVER), "items": None if items is None else list(items)}
    )
    solved = await cursor.fetchall()
    if not solved:
        return []
    cursor = await connection.execute(
        "update content_items i set renewed_on = n.day"
        " from unnest(%s::text[], %s::date[]) n (id, day)"
        " where i.id = n.id and (i.renewed_on is null or i.renewed_on < n.day) returning i.id",
        ([item for item, _ in solved], [day for _, day in solved]),
    )
    return sorted(row[0] for row in await cursor.fetchall())


async def told(
    connection: Connection, names: Collection[str], since: datetime | None
) -> AsyncIterator[list[Told]]:
    """Events with these names that were received since, None: all there are, some at a time.

    Only days are read that received something since: events have no index by their name, and
    what they tell of content is few among them. Call it in a transaction.
    """
    async for rows in streamed(
        connection,
        "select e.id, e.name, e.at, e.received_at, coalesce(k.contact_id, e.user_id,"
        " e.anonymous_id), e.properties from product_events e"
        " left join identities k on k.alias = coalesce(e.user_id, e.anonymous_id)"
        " where e.day = any(%(days)s) and e.name = any(%(names)s)"
        " and (%(from)s::timestamptz is null or e.received_at > %(from)s)",
        {
            "names": list(names), "days": await _days(connection, since),
            "from": since - _DAYS_TOLD_LATE if since else None,
        },
    ):  # fmt: skip
        yield [Told(*row) for row in rows]


async def _days(connection: Connection, since: datetime | None) -> list[date]:
    cursor = await connection.execute(
        "select day from event_days where state <> 'dropped'"
        " and (%(from)s::timestamptz is null or last_received_at > %(from)s)",
        {"from": since - _DAYS_TOLD_LATE if since else None},
    )
    return [row[0] for row in await cursor.fetchall()]


async def links_in_solved(
    connection: Connection, now: datetime
) -> AsyncIterator[list[tuple[str, datetime, str]]]:
    """What looks like a link in the texts of tickets that were solved lately, as far as texts are
    kept: ticket, when it was solved, and the address. Call it in a transaction."""
    async for rows in streamed(
        connection,
        "select t.id, t.solved_at, m[1] from tickets t, regexp_matches(t.body, %(link)s, 'g') m"
        " where t.text_kept_until is not null and t.status = any(%(over)s)"
        " and t.solved_at > %(from)s and t.solved_at <= %(now)s",
        {
            "link": r"(https?://[^\s<>\"')\]]+)", "over": list(OVER), "from": now - TEXTS_BACK,
            "now": now,
        },
    ):  # fmt: skip
        yield [(ticket, at, url) for ticket, at, url in rows]


async def uses_of(
    connection: Connection, item: str, most: int = 20, *, ticket: str | None = None
) -> list[UseView]:
    """The tickets with which an item helped, the latest first; or only this one."""
    cursor = await connection.execute(
        "select u.ticket_id, u.at, u.source, t.status, t.solved_at, u.renewed_on"
        f" from content_uses_on_tickets u left {_TICKET.strip()} where u.item_id = %(item)s"
        " and (%(ticket)s::text is null or u.ticket_id = %(ticket)s)"
        " order by u.at desc, u.ticket_id limit %(most)s",
        {"item": item, "ticket": ticket, "most": most},
    )
    return [UseView(*row) for row in await cursor.fetchall()]


async def use_of(connection: Connection, item: str, ticket: str) -> UseView | None:
    """The use of an item on one ticket, as that is called there."""
    found = await uses_of(connection, item, ticket=ticket)
    return found[0] if found else None


async def votes_of(connection: Connection, item: str) -> VoteCount:
    """What readers said of an item, ever."""
    cursor = await connection.execute(
        "select count(*) filter (where helpful), count(*) filter (where not helpful)"
        " from content_votes where item_id = %s",
        (item,),
    )
    row = await cursor.fetchone()
    return VoteCount(*row) if row else VoteCount(0, 0)
