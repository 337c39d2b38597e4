"""P24 from end to end: what servers answer, and what a help center sends, becomes evidence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.content.evidence import Signal
from digital_cs.ingest.content.link_checker import LinkChecker
from digital_cs.ingest.content.link_gathering import gather_links
from digital_cs.store.content import feedback, live_pages
from digital_cs.store.content.feedback import VoteCount
from digital_cs.store.content.links import Place, Which, replace_links
from digital_cs.store.database import pool
from tests.channels.web import Web, answer, looking, moved
from tests.ingest.collecting import StandingClock, collecting, track
from tests.ingest.knowledge import Knowledge, at
from tests.ingest.test_link_checker import Watch

Pool = AsyncConnectionPool[Any]
STEPS = " ".join(
    f"<p>Step {number}: do it like this, and then like that.</p>" for number in "abcde"
)


@pytest.fixture
def kb(connection: AsyncConnection[Any]) -> Knowledge:
    return Knowledge(connection)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as running:
        yield running


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Pool]:
    async with pool.opened(database, 4) as connections:
        yield connections


def page(text: str) -> bytes:
    return answer(body=f"<html><body><main><h1>Guide</h1>{text}</main></body></html>")


async def check(kb: Knowledge, opened: Pool) -> None:
    """What workers do every few hours."""
    async with looking() as pages:
        await LinkChecker(pool=opened, clock=Watch(kb.now), pages=pages).run(Which())


async def test_p24_what_servers_answer_day_by_day_speaks_against_an_item(
    kb: Knowledge, opened: Pool, web: Web
) -> None:
    await kb.item("guide", url=web.url("/guide"))
    await kb.connection.execute("update content_sources set kind = 'urls'")
    await gather_links(kb.connection)
    links = [
        Place(web.url("/gone"), 4),
        Place(web.url("/old"), 9),
        Place(web.url("/guide"), 0, "page"),
    ]
    async with kb.connection.transaction():
        await replace_links(kb.connection, {"guide": links})
    web.pages |= {"/guide": page(STEPS), "/old": moved("/new"), "/new": answer()}
    found = []
    for day in range(0, 32, 8):
        kb.now = at(day)
        if day == 24:
            web.pages["/guide"] = page(f"{STEPS}<p>It costs 12 euros.</p>")
        await check(kb, opened)
        await kb.look()
        found.append(set(await kb.against("guide")))
    moved_only = {Signal.LINK_MOVED}
    assert found == [
        moved_only, moved_only, {*moved_only, Signal.LINK_BROKEN},
        {*moved_only, Signal.LINK_BROKEN, Signal.PAGE_CHANGED},
    ]  # fmt: skip
    told = await kb.against("guide")
    assert told[Signal.LINK_MOVED].since == at(0)
    assert told[Signal.LINK_BROKEN].since == at(16)
    assert "broken since 2 March 2026: the server says 404" in told[Signal.LINK_BROKEN].words
    assert told[Signal.PAGE_CHANGED].since == at(24)
    assert "new: “It costs 12 euros.”" in told[Signal.PAGE_CHANGED].words
    assert (await kb.found("guide")).stale_on == at(24).date()

    web.pages |= {"/gone": answer(), "/old": answer()}
    kb.now = at(40)
    await check(kb, opened)
    assert await live_pages.verified(kb.connection, web.url("/guide"), kb.now)
    done = await kb.look()
    assert (done.settled.ended, done.settled.recovered) == (3, 1)
    assert await kb.against("guide") == {}


async def test_p24_its_own_page_speaks_against_it_while_it_is_gone(
    kb: Knowledge, opened: Pool, web: Web
) -> None:
    await kb.item("guide", url=web.url("/guide"))
    await kb.connection.execute("update content_sources set kind = 'urls'")
    await gather_links(kb.connection)
    for day in range(0, 15, 5):
        kb.now = at(day)
        await check(kb, opened)
    await kb.look()
    assert list(await kb.against("guide")) == [Signal.PAGE_GONE]

    web.pages["/guide"] = page(STEPS)
    kb.now = at(20)
    await check(kb, opened)
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_events_of_a_help_center_are_counted_by_the_next_look(
    kb: Knowledge, database: str
) -> None:
    await kb.item("guide")
    ticket = await kb.ticket("acme", "exports", at(-3), solved=at(-1))
    clock = StandingClock(kb.now)

    def told(id: str, name: str, user: str, **properties: object) -> Any:
        return track(id, name, user=user, at=kb.now, properties=json.dumps(properties).encode())

    async with collecting(database, clock) as collector:
        article = "https://help.company.test/guide"
        await collector.take("help", [
            told("1", "Article Used", "agent", article=article, ticket=ticket),
            *(told(f"v{n}", "Article Rated", f"reader {n}", article=article, helpful=n > 5)
              for n in range(7)),
        ])  # fmt: skip
    kb.now += timedelta(hours=1)
    done = await kb.look()
    assert (done.read.uses, done.read.votes, done.renewed) == (1, 7, 1)
    assert await feedback.votes_of(kb.connection, "guide") == VoteCount(1, 6)
    assert list(await kb.against("guide")) == [Signal.NOT_HELPFUL]
    assert (await kb.found("guide")).renewed_on == at(0).date()
