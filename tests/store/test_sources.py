"""Sources: what they brought is added up, and how far a feed is complete never goes back (P9)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.source import Source
from digital_cs.store.product import sources
from tests import rig

Connection = AsyncConnection[Any]
NOW = rig.MONDAY
DAY = timedelta(days=1)


def midnight(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC)


async def note(connection: Connection, name: str = "api", **what: Any) -> bool:
    return await sources.note(
        connection, name, **{"kind": "api", "feeds": ["usage"], "at": NOW, **what}
    )


async def the(connection: Connection, name: str = "api") -> Source:
    found = await sources.get(connection, name)
    assert found is not None
    return found


async def test_counts_are_added_and_feeds_gathered(connection: Connection) -> None:
    await note(connection, received=100, refused=1)
    await note(connection, received=20, refused=2, feeds=["contacts", "accounts"])
    found = await the(connection)
    assert (found.received, found.refused) == (120, 3)
    assert found.feeds == ["accounts", "contacts", "usage"]
    assert found.last_received_at == NOW


async def test_p9_how_far_a_source_is_complete_never_goes_back(connection: Connection) -> None:
    assert await note(connection, complete_through=midnight(2)) is True
    assert await note(connection, complete_through=midnight(1)) is False
    assert await note(connection) is False
    assert (await the(connection)).complete_through == midnight(2)
    assert await note(connection, complete_through=midnight(2) + timedelta(hours=9)) is False
    assert await note(connection, complete_through=midnight(3)) is True


async def test_p9_a_feed_is_as_complete_as_the_last_of_its_sources(connection: Connection) -> None:
    assert await sources.usage_through(connection) is None
    await note(connection, complete_through=midnight(3) + timedelta(hours=15))
    assert await sources.usage_through(connection) == date(2026, 3, 2)  # the 3rd is not over
    await note(connection, "csv:usage", kind="csv", complete_through=midnight(2))
    assert await sources.usage_through(connection) == date(2026, 3, 1)
    await note(connection, "zendesk", kind="zendesk", feeds=["tickets"], complete_through=NOW)
    assert await sources.usage_through(connection) == date(2026, 3, 1)
    assert await sources.tickets_through(connection) == NOW
    await note(connection, "new", received=3)  # it has not said how far it is
    assert await sources.usage_through(connection) is None


async def test_p9_a_retired_source_is_not_waited_for_until_it_brings_something(
    connection: Connection,
) -> None:
    await note(connection, complete_through=midnight(9))
    await note(connection, "old", complete_through=midnight(2))
    assert await sources.retire(connection, "old", NOW) is True
    assert await sources.retire(connection, "old", NOW) is False
    assert await sources.retire(connection, "nobody", NOW) is False
    assert await sources.usage_through(connection) == date(2026, 3, 8)
    assert [each.name for each in await sources.list_sources(connection, retired=False)] == ["api"]

    await note(connection, "old", error="It does not answer.")
    assert await sources.usage_through(connection) == date(2026, 3, 8)
    await note(connection, "old", received=1)
    assert await sources.usage_through(connection) == date(2026, 3, 1)


async def test_an_error_is_kept_with_its_moment_and_adds_nothing(connection: Connection) -> None:
    await note(connection, received=5, at=NOW)
    await note(connection, error="429 too many requests", at=NOW + timedelta(minutes=5))
    found = await the(connection)
    assert (found.last_error, found.last_error_at) == (
        "429 too many requests", NOW + timedelta(minutes=5)
    )  # fmt: skip
    assert (found.received, found.last_received_at, found.failing()) == (5, NOW, True)
    await note(connection, received=1, at=NOW + timedelta(minutes=6))
    found = await the(connection)
    assert (found.last_error, found.failing()) == ("429 too many requests", False)


async def test_a_steady_source_has_its_rate_and_a_silent_one_loses_it(
    connection: Connection,
) -> None:
    at = NOW
    for _ in range(360):  # an hour with 50 each ten seconds: 300 a minute
        at += timedelta(seconds=10)
        await note(connection, received=50, at=at)
    found = await the(connection)
    assert found.rate(at) == pytest.approx(300, rel=0.05)
    assert found.rate(at + timedelta(minutes=5)) == pytest.approx(300 / 2.718, rel=0.05)
    assert found.rate(at + DAY) == pytest.approx(0)
    await note(connection, received=1, at=at - timedelta(hours=1))  # a clock that is behind
    assert (await the(connection)).last_received_at == at


async def test_the_two_first_notes_at_once_are_both_counted(
    connection: Connection, other: Connection
) -> None:
    import asyncio

    await asyncio.gather(*(note(each, received=1) for each in (connection, other) for _ in "ab"))
    assert (await the(connection)).received == 4


async def test_what_is_expected_comes_from_the_kind_or_from_somebody(
    connection: Connection,
) -> None:
    await note(connection)
    await note(connection, "pull", kind="zendesk", expected_every=timedelta(minutes=30))
    assert (await the(connection)).expected == timedelta(hours=26)
    assert (await the(connection, "pull")).expected == timedelta(minutes=30)
    assert await sources.expect(connection, "api", 3 * DAY) is True
    await note(connection, received=1)
    assert (await the(connection)).expected == 3 * DAY
    assert await sources.expect(connection, "nobody", DAY) is False


async def test_a_pull_goes_on_where_it_was(connection: Connection) -> None:
    assert await sources.cursor(connection, "zendesk") is None
    await note(connection, "zendesk", kind="zendesk", feeds=["tickets"])
    await sources.set_cursor(connection, "zendesk", "MTU3NjYxMzUzOS4wfHw0NTE1")
    assert await sources.cursor(connection, "zendesk") == "MTU3NjYxMzUzOS4wfHw0NTE1"


@pytest.mark.parametrize("text", ["'; drop table sources; --", "%s", 'a"b{}', "\\"])
async def test_texts_of_any_spelling_are_only_texts(connection: Connection, text: str) -> None:
    await note(connection, text, kind=text, feeds=[text], error=text)
    await sources.set_cursor(connection, text, text)
    found = await the(connection, text)
    assert (found.kind, found.feeds, found.last_error, found.cursor) == (text, [text], text, text)
