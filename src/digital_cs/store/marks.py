"""Entry marks: which accounts match an entry now, so that each match enters once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def replace(
    connection: Connection, program_id: str, found: Mapping[str, Iterable[str]], now: datetime,
    kept: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> list[tuple[str, str]]:  # fmt: skip
    """Make these the marks of these accounts; returns (account, mark) of those that are new.

    A mark that is gone is forgotten, so that coming to match again is a new match; but not one
    that is `kept`.
    """
    pairs = [(account, mark) for account, marks in found.items() for mark in marks]
    stay = [*pairs, *((account, mark) for account, marks in kept.items() for mark in marks)]
    values = {
        "program": program_id, "now": now, "asked": list(found),
        "accounts": [account for account, _ in pairs], "marks": [mark for _, mark in pairs],
        "stay_accounts": [account for account, _ in stay], "stay_marks": [mark for _, mark in stay],
    }  # fmt: skip
    await connection.execute(
        "delete from entry_marks m where m.program_id = %(program)s"
        " and m.account_id = any(%(asked)s) and not exists (select 1 from"
        " unnest(%(stay_accounts)s::text[], %(stay_marks)s::text[]) as f(account, mark)"
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


async def of_account(
    connection: Connection, program_id: str, account_id: str
) -> dict[str, datetime]:
    """The marks of one account, each with the moment since which it stands."""
    cursor = await connection.execute(
        "select mark, at from entry_marks where program_id = %s and account_id = %s",
        (program_id, account_id),
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}
