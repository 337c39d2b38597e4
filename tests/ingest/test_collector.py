"""The collector: every event kept and counted once, whoever sends it, however often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.ingest.incoming import Taken
from tests.ingest.collecting import NOON, StandingClock, collecting, differences, rows, track

Connection = AsyncConnection[Any]


async def test_events_are_kept_and_counted(database: str, connection: Connection) -> None:
    async with collecting(database, StandingClock()) as collector:
        taken = await collector.take(
            "web",
            [
                track("1", value=2.5, properties=b'{"a": "x\\\\y\\t\\"z\\""}'),
                track("2", user="bob", at=NOON - timedelta(hours=1)),
                track("3", at=NOON - timedelta(days=1)),
            ],
        )
    assert taken == Taken(3)
    assert await rows(
        connection, "select event, day::text, n, users, value from usage_days order by day"
    ) == [
        ("report_exported", "2026-03-03", 1, 1, 0.0),
        ("report_exported", "2026-03-04", 2, 2, 2.5),
    ]
    assert await rows(connection, "select properties from product_events where id = '1'") == [
        ({"a": 'x\\y\t"z"'},)
    ]
    assert await differences(connection) == []


async def test_an_event_that_comes_again_counts_once(database: str, connection: Connection) -> None:
    async with collecting(database, StandingClock()) as collector:
        assert await collector.take("web", [track("1"), track("1")]) == Taken(1, 1)
        assert await collector.take("web", [track("2"), track("1"), track("3")]) == Taken(2, 1)
    assert await rows(connection, "select sum(n) from usage_days") == [(3,)]
    assert await differences(connection) == []
