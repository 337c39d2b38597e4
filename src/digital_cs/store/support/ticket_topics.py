"""Which topic each ticket is of, and why: read and written in batches."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from digital_cs.domain.support.topic import Assigned, By, TicketWords
from digital_cs.store.rules import changes
from digital_cs.store.support.ticket_matches import TICKETS

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """A ticket that is looked at, with the topic that it was given before. `gone`: erased."""

    id: str
    words: TicketWords
    kept: Assigned | None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The topic of a ticket as it stands in the database, with who gave it and when."""

    assigned: Assigned
    version: int | None
    model: int | None
    at: datetime


_ASSIGNED = "y.topic as y_topic, y.by, y.rule, y.words, y.sure, y.proposal, y.person"
TEXT = "nullif(concat_ws(E'\\n\\n', t.subject, t.body), '')"
"""SQL of what stands in a ticket `t`: null where no text is kept."""
_LOOK = f"""
select t.id, {TEXT} as text, t.tags, t.source_topic, t.status = 'deleted' as gone, {_ASSIGNED}
  from tickets t left join ticket_topics y on y.ticket = t.id
"""


async def look_at_due(connection: Connection, after: str, most: int) -> list[Looked]:
    """Tickets whose words are new or changed, that follow one in order of id."""
    return await _look(
        connection, "where t.topic_due and t.id > %s order by t.id limit %s", (after, most)
    )


async def look_after(connection: Connection, id: str, most: int) -> list[Looked]:
    """The tickets that follow one in order of id."""
    return await _look(connection, "where t.id > %s order by t.id limit %s", (id, most))


async def look_at(connection: Connection, id: str) -> Looked | None:
    """One ticket."""
    found = await _look(connection, "where t.id = %s", (id,))
    return found[0] if found else None


async def take(connection: Connection, ids: Sequence[str]) -> list[Looked]:
    """These tickets, locked until the transaction ends."""
    return await _look(
        connection, "where t.id = any(%s) order by t.id for update of t", (list(ids),)
    )


async def take_unchanged(
    connection: Connection, looked: Sequence[Looked], *, wait: bool
) -> list[str]:
    """Which of these tickets say the same still, locked until the transaction ends.

    Those that somebody else holds are waited for, or left out. Those that say something else by
    now are marked to be looked at again soon.
    """
    now = await _look(
        connection,
        "where t.id = any(%s) order by t.id for update of t" + ("" if wait else " skip locked"),
        ([each.id for each in looked],),
    )
    before = {each.id: each for each in looked}
    same = [each.id for each in now if each == before[each.id]]
    await connection.execute(
        "update tickets set topic_due = true where id = any(%s) and not topic_due",
        (sorted({each.id for each in now}.difference(same)),),
    )
    return same


async def _look(connection: Connection, rest: str, values: Sequence[Any]) -> list[Looked]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"{_LOOK} {rest}", values)
        return [
            Looked(
                row["id"], TicketWords(row["text"], row["tags"], row["source_topic"]),
                _assigned(row), row["gone"],
            )
            for row in await cursor.fetchall()
        ]  # fmt: skip


def _assigned(row: dict[str, Any]) -> Assigned | None:
    if row["by"] is None:
        return None
    return Assigned(
        row["y_topic"], By(row["by"]), row["rule"], tuple(row["words"]), row["sure"],
        row["proposal"], row["person"],
    )  # fmt: skip


