"""Entry marks: which accounts match an entry now, so that each match enters once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def replace(
    connection: Connection, program_id: str, found: Mapping[str, Sequence[str]], now: datetime
) -> list[tuple[str, str]]:
    """Make these the marks of these accounts; returns (account, mark) of those that are new.

    A mark that is gone is forgotten, so that coming to match again is a new match.
    """
    pairs = [(account, mark) for account, marks in found.items() for mark in marks]
    values = {
        "program": program_id, "now": now, "asked": list(found),
        "accounts": [account for account, _ in pairs], "marks": [mark for _, mark in pairs],
    }  # fmt: skip
    await connection.execute(
        "delete from entry_marks m where m.program_id = %(program)s"
        " and m.account_id = any(%(asked)s) and not exists (select 1 from"
        " unnest(%(accounts)s::text[], %(marks)s::text[]) as f(account, mark)"
        " where f.account = m.account_id and f.mark = m.mark)",
        values,
    )
    cursor = await connection.execute(
        "insert into entry_marks (program_id, account_id, mark, at)"
        " select %(program)s, f.account, f.mark, %(now)s"
        " from unnest(%(accounts)s::text[], %(marks)s::text[]) as f(account, mark)"
        " on conflict do nothing returning account_id, mark",
        values,
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
