"""Rest: a workflow waits, with nothing running anywhere, until its time has come or it is woken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow


async def rest(woken: Callable[[], bool], seconds: float | None, summary: str = "") -> None:
    """Wait until `woken` says so, at most so long; None: however long that takes.

    `summary` is what people see beside the timer.
    """
    if seconds is None:
        await workflow.wait_condition(woken)
        return
    try:
        await workflow.wait_condition(
            woken, timeout=timedelta(seconds=seconds), timeout_summary=summary or None
        )
    except TimeoutError:
        return
