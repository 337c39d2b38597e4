"""The day partitions of product events: made when a day is first heard of, dropped when old."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection, sql

Connection = AsyncConnection[Any]

LOCK = 0x64637370
DROP_PATIENCE = "2s"
"""Dropping waits so long for those who write; while it waits, they wait behind it."""


def partition_of(day: date) -> str:
    """The name of the partition that holds a day."""
    return f"product_events_{day:%Y%m%d}"


async def ensure(connection: Connection, days: Iterable[date], now: datetime) -> set[date]:
    """Make the partitions of these days, where missing; returns the days that were dropped.

    Call it in a transaction, before the rows are written.
    """
    wanted = sorted(set(days))
    known = await _states(connection, wanted)
    missing = [day for day in wanted if day not in known]
    if missing:
        # Two that hear of a new day at once: the second waits, and finds it made.
        await connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        known = await _states(connection, wanted)
    for day in [day for day in missing if day not in known]:
        await _make(connection, day)
        await connection.execute(
            "insert into event_days (day, state, last_received_at) values (%s, 'open', %s)",
            (day, now),
        )
    return {day for day, state in known.items() if state == "dropped"}


async def _make(connection: Connection, day: date) -> None:
    """Attached, because to attach does not wait for those who write, as `partition of` does."""
    name = sql.Identifier(partition_of(day))
    await connection.execute(
        sql.SQL("create table {} (like product_events including defaults)").format(name)
    )
    await connection.execute(
        sql.SQL("alter table product_events attach partition {} for values from ({}) to ({})")
        .format(name, sql.Literal(day), sql.Literal(day + timedelta(days=1)))
    )  # fmt: skip


async def dropped(connection: Connection, days: Iterable[date]) -> set[date]:
    """Those of these days whose events were dropped: none of them is taken any more."""
    states = await _states(connection, sorted(set(days)))
    return {day for day, state in states.items() if state == "dropped"}


async def _states(connection: Connection, days: list[date]) -> dict[date, str]:
    cursor = await connection.execute(
        "select day, state from event_days where day = any(%s)", (days,)
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def received(connection: Connection, days: Iterable[date], now: datetime) -> None:
    """Say that something came in for these days, so that they are kept from now on."""
    await connection.execute(
        "update event_days set last_received_at = %(now)s from"
        " (select day from event_days where day = any(%(days)s) and last_received_at < %(now)s"
        "   order by day for update) d where event_days.day = d.day",
        {"days": sorted(set(days)), "now": now},
    )


async def drop_old(connection: Connection, keep_days: int, now: datetime) -> list[date]:
    """Drop the events of days that are older than that and got nothing for as long; returns them.

    The rollups stay, and no event of such a day is taken any more. Call it in a transaction of its
    own. Raises psycopg.errors.LockNotAvailable while somebody writes for long: try again later.
    """
    before = now - timedelta(days=keep_days)
    await connection.execute(sql.SQL("set local lock_timeout = {}").format(DROP_PATIENCE))
    cursor = await connection.execute(
        "with old as (select day from event_days where state = 'open' and day < %s"
        "   and last_received_at < %s order by day for update)"
        " update event_days d set state = 'dropped' from old where d.day = old.day"
        " returning d.day",
        (before.astimezone(UTC).date(), before),
    )
    days = sorted(row[0] for row in await cursor.fetchall())
    for day in days:
        name = sql.Identifier(partition_of(day))
        await connection.execute(sql.SQL("drop table if exists {}").format(name))
    return days
