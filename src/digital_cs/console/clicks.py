"""Where the links of a message lead over: straight on, and the click is written down after that."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from psycopg import AsyncConnection
from psycopg import Error as DatabaseError
from psycopg_pool import AsyncConnectionPool
from starlette.background import BackgroundTask

from digital_cs import logs
from digital_cs.clock import Clock
from digital_cs.console.page import page
from digital_cs.domain.sending.click import HIDDEN, Click
from digital_cs.signing_links import LinkSigner
from digital_cs.store.database.pool import insist
from digital_cs.store.sending import clicks

log = logs.get(__name__)

PATIENCE = 5.0
"""Seconds to insist on writing a click down while the database is away."""
MOST_WAITING = 200
"""Clicks that wait to be written down; further ones are followed all the same, and forgotten."""
MOST_WRITTEN = 2
"""Connections that they take at one time: a scan of many links must not keep the pool from who
wants to unsubscribe."""
MOST_AGENT = 300

Statement = Callable[[AsyncConnection[Any]], Awaitable[object]]

_ALWAYS = {
    "Cache-Control": "no-store",  # the second click is one, too
    "Referrer-Policy": "no-referrer",  # the token is nobody else's business
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is written down, by the settings, whatever older messages still offer."""

    clicks: bool
    opens: bool


def router(
    pool: AsyncConnectionPool[Any], clock: Clock, signer: LinkSigner, mail_domain: str,
    wanted: Wanted,
) -> APIRouter:  # fmt: skip
    """The routes of what `rendering.links` writes into messages: /c/TOKEN and /o/TOKEN.gif.

    All that the answer needs is in the token. The database is asked only afterwards: nobody waits
    for our bookkeeping, and a link works while Postgres does not.
    """
    routes = APIRouter(include_in_schema=False)
    notes = _Notes(pool)

    @routes.api_route("/c/{token}", methods=["GET", "HEAD"])
    async def follow(token: str, request: Request) -> Response:
        """Lead on to where the message said, and nowhere else."""
        link = signer.read(token)
        if link is None:
            return _unknown()
        task = None
        if wanted.clicks:
            click = Click(link.nth, clock.now(), _agent(request), request.method)
            message_id = f"<{link.message}@{mail_domain}>"

            async def statement(connection: AsyncConnection[Any]) -> None:
                async with connection.transaction():
                    await clicks.record(connection, message_id, click, link.destination, link.of)

            task = notes.later("click", statement)
        if link.nth == HIDDEN:
            return Response(status_code=204, headers=_ALWAYS, background=task)
        return Response(
            status_code=302, headers={**_ALWAYS, "Location": link.destination}, background=task
        )

    @routes.api_route("/o/{token}.gif", methods=["GET", "HEAD"])
    async def picture(token: str, request: Request) -> Response:
        """A picture of nothing. That it was loaded is evidence of nothing, too (P28)."""
        message = signer.read_picture(token)
        if message is None:
            return _unknown()
        task = None
        if wanted.opens:
            at, agent = clock.now(), _agent(request)
            message_id = f"<{message}@{mail_domain}>"

            async def statement(connection: AsyncConnection[Any]) -> None:
                await clicks.record_opening(connection, message_id, agent, at)

            task = notes.later("opening", statement)
        return Response(_PICTURE, 200, _ALWAYS, "image/gif", task)

    return routes


class _Notes:
    """What is to be written down once the answer is out; not without end while nothing can be."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._waiting = 0
        self._lines = asyncio.Semaphore(MOST_WRITTEN)

    def later(self, what: str, statement: Statement) -> BackgroundTask:
        """The task that follows an answer. The server's graceful end waits for it."""
        return BackgroundTask(self._write, what, statement)

    async def _write(self, what: str, statement: Statement) -> None:
        if self._waiting >= MOST_WAITING:
            log.warning("click.forgotten", what=what, because="too many wait")
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE), self._lines:
                await insist(self._pool, statement, asyncio.get_running_loop().time() + PATIENCE)
        except (DatabaseError, TimeoutError) as error:
            log.warning("click.forgotten", what=what, because=type(error).__name__)
        finally:
            self._waiting -= 1


def _agent(request: Request) -> str:
    given = request.headers.get("user-agent", "")[:MOST_AGENT]
    return "".join(letter for letter in given if letter.isprintable()).strip()


def _unknown() -> Response:
    return page(
        "This link does not work",
        "<p>It may have been cut off in the e-mail, or is very old. Please open the link again"
        " from the e-mail itself, or copy all of it.</p>",
        404,
    )
