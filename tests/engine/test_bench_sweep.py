"""The sweep's bench, on a small company: what it counts is right, whatever it takes."""

from __future__ import annotations

from psycopg import AsyncConnection

from digital_cs.store.database import pool as pools
from tests.bench.sweep import Sweep


async def test_the_bench_judges_everybody_and_looks_only_at_who_changed(database: str) -> None:
    async with pools.opened(database, 4) as pool:
        found = await Sweep(pool, 400).measure()

    async with await AsyncConnection.connect(database) as connection:
        # An account that stopped near the end, by the rule of the data, is held for.
        cursor = await connection.execute(
            "select count(*), count(*) filter (where m.account_id is null)"
            "  from (select account_id, sum(n) filter (where day <= '2026-02-15') as before,"
            "               max(day) as last from usage_days where day >= '2025-12-22'"
            "         group by 1) u"
            "  left join segment_members m on m.account_id = u.account_id"
            " where u.last <= '2026-02-15' and u.before * 10 >= 10 * 38"
        )
        stopped = await cursor.fetchone()
    assert found.accounts == 400
    assert found.rows > 4000
    assert stopped is not None
    assert stopped[0] > 0
    assert stopped[1] == 0
    assert found.holds_for >= stopped[0]
    assert found.changed > 0
