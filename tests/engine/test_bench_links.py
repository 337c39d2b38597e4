"""The link checker's bench, on a few servers: every link is checked, and politeness is kept."""

from __future__ import annotations

from digital_cs.store.database import pool
from tests.bench.links import check, server


async def test_the_bench_checks_every_link_and_is_never_faster_than_politeness(
    database: str,
) -> None:
    with server() as port:
        async with pool.opened(database, 4) as opened:
            free = await check(opened, port, 5, 4, 0.0)
            polite = await check(opened, port, 3, 2, 0.05)
    assert (free.links, free.floor) == (20, 0.0)
    assert polite.links == 6
    assert polite.seconds >= polite.floor == 0.1
