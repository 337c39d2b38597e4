"""The unsubscribe link of every e-mail: a page that asks, and the one click that does it."""

from __future__ import annotations

import asyncio
from email.utils import parseaddr
from html import escape
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.clock import Clock
from digital_cs.console.errors import RETRY_AFTER
from digital_cs.console.page import page
from digital_cs.signing import Signer
from digital_cs.store.pool import insist
from digital_cs.store.suppressions import unsubscribe

log = logs.get(__name__)

PATIENCE = 8.0
"""Seconds to insist while the database is away: a mail client asks once and never again."""

# The field is what a mail client sends of itself (RFC 8058), so that there is one kind of POST.
_BUTTON = """<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">Unsubscribe</button>
</form>"""


def router(
    pool: AsyncConnectionPool[Any], clock: Clock, signer: Signer, mail_from: str
) -> APIRouter:
    """The routes of the link that `activities.mailing` writes into every e-mail: /u/TOKEN."""
    routes = APIRouter(include_in_schema=False)
    sender = escape(parseaddr(mail_from)[0])
    by = f" from {sender}" if sender else ""

    @routes.api_route("/u/{token}", methods=["GET", "HEAD"])
    async def ask(token: str) -> HTMLResponse:
        """Only ask: scanners of mail servers follow every link that they see."""
        if signer.contact_of(token) is None:
            return _unknown()
        return page(
            "Unsubscribe?",
            f"<p>One click, and you will get no more of these e-mails{by}.</p>\n{_BUTTON}",
        )

    @routes.post("/u/{token}")
    async def do(token: str) -> HTMLResponse:
        """Unsubscribe, whatever the body says: the token is the capability.

        Nothing is asked for but the token, neither a cookie nor a session, so that there is
        nothing that another site could make a browser add to a request of its own.
        """
        contact = signer.contact_of(token)
        if contact is None:
            return _unknown()

        async def statement(connection: AsyncConnection[Any]) -> bool | None:
            async with connection.transaction():
                return await unsubscribe(connection, contact, "link", clock.now())

        try:
            async with asyncio.timeout(PATIENCE):
                new = await insist(pool, statement, asyncio.get_running_loop().time() + PATIENCE)
        except (OperationalError, TimeoutError):
            return page(
                "Please try again in a minute",
                "<p>Something on our side is being restarted, and you are not unsubscribed yet."
                f" We are sorry. Please press the button again in a minute.</p>\n{_BUTTON}",
                503,
                RETRY_AFTER,
            )
        if new is None:
            return _unknown()
        log.info("contact.unsubscribed", contact=contact, new=new)
        return page(
            "You are unsubscribed",
            f"<p>You will get no more of these e-mails{by}. There is nothing else to do; you can"
            " close this page.</p>\n<p>A message that was already on its way may still arrive."
            " If this was a mistake, reply to any of the e-mails, and a person will set it"
            " right.</p>",
        )

    return routes


def _unknown() -> HTMLResponse:
    return page(
        "This link does not work",
        "<p>It may have been cut off in the e-mail, or is very old. Please open the link again"
        " from the e-mail itself, or copy all of it.</p>\n<p>If that does not help, reply to the"
        " e-mail with the word “unsubscribe”, and a person will do it for you.</p>",
        404,
    )
