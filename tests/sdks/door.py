"""The real app on a socket, behind a proxy that loses answers and refuses when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn
from psycopg_pool import AsyncConnectionPool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digital_cs.config import Settings, load_settings
from digital_cs.console.app import build_app
from digital_cs.console.errors import flat_error_response
from digital_cs.ingest.events.incoming import Taker
from digital_cs.ingest.rules.entries import Entries
from digital_cs.signing import Signer
from digital_cs.stack.ports import free_port
from digital_cs.store.database import pool as pools
from digital_cs.temporal.gateway import Gateway
from tests import rig
from tests.console.fetching import fetch

WRITE_KEY = "the-write-key-of-this-test"
SOURCE = "web"
RECORDED_KEY = "TESTWRITEKEY"
"""The key in the recordings of SDKs."""
PATIENCE = 30.0


@dataclass(frozen=True)
class Seen:
    """One request, and what it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def ids(self) -> list[str]:
        """The ids of the messages in it."""
        body = gzip.decompress(self.body) if self.body.startswith(b"\x1f\x8b") else self.body
        return [message["messageId"] for message in json.loads(body)["batch"]]


@dataclass(frozen=True)
class Mishap:
    """What happens to the next request: it is answered so, and `reached`: after it was kept."""

    status: int
    reached: bool = False


@dataclass
class Door:
    """Where the SDKs are pointed at. `mishaps` happen one a request; then the truth is told."""

    url: str
    database: str
    seen: list[Seen] = field(default_factory=list)
    mishaps: deque[Mishap] = field(default_factory=deque)

    def send(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Send a request as it once was sent; the answer, which is a 200."""
        said = {k: v for k, v in headers.items() if k.lower() not in ("content-length", "host")}
        request = urllib.request.Request(f"{self.url}{path}", body, said)
        status, answer = fetch(request)
        assert status == 200, answer
        told: dict[str, Any] = json.loads(answer)
        return told


class _Proxy:
    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        status = 0

        async def listening() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async def nobody(message: Message) -> None:
            """The answer gets lost."""

        mishap = self._door.mishaps.popleft() if self._door.mishaps else None
        if mishap is None:
            await self._app(scope, listening, noting)
        else:
            if mishap.reached:
                await self._app(scope, listening, nobody)
            else:
                while (await listening()).get("more_body"):
                    pass
            headers = {"Retry-After": "1"} if mishap.status in (429, 503) else {}
            answer = flat_error_response(mishap.status, "mishap", "It was told to.", headers)
            await answer(scope, receive, noting)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self._door.seen.append(Seen(scope["path"], headers, bytes(body), status))


TakerOn = Callable[[AsyncConnectionPool[Any], Settings], AbstractAsyncContextManager[Taker]]


@contextlib.contextmanager
def opened(database: str, taker_on: TakerOn) -> Iterator[Door]:
    """The door in a thread of its own: the SDKs block theirs."""
    port = free_port()
    door = Door(f"http://127.0.0.1:{port}", database)
    settings = load_settings(
        write_keys=f"{SOURCE}={WRITE_KEY},recorded={RECORDED_KEY}", log_level="error",
        clock_origin=rig.MONDAY, clock_started=datetime.now(UTC),
    )  # fmt: skip
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with (
            pools.opened(database, 6, patience=5.0) as pool,
            taker_on(pool, settings) as taker,
        ):
            clock = settings.clock()
            gateway = Gateway(pool, clock, Entries(pool, clock, settings.workspace_zone))
            app = build_app(gateway, pool, settings, Signer("key"), taker)
            config = uvicorn.Config(
                _Proxy(app, door), port=port, lifespan="off", log_config=None, ws="none"
            )
            servers.append(uvicorn.Server(config))
            await servers[0].serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while not (servers and servers[0].started):
            assert thread.is_alive(), "the server ended before it began"
            assert time.monotonic() < deadline, "the server does not begin"
            time.sleep(0.02)
        yield door
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(PATIENCE)
