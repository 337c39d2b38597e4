"""What stands in tickets, as long as it is kept, with the names in it that are to be left out."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.support.ticket_topics import TEXT

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class WithText:
    """A ticket whose text is kept, and the names in it that nobody else is to read."""

    id: str
    text: str
    names: tuple[str, ...]
    topic: str | None = None
    tags: tuple[str, ...] = ()
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What a ticket says, and where it is: in a topic, in an open proposal ("#7"), or nowhere."""

    text: str
    tags: Sequence[str]
    of: str | None


_NAMES = """
array_remove(array[a.name, c.full_name, c.first_name, o.full_name, o.first_name], null)
"""
_WITH_TEXT = f"""
select t.id, {TEXT}, array_remove({_NAMES}, ''), t.topic, t.tags, t.account_id
  from tickets t left join accounts a on a.id = t.account_id
  left join contacts c on c.id = t.contact_id
  left join contacts o on lower(o.email) = t.requester_email and o.id is distinct from c.id
"""


async def names_among(connection: Connection, words: Sequence[str]) -> set[str]:
    """Which of these words are part of the name of any contact, account or keeper of an item.

    words: in small letters, without accents. Reads all names: a second or two for half a million.
    """
    found = await connection.execute(
        "select distinct part from (select name from accounts union all select full_name"
        " from contacts union all select first_name from contacts union all select owner"
        " from content_items union all select backup from content_items) n (name),"
        " unnest(regexp_split_to_array(regexp_replace(normalize(lower(n.name), NFKD),"
        " '[\u0300-\u036f]', '', 'g'), '[^[:alnum:]]+')) part"
        " where part = any(%s)",
        (list(words),),
    )
    return {part for (part,) in await found.fetchall()}


async def without_topic(connection: Connection, since: datetime, most: int) -> list[WithText]:
    """The newest tickets since a moment that nothing gave a topic to."""
    return await _with_text(
        connection,
        "left join ticket_topics y on y.ticket = t.id where t.opened_at >= %s"
        " and t.status <> 'deleted' and coalesce(t.subject, t.body) is not null"
        " and y.ticket is null and t.topic is null"
        " order by t.opened_at desc, t.id limit %s",
        (since, most),
    )


async def taught(connection: Connection, most_of_each: int) -> list[WithText]:
    """The newest tickets of each topic that a rule, the help desk or a person gave it to."""
    return await _with_text(
        connection,
        "join (select y.ticket, row_number() over (partition by y.topic order by z.opened_at desc)"
        " as place from ticket_topics y join tickets z on z.id = y.ticket"
        " where y.by <> 'learned' and y.topic is not null and z.status <> 'deleted'"
        " and coalesce(z.subject, z.body) is not null) s on s.ticket = t.id and s.place <= %s"
        " order by t.topic, t.id",
        (most_of_each,),
    )


async def newest_of(
    connection: Connection, topics: Sequence[str], start: datetime, end: datetime, most: int
) -> list[WithText]:
    """The newest tickets of each topic in a span that have a text, one an account, by topic.

    Those that are of their topic by likeness alone come last: some of them are not.
    """
    return await _with_text(
        connection,
        "join (select id, row_number() over"
        " (partition by topic order by likely, opened_at desc, id) as place from ("
        "select distinct on (t.topic, coalesce(t.account_id, t.id)) t.id, t.topic, t.opened_at,"
        " coalesce(y.by in ('learned', 'proposal'), false) as likely"
        " from tickets t left join ticket_topics y on y.ticket = t.id"
        " where t.opened_at >= %(start)s and t.opened_at < %(end)s"
        " and t.topic = any(%(topics)s) and t.status <> 'deleted'"
        " and coalesce(t.subject, t.body) is not null"
        " order by t.topic, coalesce(t.account_id, t.id), likely, t.opened_at desc, t.id) z) s"
        " on s.id = t.id and s.place <= %(most)s order by t.topic, s.place",
        {"topics": list(topics), "start": start, "end": end, "most": most},
    )


async def texts_of(connection: Connection, ids: Sequence[str]) -> list[WithText]:
    """These tickets, as far as their texts are still kept."""
    return await _with_text(
        connection,
        "where t.id = any(%s) and coalesce(t.subject, t.body) is not null order by t.id",
        (list(ids),),
    )


async def apart_from(
    connection: Connection, proposal: int, since: datetime, most: int
) -> list[Placed]:
    """The newest tickets since a moment that are not of a proposal."""
    cursor = await connection.execute(
        f"select {TEXT}, t.tags, coalesce(t.topic, (select '#' || min(p.id)"
        " from topic_proposal_members m join topic_proposals p on p.id = m.proposal"
        " where m.ticket = t.id and p.state = 'open'))"
        " from tickets t where t.opened_at >= %(since)s and t.status <> 'deleted'"
        " and coalesce(t.subject, t.body) is not null and not exists (select"
        " from topic_proposal_members m where m.ticket = t.id and m.proposal = %(proposal)s)"
        " order by t.opened_at desc, t.id limit %(most)s",
        {"proposal": proposal, "since": since, "most": most},
    )
    return [Placed(*row) for row in await cursor.fetchall()]


async def _with_text(connection: Connection, rest: str, values: Any) -> list[WithText]:
    cursor = await connection.execute(f"{_WITH_TEXT} {rest}", values)
    return [
        WithText(id, text, tuple(dict.fromkeys(names)), topic, tuple(tags), account)
        for id, text, names, topic, tags, account in await cursor.fetchall()
    ]
