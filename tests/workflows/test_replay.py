"""Histories of every release, replayed with the production runner: none may break (P22)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from digital_cs.messages.converter import CONVERTER
from digital_cs.temporal.worker import WORKFLOWS, runner
from tests.workflows.changed import AsksOnce, AsksOtherwise, SleepsFirst
from tests.workflows.record import HISTORIES, STORIES

FILES = sorted(HISTORIES.glob("*.json"))


def replayer(workflows: list[type]) -> Replayer:
    return Replayer(workflows=workflows, workflow_runner=runner(), data_converter=CONVERTER)


def history_in(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_recorded_history_still_fits_the_code_P22(path: Path) -> None:
    await replayer(WORKFLOWS).replay_workflow(history_in(path))


def test_every_workflow_has_a_history_and_every_story_is_recorded() -> None:
    recorded = {
        history_in(path).events[0].workflow_execution_started_event_attributes.workflow_type.name
        for path in FILES
    }
    assert recorded == {
        getattr(workflow, "__temporal_workflow_definition").name for workflow in WORKFLOWS
    }
    for story in STORIES:
        assert any(path.stem.endswith(f"-{story.__name__}") for path in FILES)


@pytest.mark.parametrize("changed", [SleepsFirst, AsksOtherwise, AsksOnce])
async def test_a_change_that_forgets_the_running_ones_is_found(changed: type) -> None:
    plain = next(path for path in FILES if path.stem.endswith("-drip"))
    with pytest.raises(NondeterminismError):
        await replayer([changed]).replay_workflow(history_in(plain))


@pytest.mark.parametrize(
    ("story", "events"),
    [
        ("drip", {"EVENT_TYPE_TIMER_FIRED"}),
        ("retried", {"EVENT_TYPE_TIMER_FIRED"}),
        ("woken", {"EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED", "EVENT_TYPE_TIMER_CANCELED"}),
        ("continued", {"EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"}),
        (
            "case",
            {
                "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
                "EVENT_TYPE_TIMER_FIRED",
                "EVENT_TYPE_TIMER_CANCELED",
                "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
            },
        ),
        ("case_retried", {"EVENT_TYPE_TIMER_FIRED"}),
        ("case_continued", {"EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"}),
        ("digests", {"EVENT_TYPE_ACTIVITY_TASK_COMPLETED", "EVENT_TYPE_TIMER_CANCELED"}),
        (
            "sent",
            {
                "EVENT_TYPE_ACTIVITY_TASK_COMPLETED",
                "EVENT_TYPE_TIMER_FIRED",
                "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
            },
        ),
        ("sent_to_a_wall", {"EVENT_TYPE_TIMER_FIRED"}),
        ("sent_continued", {"EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"}),
        ("digests_continued", {"EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"}),
    ],
)
def test_the_stories_contain_what_they_stand_for(story: str, events: set[str]) -> None:
    for path in FILES:
        if path.stem.endswith(f"-{story}"):
            found = {event["eventType"] for event in json.loads(path.read_text())["events"]}
            assert events <= found
