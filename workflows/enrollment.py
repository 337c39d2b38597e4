"""One enrollment: ask what comes next, sleep until then or until woken, and again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from digital_cs.messages.enrollment import (
        ADVANCE_ACTIVITY,
        ENROLLMENT_WORKFLOW,
        WAKE_SIGNAL,
        AdvanceReply,
        AdvanceRequest,
        EnrollmentRun,
    )
    from workflows.rest import rest

# Longer waits between tries become a timer: a worker that waits inside a workflow task has to
# report to the server every few seconds, three events a time.
WAIT_IN_WORKER = timedelta(seconds=5)

# A fault never decides a customer's path (P12): tried again for ever, twice a minute at most.
PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)


@workflow.defn(name=ENROLLMENT_WORKFLOW)
class EnrollmentWorkflow:
    """Sleeps for months. Postgres knows where the enrollment stands; this sees to what is due."""

    @workflow.init
    def __init__(self, run: EnrollmentRun) -> None:
        self._woken = False
        self._label = run.label

    @workflow.run
    async def run(self, run: EnrollmentRun) -> None:
        while True:
            self._woken = False
            reply = await self._advance(run)
            if reply.ended:
                return
            self._label = reply.next_label
            await rest(lambda: self._woken, reply.sleep_seconds, reply.label)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    EnrollmentRun(run.enrollment_id, run.touch_timeout, self._label)
                )

    @workflow.signal(name=WAKE_SIGNAL)
    def wake(self) -> None:
        """Something changed: an event, a fact, a person's wish. What, is in Postgres."""
        self._woken = True

    async def _advance(self, run: EnrollmentRun) -> AdvanceReply:
        """A local activity: a touch takes milliseconds, and its dispatch would cost more.

        When the worker dies in it, the workflow task times out and another worker asks again.
        """
        reply: AdvanceReply = await workflow.execute_local_activity(
            ADVANCE_ACTIVITY,
            AdvanceRequest(run.enrollment_id),
            result_type=AdvanceReply,
            start_to_close_timeout=timedelta(seconds=run.touch_timeout),
            retry_policy=PATIENT,
            local_retry_threshold=WAIT_IN_WORKER,
            summary=self._label,
        )
        return reply
