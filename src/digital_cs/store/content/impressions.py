"""What the library's figures count: who was shown what, and what was reviewed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.freshness_figures import Mailing, ReviewCounts

Connection = AsyncConnection[Any]

READ = ("accepted", "delivered", "complained")
"""States of messages that somebody got. Whether they opened it, nobody can know (P28)."""

# A case is asked for when the first mail about it went out, and done when somebody looked at the
# item; that it became fresh by itself is neither.
_ASKED = """
with told as (
       select case_id from review_steps where kind in ('told', 'told-at-once')
        group by case_id having min(at) >= %(since)s and min(at) < %(until)s)
select count(*), count(*) filter (where c.ended_as in
         ('still-right', 'edited', 'reviewed', 'retired') and c.ended_at < %(until)s)
  from told join review_cases c on c.id = told.case_id
 where c.item_id = any(%(items)s)
"""


async def sent(connection: Connection, since: datetime, until: datetime) -> list[Mailing]:
    """How many people got which e-mail on which UTC day, from one moment until another."""
    cursor = await connection.execute(
        "select email, (claimed_at at time zone 'UTC')::date, count(*) from messages"
        " where claimed_at >= %s and claimed_at < %s and state = any(%s) group by 1, 2",
        (since, until, list(READ)),
    )
    return [Mailing(*row) for row in await cursor.fetchall()]


async def review_days(connection: Connection, items: Sequence[str]) -> dict[str, list[date]]:
    """The days on which each of these items was reviewed, by people or as its source says."""
    cursor = await connection.execute(
        "select item_id, array_agg(distinct reviewed_on) from content_reviews"
        " where item_id = any(%s) group by item_id",
        (list(items),),
    )
    found: dict[str, list[date]] = defaultdict(list)
    found.update(await cursor.fetchall())
    return found


async def review_counts(
    connection: Connection, items: Sequence[str], since: datetime, until: datetime
) -> ReviewCounts:
    """The reviews of these items from one moment until another."""
    values = {"items": list(items), "since": since, "until": until}
    cursor = await connection.execute(_ASKED, values)
    asked = await cursor.fetchone()
    cursor = await connection.execute(
        "select count(*), count(*) filter (where changed) from content_reviews"
        " where item_id = any(%(items)s) and via = 'person' and recorded_at >= %(since)s"
        " and recorded_at < %(until)s",
        values,
    )
    told = await cursor.fetchone()
    assert asked is not None
    assert told is not None
    return ReviewCounts(*asked, *told)
