"""The relay: every wish is fulfilled, once is enough, and none is lost on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.errors import RaiseException
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from digital_cs.background import end
from digital_cs.messages.enrollment import ENROLLMENT_WORKFLOW, enrollment_of
from digital_cs.messages.search_attributes import ACCOUNT, DECLARED, PROGRAM
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.store.programs import enrollments
from digital_cs.temporal import relay as relays
from tests import rig
from tests.engine.house import House, Visit, until

REFUSE_FORGETTING = """
create function keep_all() returns trigger language plpgsql as $$
  begin raise exception 'killed here'; end $$;
create trigger keep_all before delete on outbox for each row execute function keep_all();
"""


@pytest.fixture
async def visit(house: House) -> AsyncIterator[Visit]:
    """An engine whose relay is turned by hand; no worker takes what it starts."""
    async with house.engine(relay_rate=10_000.0) as visit:
        yield visit
        await visit.tell("truncate outbox")


async def enrolled(visit: Visit, name: str, count: int) -> list[str]:
    """So many enrollments in a program of this name, each with its wish to start."""
    await visit.publish(rig.drip(name, 2, "1 day"))
    return await visit.enroll(name, *await visit.people(count, name))


async def wishes(visit: Visit) -> int:
    return len(await visit.ask("select 1 from outbox"))


async def signals(visit: Visit, enrollment: str) -> int:
    history = await visit.workflow(enrollment).fetch_history()
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return sum(event.event_type == kind for event in history.events)


async def test_it_starts_each_enrollment_under_its_own_id_with_ids_to_search_by(
    visit: Visit,
) -> None:
    [first, second] = await enrolled(visit, "starts", 2)
    assert await visit.engine.relay.pass_once() == 2
    assert await wishes(visit) == 0
    for enrollment in (first, second):
        found = await visit.workflow(enrollment).describe()
        assert found.status == WorkflowExecutionStatus.RUNNING
        assert found.workflow_type == ENROLLMENT_WORKFLOW
        assert enrollment_of(found.id) == enrollment
        assert found.typed_search_attributes.get(PROGRAM) == "starts"
        assert found.typed_search_attributes.get(ACCOUNT) == enrollment.split(":")[1]


async def test_to_start_twice_changes_nothing(visit: Visit) -> None:
    [enrollment] = await enrolled(visit, "twice", 1)
    await visit.engine.relay.pass_once()
    before = (await visit.workflow(enrollment).describe()).run_id
    await visit.tell("insert into outbox (kind, enrollment_id) values ('start', %s)", enrollment)
    assert await visit.engine.relay.pass_once() == 1
    assert (await visit.workflow(enrollment).describe()).run_id == before
    assert await signals(visit, enrollment) == 0


async def test_a_wake_reaches_who_sleeps_and_starts_who_does_not_run(visit: Visit) -> None:
    [runs, does_not] = await enrolled(visit, "wakes", 2)
    await visit.engine.relay.pass_once()
    await visit.workflow(does_not).terminate()
    async with visit.engine.pool.connection() as connection:
        await enrollments.wake(connection, [runs, does_not, runs])  # two wishes become one wake
    assert await visit.engine.relay.pass_once() == 2
    for enrollment in (runs, does_not):
        assert await signals(visit, enrollment) == 1
        status = (await visit.workflow(enrollment).describe()).status
        assert status == WorkflowExecutionStatus.RUNNING
    assert await wishes(visit) == 0


async def test_who_is_out_already_is_not_started(visit: Visit) -> None:
    [enrollment] = await enrolled(visit, "out", 1)
    await visit.tell("update enrollments set ended_at = now() where id = %s", enrollment)
    assert await visit.engine.relay.pass_once() == 1
    assert await wishes(visit) == 0
    with pytest.raises(RPCError, match="not found"):
        await visit.workflow(enrollment).describe()


async def test_killed_between_starting_and_forgetting_it_starts_nobody_twice(
    visit: Visit,
) -> None:
    ids = await enrolled(visit, "killed", 5)
    await visit.tell(REFUSE_FORGETTING)
    try:
        with pytest.raises(RaiseException):
            await visit.engine.relay.pass_once()
    finally:
        await visit.tell("drop function keep_all cascade")
    assert await wishes(visit) == 5
    before = [(await visit.workflow(id).describe()).run_id for id in ids]
    assert await visit.engine.relay.pass_once() == 5
    assert [(await visit.workflow(id).describe()).run_id for id in ids] == before
    assert await wishes(visit) == 0


async def test_cancelled_in_the_middle_it_forgets_no_wish(visit: Visit) -> None:
    ids = await enrolled(visit, "cancelled", 40)
    passing = asyncio.create_task(visit.engine.relay.pass_once())
    await visit.sees("select 1 from pg_locks where relation = 'outbox'::regclass and granted")
    await end(passing)
    while await visit.engine.relay.pass_once():
        pass
    for id in ids:
        assert (await visit.workflow(id).describe()).status == WorkflowExecutionStatus.RUNNING


async def test_two_relays_share_the_work(visit: Visit) -> None:
    ids = await enrolled(visit, "shared", 150)
    relay = visit.engine.relay
    done = await asyncio.gather(relay.pass_once(), relay.pass_once())
    assert sorted(done) == [50, 100]
    assert await wishes(visit) == 0
    assert await signals(visit, ids[-1]) == 0


async def test_it_keeps_to_its_rate(house: House) -> None:
    async with house.engine(relay_rate=20.0) as visit:
        await enrolled(visit, "slowly", 10)
        started = time.monotonic()
        assert await visit.engine.relay.pass_once() == 10
        assert time.monotonic() - started >= 0.49


async def test_while_temporal_is_away_wishes_stay_and_are_fulfilled_when_it_is_back(
    house: House, server_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "PATIENCE", timedelta(seconds=1))
    own = TemporalServer(
        server_dir / "relay", ui=False, in_memory=True, search_attributes=DECLARED
    )  # fmt: skip
    with own:
        away = replace(house, temporal=own)
        async with away.engine() as visit:
            own.kill()
            ids = await enrolled(visit, "away", 3)
            with pytest.raises(RPCError):
                await visit.engine.relay.pass_once()
            assert await wishes(visit) == 3
            relaying = asyncio.create_task(visit.engine.relay.run())
            try:
                await asyncio.to_thread(own.start)

                async def fulfilled() -> bool:
                    return await wishes(visit) == 0

                await until(fulfilled)
                for id in ids:
                    assert await signals(visit, id) == 0
            finally:
                await end(relaying)
