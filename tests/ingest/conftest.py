"""Fixtures of the tests of what comes in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool
from tests.activities.house import StoppedClock
from tests.ingest.door import Door


@pytest.fixture
async def door(database: str) -> AsyncIterator[Door]:
    clock = StoppedClock()
    async with pool.opened(database, 4) as opened:
        yield Door(opened, clock, Entries(opened, clock, "UTC"))
