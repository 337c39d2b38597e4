"""Background tasks end, even those that overhear being cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from digital_cs import background


async def test_what_runs_beside_a_block_ends_with_it() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async with background.running(forever(), forever()) as tasks:
        assert not any(task.done() for task in tasks)
    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_forgets_its_cancellation_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "ASK_AGAIN_SECONDS", 0.01)
    asked: list[int] = []

    async def forgetful() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked.append(len(asked))
                if len(asked) == 3:
                    raise

    task: asyncio.Task[Any] = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    await background.end(task)
    assert asked == [0, 1, 2]
