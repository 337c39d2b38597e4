"""Fixtures of the activities' tests: a house with everything in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.activities.house import House, opened


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path) as ready:
        yield ready
