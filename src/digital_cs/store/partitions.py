"""The day partitions of product events: made when a day is first heard of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection, sql

Connection = AsyncConnection[Any]

LOCK = 0x64637370


def partition_of(day: date) -> str:
    """The name of the partition that holds a day."""
    return f"product_events_{day:%Y%m%d}"


async def ensure(connection: Connection, days: Iterable[date], now: datetime) -> set[date]:
    """Make the partitions of these days, where missing; returns the days that were dropped.

    Call it before the rows are written, in the same transaction.
    """
    wanted = sorted(set(days))
    known = await _states(connection, wanted)
    missing = [day for day in wanted if day not in known]
    if missing:
        # Two that hear of a new day at once: the second waits, and finds it made.
        await connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        known = await _states(connection, wanted)
    for day in [day for day in missing if day not in known]:
        await connection.execute(
            sql.SQL(
                "create table {} partition of product_events for values from ({}) to ({})"
            ).format(
                sql.Identifier(partition_of(day)), sql.Literal(day),
                sql.Literal(day + timedelta(days=1)),
            )
        )  # fmt: skip
        await connection.execute(
            "insert into event_days (day, state, last_received_at) values (%s, 'open', %s)",
            (day, now),
        )
    return {day for day, state in known.items() if state == "dropped"}


async def _states(connection: Connection, days: list[date]) -> dict[date, str]:
    cursor = await connection.execute(
        "select day, state from event_days where day = any(%s)", (days,)
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}
