"""Fixtures of the tests of what people may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool
from digital_cs.temporal.gateway import Gateway
from tests.activities.house import StoppedClock
from tests.temporal.live import Live


@pytest.fixture
async def live(database: str) -> AsyncIterator[Live]:
    clock = StoppedClock()
    async with pool.opened(database, 6) as opened:
        yield Live(opened, clock, Gateway(opened, clock, Entries(opened, clock, "UTC")))
