"""One issue of a newsletter: have done what is due, sleep until the next thing, and again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from digital_cs.messages.enrollment import WAKE_SIGNAL
    from digital_cs.messages.newsletter_issue import (
        ADVANCE_ISSUE,
        ISSUE_WORKFLOW,
        AdvanceIssue,
        IssueReply,
        IssueRun,
    )
    from workflows.rest import rest

# To freeze an issue takes as long as its audience is large; the rest takes milliseconds.
PATIENCE = timedelta(minutes=15)
# A fault decides nothing about an issue (P12): tried again for ever, once a minute at most.
PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=1),
)


@workflow.defn(name=ISSUE_WORKFLOW)
class NewsletterIssueWorkflow:
    """Sleeps for weeks. Postgres knows how far the issue is; this sees to what is due."""

    @workflow.init
    def __init__(self, run: IssueRun) -> None:
        self._woken = False
        self._label = run.label

    @workflow.run
    async def run(self, run: IssueRun) -> None:
        while True:
            self._woken = False
            reply = await self._advance(run)
            if reply.ended:
                return
            self._label = reply.label
            await rest(lambda: self._woken, reply.sleep_seconds, reply.label)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(IssueRun(run.issue_id, self._label))

    @workflow.signal(name=WAKE_SIGNAL)
    def wake(self) -> None:
        """Somebody wrote, signed, approved, moved or called back. What, is in Postgres."""
        self._woken = True

    async def _advance(self, run: IssueRun) -> IssueReply:
        # The workflow's own time, for the activity's clock stands still where time is skipped.
        reply: IssueReply = await workflow.execute_activity(
            ADVANCE_ISSUE,
            AdvanceIssue(run.issue_id, workflow.now().timestamp()),
            result_type=IssueReply,
            start_to_close_timeout=PATIENCE,
            retry_policy=PATIENT,
            summary=self._label,
        )
        return reply
