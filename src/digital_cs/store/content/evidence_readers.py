"""What readers and support say against content: tickets, votes, what was asked after reading.

All of this is asked within a look at evidence, of the items that it is about (`evidence.begin`).
"""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.review_policy import Kind
from digital_cs.store.database.streaming import streamed

Connection = AsyncConnection[Any]

ANSWERS = (Kind.ARTICLE, Kind.RECORDING, Kind.BLOCK)
"""What readers look for an answer in; and what else is about a topic of tickets by chance."""
WEEKS = timedelta(weeks=4)
BEFORE = timedelta(weeks=8)
SHORTEST = timedelta(days=7)
"""Of an item that was reviewed within `WEEKS`, only what was asked since counts; less than a week
says nothing."""
SOON = timedelta(hours=72)
MOST_ACCOUNTS = 10
"""Accounts that are told of one item, which asked after reading it."""
LOOK_BACK = timedelta(days=90)
"""Clicks and votes of long ago say nothing of what an item is today."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How many accounts asked about a topic in the last `days`, and in the windows of as many
    days before, the latest first; and how many asked about anything else then."""

    topic: str
    days: int
    recent: int
    before: tuple[int, ...]
    others: int
    others_before: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Votes:
    """What readers of an item said since its last review; `last` is the last one against it."""

    item: str
    against: int
    votes: int
    last: datetime


@dataclass(frozen=True, slots=True)
class AskedAfterReading:
    """An account that followed a link to an item, and asked about its topic soon after."""

    item: str
    topic: str
    account: str
    read_at: datetime
    asked_at: datetime


# A ticket is about its topic and about its tags. Who asks is an account, where it is known.
_ASKS = """
create temp table evidence_asks on commit drop as
select coalesce(account_id, requester_email) as who, opened_at, topics
  from tickets cross join lateral (
       select array(select distinct lower(t) from unnest(tags || topic) t where t is not null)
         as topics) about
 where opened_at > %(now)s - %(span)s and opened_at <= %(now)s and status <> 'deleted'
   and coalesce(account_id, requester_email) is not null
"""
_DAYS = "extract(epoch from %(now)s - greatest(s.answered, %(now)s - %(recent)s)) / 86400"
_SCOPED_DAYS = f"""
select s.item_id, s.topic, s.topic_key, least(%(most)s, floor({_DAYS}))::int as days
  from evidence_scope s where s.topic_key is not null and s.kind = any(%(kinds)s)
"""
_COUNTS = f"""
with pairs as (
    select distinct topic_key, days from ({_SCOPED_DAYS}) p where days >= %(shortest)s),
  windows as (select distinct days from pairs),
  asks as (select who, opened_at, t as topic from evidence_asks, unnest(topics) t),
  counts as (
    select p.topic_key, p.days,
           floor(extract(epoch from %(now)s - a.opened_at) / 86400 / p.days)::int as nth,
           count(distinct a.who) as n
      from pairs p join asks a on a.topic = p.topic_key group by 1, 2, 3),
  everybody as (
    select w.days, floor(extract(epoch from %(now)s - a.opened_at) / 86400 / w.days)::int as nth,
           count(distinct a.who) as n
      from windows w cross join evidence_asks a group by 1, 2)
select c.topic_key, c.days, c.nth, c.n, e.n - c.n
  from counts c join everybody e using (days, nth)
 where exists (select from counts r where r.topic_key = c.topic_key and r.days = c.days
                and r.nth = 0)
 order by 1, 2, 3
"""


