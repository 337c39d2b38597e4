"""The page on which recipients choose: topics, a pause, fewer e-mails, none at all, and again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any, cast, get_args
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from psycopg import AsyncConnection

from digital_cs import logs
from digital_cs.console.page import page
from digital_cs.console.recipient_words import Noticed, Words
from digital_cs.console.recipients import AwayError, Recipients, later, unknown
from digital_cs.domain.sending.policy import TOPICS, Topic
from digital_cs.store.people import preferences
from digital_cs.store.people.preferences import Preferences
from digital_cs.store.people.suppressions import resubscribe, unsubscribe
from digital_cs.store.sending import policies

log = logs.get(__name__)

Connection = AsyncConnection[Any]
Form = Mapping[str, list[str]]

SOURCE = "page"
PAUSE = timedelta(days=30)
MOST_FIELDS = 500

_DOES: dict[str, Noticed] = {
    "save": "saved", "pause": "paused", "resume": "resumed", "off": "off", "on": "on",
}  # fmt: skip
"""What the buttons do, and what is told afterwards."""


def router(recipients: Recipients) -> APIRouter:
    """The routes of the link that `activities.mailing` writes into every e-mail: /p/TOKEN."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/p/{token}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request, done: str = "") -> HTMLResponse:
        """Show what a contact has chosen; nothing is changed by looking."""
        contact = recipients.contact_of(token)
        if contact is None:
            return unknown(recipients.words(request))
        now = recipients.clock.now()

        async def statement(connection: Connection) -> tuple[Preferences | None, Topics]:
            found = await preferences.read(connection, contact, now)
            return found, (await policies.current(connection)).policy.topics

        try:
            found, topics = await recipients.insist(statement)
        except AwayError:
            return _away(recipients.words(request))
        if found is None:
            return unknown(recipients.words(request))
        words = recipients.words(request, found.language)
        return _page(recipients, words, found, topics, done)

    @routes.post("/p/{token}")
    async def change(token: str, request: Request) -> Response:
        """Do what the button says; then the browser looks again, so that a reload is harmless."""
        contact = recipients.contact_of(token)
        if contact is None:
            return unknown(recipients.words(request))
        form = _form(await request.body())
        does = form.get("do", [""])[0]
        now = recipients.clock.now()

        async def statement(connection: Connection) -> bool:
            async with connection.transaction():
                return await _do(connection, contact, does, form, now)

        try:
            known = await recipients.insist(statement)
        except AwayError:
            return _away(recipients.words(request))
        if not known:
            return unknown(recipients.words(request))
        if does not in _DOES:
            return RedirectResponse(token, 303)
        log.info("contact.chose", contact=contact, did=_DOES[does])
        return RedirectResponse(f"{token}?done={_DOES[does]}", 303)

    return routes


Topics = Mapping[str, Topic]


def _form(body: bytes) -> Form:
    """The fields of a form; none for what is no form of ours."""
    try:
        return parse_qs(body.decode(errors="replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}


async def _do(connection: Connection, contact: str, does: str, form: Form, now: datetime) -> bool:
    """Do it in this transaction; False when there is no such contact."""
    match does:
        case "off":
            return await unsubscribe(connection, contact, SOURCE, now) is not None
        case "on":
            return await resubscribe(connection, contact, SOURCE, now) is not None
    before = await preferences.read(connection, contact, now)
    if before is None:
        return False
    if does in ("save", "pause", "resume"):
        # Only of what stood on the page: a topic that came since then was not refused by anybody.
        known = (await policies.current(connection)).policy.topics
        shown = [name for name in form.get("of-topic", ()) if name in known]
        wanted = {name: name in form.get("topic", ()) for name in shown}
        await preferences.set_topics(connection, contact, wanted, SOURCE, now)
        if "of-fewer" in form:
            await preferences.fewer(connection, contact, "fewer" in form, now)
    match does:
        case "pause":
            await preferences.pause_until(connection, contact, now + PAUSE, now)
        case "resume":
            await preferences.pause_until(connection, contact, None, now)
    return True


def _away(words: Words) -> HTMLResponse:
    again = f'<p class="more"><a href="">{words.again}</a></p>'
    return later(words, f"<p>{words.later}</p>\n{again}")


def _page(
    recipients: Recipients, words: Words, found: Preferences, topics: Topics, done: str
) -> HTMLResponse:
    said = words.notices[cast(Noticed, done)] if _is_so(done, found) else ""
    parts = []
    if found.suppressed is not None and not found.by_wish_only:
        parts.append(f"<p>{words.elsewhere}</p>")
    if found.unsubscribed:
        text = words.out_late if said and done == "off" else recipients.fill(words.is_off, words)
        parts += [f"<p>{text}</p>", _again(words)]
    else:
        parts += [f"<p>{recipients.fill(words.intro, words)}</p>", _choices(words, found, topics)]
    return page(words.title, "\n".join(parts), language=words.language, said=said)


def _is_so(done: str, found: Preferences) -> bool:
    """Whether it may be told: a link that somebody made up must not say what is not so."""
    match done:
        case "off":
            return found.unsubscribed
        case "on":
            return found.suppressed is None
        case "paused":
            return found.quiet_until is not None
        case "resumed":
            return found.quiet_until is None
    return done in get_args(Noticed)


def _again(words: Words) -> str:
    return f'<form method="post">\n{_button("on", words.on)}\n</form>'


def _choices(words: Words, found: Preferences, topics: Topics) -> str:
    boxes = "\n".join(
        _box("topic", name, found.wants(name), *_named(words, name, topic))
        for name, topic in topics.items()
    )
    if found.quiet_until is None:
        about, does, label = words.pause_about, "pause", words.pause
    else:
        until = words.date(found.quiet_until)
        about, does, label = words.paused.format(date=until), "resume", words.resume
    return f"""<form method="post">
<fieldset>
<legend>{words.topics}</legend>
{boxes}
</fieldset>
<fieldset>
<legend>{words.amount}</legend>
{_box("fewer", "fewer", found.fewer, words.fewer, words.fewer_about)}
</fieldset>
{_button("save", words.save)}
<section>
<h2>{words.pause_title}</h2>
<p id="pause">{about}</p>
{_button(does, label, about="pause")}
</section>
<section>
<h2>{words.off_title}</h2>
<p id="off">{words.off_about}</p>
{_button("off", words.off, about="off")}
</section>
</form>"""


def _named(words: Words, name: str, topic: Topic) -> tuple[str, str]:
    """Title and description in the reader's language, unless the company wrote its own."""
    if topic == TOPICS.get(name) and name in words.known_topics:
        return words.known_topics[name]
    return escape(topic.title), escape(topic.about)


def _box(field: str, name: str, checked: bool, title: str, about: str) -> str:
    """A check box. Browsers say nothing of one that is not checked, so a hidden field tells that
    it was there."""
    note = f"<small>{about}</small>" if about else ""
    return (
        f'<label><input type="checkbox" name="{field}" value="{name}"'
        f"{' checked' if checked else ''}><span>{title}{note}</span></label>"
        f'<input type="hidden" name="of-{field}" value="{name}">'
    )


def _button(does: str, label: str, about: str = "") -> str:
    quiet = f' class="quiet" aria-describedby="{about}"' if about else ""
    return f'<button type="submit" name="do" value="{does}"{quiet}>{label}</button>'
