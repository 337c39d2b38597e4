"""The bench of freshness, on a small library: what it counts is right, whatever it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import AsyncConnection

from digital_cs.store.database import pool
from tests.bench.freshness import Pass, growth, measure


async def test_the_bench_passes_over_all_of_its_library(database: str, tmp_path: Path) -> None:
    async with pool.opened(database, 2) as opened:
        found = await measure(opened, tmp_path, 120)
    assert (found.items, found.enrollments) == (120, 1440)
    assert found.links > 10 * found.items
    assert found.evidence > 20
    async with await AsyncConnection.connect(database) as connection:
        cursor = await connection.execute(
            "select count(*) filter (where kind = 'email'),"
            " (select count(distinct signal) from evidence) from content_items"
        )
        row = await cursor.fetchone()
    assert row is not None
    emails, signals = row
    assert found.shown > emails  # their blocks and articles as well
    assert signals >= 5


def test_growth_is_the_exponent_of_the_sizes() -> None:
    one = Pass(0, 0, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 0, 1.0, 1.0, 0, 1.0)
    squared = [replace(one, items=n, states=float(n * n)) for n in (10, 30, 100)]
    assert growth(squared, "states") == pytest.approx(2.0)
    assert growth(squared, "exposed") == pytest.approx(0.0)
