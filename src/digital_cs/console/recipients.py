"""What the pages for recipients share: whose link it is, in which language, and the dead ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import parseaddr
from html import escape
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.console.errors import RETRY_AFTER
from digital_cs.console.page import page
from digital_cs.console.recipient_texts import WORDS
from digital_cs.console.recipient_words import Words, language_for
from digital_cs.signing import Signer
from digital_cs.store.database.pool import insist

PATIENCE = 8.0
"""Seconds to insist while the database is away: a mail client asks once and never again."""

T = TypeVar("T")
Statement = Callable[[AsyncConnection[Any]], Awaitable[T]]


class AwayError(Exception):
    """The database did not come back within PATIENCE. Say so, and let the reader try again."""


class Recipients:
    """Whoever has the link of an e-mail: the token in it is all that is asked for.

    Neither a cookie nor a session is, so that there is nothing that another site could make a
    browser add to a request of its own.
    """

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock, signer: Signer, mail_from: str
    ) -> None:
        self._pool = pool
        self.clock = clock
        self._signer = signer
        self._sender = escape(parseaddr(mail_from)[0])

    def contact_of(self, token: str) -> str | None:
        """The contact whose link it is, None for what is no link of ours."""
        return self._signer.contact_of(token)

    def words(self, request: Request, stated: str | None = None) -> Words:
        """The words for a reader, of whom a language may be known."""
        return language_for(stated, request.headers.get("accept-language"), WORDS)

    def fill(self, text: str, words: Words) -> str:
        """A text that says whose e-mails they are, where the sender has a name."""
        by = words.by.format(sender=self._sender) if self._sender else ""
        return text.format(by=by)

    async def insist(self, statement: Statement[T]) -> T:
        """Run a statement that may run twice. Raises AwayError."""
        end = asyncio.get_running_loop().time() + PATIENCE
        try:
            async with asyncio.timeout(PATIENCE):
                return await insist(self._pool, statement, end)
        except (OperationalError, TimeoutError) as error:
            raise AwayError from error

    async def glance(self, statement: Statement[T], otherwise: T) -> T:
        """Run a statement that a page can do without: it is not waited for."""
        try:
            async with asyncio.timeout(1.0), self._pool.connection() as connection:
                return await statement(connection)
        except (OperationalError, TimeoutError):
            return otherwise


def unknown(words: Words) -> HTMLResponse:
    """The one answer to every token that leads to nobody, whatever is wrong with it."""
    body = f"<p>{words.unknown}</p>\n<p>{words.unknown_help}</p>"
    return page(words.unknown_title, body, 404, language=words.language)


def later(words: Words, body: str) -> HTMLResponse:
    """The answer while the database is away."""
    return page(words.later_title, body, 503, RETRY_AFTER, language=words.language)
