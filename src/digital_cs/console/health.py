"""Whether this process can do its work: for load balancers, without a key."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from digital_cs.console.errors import ErrorAnswer, database_away
from digital_cs.store.database.pool import insist

PATIENCE = 3.0
_AWAY: dict[int | str, dict[str, Any]] = {
    503: {"model": ErrorAnswer, "description": "The database does not answer."}
}


def router(pool: AsyncConnectionPool[Any]) -> APIRouter:
    """The route, without a prefix."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz", response_model=dict[str, str], responses=_AWAY)
    async def health(request: Request) -> Response | dict[str, str]:
        """200 when the database answers, else 503."""
        try:
            async with asyncio.timeout(PATIENCE):
                await insist(pool, _ask, asyncio.get_running_loop().time() + PATIENCE)
        except (OperationalError, TimeoutError) as error:
            return await database_away(request, error)
        return {"status": "ok"}

    return routes


async def _ask(connection: AsyncConnection[Any]) -> None:
    await connection.execute("select 1")
