"""Fixtures of the SDKs' tests: the door on a real database, and every SDK that is here."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from digital_cs.config import Settings
from digital_cs.ingest.events.collector import Collector
from digital_cs.ingest.events.incoming import Taker
from digital_cs.ingest.rules.entries import Entries
from tests.sdks.door import Door, opened
from tests.sdks.sdks import NAMES, PYTHON_SDKS, Sdk, node_sdks, quiet


@contextlib.asynccontextmanager
async def _taker(pool: AsyncConnectionPool[Any], settings: Settings) -> AsyncIterator[Taker]:
    entries = Entries(pool, settings.clock(), settings.workspace_zone)
    collector = Collector(pool, settings.clock(), entries, oldest_days=settings.events_oldest)
    async with collector.collecting():
        yield collector


@pytest.fixture
def door(database: str) -> Iterator[Door]:
    with quiet(), opened(database, _taker) as found:
        yield found


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sdk]:
    return node_sdks(tmp_path_factory.mktemp("node-sdks"))


@pytest.fixture(params=NAMES)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """Each SDK in turn; those for Node only where they can be had."""
    if request.param in PYTHON_SDKS:
        return PYTHON_SDKS[request.param]
    found: dict[str, Sdk] = request.getfixturevalue("node")
    return found[request.param]


@pytest.fixture
def rows(database: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection for looking at what was kept, with rows as dicts."""
    with psycopg.connect(database, autocommit=True, row_factory=dict_row) as connection:
        yield connection
