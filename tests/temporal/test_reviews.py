"""The keeper of reviews: cases are opened, workflows run for each, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from digital_cs.clock import FastClock
from digital_cs.domain.content.content_item import Review
from digital_cs.messages.content_review import digest_workflow_id, review_workflow_id
from digital_cs.messages.converter import CONVERTER
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.store.content import reviews
from digital_cs.temporal.client import quiet_runtime
from digital_cs.temporal.reviews import ReviewKeeper
from digital_cs.temporal.worker import build_worker
from tests.activities.reviewing import MONDAY, Reviewing, item, opened

Running = WorkflowExecutionStatus.RUNNING


@dataclass
class Place:
    """A library, a keeper on a real Temporal, and a workspace of its own there."""

    house: Reviewing
    client: Client
    keeper: ReviewKeeper
    workspace: str
    queue: str

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        activities = self.house.activities
        async with build_worker(
            self.client, self.queue, [activities.advance, activities.send_digests],
            concurrency=4, fail_fast=True,
        ):  # fmt: skip
            yield

    async def status(self, case_id: str | None = None) -> WorkflowExecutionStatus | None:
        """Of a case's workflow, or of that of digests; None: there is none."""
        name = review_workflow_id(self.workspace, case_id) if case_id else (
            digest_workflow_id(self.workspace)
        )  # fmt: skip
        try:
            return (await self.client.get_workflow_handle(name).describe()).status
        except RPCError:
            return None


@pytest.fixture
async def place(
    temporal_server: TemporalServer, database: str, tmp_path: Path
) -> AsyncIterator[Place]:
    clock = FastClock(MONDAY, datetime.now(UTC), 1.0)
    client = await Client.connect(
        temporal_server.address, data_converter=CONVERTER, runtime=quiet_runtime()
    )
    async with opened(database, tmp_path, clock=clock) as house:
        yield placed(house, client)


def placed(house: Reviewing, client: Client) -> Place:
    workspace, queue = f"w-{uuid.uuid4().hex[:8]}", f"q-{uuid.uuid4().hex[:8]}"
    keeper = ReviewKeeper(
        pool=house.pool, client=client, clock=house.clock, workspace=workspace,
        task_queue=queue, casebook=house.casebook,
    )  # fmt: skip
    return Place(house, client, keeper, workspace, queue)


async def until(condition, seconds: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_from_an_overdue_item_to_a_mail_a_review_and_the_end_of_the_workflow_P26(
    place: Place,
) -> None:
    house, keeper = place.house, place.keeper
    await house.keep(item())
    async with place.working():
        await keeper.tick(house.clock.now())  # opens the case, starts its workflow and digests
        case_id = (await house.case()).case.id

        async def told() -> bool:
            await keeper.relay()
            return (await house.case()).case.told_at is not None

        await until(told)
        assert await place.status(case_id) is Running
        assert len(house.mails()) == 1
        async with house.pool.connection() as connection, connection.transaction():
            review = Review("c-1", date(2026, 3, 2), "Ann", changed=False)
            await reviews.record(connection, review, MONDAY)
        assert await keeper.look(house.clock.now())

        async def over() -> bool:
            await keeper.relay()
            return await place.status(case_id) is WorkflowExecutionStatus.COMPLETED

        await until(over)
        assert (await house.case()).case.ended_as == "reviewed"
        await place.client.get_workflow_handle(digest_workflow_id(place.workspace)).terminate()


async def test_starting_again_changes_nothing_and_only_what_changed_is_swept(place: Place) -> None:
    house, keeper = place.house, place.keeper
    await house.keep(item(), item("c-2"))
    assert await keeper.look(MONDAY)
    assert await keeper.relay() == 2
    assert await keeper.relay() == 0
    assert not await keeper.look(MONDAY)
    assert await keeper.look(MONDAY + timedelta(days=1))
    for kept in await house.open_cases():
        handle = place.client.get_workflow_handle(review_workflow_id(place.workspace, kept.case.id))
        first = (await handle.describe()).run_id
        await keeper._wake(kept.case.id)
        assert (await handle.describe()).run_id == first
    digests = place.client.get_workflow_handle(digest_workflow_id(place.workspace))
    first = (await digests.describe()).run_id
    await keeper.start_digest()
    assert (await digests.describe()).run_id == first


async def test_a_workflow_that_is_gone_is_found_by_the_moment_that_passed(place: Place) -> None:
    house, keeper = place.house, place.keeper
    await house.keep(item())
    await keeper.look(MONDAY)
    await house.send()
    case_id = (await house.case()).case.id
    await keeper.relay()
    await place.client.get_workflow_handle(review_workflow_id(place.workspace, case_id)).terminate(
        "lost"
    )
    assert await keeper.mend(MONDAY + timedelta(days=6)) == 0
    assert await keeper.mend(MONDAY + timedelta(days=8)) == 1
    assert await place.status(case_id) is Running


async def test_without_temporal_nothing_is_lost_and_all_goes_on_when_it_is_back(
    temporal_server: TemporalServer, database: str, tmp_path: Path
) -> None:
    clock = FastClock(MONDAY, datetime.now(UTC), 1.0)
    with TemporalServer(tmp_path / "gone", ui=False, in_memory=True) as gone:
        away = await Client.connect(gone.address, data_converter=CONVERTER, runtime=quiet_runtime())
    back = await Client.connect(
        temporal_server.address, data_converter=CONVERTER, runtime=quiet_runtime()
    )
    async with opened(database, tmp_path, clock=clock) as house:
        await house.keep(item())
        await placed(house, away).keeper.tick(clock.now())
        case_id = (await house.case()).case.id
        place = placed(house, back)
        assert await place.status(case_id) is None
        async with place.working():
            await place.keeper.relay()

            async def told() -> bool:
                return (await house.case()).case.told_at is not None

            await until(told)
        assert await place.status(case_id) is Running


async def test_a_library_without_anything_to_review_starts_no_workflow(place: Place) -> None:
    await place.house.keep(item(reviewed_on=date(2026, 2, 1)))
    await place.keeper.tick(MONDAY)
    assert await place.keeper.mend(MONDAY + timedelta(days=1)) == 0
    assert await place.status() is None
