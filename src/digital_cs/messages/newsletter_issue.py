"""What the workflow of an issue and its activity tell each other: ids and moments only."""

from __future__ import annotations

from dataclasses import dataclass

ISSUE_WORKFLOW = "newsletter-issue"
ADVANCE_ISSUE = "advance-issue"


@dataclass(frozen=True)
class IssueRun:
    """Input of the workflow; `label` is the story so far."""

    issue_id: str
    label: str = "plan the issue"


@dataclass(frozen=True)
class AdvanceIssue:
    """Have done what is due at `at`: real seconds since 1970, by the workflow's own clock."""

    issue_id: str
    at: float


@dataclass(frozen=True)
class IssueReply:
    """Rest for `sleep_seconds` of real time (None: until somebody acts), or `ended`."""

    ended: bool = False
    sleep_seconds: float | None = None
    label: str = ""


def issue_workflow_id(workspace: str, issue_id: str) -> str:
    """The workflow of an issue: the same each time, so that starting twice is harmless."""
    return f"{workspace}/newsletter/{issue_id}"
