"""A rule tried on all accounts before it is kept: how many, who, and at what cost."""

# ruff: noqa: S608  the statement is put together from constants and a compiled rule

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Preview:
    """How many of all accounts match, how many are not known, some that match as (id, name), the
    seconds that it took, and about how many rows were read for it (the planner's estimate)."""

    accounts: int
    matching: int
    unknown: int
    sample: tuple[tuple[str, str], ...]
    seconds: float
    rows: int


async def preview(
    connection: Connection, query: str, values: Mapping[str, Any], sample: int
) -> Preview:
    """Evaluate a compiled rule for everybody. The sample is always the same one."""
    cursor = await connection.execute(f"explain (format json) {query}", values)
    row = await cursor.fetchone()
    assert row is not None
    rows = _rows_read(row[0][0]["Plan"])
    began = time.monotonic()
    cursor = await connection.execute(
        f"""
        with judged as materialized ({query}),
             shown as (select j.account_id, a.name
                        from judged j join accounts a on a.id = j.account_id where j.verdict
                       order by hashtext(j.account_id), 1 limit %(preview_sample)s)
        select count(*), count(*) filter (where verdict), count(*) filter (where verdict is null),
               (select array_agg(account_id order by account_id) from shown),
               (select array_agg(name order by account_id) from shown)
          from judged
        """,
        {**values, "preview_sample": sample},
    )
    row = await cursor.fetchone()
    assert row is not None
    accounts, matching, unknown, ids, names = row
    found = tuple(zip(ids or (), names or (), strict=True))
    seconds = round(time.monotonic() - began, 3)
    return Preview(accounts, matching, unknown, found, seconds, rows)


def _rows_read(plan: Mapping[str, Any]) -> int:
    """The rows that the scans of a plan read from tables."""
    inner = plan.get("Plans", ())
    own = int(plan["Plan Rows"]) if "Relation Name" in plan else 0
    return own + sum(_rows_read(each) for each in inner)
