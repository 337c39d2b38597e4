"""The digests of a workspace: send what is due, sleep until the next morning, and again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from digital_cs.messages.content_review import (
        DIGEST_WORKFLOW,
        SEND_DIGESTS_ACTIVITY,
        WAKE_REVIEW_SIGNAL,
        DigestRun,
        SendDigests,
        SendDigestsReply,
    )
    from workflows.rest import rest

# Sending again is harmless: each mail is in a ledger before it is handed over.
PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=5),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=5),
)
NEXT_TIME = "until the next morning or the next try"


@workflow.defn(name=DIGEST_WORKFLOW)
class ContentDigestWorkflow:
    """One for all reviewers: who they are changes with a file, and each morning asks it anew."""

    @workflow.init
    def __init__(self, run: DigestRun) -> None:
        self._woken = False

    @workflow.run
    async def run(self, run: DigestRun) -> None:
        while True:
            self._woken = False
            reply: SendDigestsReply = await workflow.execute_activity(
                SEND_DIGESTS_ACTIVITY,
                SendDigests(workflow.now().timestamp()),
                result_type=SendDigestsReply,
                start_to_close_timeout=timedelta(seconds=run.timeout),
                retry_policy=PATIENT,
            )
            await rest(lambda: self._woken, reply.sleep_seconds, NEXT_TIME)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(run)

    @workflow.signal(name=WAKE_REVIEW_SIGNAL)
    def wake(self) -> None:
        """Something cannot wait for the morning."""
        self._woken = True
