"""A broadcast on real servers that is held, and goes on at once when what holds it is lifted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import activities.broadcasts
from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.store.sending import stops
from tests import rig
from tests.engine.conftest import build_house
from tests.engine.house import House, until
from tests.engine.test_broadcast import ended, plan, workers

AN_HOUR = 3600.0
"""A broadcast that is held looks again after this, unless somebody wakes it."""


@pytest.fixture
def house(
    postgres: PostgresServer, temporal_server: TemporalServer, empty_engine_database: str
) -> Iterator[House]:
    with build_house(postgres, temporal_server, empty_engine_database) as built:
        yield built


async def test_the_stop_switch_is_seen_and_its_undo_lets_it_go_on_without_a_timer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6."""
    monkeypatch.setattr(activities.broadcasts, "LOOK_SECONDS", AN_HOUR)
    async with workers(house, speed=1.0) as (broadcasts, engine):
        async with engine.pool.connection() as connection:
            await rig.people(connection, 60, engine.clock.now())
        await plan(broadcasts)
        await broadcasts.set_rate("spring", 600.0, "maya")  # so that some are left
        await broadcasts.start("spring", "maya")

        async def begun() -> bool:
            return (await broadcasts.show("spring")).progress.sent > 0

        await until(begun)
        async with engine.pool.connection() as connection, connection.transaction():
            await stops.stop(connection, "Wrong prices", "maya", engine.clock.now())

        async def held() -> bool:
            return "Wrong prices" in str((await broadcasts.show("spring")).broadcast.held_because)

        await until(held)
        assert (await broadcasts.show("spring")).progress.left > 0
        async with engine.pool.connection() as connection, connection.transaction():
            await stops.start(connection, "maya", engine.clock.now())
        await until(lambda: ended(broadcasts))
        assert (await broadcasts.show("spring")).progress.sent == 60
