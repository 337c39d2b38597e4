"""A broadcast on real servers: started by a wish, run by workflows, followed, and kept private."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from digital_cs.bootstrap_broadcasts import open_broadcast_engine
from digital_cs.channels.sink_folder import read_index
from digital_cs.clock import Clock
from digital_cs.domain.sending.broadcast import BroadcastState
from digital_cs.errors import UsageError
from digital_cs.messages.broadcast import workflow_id
from digital_cs.rendering.library import EmailLibrary
from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.temporal.broadcasts import Broadcasts
from digital_cs.temporal.client import connect
from tests import rig
from tests.engine.conftest import build_house
from tests.engine.house import House, until
from tests.engine.readings import all_texts
from tests.store.broadcast_worlds import a_plan

SPEED = 60.0


@pytest.fixture
def house(
    postgres: PostgresServer, temporal_server: TemporalServer, empty_engine_database: str
) -> Iterator[House]:
    """One for each test: they all send to everybody."""
    with build_house(postgres, temporal_server, empty_engine_database) as built:
        yield built


@contextlib.asynccontextmanager
async def workers(
    house: House, count: int = 1, speed: float = SPEED
) -> AsyncIterator[tuple[Broadcasts, Any]]:
    """So many workers of broadcasts at work, and what people may ask."""
    settings = house.settings(clock_speed=speed, broadcast_in_flight=20, broadcast_connections=2)
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        engines = [
            await stack.enter_async_context(open_broadcast_engine(settings)) for _ in range(count)
        ]
        running = [asyncio.create_task(engine.run(stop)) for engine in engines]
        try:
            yield asked(engines[0].pool, engines[0].clock), engines[0]
        finally:
            stop.set()
            async with asyncio.timeout(30):
                await asyncio.gather(*running)


def asked(pool: AsyncConnectionPool[Any], clock: Clock) -> Broadcasts:
    return Broadcasts(pool, clock, EmailLibrary(rig.ROOT / "content"), workspace_zone="UTC")


async def plan(broadcasts: Broadcasts, id: str = "spring", **parts: Any) -> None:
    await broadcasts.plan(id, a_plan(**parts), name="Spring", owner="maya", by="test")
    await broadcasts.approve(id, "maya")


async def ended(broadcasts: Broadcasts, id: str = "spring") -> bool:
    return (await broadcasts.show(id)).broadcast.ended_at is not None


async def test_two_workers_send_it_to_everybody_once_and_nothing_personal_is_told_to_temporal(
    house: House,
) -> None:
    async with workers(house, 2) as (broadcasts, engine):
        async with engine.pool.connection() as connection:
            await rig.people(connection, 450, engine.clock.now())
        await plan(broadcasts)
        await broadcasts.start("spring", "maya")
        await until(lambda: ended(broadcasts))
        shown = await broadcasts.show("spring")
        assert shown.broadcast.state is BroadcastState.DONE
        progress = shown.progress
        assert (progress.recipients, progress.sent, progress.left) == (450, 450, 0)
        client = await connect(engine.settings)
        handle = client.get_workflow_handle(workflow_id(house.name, "spring"))
        texts = await all_texts(handle)
    assert Counter(Counter(e.message_id for e in read_index(house.mail)).values()) == {1: 450}
    assert "spring" in texts
    assert rig.MAIL_DOMAIN not in texts
    assert "acct-" not in texts


async def test_a_pause_reaches_a_broadcast_that_waits_and_a_cancelled_one_is_swept(
    house: House,
) -> None:
    async with workers(house, speed=3600.0) as (broadcasts, engine):
        async with engine.pool.connection() as connection:
            await rig.people(connection, 50, engine.clock.now())
        await plan(broadcasts, spread="2 days")
        await broadcasts.start("spring", "maya")

        async def some_sent() -> bool:
            return (await broadcasts.show("spring")).progress.sent > 0

        await until(some_sent)
        await broadcasts.pause("spring", "maya")
        with pytest.raises(UsageError, match="it is paused"):
            await broadcasts.pause("spring", "maya")
        await broadcasts.cancel("spring", "maya")
        await until(lambda: ended(broadcasts))
        progress = (await broadcasts.show("spring")).progress
        assert progress.sent + progress.skipped["cancelled"] == 50
        assert progress.skipped["cancelled"] > 30


async def test_it_goes_on_where_it_was_after_its_worker_was_stopped(house: House) -> None:
    async with workers(house) as (broadcasts, engine):
        async with engine.pool.connection() as connection:
            await rig.people(connection, 300, engine.clock.now())
        await plan(broadcasts)
        await broadcasts.set_rate("spring", 60 * 100, "maya")
        await broadcasts.start("spring", "maya")

        async def begun() -> bool:
            return (await broadcasts.show("spring")).progress.sent > 20

        await until(begun)
    sent = len(read_index(house.mail))
    assert sent < 300
    async with workers(house) as (broadcasts, _):
        await until(lambda: ended(broadcasts))
        progress = (await broadcasts.show("spring")).progress
        assert (progress.sent, progress.unknown) == (300, 0)
    assert Counter(Counter(e.message_id for e in read_index(house.mail)).values()) == {1: 300}


async def test_a_draft_says_what_stands_against_it(house: House) -> None:
    async with workers(house) as (broadcasts, engine):
        async with engine.pool.connection() as connection:
            await rig.people(connection, 3, engine.clock.now())
        await broadcasts.plan(
            "spring", a_plan(email="no-such", audience="nobody-knows"), name="Spring",
            owner="maya", by="test",
        )  # fmt: skip
        checked = await broadcasts.check("spring")
        assert any("no-such" in fault for fault in checked.faults)
        assert any("nobody-knows" in fault for fault in checked.faults)
        with pytest.raises(UsageError, match="cannot be approved"):
            await broadcasts.approve("spring", "maya")
        with pytest.raises(UsageError, match="Nobody has approved it"):
            await broadcasts.start("spring", "maya")
        await broadcasts.plan(
            "spring", a_plan(audience="nobody-knows"), name="Spring", owner="maya", by="test"
        )
        with pytest.raises(UsageError, match="no segment 'nobody-knows': publish it first"):
            await broadcasts.approve("spring", "maya")
        unheard = a_plan(audience={"not": {"trigger": "unheard"}})
        await broadcasts.plan("spring", unheard, name="Spring", owner="maya", by="test")
        with pytest.raises(UsageError, match="no trigger 'unheard': publish it first"):
            await broadcasts.approve("spring", "maya")

        await broadcasts.plan("spring", a_plan(), name="Spring", owner="maya", by="test")
        checked = await broadcasts.check("spring")
        assert (checked.faults, checked.approved) == ([], False)
        assert [(share.reason, share.recipients) for share in checked.audience] == [(None, 3)]
        with pytest.raises(UsageError, match="not what was read"):
            await broadcasts.approve("spring", "maya", "0000")
        assert checked.hash is not None
        await broadcasts.approve("spring", "maya", checked.hash[:12])
        assert (await broadcasts.check("spring")).approved
        await broadcasts.plan(
            "spring", a_plan(priority="high"), name="Spring", owner="maya", by="test"
        )
        assert not (await broadcasts.check("spring")).approved
