"""The page that the buttons of a reviewer's mail lead to: it shows, and one confirmation acts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from activities import review_answers
from activities.casebook import Casebook, TeamShelf
from activities.enrollments import CalendarShelf
from activities.review_answers import Standing
from activities.review_words import kind_words, readers, reasons
from digital_cs import logs
from digital_cs.catalog.team import load_team
from digital_cs.clock import Clock
from digital_cs.config import Settings
from digital_cs.console.page import page
from digital_cs.console.review_forms import ACTS, REVIEW, Sheet, body
from digital_cs.console.signed_pages import PATIENCE, Form, field, form_of, later
from digital_cs.domain.content.content_item import Checked
from digital_cs.domain.content.review_acts import CaseRefusedError
from digital_cs.domain.content.review_case import Rules
from digital_cs.domain.content.team import Person
from digital_cs.ingest.rules.calendars import calendar_of
from digital_cs.signing import person_id
from digital_cs.signing_reviews import Asked, ReviewSigner
from digital_cs.store.content import evidence, library, review_cases
from digital_cs.store.database.pool import insist
from digital_cs.temporal.review_parts import casebook_of

log = logs.get(__name__)

COUNTING = 2.0
"""Seconds that a page waits for who is about to read an item."""
MOST_USES = 8

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known when somebody opens their link: `by` is what colleagues call them."""

    at: Standing
    rules: Rules
    casebook: Casebook
    by: str


def router(pool: AsyncConnectionPool[Any], clock: Clock, settings: Settings) -> APIRouter:
    """The routes of the links that `activities.digests` writes into mail: /r/TOKEN and below."""
    return _Pages(pool, clock, settings).router()


class _Pages:
    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock, settings: Settings) -> None:
        self._pool = pool
        self._clock = clock
        self._settings = settings
        self._signer = ReviewSigner(*settings.link_keys())
        self._calendar = calendar_of(pool, clock, settings.content_dir)

    def router(self) -> APIRouter:
        routes = APIRouter(include_in_schema=False)

        @routes.api_route("/r/{token}", methods=["GET", "HEAD"])
        async def show(token: str) -> HTMLResponse:
            return await self._show(token, "", {}, "")

        @routes.api_route("/r/{token}/{act}", methods=["GET", "HEAD"])
        async def show_act(token: str, act: str) -> HTMLResponse:
            """Only show: scanners of mail servers follow every link that they see."""
            return await self._show(token, act, {}, "") if _known(act) else _unknown()

        @routes.post("/r/{token}/{act}")
        async def do(token: str, act: str, request: Request) -> HTMLResponse:
            """Act, once: a case that ended says what happened, whatever is sent to it again."""
            return await self._do(token, act, form_of(await request.body()))

        return routes

    async def _seen(self, connection: Connection, asked: Asked) -> _Seen | None:
        at = await review_answers.standing(connection, asked.case_id)
        if at is None:
            return None
        team = (await asyncio.to_thread(load_team, self._settings.content_dir)).team
        calendar = CalendarShelf(await self._calendar())
        casebook = casebook_of(self._settings, TeamShelf(team), calendar)
        rules = await casebook.rules(connection)
        return _Seen(at, rules, casebook, _called(at, rules, asked))

    async def _show(self, token: str, act: str, said: Form, problem: str) -> HTMLResponse:
        asked = self._signer.read(token)
        if asked is None:
            return _unknown()
        try:
            async with asyncio.timeout(PATIENCE), self._pool.connection() as connection:
                seen = await self._seen(connection, asked)
                if seen is None:
                    return _unknown()
                if seen.at.kept.case.ended_at is not None:
                    return await self._over(connection, seen.at)
                sheet = await self._sheet(connection, seen, said)
        except (OperationalError, TimeoutError):
            return later()
        title = escape(sheet.title)
        # Relative, as PUBLIC_URL may have a path of its own before ours.
        content = body(sheet, f"../{token}" if act else token, act)
        status = 422 if problem else 200
        return page(title, content, status, said=escape(problem))

    async def _do(self, token: str, act: str, form: Form) -> HTMLResponse:
        asked = self._signer.read(token)
        if asked is None or not _known(act):
            return _unknown()
        now = self._clock.now()

        async def statement(connection: Connection) -> HTMLResponse:
            async with connection.transaction():
                seen = await self._seen(connection, asked)
                if seen is None:
                    return _unknown()
                if seen.at.kept.case.ended_at is None:
                    await _act(connection, seen, act, form, now)
                    log.info("review.answered", case=asked.case_id, did=act)
                else:
                    return await self._over(connection, seen.at)
            return await self._done(connection, asked)

        try:
            end = asyncio.get_running_loop().time() + PATIENCE
            async with asyncio.timeout(PATIENCE):
                return await insist(self._pool, statement, end)
        except CaseRefusedError as refused:
            return await self._show(token, act, form, str(refused))
        except (OperationalError, TimeoutError):
            return later()

    async def _sheet(self, connection: Connection, seen: _Seen, said: Form) -> Sheet:
        item, case, now = seen.at.item, seen.at.kept.case, self._clock.now()
        found = await evidence.of_items(connection, [item.id])
        uses = await library.shown_by(connection, item.id)
        shown = [f"{use.title} ({use.locator})" for use in uses[:MOST_USES]]
        if len(uses) > MOST_USES:
            shown.append(f"and {len(uses) - MOST_USES} more")
        day = now.date()
        people = seen.rules.team.people.items()
        return Sheet(
            title=item.title, kind=kind_words(item),
            place=item.url or item.locator,
            link=item.url if item.url and item.url.startswith(("https://", "http://")) else None,
            why=reasons(item, found.get(item.id, ()), day),
            readers=await self._readers(connection, seen.casebook, item.id, now),
            used_in=shown, turn=_turn(seen),
            first_snooze=day + timedelta(days=1),
            latest_snooze=seen.rules.soon(day, seen.rules.policy.snooze_at_most),
            may_snooze=case.snoozed_at is None,
            team=[(name, each.name or name) for name, each in people
                  if each.address is not None and each.there(day)],
            said=said,
        )  # fmt: skip

    async def _readers(
        self, connection: Connection, casebook: Casebook, item_id: str, now: datetime
    ) -> str:
        try:
            async with asyncio.timeout(COUNTING):
                return readers((await casebook.exposure(connection, now)).get(item_id))
        except TimeoutError:
            return "That takes long to count just now; the weekly mail says it."

    async def _over(self, connection: Connection, at: Standing) -> HTMLResponse:
        """A case that ended says what happened, whoever asks."""
        steps = await review_cases.steps_of(connection, at.kept.case.id)
        last = steps[-1] if steps else None
        words = f"<p>{escape(last.words)}</p>" if last is not None else ""
        when = f" on {last.at:%-d %B %Y}" if last is not None else ""
        due = ""
        if at.item.retired is None:
            due = f"<p>It is due again on {at.item.due_on:%-d %B %Y}.</p>"
        return page(f"Done{when}: {escape(at.item.title)}", f"{words}\n{due}")

    async def _done(self, connection: Connection, asked: Asked) -> HTMLResponse:
        at = await review_answers.standing(connection, asked.case_id)
        if at is None:
            return _unknown()
        if at.kept.case.ended_at is not None:
            return await self._over(connection, at)
        steps = await review_cases.steps_of(connection, asked.case_id)
        people = [step for step in steps if step.did in ("snoozed", "reassigned")]
        words = people[-1].words if people else "Nothing was changed."
        return page(f"Thank you: {escape(at.item.title)}", f"<p>{escape(words)}</p>")


