"""While something behind the door is broken every call is answered, and afterwards all works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.ingest.events.collector import Collector
from digital_cs.ingest.rules.entries import Entries
from tests.console.client import STOPPED, error_of, face

KEY = "web=a-write-key"


@pytest.fixture
async def sdk(pool: AsyncConnectionPool[Any]) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app with the real collector behind it."""
    collector = Collector(pool, STOPPED, Entries(pool, STOPPED, "UTC"), oldest_days=400)
    async with collector.collecting(), face(pool, taker=collector, write_keys=KEY) as found:
        found.stranger.auth = httpx2.BasicAuth("a-write-key", "")
        yield found.stranger


async def track(sdk: httpx2.AsyncClient, id: str) -> httpx2.Response:
    """One event, by an anonymous visitor."""
    message = {"messageId": id, "anonymousId": "visitor", "event": "Exported"}
    return await sdk.post("/v1/track", json=message)


async def test_a_fault_is_answered_and_the_next_call_is_kept(
    sdk: httpx2.AsyncClient, connection: AsyncConnection[Any]
) -> None:
    await connection.execute("alter table product_events rename to elsewhere")
    answers = await asyncio.gather(*(track(sdk, f"m-{number}") for number in range(5)))
    assert {answer.status_code for answer in answers} == {500}
    assert {error_of(answer)["code"] for answer in answers} == {"fault"}

    await connection.execute("alter table elsewhere rename to product_events")
    again = await track(sdk, "m-1")
    assert again.json() == {"success": True, "kept": 1, "repeated": 0, "refused": []}


async def test_what_could_not_be_noted_of_a_source_is_noted_later(
    sdk: httpx2.AsyncClient, connection: AsyncConnection[Any]
) -> None:
    await connection.execute("alter table sources rename column received to taken")
    assert (await track(sdk, "m-1")).status_code == 200
    await asyncio.sleep(1.5)  # it is noted every second
    await connection.execute("alter table sources rename column taken to received")
    assert (await track(sdk, "m-2")).status_code == 200

    async with asyncio.timeout(20):
        while True:
            cursor = await connection.execute("select received from sources where name = 'web'")
            if await cursor.fetchone() == (2,):
                return
            await asyncio.sleep(0.1)
