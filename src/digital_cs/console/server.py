"""The server of the console, embedded in a process that decides itself when to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator

import uvicorn

from digital_cs import logs
from digital_cs.bootstrap import database_url
from digital_cs.config import Settings
from digital_cs.console.app import build_app
from digital_cs.errors import UnavailableError
from digital_cs.ingest.events.collector import Collector
from digital_cs.ingest.rules.calendars import calendar_of
from digital_cs.ingest.rules.entries import Entries
from digital_cs.signing import Signer
from digital_cs.stack.ports import PortTakenError
from digital_cs.store import revision
from digital_cs.store.database import pool as pools
from digital_cs.temporal.gateway import Gateway

log = logs.get(__name__)

POOL_PATIENCE = 5.0
"""Seconds that a request waits for a connection before it is told to come again."""
GRACE = 10
"""Seconds that requests under way have to end at a stop."""


async def serve(
    settings: Settings,
    listener: socket.socket,
    stop: asyncio.Event,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve on a socket that is listening until `stop` is set; what is under way is answered first.

    `on_ready` is told the address once it is served. Raises UnavailableError,
    DatabaseBehindError or DatabaseAheadError when there is nothing to serve.
    """
    clock = settings.clock()
    async with pools.opened(
        database_url(settings), settings.database_pool, patience=POOL_PATIENCE
    ) as pool:
        async with pool.connection() as connection:
            revision.require_newest(await revision.current(connection))
        calendar = calendar_of(pool, clock, settings.content_dir)
        entries = Entries(pool, clock, settings.workspace_zone, calendar)
        collector = Collector(pool, clock, entries, oldest_days=settings.events_oldest)
        signer = Signer(*settings.link_keys())
        gateway = Gateway(pool, clock, entries, events_oldest=settings.events_oldest)
        app = build_app(gateway, pool, settings, signer, collector)
        server = _Server(
            uvicorn.Config(
                app, lifespan="off", log_config=None, access_log=False, server_header=False,
                proxy_headers=False, ws="none", timeout_graceful_shutdown=GRACE,
            )
        )  # fmt: skip
        stopping = asyncio.create_task(server.exit_at(stop))
        try:
            async with collector.collecting():
                await server.serve_on(listener, lambda: on_ready(_url(settings)))
        finally:
            stopping.cancel()
    log.info("api.stopped")


class _Server(uvicorn.Server):
    """Uvicorn without its handlers of signals: those belong to the process around it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def exit_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.should_exit = True

    async def serve_on(self, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        await self.serve(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


@contextlib.contextmanager
def listening(host: str, port: int, count: int = 1) -> Iterator[list[socket.socket]]:
    """Sockets that hold the port from here on: whoever wants it too is told at once.

    Of several, the kernel gives each new connection to one. Raises PortTakenError and
    UnavailableError.
    """
    with contextlib.ExitStack() as open_ones:
        first = _listener(host, port, shared=False)
        if count == 1:
            yield [open_ones.enter_context(first)]
            return
        first.close()  # nobody else has it, which those that share it would not notice
        yield [open_ones.enter_context(_listener(host, port, shared=True)) for _ in range(count)]


def _listener(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512, reuse_port=shared)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"Port {port} is already taken (the API). "
                "Stop what uses it, or choose another port with API_PORT."
            ) from error
        raise UnavailableError(
            f"The API cannot listen on {host}, port {port}: {error.strerror}."
            " Correct API_HOST or API_PORT."
        ) from error
    # Its connections take this over. Asyncio does it only for sockets that name TCP as their
    # protocol; without it the body of an answer waits some 40 ms for an ACK of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(settings: Settings) -> str:
    host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
    return f"http://{host}:{settings.api_port}"
