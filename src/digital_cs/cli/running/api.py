"""`digital-cs api`: the HTTP API and the unsubscribe links, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import TYPE_CHECKING

from digital_cs.cli.options import JsonLogs

if TYPE_CHECKING:
    from digital_cs.cli.running.api_processes import Process
    from digital_cs.config import Settings

EXAMPLE = "Example: API_KEY_FILE=/run/secrets/api-key digital-cs api"


def api(as_json: JsonLogs = False) -> None:
    """Serve the HTTP API, and the unsubscribe links of the e-mails (PUBLIC_URL leads here).

    It needs the database and no other server. SIGTERM and Ctrl-C answer what is under way and
    stop; a second one stops at once. Events of Segment's and RudderStack's SDKs are taken by
    WRITE_KEYS. Without API_KEY and WRITE_KEYS only the links work. API_PROCESSES of them share
    the port.
    """
    import uvloop

    from digital_cs import logs
    from digital_cs.cli.connection import database_url, find_settings
    from digital_cs.cli.running.api_processes import split
    from digital_cs.console.server import listening

    settings = find_settings().settings
    logs.configure(settings.log_level, "json" if as_json else settings.log_format)
    database_url(settings)
    _collect_seldom()
    with listening(settings.api_host, settings.api_port, settings.api_processes) as listeners:
        process = split(listeners)
        if process is not None:
            uvloop.run(_serve(settings, process))


def _collect_seldom() -> None:
    """Look for garbage cycles seldom: events make none, and looking took a third of the time."""
    gc.freeze()
    gc.set_threshold(400_000, 50, 100)


async def _serve(settings: Settings, process: Process) -> None:
    from digital_cs import logs
    from digital_cs.cli.output import complain
    from digital_cs.console.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def told() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    def ended(lifeline: int) -> None:
        loop.remove_reader(lifeline)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    if process.lifeline is not None:
        loop.add_reader(process.lifeline, ended, process.lifeline)

    def ready(url: str) -> None:
        if process.number:  # said once for all: what comes to the others waits for them
            return
        complain(f"{logs.API_SERVED} {url}.")
        if settings.api_key is None:
            complain("API_KEY is not set: nobody can ask or enroll over the API.")
        if not settings.sources_by_key():
            complain("WRITE_KEYS is not set: no events of SDKs are taken.")

    try:
        await serve(settings, process.listener, stop, ready)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
