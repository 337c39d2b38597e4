"""The pool: round trips counted where the driver waits, and patience while Postgres is away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection, OperationalError
from psycopg.errors import UndefinedTable

from digital_cs.errors import UnavailableError
from digital_cs.store.database.pool import CountingConnection, insist, opened


async def test_one_statement_is_one_round_trip(database: str) -> None:
    async with opened(database, 1, counting=True) as pool, pool.connection() as connection:
        before = CountingConnection.round_trips
        for number in range(3):
            await connection.execute("select %s::int", (number,))
        assert CountingConnection.round_trips - before == 3
        async with connection.transaction():
            await connection.execute("select 1")
        assert CountingConnection.round_trips - before == 6  # begin, select, commit


async def test_an_idle_pool_is_handed_out_without_a_round_trip(database: str) -> None:
    async with opened(database, 1, counting=True) as pool:
        async with pool.connection() as connection:
            await connection.execute("select 1")
        before = CountingConnection.round_trips
        async with pool.connection():
            pass
        assert CountingConnection.round_trips == before


async def test_insisting_outlasts_a_connection_that_is_lost(database: str) -> None:
    asked = 0

    async def statement(connection: AsyncConnection[Any]) -> int:
        nonlocal asked
        asked += 1
        if asked < 3:
            await connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return asked

    async with opened(database, 1) as pool:
        deadline = asyncio.get_running_loop().time() + 20
        assert await insist(pool, statement, deadline) == 3


async def test_insisting_ends_at_its_deadline_with_the_last_fault(database: str) -> None:
    async def lost(connection: AsyncConnection[Any]) -> None:
        raise OperationalError("gone")

    async with opened(database, 1) as pool:
        with pytest.raises(OperationalError, match="gone"):
            await insist(pool, lost, asyncio.get_running_loop().time() + 0.2)


async def test_a_mistake_of_ours_is_not_insisted_on(database: str) -> None:
    asked = 0

    async def wrong(connection: AsyncConnection[Any]) -> None:
        nonlocal asked
        asked += 1
        await connection.execute("select 1 from no_such_table")

    async with opened(database, 1) as pool:
        with pytest.raises(UndefinedTable):
            await insist(pool, wrong, asyncio.get_running_loop().time() + 20)
    assert asked == 1


async def test_a_database_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        async with opened(f"postgresql://nobody@/none?host={tmp_path}", 1, patience=0.3):
            pass