async def _act(connection: Connection, seen: _Seen, act: str, form: Form, now: datetime) -> None:
    """Do what the form says, in this transaction. Raises CaseRefusedError with a sentence."""
    case, item = seen.at.kept.case, seen.at.item
    match act:
        case "snooze":
            until, because = _day(field(form, "until")), field(form, "because")
            await review_answers.put_off(
                connection, seen.casebook, case.id, until, because, seen.by, now
            )
        case "reassign":
            to = field(form, "address") or field(form, "to")
            if not to:
                raise CaseRefusedError("Say to whom: choose somebody, or write an address.")
            await review_answers.given(connection, seen.casebook, case.id, to, seen.by, now)
        case "retire":
            because = field(form, "because")
            if not because:
                raise CaseRefusedError("Say why it is no longer needed.")
            await review_answers.retired(connection, item, because, seen.by, now)
        case _:
            known = {str(each) for each in Checked}
            checked = tuple(Checked(each) for each in form.get("checked", []) if each in known)
            changed = field(form, "changed")
            if not checked:
                raise CaseRefusedError("Say what you checked: a review is more than a click.")
            if changed not in ("yes", "no"):
                raise CaseRefusedError("Say whether all is still right, or you changed something.")
            await review_answers.reviewed(
                connection, item, changed=changed == "yes", checked=tuple(dict.fromkeys(checked)),
                note=field(form, "note"), by=seen.by, now=now,
            )  # fmt: skip


def _called(at: Standing, rules: Rules, asked: Asked) -> str:
    """What colleagues call who was asked, by the address that the link was made for."""
    case, item, team = at.kept.case, at.item, rules.team
    names = (case.assigned, case.owner, item.backup, case.holder, team.manager)
    people = [*team.people.values(), *(team.find(name) or Person() for name in names)]
    for person in people:
        if person.address is not None and person_id(person.address) == asked.reviewer:
            return person.name or next(name for name, each in team.people.items() if each is person)
    return "a reviewer"


def _turn(seen: _Seen) -> str:
    """Whose turn it is, where that is somebody else than who looks."""
    case = seen.at.kept.case
    holder = seen.rules.team.find(case.holder)
    if holder is None or holder.name == seen.by:
        return ""
    return f"It is the turn of {holder.name} now, but anybody who was asked may answer."


def _known(act: str) -> bool:
    return act in (*ACTS, REVIEW)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CaseRefusedError("Say until when, as in 2026-03-31.") from None


def _unknown() -> HTMLResponse:
    """The one answer to every link that leads to nothing, whatever is wrong with it."""
    return page(
        "This link leads nowhere",
        "<p>It is not whole, or too old. The next weekly mail has a new one, and"
        " <code>digital-cs content review</code> lists what is open.</p>",
        404,
    )
