"""Mappings: how the columns of a CSV file that comes again and again are read, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """A mapping that was kept. `columns`: field -> column; `options`: all else that was said."""

    name: str
    noun: str
    columns: dict[str, str]
    options: dict[str, Any]
    saved_at: datetime


async def save_mapping(
    connection: Connection, name: str, noun: str, columns: Mapping[str, str],
    options: Mapping[str, Any], now: datetime,
) -> bool:  # fmt: skip
    """Keep a mapping under a name; False when this very one was kept already."""
    cursor = await connection.execute(
        "insert into csv_mappings as m (name, noun, columns, options, saved_at)"
        " values (%s, %s, %s, %s, %s) on conflict (name) do update set noun = excluded.noun,"
        " columns = excluded.columns, options = excluded.options, saved_at = excluded.saved_at"
        " where (m.noun, m.columns, m.options) is distinct from"
        " (excluded.noun, excluded.columns, excluded.options)",
        (name, noun, Jsonb(dict(columns)), Jsonb(dict(options)), now),
    )
    return cursor.rowcount == 1


async def list_mappings(connection: Connection) -> list[CsvMapping]:
    """Every mapping, in order of name."""
    async with connection.cursor(row_factory=class_row(CsvMapping)) as cursor:
        await cursor.execute(
            "select name, noun, columns, options, saved_at from csv_mappings order by name"
        )
        return await cursor.fetchall()


async def forget_mapping(connection: Connection, name: str) -> bool:
    """Forget a mapping; False when there is none of that name."""
    cursor = await connection.execute("delete from csv_mappings where name = %s", (name,))
    return cursor.rowcount == 1
