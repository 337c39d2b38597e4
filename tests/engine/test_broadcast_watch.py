"""A broadcast that nobody sends: its owner is told, and a worker that is back goes on with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.store.programs import alerts
from digital_cs.temporal import namespace
from digital_cs.temporal.broadcast_watch import NOBODY, BroadcastWatch
from tests import rig
from tests.engine.conftest import build_house
from tests.engine.house import House, Visit, until
from tests.engine.test_broadcast import asked, ended, plan, workers


@pytest.fixture
def house(
    postgres: PostgresServer, temporal_server: TemporalServer, empty_engine_database: str
) -> Iterator[House]:
    with build_house(postgres, temporal_server, empty_engine_database) as built:
        yield built


def watch_of(visit: Visit) -> BroadcastWatch:
    engine = visit.engine
    return BroadcastWatch(
        pool=engine.pool, client=engine.client, clock=engine.clock,
        task_queue=engine.settings.task_queue, workspace_zone="UTC",
    )  # fmt: skip


async def told(visit: Visit) -> list[str]:
    async with visit.engine.pool.connection() as connection:
        return [each["words"] for each in await alerts.open_alerts(connection)]


async def test_without_a_worker_its_owner_is_told_until_one_goes_on_with_it_P12(
    house: House,
) -> None:
    async with house.engine(clock_speed=60.0) as visit:
        watch, broadcasts = watch_of(visit), asked(visit.engine.pool, visit.engine.clock)
        await visit.people(30, "acct")
        assert await watch.look() == 0, "none runs"
        await plan(broadcasts)
        await broadcasts.start("spring", "maya")
        assert await watch.look() == 1
        assert await watch.look() == 0, "it is told once"
        assert (await broadcasts.show("spring")).broadcast.held_because == NOBODY
        assert await told(visit) == [NOBODY]
        async with workers(house):
            await until(lambda: ended(broadcasts))
        assert (await broadcasts.show("spring")).progress.sent == 30
        assert await told(visit) == []


async def test_what_a_worker_had_in_hand_when_it_died_is_unknown_as_soon_as_it_is_missed_P14(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.engine(clock_speed=60.0) as visit:
        watch, broadcasts = watch_of(visit), asked(visit.engine.pool, visit.engine.clock)
        await visit.people(60, "acct")
        await plan(broadcasts)
        await broadcasts.set_rate("spring", 600.0, "maya")  # so that some are left
        await broadcasts.start("spring", "maya")
        async with workers(house):

            async def begun() -> bool:
                return (await broadcasts.show("spring")).progress.sent > 0

            await until(begun)
            assert await watch.look() == 0, "a worker is there"
        await visit.tell(
            "update messages set state = 'claimed', claim_until = now() - interval '1 second'"
            " where key in (select key from messages where state = 'planned' limit 2)"
        )
        monkeypatch.setattr(namespace, "SILENT", namespace.SILENT * 0)
        assert await watch.look() == 1
        shown = await broadcasts.show("spring")
        assert (shown.progress.in_hand, shown.progress.unknown) == (0, 2)
        assert shown.broadcast.held_because == NOBODY


async def test_what_is_paused_or_not_due_yet_misses_no_worker(house: House) -> None:
    async with house.engine(clock_speed=1.0) as visit:
        watch, broadcasts = watch_of(visit), asked(visit.engine.pool, visit.engine.clock)
        await visit.people(3, "acct")
        await plan(broadcasts)
        await broadcasts.start("spring", "maya")
        await broadcasts.pause("spring", "maya")
        later = rig.MONDAY.replace(day=20, tzinfo=None)
        await plan(broadcasts, "summer", at=later)
        await broadcasts.start("summer", "maya")
        assert await watch.look() == 0
        assert await told(visit) == []