# What says the same keeps its row, with the version and the moment that first said it.
_WRITE = """
with given as (
    select * from jsonb_to_recordset(%(rows)s)
      as g(ticket text, topic text, by text, rule int, words text[], sure float8, proposal int,
           person text)),
  old as (select t.id, t.topic, t.account_id from tickets t join given g on g.ticket = t.id),
  put as (
    insert into ticket_topics as y
           (ticket, topic, by, rule, words, sure, proposal, person, version, model, at)
    select ticket, topic, by, rule, words, sure, proposal, person,
           case when by = 'rule' then %(version)s::int end,
           case when by = 'learned' then %(model)s::int end, %(now)s
      from given where by is not null order by ticket
    on conflict (ticket) do update set topic = excluded.topic, by = excluded.by,
       rule = excluded.rule, words = excluded.words, sure = excluded.sure,
       proposal = excluded.proposal, person = excluded.person, version = excluded.version,
       model = excluded.model, at = excluded.at
     where (y.topic, y.by, y.rule, y.words, y.sure, y.proposal, y.person) is distinct from
       (excluded.topic, excluded.by, excluded.rule, excluded.words, excluded.sure,
        excluded.proposal, excluded.person)),
  gone as (
    delete from ticket_topics y using given g where y.ticket = g.ticket and g.by is null),
  moved as (
    update tickets t set topic = g.topic, topic_due = false from given g
     where g.ticket = t.id and (t.topic_due or t.topic is distinct from g.topic))
select count(*) filter (where old.topic is distinct from g.topic),
       array_agg(distinct account_id)
         filter (where account_id is not null and old.topic is distinct from g.topic)
  from given g join old on old.id = g.ticket
"""


async def write(
    connection: Connection, given: Mapping[str, Assigned | None], now: datetime, *,
    version: int, model: int | None,
) -> int:  # fmt: skip
    """Give tickets their topics, None for none, and tell their accounts; how many changed.

    Call it in the transaction that took them.
    """
    rows = [
        {"ticket": id, "topic": each.topic, "by": each.by.value, "rule": each.rule,
         "words": list(each.words), "sure": each.sure, "proposal": each.proposal,
         "person": each.person}
        if each is not None else {"ticket": id, "words": []}
        for id, each in given.items()
    ]  # fmt: skip
    cursor = await connection.execute(
        _WRITE, {"rows": Jsonb(rows), "version": version, "model": model, "now": now}
    )
    row = await cursor.fetchone()
    assert row is not None
    await changes.tell_all(connection, row[1] or (), [TICKETS])
    return int(row[0])


async def held(connection: Connection, id: str) -> Held | None:
    """The topic that a ticket was given, and by what; None where nothing gave it one."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"select {_ASSIGNED}, version, model, at from ticket_topics y where ticket = %s",
            (id,),
        )
        row = await cursor.fetchone()
    assigned = _assigned(row) if row else None
    if row is None or assigned is None:
        return None
    return Held(assigned, row["version"], row["model"], row["at"])


@dataclass(frozen=True, slots=True)
class TopicNow:
    """The topic of a ticket; `due` if its words changed since somebody looked."""

    topic: str | None
    due: bool


async def topic_now(connection: Connection, id: str) -> TopicNow:
    """The topic that a ticket has at this moment, whoever gave it."""
    cursor = await connection.execute("select topic, topic_due from tickets where id = %s", (id,))
    row = await cursor.fetchone()
    return TopicNow(*row) if row else TopicNow(None, False)


async def look_again_at_learned(connection: Connection, since: datetime) -> int:
    """Have those looked at again that only what was learned can say something of; how many."""
    cursor = await connection.execute(
        "update tickets t set topic_due = true where t.opened_at >= %s and not t.topic_due"
        " and t.status <> 'deleted'"
        " and coalesce(t.subject, t.body) is not null and not exists (select from ticket_topics y"
        " where y.ticket = t.id and y.by <> 'learned')",
        (since,),
    )
    return cursor.rowcount


async def due(connection: Connection) -> int:
    """How many tickets nobody has looked at since their words changed."""
    cursor = await connection.execute("select count(*) from tickets where topic_due")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def count_after(connection: Connection, id: str) -> int:
    """How many tickets follow one in order of id."""
    cursor = await connection.execute("select count(*) from tickets where id > %s", (id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def counts(connection: Connection) -> dict[tuple[str | None, str], int]:
    """How many tickets have each topic, by who gave it."""
    cursor = await connection.execute(
        "select topic, by, count(*) from ticket_topics group by 1, 2 order by 1, 2"
    )
    return {(topic, by): count for topic, by, count in await cursor.fetchall()}
