"""One review case: ask what comes next, sleep until then or until somebody acts, and again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from digital_cs.messages.content_review import (
        ADVANCE_REVIEW_ACTIVITY,
        REVIEW_WORKFLOW,
        WAKE_REVIEW_SIGNAL,
        AdvanceReview,
        AdvanceReviewReply,
        ReviewRun,
    )
    from workflows.rest import rest

# Longer waits between tries become a timer: a worker that waits inside a workflow task has to
# report to the server every few seconds.
WAIT_IN_WORKER = timedelta(seconds=5)

# A reminder is never lost to a fault: tried again for ever.
PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=5),
)


@workflow.defn(name=REVIEW_WORKFLOW)
class ContentReviewWorkflow:
    """Sleeps through weeks. Postgres knows whose turn it is; this sees to what is due."""

    @workflow.init
    def __init__(self, run: ReviewRun) -> None:
        self._woken = False

    @workflow.run
    async def run(self, run: ReviewRun) -> None:
        while True:
            self._woken = False
            reply = await self._advance(run)
            if reply.ended:
                return
            await rest(lambda: self._woken, reply.sleep_seconds, reply.label)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(run)

    @workflow.signal(name=WAKE_REVIEW_SIGNAL)
    def wake(self) -> None:
        """Somebody acted, was told, or something around the case changed: it is in Postgres."""
        self._woken = True

    async def _advance(self, run: ReviewRun) -> AdvanceReviewReply:
        """The workflow's own time goes with it: what is decided depends on nothing else's."""
        reply: AdvanceReviewReply = await workflow.execute_local_activity(
            ADVANCE_REVIEW_ACTIVITY,
            AdvanceReview(run.case_id, workflow.now().timestamp()),
            result_type=AdvanceReviewReply,
            start_to_close_timeout=timedelta(seconds=run.timeout),
            retry_policy=PATIENT,
            local_retry_threshold=WAIT_IN_WORKER,
        )
        return reply
