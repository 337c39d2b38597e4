"""An issue's six weeks on a server whose clock jumps: who got what and when, over a restart."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from digital_cs.clock import FastClock
from digital_cs.domain.newsletters.issue import State
from digital_cs.messages.converter import CONVERTER
from digital_cs.messages.enrollment import WAKE_SIGNAL
from digital_cs.messages.newsletter_issue import ISSUE_WORKFLOW, IssueRun
from digital_cs.temporal.worker import build_worker
from tests.activities.issue_house import START, IssueHouse, day, opened


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
async def desk(
    skipping: WorkflowEnvironment, database: str, tmp_path: Path
) -> AsyncIterator[IssueHouse]:
    """Business time is the server's, as if it had begun on that Monday at nine."""
    clock = FastClock(START, await skipping.get_current_time(), 1.0)
    async with opened(database, tmp_path, clock) as found:
        yield found


class Weeks:
    """The workflow of an issue on workers that come and go."""

    def __init__(self, desk: IssueHouse, skipping: WorkflowEnvironment) -> None:
        self.desk = desk
        self.skipping = skipping
        self.queue = f"weeks-{uuid.uuid4().hex}"
        self.started: datetime = desk.clock.started

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with build_worker(
            self.skipping.client, self.queue, [self.desk.activities.advance],
            concurrency=4, fail_fast=True, cached=0,  # this server waits for dead workers for ever
        ):  # fmt: skip
            yield

    async def begin(self, id: str) -> WorkflowHandle[Any, Any]:
        return await self.skipping.client.start_workflow(
            ISSUE_WORKFLOW, IssueRun(id), id=f"{self.queue}/{id}", task_queue=self.queue
        )

    async def until(self, moment: datetime) -> None:
        now = START + (await self.skipping.get_current_time() - self.started)
        await self.skipping.sleep(moment - now)

    def told(self) -> list[str]:
        """What colleagues got, each with its day."""
        dated = []
        for mail in self.desk.mails():
            to = str(mail["To"].addresses[0].username)
            at = mail["Date"].datetime.astimezone(UTC)
            dated.append(f"{at:%-d %b %H:%M} {to}: {str(mail['Subject']).partition(':')[0]}")
        return dated


async def test_six_weeks_of_an_issue_in_which_the_worker_is_replaced_in_the_middle_of_a_wait(
    desk: IssueHouse, skipping: WorkflowEnvironment
) -> None:
    await desk.accounts(3)
    id = await desk.publish()
    weeks = Weeks(desk, skipping)
    async with weeks.working():
        handle = await weeks.begin(id)
        await weeks.until(day(11, 12))
    async with weeks.working():
        await weeks.until(day(11, 21))
        await desk.write(id, "Hi {{ contact.first_name }},\n\nhere is the news of the month.")
        await handle.signal(WAKE_SIGNAL)
        await weeks.until(day(11, 28))
    assert (await desk.issue(id)).state is State.FROZEN
    async with weeks.working():
        await desk.approve(id)
        await handle.signal(WAKE_SIGNAL)
        await weeks.until(day(11, 30, 20))
        assert (await desk.issue(id)).state is State.SENDING
        await desk.rows("update broadcasts set state = 'done', ended_at = now()")
        await handle.signal(WAKE_SIGNAL)
        await handle.result()
    assert weeks.told() == [
        "10 Nov 09:00 programs: To write",
        "20 Nov 17:00 programs: Still to write",
        "26 Nov 12:00 maya: [Test, 3 accounts] The Lantern letter",
        "26 Nov 12:00 maya: To approve",
        "27 Nov 12:00 maya: Still to approve",
        "30 Nov 12:00 maya: Leaves in 10 minutes",
        "7 Dec 20:00 programs: A week later",
    ]
    row = await desk.issue(id)
    assert (row.state, row.send_on) == (State.DONE, date(2026, 12, 1))
    history = (await handle.fetch_history()).to_json()
    for secret in ("lantern.example", "news of the month", "Okafor", "The Lantern letter"):
        assert secret not in history


async def test_an_issue_that_nobody_writes_or_approves_is_never_sent(
    desk: IssueHouse, skipping: WorkflowEnvironment
) -> None:
    id = await desk.publish()
    weeks = Weeks(desk, skipping)
    async with weeks.working():
        await weeks.begin(id)
        await weeks.until(START + timedelta(days=365))
    assert (await desk.issue(id)).state is State.OPEN
    assert await desk.rows("select * from broadcasts") == []
    assert weeks.told() == [
        "10 Nov 09:00 programs: To write",
        "20 Nov 17:00 programs: Still to write",
        "23 Nov 17:00 support: Not written",
        "26 Nov 12:00 programs: Cannot be put together",
    ]
