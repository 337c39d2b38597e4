"""Houses for the tests, and the one engine run that several of them look at."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from digital_cs.stack.ports import free_port
from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.store.migrate import migrate
from tests.engine.everything import Travelled, counters, receiver, travel
from tests.engine.house import DAY_A_SECOND, House
from tests.rig import start_sink, without_limits


@pytest.fixture(scope="session")
def empty_engine_database(postgres: PostgresServer) -> str:
    """The name of a migrated database that is only copied."""
    name = "engine_template"
    url = postgres.createdb(name)
    migrate(url)
    without_limits(url)
    return name


@contextlib.contextmanager
def build_house(
    postgres: PostgresServer, temporal: TemporalServer, template: str
) -> Iterator[House]:
    """A database, a sink and names of its own; gone afterwards."""
    name = f"house-{uuid.uuid4().hex[:12]}"
    folder = Path(tempfile.mkdtemp(prefix="dcs-house-", dir="/tmp"))
    mail, port = folder / "mail", free_port()
    mail.mkdir()
    sink = start_sink(folder, mail, port)
    url = postgres.createdb(name, template=template)
    try:
        yield House(folder, postgres, temporal, sink, mail, port, name, url)
    finally:
        sink.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def house(
    postgres: PostgresServer, temporal_server: TemporalServer, empty_engine_database: str
) -> Iterator[House]:
    """Everything that an engine needs, for the tests of one module."""
    with build_house(postgres, temporal_server, empty_engine_database) as built:
        yield built


@pytest.fixture(scope="session")
async def travelled(
    postgres: PostgresServer, temporal_server: TemporalServer, empty_engine_database: str
) -> AsyncIterator[Travelled]:
    """Three accounts that have been through every kind of step, once for all who look at it."""
    with build_house(postgres, temporal_server, empty_engine_database) as built:
        async with receiver() as system, built.at_work(clock_speed=2 * DAY_A_SECOND) as visit:
            before = counters()
            await travel(visit, system)
            yield Travelled(visit, system, before)
