"""A newsletter in a whole engine: from what support was asked to each reader's mailbox, once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage

from digital_cs.bootstrap_broadcasts import open_broadcast_engine
from digital_cs.domain.account import NO_HOLIDAYS
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.ingest.rules.entries import Entries
from digital_cs.messages.newsletter_issue import issue_workflow_id
from digital_cs.rendering.library import EmailLibrary
from digital_cs.temporal import newsletters
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.playbook import take_in
from tests import rig
from tests.engine.house import House, Visit
from tests.engine.readings import all_texts

SPEED = 5 * 3600.0
ISSUE = "letter/2026-03-05"
LETTER = Newsletter.model_validate(
    {
        "newsletter": "letter", "name": "The letter", "owner": "programs", "approver": "maya",
        "audience": {"segment": {"stage": "active"}, "to": ["champion", "any"]},
        "rhythm": "every Thursday", "subject": "News of the week", "useful_for": "10 days",
        "days_before": {"opens": 3, "sections": 2, "sign_off": 2, "freeze": 2, "approval": 1},
        "sections": [
            {"section": "opening", "required": True},
            {"section": "questions", "title": "You asked", "filler": "top_questions"},
        ],
    }
)  # fmt: skip
READERS, ASKED = 36, 6
ARTICLE = "Bring your contacts with you"
STATE = "select 1 from newsletter_issues where id = %s and state = %s"


@contextlib.asynccontextmanager
async def sending(house: House, visit: Visit) -> AsyncIterator[None]:
    """A worker of broadcasts beside the other one, by the same clock."""
    settings = visit.engine.settings.model_copy(update={"broadcast_connections": 2})
    stop = asyncio.Event()
    async with open_broadcast_engine(settings) as engine:
        work = asyncio.create_task(engine.run(stop))
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(30):
                await work


async def test_what_support_was_asked_reaches_each_reader_once_in_the_text_that_is_theirs(
    house: House,
) -> None:
    """P13, P21, and no text or address in a history."""
    async with house.at_work(clock_speed=SPEED) as visit, sending(house, visit):
        pool, clock = visit.engine.pool, visit.engine.clock
        gateway = Gateway(pool, clock, Entries(pool, clock, "UTC"))
        readers = await visit.people(READERS, "reader")
        await visit.tell("update accounts set stage = 'active', created_at = %s where true",
                         rig.MONDAY - timedelta(days=190))  # fmt: skip
        asked = readers[:ASKED]
        await visit.tell(
            "insert into tickets (id, source, account_id, status, subject, opened_at, updated_at)"
            " select 'desk:' || id, 'desk', id, 'solved', 'The import failed', %s, %s"
            " from unnest(%s::text[]) id",
            rig.MONDAY - timedelta(days=2), rig.MONDAY, asked,
        )  # fmt: skip
        await visit.tell("update accounts set created_at = %s where id = any(%s)",
                         rig.MONDAY - timedelta(days=210), asked)  # fmt: skip
        await take_in(gateway, house.settings().content_dir, NO_HOLIDAYS, "UTC")
        done = await newsletters.publish(gateway, [LETTER], NO_HOLIDAYS, "UTC")
        assert done.planned == (ISSUE,)
        library = EmailLibrary(house.settings().content_dir)
        text = "Hi {{ contact.first_name }} of {{ account.name }},\n\nthis is new."
        await newsletters.write(gateway, library, ISSUE, "opening", text, "jonas")

        await visit.sees(STATE, ISSUE, "frozen", within=40)
        variants = await visit.ask(
            "select name, accounts from newsletter_variants where issue_id = %s order by name",
            ISSUE,
        )
        assert variants == [("", ASKED), ("v1", READERS - ASKED)]
        await newsletters.approve(gateway, ISSUE, "maya")
        await visit.sees(STATE, ISSUE, "sent", within=40)

        rows = await visit.ask(
            "select account_id, variant, state from messages where broadcast_id = %s", ISSUE
        )
        assert sorted(rows) == sorted(
            (id, "" if id in asked else "v1", "accepted") for id in readers
        )
        mails = [mail for mail in house.mails() if mail["Subject"] == "News of the week"]
        assert len({mail["Message-ID"] for mail in mails}) == len(mails) == READERS
        shown = Counter(_shows(mail) for mail in mails)
        assert shown == {True: READERS - ASKED, False: ASKED}
        handle = visit.engine.client.get_workflow_handle(issue_workflow_id(house.name, ISSUE))
        history = await all_texts(handle)
        await handle.terminate()
    assert ISSUE in history
    for secret in (rig.MAIL_DOMAIN, "lantern.example", "this is new", ARTICLE, "Okafor"):
        assert secret not in history


def _shows(mail: EmailMessage) -> bool:
    """Whether a mail answers the question; in any case it is its reader's."""
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    account = str(mail["To"].addresses[0].username)
    assert f"of Company {account}," in " ".join(text.split())
    return ARTICLE in text
