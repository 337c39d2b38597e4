"""The unsubscribe link of every e-mail: a page that asks, and the one click that does it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from psycopg import AsyncConnection

from digital_cs import logs
from digital_cs.console.page import page
from digital_cs.console.recipient_words import Words
from digital_cs.console.recipients import AwayError, Recipients, later, unknown
from digital_cs.store.people.preferences import language_of
from digital_cs.store.people.suppressions import unsubscribe

log = logs.get(__name__)

# The field is what a mail client sends of itself (RFC 8058), so that there is one kind of POST.
_BUTTON = """<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">{label}</button>
</form>"""
_LINK = '<p class="more"><a href="../p/{token}">{label}</a></p>'


def router(recipients: Recipients) -> APIRouter:
    """The routes of the link that `activities.mailing` writes into every e-mail: /u/TOKEN."""
    routes = APIRouter(include_in_schema=False)

    async def their_words(request: Request, contact: str) -> Words | None:
        """The words for a contact, None when there is no such contact."""

        async def statement(connection: AsyncConnection[Any]) -> tuple[bool, str | None]:
            return await language_of(connection, contact)

        unread: tuple[bool, str | None] = (True, None)
        known, language = await recipients.glance(statement, unread)
        return recipients.words(request, language) if known else None

    @routes.api_route("/u/{token}", methods=["GET", "HEAD"])
    async def ask(token: str, request: Request) -> HTMLResponse:
        """Only ask: scanners of mail servers follow every link that they see."""
        contact = recipients.contact_of(token)
        words = await their_words(request, contact) if contact is not None else None
        if words is None:
            return unknown(recipients.words(request))
        return page(
            words.ask_title,
            f"<p>{recipients.fill(words.ask, words)}</p>\n"
            + _BUTTON.format(label=words.unsubscribe)
            + _LINK.format(token=token, label=words.choose_instead),
            language=words.language,
        )

    @routes.post("/u/{token}")
    async def do(token: str, request: Request) -> HTMLResponse:
        """Unsubscribe, whatever the body says: the token is the capability."""
        contact = recipients.contact_of(token)
        if contact is None:
            return unknown(recipients.words(request))

        async def statement(connection: AsyncConnection[Any]) -> tuple[bool | None, str | None]:
            async with connection.transaction():
                done = await unsubscribe(connection, contact, "link", recipients.clock.now())
            return done, (await language_of(connection, contact))[1]

        try:
            new, language = await recipients.insist(statement)
        except AwayError:
            words = recipients.words(request)
            button = _BUTTON.format(label=words.unsubscribe)
            return later(words, f"<p>{words.later_unsubscribe}</p>\n{button}")
        if new is None:
            return unknown(recipients.words(request))
        log.info("contact.unsubscribed", contact=contact, new=new)
        words = recipients.words(request, language)
        return page(
            words.out_title,
            f"<p>{recipients.fill(words.out, words)}</p>\n<p>{words.out_late}</p>"
            + _LINK.format(token=token, label=words.out_mistake),
            language=words.language,
        )

    return routes
