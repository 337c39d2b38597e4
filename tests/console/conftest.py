"""Fixtures of the console's tests: the app on a database of its own, and on one that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.stack.ports import free_port
from digital_cs.store.database import pool as pools
from tests import rig
from tests.console.client import Face, face


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with pools.opened(database, 4, patience=5.0) as opened:
        yield opened


@pytest.fixture
async def api(pool: AsyncConnectionPool[Any]) -> AsyncIterator[Face]:
    async with face(pool) as found:
        yield found


@pytest.fixture
async def api_without_database() -> AsyncIterator[Face]:
    """The same app while nobody listens where the database should be."""
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/nobody"
    async with (
        AsyncConnectionPool[Any](url, min_size=1, max_size=2, timeout=0.2, open=False) as away,
        face(away) as found,
    ):
        yield found


@pytest.fixture
async def accounts(connection: AsyncConnection[Any]) -> list[str]:
    """The program `welcome` (two sends with three days between) and the ids of five accounts."""
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), rig.MONDAY)
    return await rig.people(connection, 5, rig.MONDAY)
