"""The collector: every event kept and counted once, whoever sends it, however often."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.ingest.events import collector as collector_module
from digital_cs.ingest.events.collector import Collector
from digital_cs.ingest.events.collector_sources import SLACK
from digital_cs.ingest.events.incoming import BusyError, Group, Incoming, Taken
from digital_cs.ingest.people.intake import Intake
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool as pools
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.product import partitions, usage
from digital_cs.store.product.events import EventRecord
from digital_cs.store.product.usage import UsageRecord
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


async def test_four_collectors_with_the_same_events_in_any_order_count_each_once(
    database: str, connection: Connection
) -> None:
    """Late, repeated, reordered and parallel, while people join: the sums stay exact."""
    dice = random.Random(7)
    sent = [
        track(
            str(number), dice.choice(("seen", "saved", "sent")),
            account=dice.choice(("acme", "beta", "coda", None)), user=f"user-{number % 9}",
            at=NOON - timedelta(hours=dice.choice((0, 1, 20, 40))), value=float(number % 3),
        )
        for number in range(600)
    ]  # fmt: skip
    joining = [
        Group(f"g{n}", NOON - timedelta(days=9), f"user-{n}", None, ("acme", "beta")[n % 2], {})
        for n in range(9)
    ]

    async def send(collector: Collector, seed: int) -> Taken:
        mine = random.Random(seed)
        messages: list[Incoming] = [*sent, *joining]
        mine.shuffle(messages)
        groups = [messages[at : at + 29] for at in range(0, len(messages), 29)]
        taken = await asyncio.gather(*(collector.take("web", group) for group in groups))
        return Taken(sum(t.kept for t in taken), sum(t.repeated for t in taken))

    async with contextlib.AsyncExitStack() as stack:
        collectors = [
            await stack.enter_async_context(collecting(database, StandingClock())) for _ in range(4)
        ]
        taken = await asyncio.gather(*(send(each, seed) for seed, each in enumerate(collectors)))
    assert sum(each.kept for each in taken) == len(sent) + 4 * len(joining)
    assert sum(each.repeated for each in taken) == 3 * len(sent)
    assert await rows(connection, "select count(*), count(account_id) from product_events") == [
        (600, 600)
    ]
    assert await rows(connection, "select sum(n) from usage_days") == [(600,)]
    assert await differences(connection) == []


async def test_events_of_the_csv_door_are_counted_with_those_of_the_collector(
    database: str, connection: Connection
) -> None:
    async with (
        pools.opened(database, 2) as pool,
        collecting(database, StandingClock()) as collector,
    ):
        intake = Intake(pool, StandingClock(), Entries(pool, StandingClock(), "UTC"))
        await intake.save_accounts([AccountRecord("acme", "Acme")])
        records = [
            EventRecord(str(n), "acme", "report_exported", NOON, contact_id=f"user-{n % 3}")
            for n in range(20)
        ]
        messages = [track(str(n), user=f"user-{n % 3}") for n in range(10, 30)]
        recorded, taken = await asyncio.gather(
            intake.record_events(records), collector.take("web", messages)
        )
    assert recorded.new + taken.kept == 30
    assert await rows(connection, "select n, users from usage_days") == [(30, 3)]
    assert await differences(connection) == []


async def test_an_event_without_a_moment_is_of_the_day_of_receipt_also_after_midnight(
    database: str, connection: Connection
) -> None:
    clock = StandingClock(NOON.replace(hour=23, minute=59))
    async with collecting(database, clock) as collector:
        assert await collector.take("web", [track("1", at=None)]) == Taken(1)
        clock.at += timedelta(minutes=2)
        assert await collector.take("web", [track("1", at=None), track("2", at=None)]) == Taken(
            1, 1
        )
    assert await rows(connection, "select id, day::text from product_events order by id") == [
        ("1", "2026-03-04"), ("2", "2026-03-05"),
    ]  # fmt: skip


async def test_an_event_that_is_too_old_is_refused_and_the_others_are_kept(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock(), oldest_days=30) as collector:
        taken = await collector.take("web", [
            track("1"), track("2", at=NOON - timedelta(days=31)), track("3", account=None),
        ])  # fmt: skip
    assert taken.kept == 2
    assert [(index, "30 days" in why) for index, why in taken.refused] == [(1, True)]
    assert await rows(connection, "select id from product_events order by id") == [("1",), ("3",)]


async def test_an_event_of_a_day_that_was_dropped_meanwhile_is_refused(
    database: str, connection: Connection
) -> None:
    clock = StandingClock()
    async with collecting(database, clock) as collector:
        old = track("1", at=NOON - timedelta(days=5))
        await collector.take("web", [old])
        async with connection.transaction():
            days = await partitions.drop_old(connection, 2, NOON + timedelta(days=3))
        assert days == [(NOON - timedelta(days=5)).date()]
        taken = await collector.take("web", [old, track("2")])
    assert [index for index, _ in taken.refused] == [0]
    assert taken.kept == 1
    assert await rows(connection, "select day::text, n from usage_days order by day") == [
        ("2026-02-27", 1), ("2026-03-04", 1),
    ]  # fmt: skip


async def test_too_many_waiting_messages_are_turned_away_and_those_inside_are_kept(
    database: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector_module, "MOST_WAITING", 3)
    async with collecting(database, StandingClock()) as collector:
        first = asyncio.create_task(collector.take("web", [track("1"), track("2")]))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await collector.take("web", [track("3"), track("4")])
        assert await first == Taken(2)
        assert await collector.take("web", [track("3"), track("4")]) == Taken(2)


async def test_what_postgres_cannot_read_is_refused_and_nothing_else(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        bad = track("2", properties=b'{"a": "\\u0000"}')
        one, two = await asyncio.gather(
            collector.take("web", [track("1"), bad]), collector.take("web", [track("3")])
        )
    assert (one.kept, two.kept) == (1, 1)
    assert [index for index, _ in one.refused] == [1]
    assert await rows(connection, "select sum(n) from usage_days") == [(2,)]


async def test_each_source_says_how_far_it_is_and_what_it_brought(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock(), oldest_days=30) as collector:
        await collector.take("web", [track("1"), track("2", at=NOON - timedelta(days=31))])
        await collector.take("app", [track("3", at=NOON - timedelta(days=2))])
    assert await rows(
        connection, "select name, received, refused, complete_through from sources order by name"
    ) == [
        ("app", 1, 0, NOON - timedelta(days=2) - SLACK), ("web", 1, 1, NOON - SLACK),
    ]  # fmt: skip


async def test_only_keys_that_somebody_reads_are_told(
    database: str, connection: Connection
) -> None:
    await connection.execute(
        "insert into segments (id, version, content_hash, reads, state, changed_at)"
        " values ('busy', 1, '', '{usage:saved}', 'kept', now())"
    )
    await connection.execute(
        "insert into milestone_definitions (name, title, position, rule, content_hash, changed_at)"
        """ values ('first_save', 'First save', 1, '{"reached_by": {"event": "saved", "times": 2}}',
            '', now())"""
    )
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [track("1", "saved"), track("2", "seen")])
        await collector.take("web", [track("3", "seen", account="beta")])
        await collector.take("web", [track("4", "saved", at=NOON + timedelta(minutes=1))])
    assert await rows(connection, "select account_id, keys from account_changes order by id") == [
        ("acme", ["usage:saved"]), ("acme", ["usage:saved"]),
    ]  # fmt: skip
    assert await rows(connection, "select account_id, name, reached_at from milestones") == [
        ("acme", "first_save", NOON + timedelta(minutes=1))
    ]


async def test_a_csv_count_takes_the_place_of_events_and_later_events_add_to_it(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [track("1")])
        async with connection.transaction():
            day = NOON.date()
            record = UsageRecord("acme", day, "report_exported", 40, users=7)
            await usage.save_usage(connection, [record], NOON)
        await collector.take("web", [track("2", user="zoe")])
    assert await rows(connection, "select n, users from usage_days") == [(41, 7)]
