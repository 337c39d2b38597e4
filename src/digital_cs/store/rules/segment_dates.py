"""Dates that accounts have, with the zone in which each of them begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Dated:
    """An account and what its trait holds, which may be no date at all."""

    account_id: str
    zone: str | None
    value: Any


async def of(connection: Connection, trait: str, ids: Sequence[str]) -> list[Dated]:
    """These accounts, with the trait or without."""
    cursor = await connection.execute(
        "select id, zone, traits->%s from accounts where id = any(%s)", (trait, list(ids))
    )
    return [Dated(*row) for row in await cursor.fetchall()]


async def page(connection: Connection, trait: str, after: str, most: int) -> list[Dated]:
    """A page of all accounts that have the trait, in order of id."""
    cursor = await connection.execute(
        "select id, zone, traits->%(trait)s from accounts where id > %(after)s"
        " and traits ? %(trait)s order by id limit %(most)s",
        {"trait": trait, "after": after, "most": most},
    )
    return [Dated(*row) for row in await cursor.fetchall()]
