"""P24: use on a solved ticket renews, and a reader has one vote, whoever tells and how often."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.content.content_policy import ContentPolicy, Feedback
from digital_cs.domain.content.evidence import Signal
from digital_cs.domain.content.freshness import State
from digital_cs.store.content import feedback
from digital_cs.store.content.feedback import UseOnTicket, Vote, VoteCount
from tests.ingest.knowledge import TODAY, Knowledge, at

PAGE = "https://help.company.test/guide"


@pytest.fixture
def kb(connection: AsyncConnection[Any]) -> Knowledge:
    return Knowledge(connection)


async def use(kb: Knowledge, ticket: str, day: int) -> None:
    await feedback.keep_uses(kb.connection, [UseOnTicket("guide", ticket, at(day), "person")])


async def test_p24_use_renews_when_the_ticket_is_solved_and_not_before(kb: Knowledge) -> None:
    await kb.item("guide", reviewed_on=at(-200).date())
    opened = await kb.ticket("acme", "exports", at(-3))
    await use(kb, opened, -2)
    assert (await kb.look()).renewed == 0
    assert (await kb.found("guide")).state(TODAY) is State.STALE

    await kb.connection.execute(
        "update tickets set status = 'solved', solved_at = %s where id = %s", (at(-1), opened)
    )
    done = await kb.look()

    assert done.renewed == 1
    item = await kb.found("guide")
    assert (item.renewed_on, item.reviewed_on) == (at(-1).date(), at(-200).date())
    assert (item.state(TODAY), str(item.due_on)) == (State.FRESH, "2026-09-01")
    assert (await kb.look()).renewed == 0
    (kept,) = await feedback.uses_of(kb.connection, "guide")
    assert (kept.ticket, kept.status, kept.renewed_on) == (opened, "solved", at(-1).date())


async def test_p24_use_after_the_ticket_was_solved_counts_from_then_and_not_tomorrow(
    kb: Knowledge,
) -> None:
    await kb.item("guide")
    solved = await kb.ticket("acme", "exports", at(-9), solved=at(-8))
    await use(kb, solved, -2)
    await kb.look()
    assert (await kb.found("guide")).renewed_on == at(-2).date()
    later = await kb.ticket("acme", "exports", at(-9), solved=at(-8))
    await use(kb, later, 5)
    assert (await kb.look()).renewed == 0


async def test_p24_an_older_use_never_moves_the_date_back(kb: Knowledge) -> None:
    await kb.item("guide")
    for day in (-1, -8):
        ticket = await kb.ticket("acme", "exports", at(-20), solved=at(day))
        await use(kb, ticket, -19)
        await kb.look()
    assert (await kb.found("guide")).renewed_on == at(-1).date()


async def test_p24_a_ticket_may_be_named_by_its_number_and_come_later(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.source_of_tickets()
    await use(kb, "1", -2)
    assert (await kb.look()).renewed == 0
    (waiting,) = await feedback.uses_of(kb.connection, "guide")
    assert (waiting.ticket, waiting.status) == ("1", None)
    assert await kb.ticket("acme", "exports", at(-3), solved=at(-2)) == "desk:1"
    assert (await kb.look()).renewed == 1


async def test_p24_use_cures_neither_broken_links_nor_a_changed_page(kb: Knowledge) -> None:
    await kb.item("guide")
    for name in "ab":
        await kb.broken("guide", f"https://elsewhere.test/{name}", 7, at(-8))
    await kb.look()
    await use(kb, await kb.ticket("acme", "exports", at(-3), solved=at(-1)), -2)
    done = await kb.look()
    assert (done.renewed, done.settled.stale) == (1, 1)
    assert (await kb.found("guide")).state(TODAY) is State.STALE
    assert list(await kb.against("guide")) == [Signal.LINK_BROKEN]


async def test_p24_the_help_center_tells_of_use_by_events(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.source_of_tickets()
    ticket = await kb.ticket("acme", "exports", at(-3), solved=at(-1))
    await kb.event("Article Used", "agent", article=f"{PAGE}#steps", ticket=1)
    await kb.event("Article Used", "agent", article="guide.md", ticket=ticket)
    await kb.event("Article Used", "agent", article="unknown", ticket=ticket)
    await kb.event("Article Used", "agent", article="guide")
    await kb.event("Something Else", "agent", article="guide", ticket=ticket)
    done = await kb.look()
    assert (done.read.uses, done.read.not_understood, done.renewed) == (2, 2, 1)
    assert (await kb.look()).read.uses == 0


async def test_p24_a_link_in_a_solved_ticket_is_use_and_in_an_open_one_is_not(
    kb: Knowledge,
) -> None:
    await kb.item("guide")
    await kb.ticket("acme", "exports", at(-3), body=f"See <{PAGE}>.")
    assert (await kb.look()).read.uses == 0
    text = f"Hello,\nthat is in {PAGE}?from=desk. Or https://other.test/x"
    solved = await kb.ticket("acme", "exports", at(-3), solved=at(-1), body=text)
    done = await kb.look()
    assert (done.read.uses, done.renewed) == (1, 1)
    (kept,) = await feedback.uses_of(kb.connection, "guide")
    assert (kept.ticket, kept.source) == (solved, "ticket text")
    assert (await kb.look()).read.uses == 0


async def test_p24_events_are_called_as_the_policy_says(kb: Knowledge) -> None:
    await kb.item("guide")
    kb.policy = ContentPolicy(feedback=Feedback(rated="kb.vote"))
    for said in (True, "yes", 1, "Helpful"):
        await kb.event("kb.vote", f"reader {said}", article="guide", helpful=said)
    for said in (False, "no", 0):
        await kb.event("kb.vote", f"reader {said}", article="guide", helpful=said)
    await kb.event("kb.vote", "reader", article="guide", helpful="perhaps")
    await kb.event("Article Rated", "reader", article="guide", helpful=True)
    done = await kb.look()
    assert (done.read.votes, done.read.not_understood) == (7, 1)
    assert await feedback.votes_of(kb.connection, "guide") == VoteCount(4, 3)


async def test_p24_one_vote_a_person_and_item_counts_the_latest(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.event("Article Rated", "ada", article="guide", helpful=False)
    kb.now = at(1)
    await kb.event("Article Rated", "ada", article="guide", helpful=True)
    await kb.event("Article Rated", None, article="guide", helpful=True)
    await kb.event("Article Rated", None, article="guide", helpful=True)
    await kb.look()
    assert await feedback.votes_of(kb.connection, "guide") == VoteCount(3, 0)
    late = Vote("guide", "ada", False, at(0, 12), "person")
    assert await feedback.keep_votes(kb.connection, [late]) == 0


async def test_p24_who_voted_before_they_were_known_is_one_person(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.connection.execute(
        "insert into contacts (id, created_at, updated_at) values ('ada', %s, %s)", (at(0), at(0))
    )
    await kb.connection.execute(
        "insert into identities (alias, contact_id, kind, at) values ('anon-1', 'ada',"
        " 'anonymous', %s)",
        (at(0),),
    )
    await kb.event("Article Rated", "anon-1", article="guide", helpful=True)
    await kb.event("Article Rated", "ada", article="guide", helpful=True)
    await kb.look()
    assert await feedback.votes_of(kb.connection, "guide") == VoteCount(1, 0)


async def test_p24_events_that_come_late_for_an_old_day_are_read(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.event("Article Rated", "ada", article="guide", helpful=True)
    await kb.look()
    day = kb.now.date()
    kb.now = at(4)
    await kb.look()
    await kb.connection.execute(
        "insert into product_events (id, day, at, received_at, user_id, kind, name, properties,"
        " source) values ('late', %s, %s, %s, 'bob', 'track', 'Article Rated',"
        """ '{"article": "guide", "helpful": true}', 'help')""",
        (day, at(0), kb.now),
    )
    await kb.connection.execute(
        "update event_days set last_received_at = %s where day = %s", (kb.now, day)
    )
    kb.now = at(5)
    assert (await kb.look()).read.votes == 1


async def test_p24_an_import_undoes_neither_use_nor_evidence(kb: Knowledge) -> None:
    from digital_cs.domain.content.content_import import plan_import
    from digital_cs.domain.content.content_item import Found
    from digital_cs.domain.content.review_policy import Kind
    from digital_cs.store.content import library

    await kb.item("guide")
    known = await library.items_of(kb.connection, "kb")
    # Between an import's reading and its writing:
    await kb.broken("guide", PAGE, 0, at(-5))
    await use(kb, await kb.ticket("acme", "exports", at(-3), solved=at(-1)), -2)
    await kb.look()
    found = Found("guide.md", Kind.ARTICLE, "A new title", content_hash="new")
    plan = plan_import("kb", known, [found], kb.now, first=False)
    await library.apply(kb.connection, plan, kb.now)
    item = await kb.found("guide")
    assert (item.title, item.renewed_on, item.stale_on) == (
        "A new title", at(-1).date(), at(-3).date(),
    )  # fmt: skip
    assert item.evidence_weight == 1.0
