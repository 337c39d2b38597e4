"""What runs beside something else in one asyncio loop: begun together, and surely ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

ASK_AGAIN_SECONDS = 1.0


@contextlib.asynccontextmanager
async def running(*parts: Coroutine[Any, Any, Any]) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """These run, in this order as tasks, until the block is left."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        yield tasks
    finally:
        await end(*tasks)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait until they have ended; what they raise is dropped.

    They are asked again every second: `asyncio.wait_for` of Python 3.11 forgets a cancellation
    that comes in the moment in which its own wait is over, and psycopg waits by it.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=ASK_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
