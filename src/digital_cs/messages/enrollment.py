"""What the enrollment workflow and its activity tell each other: ids and small facts only."""

from __future__ import annotations

from dataclasses import dataclass

ENROLLMENT_WORKFLOW = "enrollment"
ADVANCE_ACTIVITY = "advance-enrollment"
WAKE_SIGNAL = "wake"


@dataclass(frozen=True)
class EnrollmentRun:
    """Input of the workflow. `touch_timeout` is in real seconds; `label` the story so far."""

    enrollment_id: str
    touch_timeout: float = 60.0
    label: str = "enter the program"


@dataclass(frozen=True)
class AdvanceRequest:
    """Ask what comes next, and have it done."""

    enrollment_id: str


@dataclass(frozen=True)
class AdvanceReply:
    """Rest for `sleep_seconds` of real time (None: until woken), or `ended`.

    `label` says what it rests for; `next_label` what will be done then.
    """

    ended: bool = False
    sleep_seconds: float | None = None
    label: str = ""
    next_label: str = ""


def workflow_id(workspace: str, enrollment_id: str) -> str:
    """The workflow of an enrollment: the same each time, so that starting twice is harmless."""
    return f"{workspace}/enrollment/{enrollment_id}"


def enrollment_of(workflow_id: str) -> str:
    """The enrollment that a workflow id names."""
    return workflow_id.split("/enrollment/", 1)[1]
