"""The bench of issues, on a small company: what it counts is right, whatever it takes."""

from __future__ import annotations

from pathlib import Path

from tests.activities.issue_house import opened
from tests.bench.issue import measure


async def test_the_bench_puts_together_hands_over_and_reports_for_all(
    database: str, tmp_path: Path
) -> None:
    async with opened(database, tmp_path) as desk:
        found = await measure(desk, 400)
        [readers] = await desk.rows("select count(*) n from accounts where stage <> 'trial'")
        [waiting] = await desk.rows(
            "select count(*) n from merges m join accounts a on a.id = m.account_id"
            " where a.stage <> 'trial'"
        )
    assert found.readers == readers["n"] == 300
    assert found.texts == found.tests > 2
    assert found.along == waiting["n"] > 0
