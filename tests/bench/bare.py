"""The yardstick: a workflow that only sleeps and calls an activity that does nothing."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn(name="bench-nothing")
async def nothing(number: int) -> int:
    """Do nothing."""
    return number


@workflow.defn(name="bench-bare")
class BareWorkflow:
    """`steps` times: an activity (or a local one), and a sleep in between."""

    @workflow.run
    async def run(self, steps: int, sleep_seconds: float, local: bool = False) -> None:
        call = workflow.execute_local_activity if local else workflow.execute_activity
        for number in range(steps):
            if number:
                await workflow.sleep(sleep_seconds)
            await call(nothing, number, start_to_close_timeout=timedelta(seconds=60))
