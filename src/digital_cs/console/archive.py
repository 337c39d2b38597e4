"""The archive: issues of newsletters that were sent, for anybody to read in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from psycopg_pool import AsyncConnectionPool

from digital_cs.console.page import page
from digital_cs.domain.issue import State
from digital_cs.rendering.context import (
    AccountView,
    ContactView,
    LinksView,
    ProgramView,
    RenderContext,
    SenderView,
)
from digital_cs.rendering.issue_text import archived
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.render import render
from digital_cs.store import issue_readers, issues, newsletters
from digital_cs.store.issues import IssueRow, issue_id

GONE_OUT = (State.SENDING, State.SENT, State.DONE)
"""Before that, an issue is nobody's business but of those who write it."""
MOST_ISSUES = 100

_HEADERS = {
    # The layout of e-mails brings its own styles; nothing else may come, and nothing may run.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "public, max-age=300",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who the pages are from, and where the product is."""

    sender: SenderView
    public_url: str
    app_url: str


def router(
    pool: AsyncConnectionPool[Any], library: EmailLibrary, publisher: Publisher
) -> APIRouter:
    """The routes of /n/NEWSLETTER, /n/NEWSLETTER/DAY and /n/NEWSLETTER/DAY/VARIANT."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/n/{newsletter}", methods=["GET", "HEAD"])
    async def index(newsletter: str) -> HTMLResponse:
        """List the issues that were sent, the newest first."""
        async with pool.connection() as connection:
            found = await newsletters.get(connection, newsletter)
            if found is None:
                return _nothing()
            rows = await issues.sent(connection, newsletter, MOST_ISSUES)
        links = "".join(
            f'<li><a href="/n/{escape(newsletter)}/{row.day}">{row.send_on:%-d %B %Y}</a>'
            f" {escape(row.subject)}</li>"
            for row in rows
        )
        body = f'<ul class="links">{links}</ul>' if rows else "<p>No issue was sent yet.</p>"
        return page(escape(found.newsletter.name), body, headers={"Cache-Control": "max-age=300"})

    @routes.api_route("/n/{newsletter}/{day}", methods=["GET", "HEAD"])
    async def plain(newsletter: str, day: str) -> Response:
        """Show an issue without what only some accounts got."""
        return await issue(newsletter, day, "")

    @routes.api_route("/n/{newsletter}/{day}/{variant}", methods=["GET", "HEAD"])
    async def issue(newsletter: str, day: str, variant: str) -> Response:
        """Show a variant of an issue, with nobody's name in it."""
        try:
            id = issue_id(newsletter, date.fromisoformat(day))
        except ValueError:
            return _nothing()
        async with pool.connection() as connection:
            row = await issues.get(connection, id)
            if row is None or row.state not in GONE_OUT:
                return _nothing()
            found = await issue_readers.variants(connection, id)
        source = next((each.source for each in found if each.name == variant), None)
        html = _html(library, row, source, publisher) if source is not None else None
        return HTMLResponse(html, headers=_HEADERS) if html is not None else _nothing()

    return routes


def _html(library: EmailLibrary, row: IssueRow, source: str, publisher: Publisher) -> str | None:
    template, _ = library.compile_text(row.id, archived(source))
    if template is None:
        return None
    index = f"{publisher.public_url}/n/{row.newsletter.newsletter}"
    context = RenderContext(
        account=AccountView("", "your company", "", "", {}),
        contact=ContactView("", "", "", ""),
        program=ProgramView(row.newsletter.name, row.newsletter.newsletter),
        links=LinksView(index, index, publisher.app_url), sender=publisher.sender,
    )  # fmt: skip
    return render(template, context).html


def _nothing() -> HTMLResponse:
    return page(
        "There is no such issue",
        "<p>Perhaps it was not sent yet, or the address is incomplete.</p>", 404,
    )  # fmt: skip
