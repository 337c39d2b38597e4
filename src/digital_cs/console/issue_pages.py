"""The pages that the links of mail about an issue lead to: they show, and one confirmation acts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import PoolTimeout

from digital_cs import logs
from digital_cs.catalog.team import load_team
from digital_cs.config import Settings
from digital_cs.console import issue_views
from digital_cs.console.issue_approval import ANEW, APPROVE
from digital_cs.console.issue_sheets import ACTS, RECALL, SIGN, body, title
from digital_cs.console.issue_views import IssueView
from digital_cs.console.page import as_reader, page
from digital_cs.console.signed_pages import PATIENCE, Form, field, form_of, later
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.newsletters.issue_words import Asks
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.domain.timing.zone import load_zone
from digital_cs.errors import UsageError
from digital_cs.ingest.rules.calendars import calendar_of
from digital_cs.rendering.context import SenderView
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import person_id
from digital_cs.signing_issues import Invitation, IssueSigner
from digital_cs.store.database.pool import insist
from digital_cs.store.newsletters import issues
from digital_cs.temporal import issue_answers, newsletters
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.issue_answers import IssueStateError, Seen

log = logs.get(__name__)

Connection = AsyncConnection[Any]

WHOLE_HASH = 64
"""A page tells all of a hash: a part of one would fit several."""
NOT_THIS = "It is not approved, for a block or the layout was changed since it was put together."
SOON = "It is put together anew. Look at this page again in a moment."
_AWAY = (OperationalError, PoolTimeout, TimeoutError)
NO_REASON = "There was no time to say why."


@dataclass(frozen=True, slots=True)
class _Guest:
    """Whoever followed a link that is good: what it was made for, and who they are."""

    invitation: Invitation
    person: Person


def router(gateway: Gateway, settings: Settings, sender: SenderView) -> APIRouter:
    """The routes of the links that `activities.issue_telling` writes into mail: /i/TOKEN and
    below."""
    return _Pages(gateway, settings, sender).router()


class _Pages:
    def __init__(self, gateway: Gateway, settings: Settings, sender: SenderView) -> None:
        self._gateway = gateway
        self._content_dir = settings.content_dir
        self._app_url = settings.app_url
        self._sender = sender
        self._signer = IssueSigner(*settings.link_keys())
        self._zone = load_zone(settings.workspace_zone)
        self._calendar = calendar_of(gateway.pool, gateway.clock, settings.content_dir)

    def router(self) -> APIRouter:
        routes = APIRouter(include_in_schema=False)

        @routes.api_route("/i/{token}", methods=["GET", "HEAD"])
        async def show(token: str) -> HTMLResponse:
            return await self._show(token, token)

        @routes.api_route("/i/{token}/{act}", methods=["GET", "HEAD"])
        async def show_act(token: str, act: str) -> HTMLResponse:
            """Only show: somebody loads the page anew that came after their answer."""
            known = any(act in acts for acts in ACTS.values())
            return await self._show(token, f"../{token}") if known else _unknown()

        @routes.api_route("/i/{token}/text/{name}", methods=["GET", "HEAD"])
        async def text(token: str, name: str) -> HTMLResponse:
            return await self._text(token, name)

        @routes.post("/i/{token}/{act}")
        async def do(token: str, act: str, request: Request) -> HTMLResponse:
            """Act, bound to what the page showed; doing it again says what happened."""
            return await self._do(token, act, form_of(await request.body()))

        return routes

    async def _guest(self, connection: Connection, token: str) -> _Guest | HTMLResponse:
        """Whose link it is, or what to tell who has it."""
        invitation = self._signer.read(token)
        if invitation is None:
            return _unknown()
        row = await issues.get(connection, invitation.issue)
        if row is None:
            return _unknown()
        now = self._gateway.clock.now()
        if now > invitation.until:
            return _old(invitation)
        team = (await asyncio.to_thread(load_team, self._content_dir)).team
        person = _person(team, row.newsletter, invitation.person)
        if person is None or not person.there(now.date()):
            return _nobody()
        return _Guest(invitation, person)

    def _emails(self) -> EmailLibrary:
        """Blocks and layout as their files say now, which costs milliseconds: who approves must
        see what the worker, which follows the files, would send."""
        return EmailLibrary(self._content_dir, self._app_url)

    async def _view(self, connection: Connection, invitation: Invitation) -> IssueView | None:
        return await issue_views.read(
            connection, invitation, self._emails(), self._sender, await self._calendar(),
            self._zone, self._gateway.clock.now(),
        )  # fmt: skip

    async def _show(
        self, token: str, base: str, status: int = 200, said: str = "", written: str = ""
    ) -> HTMLResponse:
        """The page as it is now. `base` is relative, as PUBLIC_URL may have a path of its own."""
        try:
            async with asyncio.timeout(PATIENCE), self._gateway.pool.connection() as connection:
                guest = await self._guest(connection, token)
                if isinstance(guest, HTMLResponse):
                    return guest
                view = await self._view(connection, guest.invitation)
        except _AWAY:
            return later()
        if view is None:
            return _unknown()
        return page(escape(title(view)), body(view, base, written), status, said=escape(said))

    async def _text(self, token: str, name: str) -> HTMLResponse:
        try:
            async with asyncio.timeout(PATIENCE), self._gateway.pool.connection() as connection:
                guest = await self._guest(connection, token)
                if isinstance(guest, HTMLResponse):
                    return guest
                html = None
                if guest.invitation.act != Asks.SIGN:
                    issue = guest.invitation.issue
                    html = await issue_views.as_read(
                        connection, issue, name, self._emails(), self._sender
                    )
        except _AWAY:
            return later()
        return as_reader(html) if html is not None else _unknown()

    async def _do(self, token: str, act: str, form: Form) -> HTMLResponse:
        base = f"../{token}"
        written = field(form, "because")
        try:
            end = asyncio.get_running_loop().time() + PATIENCE
            async with asyncio.timeout(PATIENCE):

                async def who(connection: Connection) -> _Guest | HTMLResponse:
                    return await self._guest(connection, token)

                guest = await insist(self._gateway.pool, who, end)
                if isinstance(guest, HTMLResponse):
                    return guest
                if act not in ACTS[Asks(guest.invitation.act)]:
                    return _unknown()
                if act == RECALL:
                    said = await self._recall(guest, written)
                else:
                    said = await self._answer(guest, act, form, end)
        except IssueStateError as refused:
            return await self._show(token, base, 409, str(refused), written)
        except UsageError as refused:
            return await self._show(token, base, 422, str(refused), written)
        except _AWAY:
            return later()
        log.info("issue.answered", issue=guest.invitation.issue, did=act)
        return await self._show(token, base, 200, said)

    async def _answer(self, guest: _Guest, act: str, form: Form, end: float) -> str:
        """Keep a yes, or what has to change. Repeating it is harmless; returns what is said."""
        invitation, by = guest.invitation, guest.person.name
        id, section, because = invitation.issue, invitation.section, field(form, "because")
        hash = field(form, "seen")
        hash = hash if len(hash) == WHOLE_HASH else ""
        now = self._gateway.clock.now()

        async def statement(connection: Connection) -> str:
            async with connection.transaction():
                if act == APPROVE:
                    view = await self._view(connection, invitation)
                    if view is not None and view.comes_out_otherwise:
                        return NOT_THIS
                    seen = Seen(hash, _day(field(form, "day")))
                    done = await issue_answers.approve(connection, id, by, now, seen)
                    return done.refusal or _kept("approved", done.issue.approved_by, by)
                if act == ANEW:
                    await issue_answers.put_together_anew(connection, id, by, now)
                    return SOON
                if act == SIGN:
                    text = await issue_answers.sign(connection, id, section, by, now, hash)
                    return _kept("signed off", text.signed_by, by)
                if section:
                    await issue_answers.want_section_change(
                        connection, id, section, because, by, now, hash
                    )
                else:
                    seen = Seen(hash, _day(field(form, "day")))
                    await issue_answers.want_change(connection, id, because, by, now, seen)
                return "That is kept, and whoever writes it is told."

        return await insist(self._gateway.pool, statement, end)

    async def _recall(self, guest: _Guest, because: str) -> str:
        done = await newsletters.recall(
            self._gateway, guest.invitation.issue, because or NO_REASON, guest.person.name
        )
        if done.again:
            return "It was called back before."
        if done.nobody:
            return "It is called back. Nobody has got it."
        return f"It is called back, but it had begun to leave: {done.reached.words()}"


def _person(team: Team, newsletter: Newsletter, person: str) -> Person | None:
    """Whom a link was made for: of the team, or of those whom the newsletter names."""
    names = [newsletter.approver, newsletter.owner, newsletter.backup, team.manager]
    names += [section.sign_off for section in newsletter.sections]
    for each in (*team.people, *names):
        found = team.find(each)
        if found is not None and found.address and person_id(found.address) == person:
            return found
    return None


def _kept(what: str, kept_by: str | None, by: str) -> str:
    """That it is done; or that somebody else was quicker."""
    return f"It is {what}." if kept_by == by else f"It was {what} already, by {kept_by}."


def _day(text: str) -> date:
    """The day that a page showed; one that nothing is sent on for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min


def _unknown() -> HTMLResponse:
    """The one answer to every link that leads to nothing, whatever is wrong with it."""
    return page(
        "This link leads nowhere",
        "<p>It is not whole, or was never ours. The mail has it as a whole, and"
        " <code>digital-cs newsletter issues</code> lists what there is to do.</p>",
        404,
    )


def _old(invitation: Invitation) -> HTMLResponse:
    return page(
        "This link is too old",
        f"<p>It was good until {invitation.until:%-d %B %Y}. <code>digital-cs newsletter show"
        f" {escape(invitation.issue)}</code> says how far the issue is.</p>",
        410,
    )


def _nobody() -> HTMLResponse:
    return page(
        "This link is nobody’s any more",
        "<p>It was made for somebody who is not in the team now. The next mail goes to who is.</p>",
        410,
    )
