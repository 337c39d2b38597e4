"""Enrollment workflows as they must not be changed: each forgets those that are under way."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from digital_cs.messages.enrollment import (
        ADVANCE_ACTIVITY,
        ENROLLMENT_WORKFLOW,
        AdvanceReply,
        AdvanceRequest,
        EnrollmentRun,
    )


@workflow.defn(name=ENROLLMENT_WORKFLOW)
class SleepsFirst:
    """A timer where there was none."""

    @workflow.run
    async def run(self, run: EnrollmentRun) -> None:
        await workflow.sleep(timedelta(minutes=5))
        await ask(run)


@workflow.defn(name=ENROLLMENT_WORKFLOW)
class AsksOtherwise:
    """Another activity in the old one's place."""

    @workflow.run
    async def run(self, run: EnrollmentRun) -> None:
        await workflow.execute_local_activity(
            "advance-otherwise",
            AdvanceRequest(run.enrollment_id),
            start_to_close_timeout=timedelta(minutes=1),
        )


@workflow.defn(name=ENROLLMENT_WORKFLOW)
class AsksOnce:
    """Ends after the first touch, where the old one rested."""

    @workflow.run
    async def run(self, run: EnrollmentRun) -> None:
        await ask(run)


async def ask(run: EnrollmentRun) -> AdvanceReply:
    """As the real one does."""
    reply: AdvanceReply = await workflow.execute_local_activity(
        ADVANCE_ACTIVITY,
        AdvanceRequest(run.enrollment_id),
        result_type=AdvanceReply,
        start_to_close_timeout=timedelta(minutes=1),
    )
    return reply
