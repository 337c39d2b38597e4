"""A restart of Postgres in the middle of a touch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from digital_cs.channels.sink import FaultMode
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.migrate import migrate
from tests.activities.house import opened

SEND = {"send": "welcome-trial-1"}
WAIT = {"wait": "3 days"}


@pytest.fixture
def own_postgres(server_dir: Path) -> Iterator[PostgresServer]:
    """A server that a test may kill."""
    with PostgresServer(server_dir / "own", durable=False) as server:
        migrate(server.url)
        yield server


async def test_what_the_mail_server_took_is_recorded_once_the_database_is_back(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    """P14: an answer that we have is not forgotten because Postgres restarts at that moment."""
    async with opened(own_postgres.url, tmp_path) as house:
        id = await house.start(SEND, WAIT)
        house.misbehave(FaultMode.DELAY, seconds=0.3)
        touch = asyncio.create_task(house.advance(id))
        while not house.letters():
            await asyncio.sleep(0.01)

        own_postgres.kill()
        await asyncio.sleep(0.5)  # the answer comes while there is no database
        assert not touch.done()
        await asyncio.to_thread(own_postgres.start)

        assert (await touch).label == "wait 3 days"
        row = await house.message()
        assert (row["state"], row["attempts"]) == ("accepted", 1)
        assert await house.decisions() == [("sent", "accepted")]
        await house.advance(id)
        assert len(house.letters()) == 1
