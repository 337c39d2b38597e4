"""The keeper: one of the fleet at a time, by a lock that dies with its holder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from digital_cs.background import end
from digital_cs.store.people import suppressions
from digital_cs.temporal.keeper import LOCK, Keeper
from tests.engine.house import House, Visit, until

HOLDERS = (
    "select pid from pg_locks where locktype = 'advisory' and granted and database = %s::oid"
    " and objid = %s::oid"
)


@pytest.fixture
async def visit(house: House) -> AsyncIterator[Visit]:
    async with house.engine() as visit:
        yield visit


@contextlib.asynccontextmanager
async def keeping(keeper: Keeper) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(keeper.run())
    try:
        yield task
    finally:
        await end(task)


async def holders(visit: Visit) -> list[int]:
    """The connections that hold the keepers' lock in this database."""
    [(database,)] = await visit.ask(
        "select oid from pg_database where datname = current_database()"
    )
    return [pid for (pid,) in await visit.ask(HOLDERS, database, LOCK)]


async def test_of_two_keepers_one_keeps_and_the_other_takes_over(
    house: House, visit: Visit
) -> None:
    async def one_holds() -> bool:
        return len(await holders(visit)) == 1

    async with house.engine() as second, keeping(visit.engine.keeper) as first:
        await until(one_holds)
        [before] = await holders(visit)
        async with keeping(second.engine.keeper):
            await end(first)

            async def another_holds() -> bool:
                found = await holders(visit)
                return len(found) == 1 and found != [before]

            await until(another_holds)


async def test_a_keeper_that_loses_its_connection_ends_its_term_and_comes_back(
    visit: Visit,
) -> None:
    async with keeping(visit.engine.keeper) as task:

        async def one_holds() -> bool:
            return len(await holders(visit)) == 1

        await until(one_holds)
        [before] = await holders(visit)
        await visit.tell("select pg_terminate_backend(%s)", before)

        async def holds_again() -> bool:
            found = await holders(visit)
            return len(found) == 1 and found != [before]

        await until(holds_again)
        assert not task.done()


async def test_a_suppression_with_an_end_is_lifted_by_the_keeper(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.temporal.keeper.EXPIRE_SECONDS", 0.1)
    async with visit.engine.pool.connection() as connection, connection.transaction():
        for subject, days in (("address:soon@x.test", 1), ("address:late@x.test", 9999)):
            end = visit.now + timedelta(days=days)
            await suppressions.add(
                connection, [subject], "manual", "test", visit.now, expires_at=end
            )

    async def one_is_left() -> bool:
        return await visit.ask("select subject from suppressions") == [("address:late@x.test",)]

    async with keeping(visit.engine.keeper):
        await until(one_is_left)


async def test_p24_the_keeper_has_evidence_looked_at_by_itself(visit: Visit) -> None:
    async with keeping(visit.engine.keeper):

        async def looked() -> bool:
            return await visit.ask("select count(*) > 0 from evidence_passes") == [(True,)]

        await until(looked)
