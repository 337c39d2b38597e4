"""A year of a review case and of digests on a server whose clock jumps: who got what, and when."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from digital_cs.clock import FastClock
from digital_cs.domain.content.review_acts import snoozed
from digital_cs.domain.content.review_case import Did
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar
from digital_cs.messages.content_review import (
    DIGEST_WORKFLOW,
    REVIEW_WORKFLOW,
    WAKE_REVIEW_SIGNAL,
    DigestRun,
    ReviewRun,
)
from digital_cs.messages.converter import CONVERTER
from digital_cs.store.content import review_cases
from digital_cs.temporal.worker import WORKFLOWS, runner
from tests.activities.reviewing import MONDAY, Reviewing, days, item, opened, told
from tests.engine.readings import texts_in
from tests.workflows.scripted import of_type

HOLIDAYS = BusinessCalendar(holidays={EVERYWHERE: frozenset({datetime(2026, 4, 6).date()})})


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server whose clock jumps. One a test: it has one clock for all workflows."""
    server = Path(sys.executable).parent / "temporal-test-server"
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(server), data_converter=CONVERTER
    )
    async with environment:
        yield environment


@pytest.fixture
async def house(
    skipping: WorkflowEnvironment, database: str, tmp_path: Path
) -> AsyncIterator[Reviewing]:
    """Business time is the server's, as if it had begun on that Monday at nine."""
    clock = FastClock(MONDAY, await skipping.get_current_time(), 1.0)
    async with opened(database, tmp_path, clock=clock, calendar=HOLIDAYS) as found:
        yield found


class Year:
    """A case's workflow on workers that come and go, and the moments of the year."""

    def __init__(self, house: Reviewing, skipping: WorkflowEnvironment) -> None:
        self.house = house
        self.skipping = skipping
        self.queue = f"year-{uuid.uuid4().hex}"
        assert isinstance(house.clock, FastClock)
        self.started: datetime = house.clock.started

    @contextlib.asynccontextmanager
    async def working(self, remembers: int = 10) -> AsyncIterator[None]:
        """A worker. One that `remembers` nothing replays the whole story at each task, and leaves
        none behind on a queue of its own, which a server without schedules hands to nobody."""
        activities = self.house.activities
        async with Worker(
            self.skipping.client, task_queue=self.queue, workflows=WORKFLOWS,
            activities=[activities.advance, activities.send_digests], workflow_runner=runner(),
            max_cached_workflows=remembers, workflow_failure_exception_types=[Exception],
        ):  # fmt: skip
            yield

    async def begin(self, case_id: str) -> WorkflowHandle[Any, Any]:
        return await self.skipping.client.start_workflow(
            REVIEW_WORKFLOW, ReviewRun(case_id), id=f"{self.queue}/{case_id}",
            task_queue=self.queue,
        )  # fmt: skip

    async def now(self) -> datetime:
        return MONDAY + (await self.skipping.get_current_time() - self.started)

    async def until(self, moment: datetime) -> None:
        await self.skipping.sleep(moment - await self.now())

    async def digest(self, handle: WorkflowHandle[Any, Any]) -> int:
        """What the other workflow does at this moment, with the wake that follows from it."""
        sent = await self.house.send((await self.now()).replace(second=0, microsecond=0))
        if sent:
            await handle.signal(WAKE_REVIEW_SIGNAL)
        return sent


