"""bench-freshness: a full pass over the library by its size, seconds and memory, and its growth."""

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
from collections.abc import Awaitable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from rich.console import Console
from rich.table import Table

from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.freshness_overview import overview
from digital_cs.domain.sending.policy import Policy
from digital_cs.ingest.content.evidence import refresh
from digital_cs.ingest.content.library import import_source
from digital_cs.ingest.content.link_gathering import gather_links
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.content import exposure, library
from digital_cs.store.database import pool
from digital_cs.store.migrate import migrate
from tests import rig
from tests.bench.freshness_data import (
    ACCOUNTS_AN_ITEM,
    make_company,
    make_evidence,
    publish_programs,
    team,
    write_library,
)
from tests.bench.growth import exponent

T = TypeVar("T")

ITEMS = int(os.environ.get("BENCH_ITEMS", "10000"))
SIZES = sorted({max(ITEMS // 10, 100), max(ITEMS * 3 // 10, 100), ITEMS})
MOST_GROWTH = 1.1
"""The exponent that is still linear, as well as seconds on a busy machine can tell."""
MOST_SECONDS = 30.0
"""A full pass over the largest library takes seconds, not minutes."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one library took; seconds, and the megabytes of the process at its peak."""

    items: int
    links: int
    enrollments: int
    imported: float
    again: float
    gathered: float
    looked: float
    looked_again: float
    evidence: int
    states: float
    exposed: float
    shown: int
    peak_mb: float

    @property
    def full(self) -> float:
        """Seconds of a full pass: links, evidence, states, exposure."""
        return self.gathered + self.looked + self.states + self.exposed


async def measure(opened: AsyncConnectionPool[Any], folder: Path, items: int) -> Pass:
    """Import a library of so many items, with ten links and accounts each, and pass over it."""
    write_library(folder, items)
    source = ContentSource("content", SourceKind.CONTENT, str(folder))
    async with opened.connection() as connection:
        await publish_programs(connection, len(list((folder / "emails").iterdir())))
        enrollments = await make_company(connection, items * ACCOUNTS_AN_ITEM, rig.MONDAY)
        imported, first = await timed(import_source(connection, source, rig.MONDAY))
        assert len(first.plan.added) == items, first.reading.problems[:3]
        again, _ = await timed(import_source(connection, source, rig.MONDAY))
        await connection.execute("analyze")
        gathered, links = await timed(gather_links(connection))
        await connection.execute("analyze")
        await make_evidence(connection, items, rig.MONDAY)
        content = Policy().content
        looked, seen = await timed(refresh(connection, content, team(), rig.MONDAY))
        looked_again, same = await timed(refresh(connection, content, team(), rig.MONDAY))
        assert (same.settled.new, same.settled.ended) == (0, 0)
        states, found = await timed(_states(connection))
        assert sum(found.counts.values()) == items
        exposed, shown = await timed(exposure.of_items(connection, rig.MONDAY))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Pass(
        items, links.links, enrollments, imported, again, gathered, looked, looked_again,
        seen.settled.open, states, exposed, len(shown), peak,
    )  # fmt: skip


async def _states(connection: AsyncConnection[Any]) -> Any:
    found = await library.items(connection)
    return overview(found, rig.MONDAY.date(), await library.use_counts(connection))


async def timed(what: Awaitable[T]) -> tuple[float, T]:
    """The seconds that it takes, and what it gives."""
    began = time.perf_counter()
    found = await what
    return time.perf_counter() - began, found


def one(url: str, folder: Path, items: int) -> Pass:
    """One size in a process of its own, so that its memory is its own."""

    async def run() -> Pass:
        async with pool.opened(url, 2) as opened:
            return await measure(opened, folder, items)

    return asyncio.run(run())


def growth(found: list[Pass], what: str) -> float:
    """The exponent by which a cost grows with the number of items."""
    return exponent([each.items for each in found], [getattr(each, what) for each in found])


def main() -> int:
    """Measure, print a table, and the result as JSON on the last line."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-bench-", dir="/tmp"))
    folder.chmod(0o711)
    found: list[Pass] = []
    spawn = multiprocessing.get_context("spawn")
    try:
        with PostgresServer(folder) as postgres:
            for size in SIZES:
                url = postgres.createdb(f"bench{size}")
                migrate(url)
                with ProcessPoolExecutor(1, mp_context=spawn) as process:
                    found.append(process.submit(one, url, folder / str(size), size).result())
                rig.say(f"{size:,} items: a full pass in {found[-1].full:.1f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(found)
    largest = found[-1]
    grows = growth(found, "full")
    holds = not grows > MOST_GROWTH and largest.full <= MOST_SECONDS
    result = {
        "bench": "freshness", "items": largest.items, "links": largest.links,
        "enrollments": largest.enrollments, "full_pass_seconds": round(largest.full, 2),
        "goal_seconds": MOST_SECONDS, "growth": round(grows, 3), "goal_growth": MOST_GROWTH,
        "import_seconds": round(largest.imported, 2), "links_seconds": round(largest.gathered, 2),
        "evidence_seconds": round(largest.looked, 2), "evidence": largest.evidence,
        "states_seconds": round(largest.states, 2), "exposure_seconds": round(largest.exposed, 2),
        "peak_mb": round(largest.peak_mb), "holds": holds,
    }  # fmt: skip
    print(json.dumps(result), flush=True)
    return 0 if holds else 1


def show(found: list[Pass]) -> None:
    """The table for people."""
    table = Table(title="A full freshness pass, in seconds")
    names = {
        "import": "imported", "again": "again", "links": "gathered", "evidence": "looked",
        "again ": "looked_again", "states": "states",
        "exposure": "exposed", "full pass": "full",
    }  # fmt: skip
    for column in ("items", "links", "inside", *names, "peak MB"):
        table.add_column(column, justify="right")
    for each in found:
        table.add_row(
            f"{each.items:,}", f"{each.links:,}", f"{each.enrollments:,}",
            *(f"{getattr(each, name):.2f}" for name in names.values()), f"{each.peak_mb:,.0f}",
        )  # fmt: skip
    if len(found) > 1:
        exponents = (f"{growth(found, name):.2f}" for name in names.values())
        table.add_row("growth", "", "", *exponents, f"{growth(found, 'peak_mb'):.2f}")
    Console(file=sys.stdout, width=120).print(table)


if __name__ == "__main__":
    raise SystemExit(main())
