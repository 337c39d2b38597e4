"""The reconciler: Postgres and Temporal drift apart, and both are mended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from digital_cs.messages.enrollment import (
    ENROLLMENT_WORKFLOW,
    WAKE_SIGNAL,
    EnrollmentRun,
    workflow_id,
)
from tests import rig
from tests.engine.house import House, Visit, running, until

AT_ONCE = timedelta(0)


@pytest.fixture
async def visit(house: House) -> AsyncIterator[Visit]:
    """An engine whose reconciler is turned by hand; no worker takes what is started."""
    async with house.engine(relay_rate=10_000.0) as visit:
        yield visit
        await visit.tell("truncate outbox")
        await visit.tell("update enrollments set ended_at = now() where ended_at is null")
        await visit.engine.reconciler.full(AT_ONCE)


async def inside(visit: Visit, name: str, count: int = 1) -> list[str]:
    """Enrollments whose workflows have started and that rest."""
    await visit.publish(rig.drip(name, 2, "300 days"))
    ids = await visit.enroll(name, *await visit.people(count, name))
    await visit.engine.relay.pass_once()
    await listed(visit, *ids)
    return ids


async def listed(visit: Visit, *enrollments: str) -> None:
    """Wait until Temporal's list, which lags behind, shows these as running."""
    wanted = {workflow_id(visit.house.name, id) for id in enrollments}

    async def there() -> bool:
        query = f"WorkflowType = '{ENROLLMENT_WORKFLOW}' AND ExecutionStatus = 'Running'"
        return wanted <= {w.id async for w in visit.engine.client.list_workflows(query)}

    await until(there)


async def gone(visit: Visit, enrollment: str) -> None:
    """Wait until Temporal's list does not show it as running any more."""
    query = f"WorkflowId = '{workflow_id(visit.house.name, enrollment)}'"

    async def not_there() -> bool:
        running = WorkflowExecutionStatus.RUNNING
        return all([w.status != running async for w in visit.engine.client.list_workflows(query)])

    await until(not_there)


async def status(visit: Visit, enrollment: str) -> WorkflowExecutionStatus | None:
    return (await visit.workflow(enrollment).describe()).status


async def wishes(visit: Visit) -> list[tuple[str, str]]:
    return [(r[0], r[1]) for r in await visit.ask("select enrollment_id, kind from outbox")]


async def test_where_all_is_well_nothing_is_touched(visit: Visit) -> None:
    await inside(visit, "well", 3)
    assert await visit.engine.reconciler.full(AT_ONCE) == (0, 0)
    assert await wishes(visit) == []


async def test_an_enrollment_whose_workflow_was_ended_behind_our_back_gets_a_new_one(
    visit: Visit,
) -> None:
    [lost, kept] = await inside(visit, "lost", 2)
    await visit.workflow(lost).terminate("somebody in the Temporal UI")
    await gone(visit, lost)
    assert await visit.engine.reconciler.full(AT_ONCE) == (1, 0)
    assert await wishes(visit) == [(lost, "start")]
    await visit.engine.relay.pass_once()
    assert await status(visit, lost) == WorkflowExecutionStatus.RUNNING
    assert await status(visit, kept) == WorkflowExecutionStatus.RUNNING


async def test_what_changed_a_moment_ago_is_left_alone(visit: Visit) -> None:
    [enrollment] = await inside(visit, "young")
    await visit.workflow(enrollment).terminate()
    await gone(visit, enrollment)
    assert await visit.engine.reconciler.full(timedelta(hours=1)) == (0, 0)
    assert await wishes(visit) == []


async def test_a_workflow_without_an_enrollment_is_ended(visit: Visit) -> None:
    handle = await visit.engine.client.start_workflow(
        ENROLLMENT_WORKFLOW, EnrollmentRun("nobody:knows:1"),
        id=workflow_id(visit.house.name, "nobody:knows:1"), task_queue=visit.house.name,
    )  # fmt: skip
    await listed(visit, "nobody:knows:1")
    assert await visit.engine.reconciler.full(timedelta(hours=1)) == (0, 0)  # it may just begin
    assert await visit.engine.reconciler.full(AT_ONCE) == (0, 1)
    assert (await handle.describe()).status == WorkflowExecutionStatus.TERMINATED


async def test_the_workflows_of_another_workspace_are_none_of_its_business(visit: Visit) -> None:
    other = workflow_id(f"{visit.house.name}-b", "nobody:knows:1")
    handle = await visit.engine.client.start_workflow(
        ENROLLMENT_WORKFLOW, EnrollmentRun("nobody:knows:1"), id=other,
        task_queue=visit.house.name,
    )  # fmt: skip
    [enrollment] = await inside(visit, "ours")
    assert await visit.engine.reconciler.full(AT_ONCE) == (0, 0)
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    assert await status(visit, enrollment) == WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_who_overslept_is_woken_and_whose_workflow_is_gone_is_started(visit: Visit) -> None:
    [asleep, lost, paused] = await inside(visit, "overdue", 3)
    await visit.workflow(lost).terminate()
    long_ago = visit.now - timedelta(days=365)
    await visit.tell("update enrollments set wake_at = %s where ended_at is null", long_ago)
    await visit.tell("update enrollments set paused = true where id = %s", paused)
    assert await visit.engine.reconciler.overdue() == 2
    assert sorted(await wishes(visit)) == sorted([(asleep, "wake"), (lost, "start")])
    assert await visit.engine.reconciler.overdue() == 0  # a wish is pending already


async def test_who_is_late_by_a_little_is_left_to_its_workflow(visit: Visit) -> None:
    [enrollment] = await inside(visit, "late")
    await visit.tell("update enrollments set wake_at = %s where id = %s", visit.now, enrollment)
    assert await visit.engine.reconciler.overdue() == 0


async def test_temporal_may_lose_everything_and_everybody_goes_on_where_they_were(
    house: House,
) -> None:
    """All workflows are gone; the engine that starts finds the enrollments and runs them (P12)."""
    async with house.engine(clock_speed=600_000.0) as visit:
        ids = await inside(visit, "restored", 3)
        for id in ids:
            await visit.workflow(id).terminate()
            await gone(visit, id)
        await visit.tell("update enrollments set touched_at = '2020-01-01'")
        async with running(visit.engine):
            await visit.sees(
                "select 1 from messages where program_id = 'restored' having count(*) = 3"
            )
    assert len({mail["Message-ID"] for mail in house.mails()}) == 3


async def test_a_wake_for_a_workflow_that_waits_is_answered(house: House) -> None:
    """What `overdue` does, seen from the outside: a step that nobody moved is moved."""
    async with house.at_work() as visit:
        await visit.publish(rig.drip("overslept", 2, "300 days"))
        [enrollment] = await visit.enroll("overslept", *await visit.people(1, "overslept"))
        await visit.sees("select 1 from enrollments where id = %s and label like 'wait%%'",
                         enrollment)  # fmt: skip
        before = (await visit.ask("select revision from enrollments where id = %s", enrollment))[0]
        await visit.workflow(enrollment).signal(WAKE_SIGNAL)
        await visit.sees(
            "select 1 from enrollments where id = %s and revision > %s", enrollment, *before
        )
    assert len(house.mails("overslept-00000@company.test")) == 1