async def test_a_year_of_a_case_in_which_the_worker_is_replaced_in_the_middle_of_a_wait_P26(
    house: Reviewing, skipping: WorkflowEnvironment
) -> None:
    await house.keep(item())
    await house.sweep()
    case_id = (await house.case()).case.id
    year = Year(house, skipping)
    async with year.working(remembers=0):
        handle = await year.begin(case_id)
        assert await year.digest(handle) == 1
        await year.until(MONDAY + days(3))  # a Thursday, in the wait for the reminder
    async with year.working():
        for week in range(1, 53):
            moment = MONDAY + days(7 * week) + timedelta(minutes=1)
            await year.until(moment)
            if moment.date() == datetime(2026, 4, 6).date():
                assert await year.digest(handle) == 0  # a holiday: it comes on Tuesday
                await year.until(moment + days(1))
            await year.digest(handle)
            if week == 30:
                await _put_off(house, await year.now())
                await handle.signal(WAKE_REVIEW_SIGNAL)
        await house.change(item(reviewed_on=(await year.now()).date(), review_every=None))
        await handle.signal(WAKE_REVIEW_SIGNAL)
        await handle.result()
        history = await handle.fetch_history()

    story = told(await house.story())
    assert story[:11] == [
        "Mon 2 Mar opened: It is stale since 1 Feb 2026.",
        "Mon 2 Mar told: Ann Ray was told.",
        "Mon 9 Mar reminded: Ann Ray was reminded.",
        "Mon 16 Mar passed: Ann Ray was asked and did not answer, so the backup is asked.",
        "Mon 16 Mar told: Ben Oduya was told.",
        "Mon 30 Mar passed: Ben Oduya was asked and did not answer, so the program manager is"
        " asked.",
        "Mon 30 Mar told: Maya Okafor was told.",
        "Tue 7 Apr reminded: Maya Okafor was reminded.",
        "Mon 20 Apr reminded: Maya Okafor was reminded.",
        "Mon 27 Apr reminded: Maya Okafor was reminded.",
        "Mon 4 May reminded: Maya Okafor was reminded.",
    ]
    off = next(place for place, line in enumerate(story) if "snoozed" in line)
    assert story[off : off + 4] == [
        "Mon 28 Sep snoozed: Maya put it off until 20 Oct 2026: After the release.",
        "Tue 20 Oct snooze-over: The snooze is over.",
        "Mon 26 Oct told: Maya Okafor was told.",
        "Mon 2 Nov reminded: Maya Okafor was reminded.",
    ]
    assert story[-1] == "Mon 1 Mar ended: Its source says that it was reviewed on 1 Mar 2027."
    mails = [(str(mail["To"]).split(" ")[0], mail["Date"].datetime) for mail in house.mails()]
    assert [name for name, _ in mails[:4]] == ["Ann", "Ann", "Ben", "Maya"]
    times = [step.at for step in await house.story() if step.did in (Did.TOLD, Did.REMINDED)]
    assert [at.replace(second=0) for at in times] == [at for _, at in mails]
    assert len(mails) == len({at.isocalendar()[:2] for _, at in mails})  # never two a week
    for failed in of_type(history, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED):
        cause = failed.workflow_task_failed_event_attributes.cause
        # A wake came while it was about to rest: it looks again, which is no failure.
        assert cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    assert len(history.events) < 1200
    kept = " ".join(text for event in history.events for text in texts_in(event)).lower()
    assert case_id in kept  # it does read the payloads
    for personal in ("ann", "ben oduya", "maya", "lantern", "about c-1", "c-1.md", "release"):
        assert personal not in kept.replace(year.queue, "")


async def _put_off(house: Reviewing, now: datetime) -> None:
    async with house.pool.connection() as connection, connection.transaction():
        kept = (await review_cases.open_cases(connection))[0]
        rules = await house.casebook.rules(connection)
        until = datetime(2026, 10, 20, tzinfo=UTC).date()
        found = snoozed(kept.case, item(), until, "After the release.", "Maya", rules, now)
        assert await review_cases.save(connection, kept, found)


async def test_digests_come_for_a_year_by_themselves_one_a_week(
    house: Reviewing, skipping: WorkflowEnvironment
) -> None:
    await house.keep(item(owner="maya", backup=None))
    year = Year(house, skipping)
    async with year.working():
        handle = await skipping.client.start_workflow(
            DIGEST_WORKFLOW, DigestRun(), id=f"{year.queue}/digest", task_queue=year.queue
        )
        await year.until(MONDAY + days(364))
        await handle.terminate()
    keys = [key for key, state in await house.ledger() if state == "accepted"]
    weeks = [key.rpartition(":")[2] for key in keys]
    assert weeks == sorted(set(weeks))
    assert weeks[:4] == ["2026-W10", "2026-W11", "2026-W12", "2026-W13"]
    assert len(weeks) >= 50
    sent = [mail["Date"].datetime for mail in house.mails()]
    assert {(at.weekday(), at.hour) for at in sent} <= {(0, 9), (1, 9)}
    assert [at.date().isoformat() for at in sent if at.weekday() == 1] == ["2026-04-07"]
