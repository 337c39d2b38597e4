"""Fixtures of the store's tests: a second connection, and one program with people to put in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection

from tests import rig


@pytest.fixture
async def other(database: str) -> AsyncIterator[AsyncConnection[Any]]:
    """A second connection to the same database: somebody else, at the same time."""
    async with await AsyncConnection.connect(database, autocommit=True) as opened:
        yield opened


@pytest.fixture
async def accounts(connection: AsyncConnection[Any]) -> list[str]:
    """The program `welcome` (two sends with three days between) and the ids of five accounts."""
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), rig.MONDAY)
    return await rig.people(connection, 5, rig.MONDAY)
