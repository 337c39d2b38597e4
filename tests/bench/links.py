"""bench-links: links a second without politeness, what politeness alone allows, and memory."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool
from rich.console import Console
from rich.table import Table

from digital_cs.channels.page_wire import PageWire
from digital_cs.channels.pages import Pages
from digital_cs.channels.politeness import Politeness
from digital_cs.clock import SystemClock
from digital_cs.ingest.content.link_checker import LinkChecker
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.content import links
from digital_cs.store.content.links import Place, Which
from digital_cs.store.database import pool
from digital_cs.store.migrate import migrate
from tests.channels.web import AGENT, only_loopback, to_loopback

KNOWN = int(os.environ.get("BENCH_LINKS", "100000"))
"""Links that are known; of those `ROUNDS` are checked without politeness."""
ROUNDS = ((200, 10), (200, 40))
"""Hosts, and links of each."""
POLITE = (100, 8)
DELAY = 1.0
MOST_OVER_POLITE = 1.25
ITEMS = 1_000
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Round:
    """What one run of the checker took. `floor`: seconds that politeness alone asks for."""

    hosts: int
    links: int
    delay: float
    seconds: float
    floor: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Links a second."""
        return self.links / self.seconds


def serve(port: Any) -> None:
    """A server in a process of its own, that answers each request at once."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=2_000)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def server() -> Iterator[int]:
    """The port of a running server, which ends with the block."""
    context = multiprocessing.get_context("spawn")
    port = context.Queue()
    process = context.Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        yield port.get(timeout=60)
    finally:
        process.kill()
        process.join()


def addresses(port: int, hosts: int, each: int, name: str) -> list[str]:
    return [f"http://h{h}.{name}.test:{port}/{n}" for h in range(hosts) for n in range(each)]


async def stand(opened: AsyncConnectionPool[Any], urls: list[str], name: str) -> float:
    """Write links into the database, spread over items; seconds that it took."""
    places = {f"{name}-{n}": [Place(url, 1) for url in urls[n::ITEMS]] for n in range(ITEMS)}
    began = time.perf_counter()
    async with opened.connection() as connection, connection.transaction():
        await links.replace_links(connection, places)
    async with opened.connection() as connection:
        await connection.execute("analyze links, link_states, link_hosts")
    return time.perf_counter() - began


async def check(
    opened: AsyncConnectionPool[Any], port: int, hosts: int, each: int, delay: float
) -> Round:
    """Check so many links; those that are known besides are not due."""
    name = f"r{hosts}x{each}d{int(delay * 1000)}"
    await stand(opened, addresses(port, hosts, each, name), name)
    wire = PageWire(agent=AGENT, resolve=to_loopback, may_call=only_loopback)
    pages = Pages(wire, Politeness(delay=delay, at_once=64), agent=AGENT)
    began = time.perf_counter()
    try:
        done = await LinkChecker(pool=opened, clock=SystemClock(), pages=pages).run(Which())
    finally:
        await pages.close()
    seconds = time.perf_counter() - began
    assert done.links == hosts * each, done
    assert set(done.states) == {"ok"}, done.states
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Round(hosts, done.links, delay, seconds, each * delay, peak)


async def main() -> int:
    """Measure, print a table, and the result as JSON on the last line."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-bench-"))
    folder.chmod(0o711)
    try:
        with PostgresServer(folder) as postgres, server() as port:
            url = postgres.createdb(f"bench-{uuid.uuid4().hex[:8]}")
            migrate(url)
            async with pool.opened(url, 8) as opened:
                written, rounds = await measure(opened, port)
    finally:
        shutil.rmtree(folder)
    show(rounds)
    polite, largest = rounds[-1], rounds[-2]
    over = polite.seconds / polite.floor
    result = {
        "bench": "links", "links_per_second": round(largest.rate),
        "known_links": KNOWN, "seconds_to_write_them": round(written, 2),
        "peak_mb": round(largest.peak_mb), "grown_mb": round(largest.peak_mb - rounds[0].peak_mb),
        "over_politeness": round(over, 3), "goal": MOST_OVER_POLITE,
        "holds": over <= MOST_OVER_POLITE,
    }  # fmt: skip
    print(json.dumps(result), flush=True)
    return 0 if result["holds"] else 1


async def measure(opened: AsyncConnectionPool[Any], port: int) -> tuple[float, list[Round]]:
    """(Seconds to write all known links, the rounds, the polite one last)."""
    written = await stand(opened, addresses(port, KNOWN // 20, 20, "known"), "known")
    async with opened.connection() as connection:
        await connection.execute("update link_states set next_check_at = now() + interval '1 day'")
    rounds = [await check(opened, port, hosts, each, 0.0) for hosts, each in ROUNDS]
    return written, [*rounds, await check(opened, port, *POLITE, DELAY)]


def show(rounds: list[Round]) -> None:
    """The table for people."""
    table = Table(title=f"Checking links beside {KNOWN:,} that are not due")
    for column in ("servers", "links", "delay", "seconds", "politeness asks", "links/s", "peak MB"):
        table.add_column(column, justify="right")
    for each in rounds:
        table.add_row(
            f"{each.hosts:,}", f"{each.links:,}", f"{each.delay:g} s", f"{each.seconds:.1f}",
            f"{each.floor:.1f}", f"{each.rate:,.0f}", f"{each.peak_mb:,.0f}",
        )  # fmt: skip
    Console(file=sys.stdout, width=100).print(table)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
