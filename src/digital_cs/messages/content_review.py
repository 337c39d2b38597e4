"""What the workflows of reviews and their activities tell each other: ids and moments only."""

from __future__ import annotations

from dataclasses import dataclass

REVIEW_WORKFLOW = "content-review"
DIGEST_WORKFLOW = "content-digest"
ADVANCE_REVIEW_ACTIVITY = "advance-review"
SEND_DIGESTS_ACTIVITY = "send-digests"
WAKE_REVIEW_SIGNAL = "wake"


@dataclass(frozen=True)
class ReviewRun:
    """Input of a case's workflow. `timeout` is in real seconds."""

    case_id: str
    timeout: float = 30.0


@dataclass(frozen=True)
class AdvanceReview:
    """Ask what comes next for a case at a moment: the workflow's time, in seconds since 1970."""

    case_id: str
    at: float


@dataclass(frozen=True)
class AdvanceReviewReply:
    """Rest for `sleep_seconds` of real time (None: until woken), or `ended`. `label`: for what."""

    ended: bool = False
    sleep_seconds: float | None = None
    label: str = ""


@dataclass(frozen=True)
class DigestRun:
    """Input of the workflow that sends digests. `timeout` is in real seconds."""

    timeout: float = 600.0


@dataclass(frozen=True)
class SendDigests:
    """Send what is due at a moment: the workflow's time, in seconds since 1970."""

    at: float


@dataclass(frozen=True)
class SendDigestsReply:
    """Rest for so many real seconds; `sent`: how many mails were handed over."""

    sleep_seconds: float
    sent: int = 0


def review_workflow_id(workspace: str, case_id: str) -> str:
    """The workflow of a case: the same each time, so that starting twice is harmless."""
    return f"{workspace}/content-review/{case_id}"


def digest_workflow_id(workspace: str) -> str:
    """The one workflow of a workspace that sends digests."""
    return f"{workspace}/content-digest"
