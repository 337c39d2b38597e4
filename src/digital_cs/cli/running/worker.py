"""`digital-cs worker`: a process that runs programs, or broadcasts, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from digital_cs.cli.options import JsonLogs

if TYPE_CHECKING:
    from digital_cs.config import Settings

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that a start waits for its servers."""

YIELDING = 10
"""By how much a worker of broadcasts is nicer than those of programs on the same machine."""

EXAMPLE = "Example: METRICS_PORT=9100 digital-cs worker"


def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Serve Prometheus metrics here; wins METRICS_PORT."),
    ] = None,
    queue: Annotated[
        Literal["programs", "broadcast"],
        typer.Option(help="What it runs: programs, or broadcasts, so that nobody waits behind"
                     " a bulk send."),
    ] = "programs",
    as_json: JsonLogs = False,
) -> None:  # fmt: skip
    """Run programs, or broadcasts: start as many of these as you like, on any machine.

    SIGTERM and Ctrl-C finish what is under way and stop; a second one stops at once, and what was
    under way is done by another worker.
    """
    import uvloop

    from digital_cs import logs
    from digital_cs.cli.connection import database_url, find_settings
    from digital_cs.store.migrate import require_current

    settings = find_settings().settings
    logs.configure(settings.log_level, "json" if as_json else settings.log_format)
    _when_there(lambda: require_current(database_url(settings)))
    port = metrics_port or settings.metrics_port
    if port is not None:
        _serve_metrics(port)
    if queue == "broadcast":
        os.nice(YIELDING)
    uvloop.run(_work(settings, queue))


def _when_there(look: Callable[[], None]) -> None:
    """Look at a database that may be starting at this moment too, as after a power cut."""
    from digital_cs.errors import UnavailableError

    until = time.monotonic() + PATIENCE
    while True:
        try:
            look()
        except UnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return


def _serve_metrics(port: int) -> None:
    from prometheus_client import start_http_server

    from digital_cs.errors import UnavailableError

    try:
        start_http_server(port)
    except OSError as error:
        raise UnavailableError(
            f"Metrics cannot be served on port {port}: {error.strerror}."
            " Give METRICS_PORT another one, or leave it out."
        ) from error


def _look_for_garbage_less_often() -> None:
    """For who makes message after message: a tenth of its time went into looking for cycles among
    lists that are gone soon anyway, and through all that stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


async def _opened(
    stack: AsyncExitStack, opening: Callable[[], AbstractAsyncContextManager[T]]
) -> T:
    """Open a worker, though a server is started again while it starts."""
    from psycopg import OperationalError

    from digital_cs.errors import UnavailableError

    until = time.monotonic() + PATIENCE
    while True:
        try:
            return await stack.enter_async_context(opening())
        except (OperationalError, UnavailableError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.5)


async def _work(settings: Settings, queue: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def told() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    try:
        async with AsyncExitStack() as opened:
            if queue == "broadcast":
                from digital_cs.bootstrap_broadcasts import open_broadcast_engine

                broadcasts = await _opened(opened, lambda: open_broadcast_engine(settings))
                _look_for_garbage_less_often()
                await broadcasts.run(stop)
            else:
                from digital_cs.bootstrap import open_engine

                engine = await _opened(opened, lambda: open_engine(settings))
                await engine.run(stop)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