async def asked(connection: Connection, now: datetime) -> list[Asked]:
    """How many accounts ask about the topics of items, and how many did before. In windows that
    began before the first ticket was known, nobody can be counted: those are left out."""
    span = WEEKS + BEFORE
    await connection.execute(_ASKS, {"now": now, "span": span})
    cursor = await connection.execute(
        "select extract(epoch from %s - min(opened_at))::float8 / 86400 from tickets"
        " where topic is not null or tags <> '{}'",
        (now,),
    )
    row = await cursor.fetchone()
    known_days = row[0] if row and row[0] is not None else 0.0
    cursor = await connection.execute(
        _COUNTS,
        {
            "now": now, "recent": WEEKS, "most": WEEKS.days, "shortest": SHORTEST.days,
            "kinds": list(ANSWERS),
        },
    )  # fmt: skip
    counts: dict[tuple[str, int], dict[int, tuple[int, int]]] = {}
    for topic, days, nth, count, others in await cursor.fetchall():
        counts.setdefault((topic, days), {})[nth] = (count, others)
    await connection.execute("drop table evidence_asks")
    found = []
    for (topic, days), windows in counts.items():
        whole = min(BEFORE.days // days, int(known_days // days) - 1)
        before = [windows.get(nth, (0, 0)) for nth in range(1, whole + 1)]
        recent, others = windows[0]
        found.append(
            Asked(topic, days, recent, tuple(n for n, _ in before), others,
                  tuple(n for _, n in before))
        )  # fmt: skip
    return found


async def about_topics(
    connection: Connection, now: datetime, topics: Iterable[tuple[str, int]]
) -> AsyncIterator[list[tuple[str, str, str, int]]]:
    """The items about these topics whose windows have so many days, some at a time: item, topic
    as it is written there, topic as it is counted, days."""
    wanted = list(topics)
    async for rows in streamed(
        connection,
        f"select item_id, topic, topic_key, days from ({_SCOPED_DAYS}) p"
        " where (topic_key, days) in (select * from unnest(%(topics)s::text[], %(days)s::int[]))",
        {
            "now": now, "recent": WEEKS, "most": WEEKS.days, "kinds": list(ANSWERS),
            "topics": [topic for topic, _ in wanted], "days": [days for _, days in wanted],
        },
    ):  # fmt: skip
        yield [(item, topic, key, days) for item, topic, key, days in rows]


_VOTES = """
select v.item_id, count(*) filter (where not v.helpful), count(*),
       max(v.at) filter (where not v.helpful)
  from content_votes v join evidence_scope s using (item_id)
 where v.at >= s.answered and v.at > %(from)s and v.at <= %(now)s
 group by v.item_id having count(*) >= %(fewest)s and not bool_and(v.helpful)
"""


async def votes(connection: Connection, now: datetime, fewest: int) -> AsyncIterator[list[Votes]]:
    """What readers say of items, where at least so many do and one is not content."""
    values = {"now": now, "from": now - LOOK_BACK, "fewest": fewest}
    async for rows in streamed(connection, _VOTES, values):
        yield [Votes(*row) for row in rows]


async def _know_clicked(
    connection: Connection, now: datetime, item_of: Callable[[str], str | None]
) -> None:
    """Note which item's page each address is to which a person followed a link."""
    await connection.execute(
        "create temp table evidence_clicked (url text, item_id text) on commit drop"
    )
    async for rows in streamed(
        connection,
        "select distinct url from clicks where human and nth > 0 and at > %(from)s",
        {"from": now - LOOK_BACK},
    ):
        async with connection.cursor().copy("copy evidence_clicked from stdin") as copy:
            for (url,) in rows:
                if (item := item_of(url)) is not None:
                    await copy.write_row((url, item))
    await connection.execute("analyze evidence_clicked")


_AFTER_READING = """
with read as (
    select p.item_id, s.topic, s.topic_key, m.account_id, c.at
      from clicks c join evidence_clicked p using (url) join evidence_scope s using (item_id)
      join messages m on m.key = c.message_key
     where c.human and c.nth > 0 and c.at > %(from)s and c.at <= %(now)s and c.at >= s.answered
       and s.topic_key is not null and s.kind = any(%(kinds)s)),
  asked as (
    select distinct on (r.item_id, r.account_id)
           r.item_id, r.topic, r.account_id, r.at, t.opened_at
      from read r join tickets t on t.account_id = r.account_id and t.opened_at >= r.at
       and t.opened_at <= r.at + %(soon)s and t.opened_at <= %(now)s and t.status <> 'deleted'
       and (lower(t.topic) = r.topic_key
            or exists (select from unnest(t.tags) tag where lower(tag) = r.topic_key))
     order by r.item_id, r.account_id, t.opened_at, r.at desc),
  numbered as (
    select *, row_number() over (partition by item_id order by opened_at, account_id) from asked)
select item_id, topic, account_id, at, opened_at from numbered where row_number <= %(most)s
"""


async def asked_after_reading(
    connection: Connection, now: datetime, item_of: Callable[[str], str | None]
) -> AsyncIterator[list[AskedAfterReading]]:
    """Who followed a link to an item and asked about its topic within 72 hours, some at a time:
    each account once, and the first ones of an item. `item_of` says whose page an address is."""
    await _know_clicked(connection, now, item_of)
    async for rows in streamed(
        connection,
        _AFTER_READING,
        {
            "now": now, "from": now - LOOK_BACK, "soon": SOON, "kinds": list(ANSWERS),
            "most": MOST_ACCOUNTS,
        },
    ):  # fmt: skip
        yield [AskedAfterReading(*row) for row in rows]
    await connection.execute("drop table evidence_clicked")
