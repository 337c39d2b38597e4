"""Reviews of content, and what people say of it: blocked, released, retired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.domain.content.content_item import BY_SOURCE, Review
from digital_cs.store.broadcasts.broadcasts import wake_running
from digital_cs.store.content import evidence
from digital_cs.store.sending.holds import wake_for_content

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class ReviewView:
    """One review. `via` is "person", or "source": its date tells that there was one."""

    reviewed_on: date
    reviewed_by: str
    changed: bool
    checked: list[str]
    note: str
    via: str
    version: int
    recorded_at: datetime


_INSERT = (
    "insert into content_reviews (item_id, reviewed_on, reviewed_by, changed, checked, note, via,"
    " version, recorded_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " on conflict (item_id, reviewed_on) where via = 'source' do nothing"
)


async def record(connection: Connection, review: Review, now: datetime) -> None:
    """Keep a review that a person told us; the item counts as reviewed, and is blocked no more.

    What was found of it before counts no more (P24). Call it in a transaction. A review of long
    ago does not take the place of a later one.
    """
    await evidence.take_turns(connection)
    await connection.execute(_INSERT, _row(review, now))
    await connection.execute(
        "update content_items set reviewed_on = greatest(reviewed_on, %s),"
        " blocked_because = null, blocked_by = null, blocked_at = null where id = %s",
        (review.on, review.item),
    )
    await evidence.answered(connection, review, now)
    await wake_for_content(connection, now)


async def record_told(connection: Connection, reviews: Iterable[Review], now: datetime) -> None:
    """Keep reviews of which sources tell; telling again changes nothing."""
    async with connection.cursor() as cursor:
        await cursor.executemany(_INSERT, [_row(review, now) for review in reviews])


def _row(review: Review, now: datetime) -> tuple[Any, ...]:
    return (
        review.item, review.on, review.by, review.changed, list(review.checked), review.note,
        review.via, review.version, now,
    )  # fmt: skip


async def last_told_by_people(connection: Connection, source: str) -> dict[str, date]:
    """The last day on which a person reviewed each item of a source; without those never so."""
    cursor = await connection.execute(
        "select r.item_id, max(r.reviewed_on) from content_reviews r"
        " join content_items i on i.id = r.item_id"
        " where i.source = %s and r.via = 'person' group by r.item_id",
        (source,),
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def reviews_of(connection: Connection, id: str, most: int = 20) -> list[ReviewView]:
    """The reviews of an item, the latest first."""
    async with connection.cursor(row_factory=class_row(ReviewView)) as cursor:
        await cursor.execute(
            "select reviewed_on, reviewed_by, changed, checked, note, via, version, recorded_at"
            " from content_reviews where item_id = %s order by reviewed_on desc, id desc limit %s",
            (id, most),
        )
        return await cursor.fetchall()


async def block(connection: Connection, id: str, because: str, by: str, now: datetime) -> bool:
    """Say that an item is wrong; False if it is blocked already, or not there, or retired.

    Call it in a transaction: broadcasts that are under way look at once.
    """
    done = await _mark(
        connection,
        "update content_items set blocked_because = %s, blocked_by = %s, blocked_at = %s"
        " where id = %s and blocked_at is null and retired_at is null",
        (because, by, now, id),
    )
    if done:
        await wake_running(connection)
    return done


async def unblock(connection: Connection, id: str, now: datetime) -> bool:
    """Take that back, and wake the messages that it held; False if it is not blocked.

    Call it in a transaction.
    """
    done = await _mark(
        connection,
        "update content_items set blocked_because = null, blocked_by = null, blocked_at = null"
        " where id = %s and blocked_at is not null",
        (id,),
    )
    if done:
        await wake_for_content(connection, now)
    return done


async def retire(connection: Connection, id: str, because: str, by: str, now: datetime) -> bool:
    """Take an item out of use, though its file may stay; False if it is retired already.

    What its source had retired itself is retired for good: it does not come back with its file.
    What waited for its review waits no more, unless it is blocked. Call it in a transaction.
    """
    done = await _mark(
        connection,
        "update content_items set retired_because = %s, retired_by = %s, retired_at = %s"
        " where id = %s and (retired_at is null or retired_by = %s)",
        (because, by, now, id, BY_SOURCE),
    )
    if done:
        await wake_for_content(connection, now)
    return done


async def _mark(connection: Connection, statement: str, values: tuple[Any, ...]) -> bool:
    cursor = await connection.execute(statement, values)
    return cursor.rowcount == 1
