"""Which topic was covered when, and by what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]

BY_HAND = "by hand"
"""What covered it, where a person only says that it was."""


@dataclass(frozen=True, slots=True)
class Covered:
    """That a topic was covered: `by` names the newsletter's issue, or says "by hand"."""

    topic: str
    covered_on: date
    by: str
    note: str


async def cover(
    connection: Connection, topics: Iterable[str], on: date, by: str, now: datetime, note: str = ""
) -> int:
    """Note that topics were covered on a day; how many of that were not known."""
    cursor = await connection.execute(
        "insert into topic_coverage (topic, covered_on, by, note, recorded_at)"
        " select each, %s, %s, %s, %s from unnest(%s::text[]) each on conflict do nothing",
        (on, by, note, now, sorted(set(topics))),
    )
    return cursor.rowcount


async def uncover(connection: Connection, topic: str, on: date) -> int:
    """Take back what was said by hand; how much that was."""
    cursor = await connection.execute(
        "delete from topic_coverage where topic = %s and covered_on = %s and by = %s",
        (topic, on, BY_HAND),
    )
    return cursor.rowcount


async def uncover_all(connection: Connection, by: str) -> int:
    """Take back all that an issue covered; how much that was."""
    cursor = await connection.execute("delete from topic_coverage where by = %s", (by,))
    return cursor.rowcount


async def last_covered(connection: Connection, until: date) -> dict[str, date]:
    """The last day up to `until` on which each topic was covered."""
    cursor = await connection.execute(
        "select topic, max(covered_on) from topic_coverage where covered_on <= %s group by 1",
        (until,),
    )
    return dict(await cursor.fetchall())


async def of_topic(connection: Connection, topic: str) -> list[Covered]:
    """When a topic was covered, the last time first."""
    async with connection.cursor(row_factory=class_row(Covered)) as cursor:
        await cursor.execute(
            "select topic, covered_on, by, note from topic_coverage where topic = %s"
            " order by covered_on desc, by",
            (topic,),
        )
        return await cursor.fetchall()
