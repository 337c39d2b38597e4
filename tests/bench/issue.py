"""bench-issue: an issue put together, tested, sent off and reported, by its number of readers."""

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
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from digital_cs.domain.newsletters.issue import State
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.migrate import migrate
from tests import rig
from tests.activities.issue_house import ARTICLES, OPENING, IssueHouse, day, letter, opened
from tests.bench.growth import exponent
from tests.bench.issue_data import make_company, make_sent

READERS = int(os.environ.get("BENCH_READERS", "100000"))
SIZES = sorted({max(READERS // 10, 100), max(READERS * 3 // 10, 100), READERS})
MOST_GROWTH = 1.15
"""The exponent that is still linear, as well as seconds on a busy machine can tell."""
MOST_US = 150.0
"""Microseconds a reader for all of it: a hundred thousand readers are fifteen seconds of a desk."""
MOST_MB = 40.0
"""The memory of the worker does not grow with the readers, but for this much of noise."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What one issue took; seconds, and the megabytes of the process at its peak.

    `frozen` is to put it together and to send the tests; `sent` to hand it to its broadcast, with
    the messages that go along; `reported` to count what became of it.
    """

    readers: int
    texts: int
    tests: int
    along: int
    frozen: float
    sent: float
    reported: float
    peak_mb: float

    @property
    def full(self) -> float:
        """Seconds of all three."""
        return self.frozen + self.sent + self.reported

    @property
    def us(self) -> float:
        """Microseconds a reader."""
        return self.full / self.readers * 1e6


async def measure(desk: IssueHouse, accounts: int) -> Issued:
    """One issue in a company of so many accounts, three in four of which it is for."""
    items = await desk.articles(*ARTICLES)
    await desk.ask(*ARTICLES)
    id = await desk.publish(letter())
    async with desk.pool.connection() as connection:
        await make_company(connection, accounts, items, desk.clock.now())
    await desk.advance(id, day(11, 10))
    await desk.write(id, OPENING)
    frozen = await timed(desk.advance(id, day(11, 26, 12)))
    assert (await desk.issue(id)).state is State.FROZEN
    tests = sum(subject.startswith("[Test") for _, subject in desk.told())
    await desk.approve(id)
    await desk.advance(id, _leaves(0))
    sent = await timed(desk.advance(id, _leaves(11)))
    async with desk.pool.connection() as connection:
        await make_sent(connection, id, day(12, 1, 10))
    await desk.advance(id, day(12, 1, 22))
    reported = await timed(desk.advance(id, day(12, 8, 23)))
    row = await desk.issue(id)
    assert row.state is State.DONE
    [texts] = await desk.rows("select count(*) n from newsletter_variants where issue_id = %s", id)
    [along] = await desk.rows("select count(distinct message_key) n from merge_rides")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Issued(
        row.report["readers"], texts["n"], tests, along["n"], frozen, sent, reported, peak
    )


def _leaves(minutes: int) -> datetime:
    return day(11, 30, 18) + timedelta(minutes=50 + minutes)


async def timed(what: Awaitable[object]) -> float:
    """The seconds that it takes."""
    began = time.perf_counter()
    await what
    return time.perf_counter() - began


def one(url: str, folder: Path, accounts: int) -> Issued:
    """One size in a process of its own, so that its memory is its own."""

    async def run() -> Issued:
        async with opened(url, folder) as desk:
            return await measure(desk, accounts)

    return asyncio.run(run())


def growth(found: list[Issued], what: str) -> float:
    """The exponent by which a cost grows with the number of readers."""
    return exponent([each.readers for each in found], [getattr(each, what) for each in found])


def main() -> int:
    """Measure, print a table, and the result as JSON on the last line."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-bench-", dir="/tmp"))
    folder.chmod(0o711)
    found: list[Issued] = []
    spawn = multiprocessing.get_context("spawn")
    try:
        with PostgresServer(folder) as postgres:
            for size in SIZES:
                url = postgres.createdb(f"bench{size}")
                migrate(url)
                home = folder / str(size)
                home.mkdir()
                with ProcessPoolExecutor(1, mp_context=spawn) as process:
                    found.append(process.submit(one, url, home, size * 4 // 3).result())
                rig.say(f"{found[-1].readers:,} readers: {found[-1].full:.1f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(found)
    least, largest = found[0], found[-1]
    grows, more_mb = growth(found, "full"), largest.peak_mb - least.peak_mb
    holds = not grows > MOST_GROWTH and largest.us <= MOST_US and more_mb <= MOST_MB
    result = {
        "bench": "issue", "readers": largest.readers, "texts": largest.texts,
        "frozen_seconds": round(largest.frozen, 2), "tests": largest.tests,
        "sent_seconds": round(largest.sent, 2), "along": largest.along,
        "reported_seconds": round(largest.reported, 2), "us_a_reader": round(largest.us, 1),
        "goal_us": MOST_US, "growth": round(grows, 3), "goal_growth": MOST_GROWTH,
        "peak_mb": round(largest.peak_mb), "more_mb": round(more_mb, 1), "goal_more_mb": MOST_MB,
        "holds": holds,
    }  # fmt: skip
    print(json.dumps(result), flush=True)
    return 0 if holds else 1


def show(found: list[Issued]) -> None:
    """The table for people."""
    table = Table(title="An issue: put together and tested, handed over, reported")
    for column in ("readers", "texts", "tests", "along", "put together", "handed over", "reported",
                   "µs a reader", "peak MB"):  # fmt: skip
        table.add_column(column, justify="right")
    for each in found:
        table.add_row(
            f"{each.readers:,}", f"{each.texts}", f"{each.tests}", f"{each.along:,}",
            f"{each.frozen:.2f} s", f"{each.sent:.2f} s", f"{each.reported:.2f} s",
            f"{each.us:.1f}", f"{each.peak_mb:,.0f}",
        )  # fmt: skip
    if len(found) > 1:
        names = ("frozen", "sent", "reported", "us", "peak_mb")
        table.add_row("growth", "", "", "", *(f"{growth(found, name):.2f}" for name in names))
    Console(file=sys.stdout, width=120).print(table)


if __name__ == "__main__":
    raise SystemExit(main())
