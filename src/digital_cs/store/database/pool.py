"""The pool of connections: autocommit, so that one statement is one round trip."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from psycopg import AsyncConnection, OperationalError
from psycopg.waiting import Ready
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from digital_cs.errors import UnavailableError

Result = TypeVar("Result")


async def insist(
    pool: AsyncConnectionPool[Any],
    statement: Callable[[AsyncConnection[Any]], Awaitable[Result]],
    deadline: float,
) -> Result:
    """Run a statement that may run twice, again and again while the database is away.

    For what must not be forgotten because Postgres restarts at that moment. `deadline` is the
    running loop's time; after it the last error is raised.
    """
    pause = 0.05
    while True:
        try:
            async with pool.connection(timeout=5.0) as connection:
                return await statement(connection)
        except (OperationalError, PoolTimeout):
            if asyncio.get_running_loop().time() + pause > deadline:
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


class CountingConnection(AsyncConnection[Any]):
    """A connection that counts its round trips, for the bench and the test of the promise."""

    round_trips = 0

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().wait(self._counted(gen), *args, **kwargs)

    @staticmethod
    def _counted(gen: Any) -> Any:
        """Count only what really waits for the server's answer: much that psycopg "waits" for is
        local, and what is sent through a pipeline waits for nothing."""
        counted = False
        try:
            waiting_for = next(gen)
            while True:
                ready = yield waiting_for
                if not counted and ready & Ready.R:
                    CountingConnection.round_trips += 1
                    counted = True
                waiting_for = gen.send(ready)
        except StopIteration as done:
            return done.value


@contextlib.asynccontextmanager
async def in_one_go(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """A transaction that waits for the server only where an answer is fetched, and at its end.

    Answers to statements whose rows nobody fetched inside are there after it.
    """
    try:
        async with connection.pipeline():
            await connection.execute("begin")
            yield
            await connection.execute("commit")
    except BaseException:
        if not connection.closed:
            await connection.rollback()
        raise


@contextlib.asynccontextmanager
async def opened(
    database_url: str, size: int, *, counting: bool = False, patience: float = 30.0
) -> AsyncIterator[AsyncConnectionPool[Any]]:
    """An open pool of at most `size` connections. Raises UnavailableError when none comes up.

    `patience`: seconds that somebody waits for a connection before PoolTimeout is raised.
    """
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        database_url,
        min_size=1,
        max_size=size,
        timeout=patience,
        kwargs={"autocommit": True},
        connection_class=CountingConnection if counting else AsyncConnection,
        open=False,
    )
    try:
        await pool.open(wait=True, timeout=min(patience, 15.0))
    except PoolTimeout as error:
        await pool.close()
        raise UnavailableError(
            "The database does not answer. Start it, or correct DATABASE_URL."
        ) from error
    try:
        yield pool
    finally:
        await pool.close()
