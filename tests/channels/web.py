"""A web on loopback for tests: every name leads to one server, which answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from digital_cs.channels.page_wire import Limits, PageWire
from digital_cs.channels.pages import Pages
from digital_cs.channels.politeness import Politeness

AGENT = "digital-cs (+https://example.com/bot)"
Raw = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(status: int = 200, body: bytes | str = b"", **headers: str) -> bytes:
    """A whole answer; `_` in the names of headers stands for `-`."""
    content = body.encode() if isinstance(body, str) else body
    named = {"content-type": "text/html", "content-length": str(len(content))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + content


def moved(to: str, status: int = 301) -> bytes:
    return answer(status, location=to)


@dataclass(frozen=True)
class Asked:
    """A request as it came, and the loop's time at which it came."""

    method: str
    host: str
    path: str
    at: float
    agent: str


@dataclass
class Web:
    """Answers by "host/path", else "/path", else 404; a callable answers raw bytes by itself."""

    pages: dict[str, bytes | Raw | list[bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    under_way: int = 0
    most_under_way: int = 0
    pause: float = 0.0

    async def __aenter__(self) -> Web:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()

    def url(self, path: str, host: str = "docs.test") -> str:
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """What was asked for, robots.txt aside."""
        return [each.path for each in self.asked if each.path != "/robots.txt"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._one(head.decode("latin-1"), writer)
        self._writers.discard(writer)
        writer.close()

    async def _one(self, head: str, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        host = headers["host"].partition(":")[0]
        now = asyncio.get_running_loop().time()
        self.asked.append(Asked(method, host, path, now, headers["user-agent"]))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.pause)
            page = self.pages.get(f"{host}{path}", self.pages.get(path, answer(404)))
            if isinstance(page, list):
                page = page.pop(0) if len(page) > 1 else page[0]
            if callable(page):
                await page(writer)
            elif method == "HEAD":
                writer.write(page.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            else:
                writer.write(page)
            await writer.drain()
        finally:
            self.under_way -= 1


async def to_loopback(host: str, port: int) -> list[str]:
    """Every name of the tests is this machine."""
    if host.endswith("nowhere.test"):
        raise OSError("no such name")
    return ["127.0.0.1"]


def only_loopback(address: str) -> bool:
    return address == "127.0.0.1"


@contextlib.asynccontextmanager
async def looking(
    *, delay: float = 0.0, at_once: int = 32, limits: Limits | None = None,
    resolve: Callable[[str, int], Awaitable[list[str]]] = to_loopback,
    may_call: Callable[[str], bool] | None = only_loopback,
) -> AsyncIterator[Pages]:  # fmt: skip
    """What looks at pages, allowed on loopback (None: as in real life); closed at the end."""
    allowed = {} if may_call is None else {"may_call": may_call}
    wire = PageWire(agent=AGENT, limits=limits or Limits(), resolve=resolve, **allowed)
    pages = Pages(wire, Politeness(delay=delay, at_once=at_once), agent=AGENT)
    try:
        yield pages
    finally:
        await pages.close()
