"""What became of an issue, counted from the ledger, the clicks and what readers asked for since."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections import Counter
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.newsletters.issue_report import IssueFigures, VariantFigures
from digital_cs.store.newsletters.issue_sending import READ

Connection = AsyncConnection[Any]

# In one pass over the recipients. Who left is looked for by those who left at all since the first
# message went, of whom there are few.
_COUNTED = f"""
with mine as materialized (
       select m.key, m.contact_id, m.variant, m.state, m.reason, m.topic, m.claimed_at,
              lower(c.email) as address
         from messages m left join contacts c on c.id = m.contact_id
        where m.broadcast_id = %(id)s),
     followed as (
       select k.message_key as key, bool_or(k.human) as by_people
         from clicks k join mine on mine.key = k.message_key group by 1),
     gone as (
       select mine.key from mine
         join preferences p on p.contact_id = mine.contact_id and not p.wanted
          and p.topic = mine.topic and p.changed_at >= mine.claimed_at
        where mine.state in {READ}
       union
       select mine.key from mine
         join suppression_entries e on e.subject = 'address:' || mine.address
          and e.reason = 'unsubscribed' and e.created_at >= mine.claimed_at
        where mine.state in {READ})
select mine.variant, mine.state, case when mine.state = 'skipped' then mine.reason end, count(*),
       count(*) filter (where followed.by_people), count(*) filter (where not followed.by_people),
       count(gone.key)
  from mine left join followed using (key) left join gone using (key)
 group by 1, 2, 3
"""
_CLICKS = """
select k.url, count(distinct m.contact_id) from messages m
  join clicks k on k.message_key = m.key and k.human
 where m.broadcast_id = %(id)s group by 1 order by 2 desc, 1
"""
_WAITED = """
select d.reason, count(distinct m.key) from messages m
  join decisions d on d.account_id = m.account_id and d.contact_id = m.contact_id
   and d.broadcast_id = m.broadcast_id and d.verdict in ('held', 'deferred')
 where m.broadcast_id = %(id)s group by 1 order by 2 desc, 1
"""
_GOT_IT = ("accepted", "delivered", "complained")


async def count(connection: Connection, broadcast: str) -> IssueFigures:
    """The figures of an issue's broadcast, counted now."""
    values = {"id": broadcast}
    states, skipped = Counter[str](), Counter[str]()
    recipients, readers, clickers, left = (Counter[str]() for _ in range(4))
    scanned = 0
    cursor = await connection.execute(_COUNTED, values)
    for variant, state, reason, many, followed, by_machines, gone in await cursor.fetchall():
        states[state] += many
        recipients[variant] += many
        clickers[variant] += followed
        left[variant] += gone
        scanned += by_machines
        if state in _GOT_IT:
            readers[variant] += many
        if reason is not None:
            skipped[reason] += many
    clicks = await (await connection.execute(_CLICKS, values)).fetchall()
    waited = await (await connection.execute(_WAITED, values)).fetchall()
    return IssueFigures(
        states=_ranked(states), skipped=_ranked(skipped), waited=dict(waited),
        readers=readers.total(), clickers=clickers.total(), scanned=scanned, clicks=dict(clicks),
        left=left.total(),
        variants={
            name: VariantFigures(many, readers[name], clickers[name], left[name])
            for name, many in _ranked(recipients).items()
        },
    )  # fmt: skip


def _ranked(counts: Counter[str]) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
