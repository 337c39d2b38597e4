"""The real server, on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from digital_cs.config import load_settings
from digital_cs.console.server import listening, serve
from digital_cs.stack.ports import free_port
from tests.console.client import KEY

SIGNING_KEY = "a-signing-key-of-this-test"


@contextlib.asynccontextmanager
async def served(database: str, **overrides: Any) -> AsyncIterator[str]:
    """The server at its address; its end is waited for."""
    settings = load_settings(
        database_url=database, api_key=KEY, api_port=free_port(), signing_key=SIGNING_KEY,
        **overrides,
    )  # fmt: skip
    with listening(settings.api_host, settings.api_port) as (listener,):
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        running = asyncio.create_task(serve(settings, listener, stop, ready.set_result))
        try:
            done, _ = await asyncio.wait(
                [running, ready], return_when=asyncio.FIRST_COMPLETED, timeout=30
            )
            if running in done:
                await running
            yield await ready
        finally:
            stop.set()
            await asyncio.wait_for(running, 30)
