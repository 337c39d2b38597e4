"""The worker: runs the workflows and activities that it is handed, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from workflows.broadcast import BroadcastWorkflow
from workflows.content_digest import ContentDigestWorkflow
from workflows.content_review import ContentReviewWorkflow
from workflows.enrollment import EnrollmentWorkflow
from workflows.newsletter_issue import NewsletterIssueWorkflow

WORKFLOWS: list[type] = [
    EnrollmentWorkflow, ContentReviewWorkflow, ContentDigestWorkflow, BroadcastWorkflow,
    NewsletterIssueWorkflow,
]  # fmt: skip
"""Every workflow of the house; the replay tests take them from here."""


CACHED = 1000
"""Workflows that a worker keeps in memory between their tasks."""


def runner() -> SandboxedWorkflowRunner:
    """The production runner: modules that slip through the sandbox unmeant are errors.

    A module that workflows import outside `imports_passed_through` is loaded again for every
    run, which was measured at seconds instead of milliseconds.
    """
    policy = (
        SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        | SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_import_notification_policy(policy)
    )


def build_worker(
    client: Client, task_queue: str, activities: Sequence[Callable[..., Any]], *,
    concurrency: int, fail_fast: bool = False, cached: int = CACHED,
) -> Worker:  # fmt: skip
    """A worker for the engine's queue. `fail_fast` turns mistakes in workflows into failures.

    With `cached` 0 it keeps no workflow between two tasks of it, and so none waits for it alone.
    """
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=list(activities),
        workflow_runner=runner(),
        max_concurrent_activities=concurrency,
        max_concurrent_local_activities=concurrency,
        max_cached_workflows=cached,
        graceful_shutdown_timeout=timedelta(seconds=25),
        workflow_failure_exception_types=[Exception] if fail_fast else [],
    )
