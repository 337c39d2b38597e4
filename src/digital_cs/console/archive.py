"""The archive: issues of newsletters that were sent, for anybody to read in a browser."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from html import escape
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.console.page import as_reader, page
from digital_cs.domain.content.content_policy import WhenStale
from digital_cs.domain.content.stale_rule import resolve
from digital_cs.domain.newsletters.issue import GONE_OUT
from digital_cs.rendering.compiler import EmailTemplate
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
from digital_cs.store.content import doubts
from digital_cs.store.newsletters import issue_readers, issue_recalls, issues, newsletters
from digital_cs.store.newsletters.issues import IssueRow

Connection = AsyncConnection[Any]

MOST_ISSUES = 100
MOST_COMPILED = 32
"""So many texts are kept ready: the newest issue is read by many, within an hour."""

_NAME = re.compile(r"[\w-]+", re.ASCII)
"""All that names of newsletters and issues are made of: Postgres is asked for nothing else."""


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
    pages = _Pages(library, publisher)

    @routes.api_route("/n/{newsletter}", methods=["GET", "HEAD"])
    async def index(newsletter: str) -> HTMLResponse:
        """List the issues that were sent, the newest first."""
        if not _NAME.fullmatch(newsletter):
            return _nothing()
        async with pool.connection() as connection:
            found = await newsletters.get(connection, newsletter)
            if found is None:
                return _nothing()
            rows = await issues.sent(connection, newsletter, MOST_ISSUES)
        links = "".join(
            f'<li><a href="/n/{escape(row.id)}">{row.send_on:%-d %B %Y}</a>'
            f" {escape(row.subject)}</li>"
            for row in rows
        )
        body = f'<ul class="links">{links}</ul>' if rows else "<p>No issue was sent yet.</p>"
        return page(escape(found.newsletter.name), body, headers={"Cache-Control": "no-cache"})

    @routes.api_route("/n/{newsletter}/{day}", methods=["GET", "HEAD"])
    async def plain(newsletter: str, day: str) -> Response:
        """Show an issue without what only some accounts got."""
        return await issue(newsletter, day, "")

    @routes.api_route("/n/{newsletter}/{day}/{variant}", methods=["GET", "HEAD"])
    async def issue(newsletter: str, day: str, variant: str) -> Response:
        """Show a variant of an issue, with nobody's name in it."""
        if not (_NAME.fullmatch(newsletter) and _NAME.fullmatch(day)):
            return _nothing()
        id = f"{newsletter}/{day}"
        async with pool.connection() as connection:
            row = await issues.get(connection, id)
            if row is None or row.state not in GONE_OUT:
                return _nothing()
            if row.recalled_at is not None:
                return _recalled(await issue_recalls.correction_of(connection, id, GONE_OUT))
            html = await pages.html(connection, row, variant)
        # Kept by nobody, search engines included: who calls an issue back, or blocks what it
        # shows, is to be obeyed at once.
        return as_reader(html) if html is not None else _nothing()

    return routes


class _Pages:
    """Makes the pages of issues; what went out is compiled once, for it changes no more."""

    def __init__(self, library: EmailLibrary, publisher: Publisher) -> None:
        self._library = library
        self._publisher = publisher
        self._compiled: OrderedDict[tuple[str, str], EmailTemplate] = OrderedDict()

    async def html(self, connection: Connection, row: IssueRow, variant: str) -> str | None:
        """The page of a variant, without what turned out to be wrong since (P25); None: there is
        none. What is merely stale by now was right when it was sent, and stays."""
        template = await self._template(connection, row, variant)
        if template is None:
            return None
        content, then = template.content, datetime.combine(row.send_on, time(), UTC)
        found = await doubts.read(connection, content, row.send_on)
        wrong = {place: doubt for place, doubt in found.items() if doubt.wrong is not None}
        shown = resolve(
            content, wrong, WhenStale(), due_at=then, useful_until=then + timedelta(days=1),
            now=then,
        )  # fmt: skip
        index = f"{self._publisher.public_url}/n/{row.newsletter.newsletter}"
        context = RenderContext(
            account=AccountView("", "your company", "", "", {}),
            contact=ContactView("", "", "", ""),
            program=ProgramView(row.newsletter.name, row.newsletter.newsletter),
            links=LinksView(index, index, self._publisher.app_url), sender=self._publisher.sender,
        )  # fmt: skip
        return render(template.with_swaps(shown.swaps), context).html

    async def _template(
        self, connection: Connection, row: IssueRow, variant: str
    ) -> EmailTemplate | None:
        known = (row.id, variant)
        if known not in self._compiled:
            found = await issue_readers.variants(connection, row.id)
            source = next((each.source for each in found if each.name == variant), None)
            if source is None:
                return None
            template, _ = self._library.compile_text(row.id, archived(source))
            if template is None:
                return None
            self._compiled[known] = template
            if len(self._compiled) > MOST_COMPILED:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(known)
        return self._compiled[known]


def _nothing() -> HTMLResponse:
    return page(
        "There is no such issue",
        "<p>Perhaps it was not sent yet, or the address is incomplete.</p>", 404,
    )  # fmt: skip


def _recalled(correction: str | None) -> HTMLResponse:
    words = "<p>This issue was recalled by its editors.</p>"
    if correction is not None:
        words += f'<p><a href="/n/{escape(correction)}">Read the corrected issue</a></p>'
    return page("Recalled", words, 410, headers={"Cache-Control": "no-store"})
