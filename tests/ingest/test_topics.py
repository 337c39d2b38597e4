"""Tickets get their topics soon and for a reason; people's word stands; publishing sorts anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from digital_cs.domain.support.topic import By, Topics
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.support import topics as ingest_topics
from digital_cs.ingest.support.topic_publishing import publish
from digital_cs.ingest.support.topics import Sorted
from digital_cs.store.database import pool
from digital_cs.store.support import ticket_topics, tickets, topics
from digital_cs.store.support.tickets import TicketRecord
from tests.activities.house import StoppedClock
from tests.ingest.topic_desk import TopicDesk, topic

SPAM = topic("spam", "spam folder", tags=["spam"])
BILLING = topic("billing", "invoice", known_as=["Invoices"])


@pytest.fixture
async def desk(database: str) -> AsyncIterator[TopicDesk]:
    async with pool.opened(database, 4) as opened:
        found = TopicDesk(opened, StoppedClock())
        await found.accounts("acme", "globex")
        yield found


async def test_new_tickets_get_their_topic_soon_with_its_reason(desk: TopicDesk) -> None:
    await desk.publish(SPAM, BILLING)
    spam = await desk.asks("acme", "Our mail lands in the spam folder", body="Ada Lovelace")
    none = await desk.asks("acme", "Hello")
    assert await desk.sorter.soon() == Sorted(2, 1)
    assert await desk.topic_of(spam) == "spam"
    assert await desk.why(spam) == ("rule", 1, ["“spam folder”"])
    assert (await desk.topic_of(none), await desk.why(none)) == (None, None)
    assert await desk.sorter.soon() == Sorted()


async def test_without_topics_tickets_keep_those_of_their_help_desk(desk: TopicDesk) -> None:
    id = await desk.asks("acme", "Hello", topic="Invoices")
    assert await desk.sorter.soon() == Sorted()
    assert await desk.topic_of(id) == "Invoices"


async def test_what_the_help_desk_calls_a_topic_is_told_apart_from_ours(desk: TopicDesk) -> None:
    known = await desk.asks("acme", "spam folder", topic="Invoices")
    unknown = await desk.asks("acme", "spam folder", topic="Misc")
    alone = await desk.asks("acme", "Hello", topic="Misc")
    await desk.publish(SPAM, BILLING)
    assert [await desk.topic_of(id) for id in (known, unknown, alone)] == [
        "billing", "spam", "Misc",
    ]  # fmt: skip
    assert await desk.why(known) == ("source", None, ["Invoices"])
    assert await desk.rows("select distinct source_topic from tickets order by 1") == [
        ("Invoices",), ("Misc",),
    ]  # fmt: skip


async def test_a_later_save_changes_the_topic_only_with_the_words(desk: TopicDesk) -> None:
    await desk.publish(SPAM, BILLING)
    id = await desk.asks("acme", "The invoice")
    await desk.sorter.soon()
    moment = desk.clock.now()
    same = TicketRecord("desk", "00001", "solved", moment, moment, topic=None)
    await desk.save(same)
    assert await desk.topic_of(id) == "billing"
    assert await desk.sorter.soon() == Sorted()
    await desk.save(TicketRecord("desk", "00001", "solved", moment, moment, subject="spam folder"))
    assert await desk.topic_of(id) == "billing"
    assert await desk.sorter.soon() == Sorted(1, 1)
    assert await desk.topic_of(id) == "spam"


async def test_an_erased_ticket_has_no_topic(desk: TopicDesk) -> None:
    await desk.publish(SPAM)
    id = await desk.asks("acme", "spam folder")
    await desk.sorter.soon()
    moment = desk.clock.now()
    await desk.save(TicketRecord("desk", "00001", "deleted", moment, moment))
    await desk.sorter.soon()
    assert (await desk.topic_of(id), await desk.why(id)) == (None, None)


async def test_a_person_beats_rules_and_may_say_none_and_take_it_back(desk: TopicDesk) -> None:
    await desk.publish(SPAM, BILLING)
    id = await desk.asks("acme", "spam folder")
    await desk.sorter.soon()
    assert await desk.sorter.give(id, "billing", "ana") == "spam"
    await desk.publish(SPAM, BILLING, topic("other", "folder in the spam"))
    assert await desk.topic_of(id) == "billing"
    held = (await desk.sorter.explain(id)).held
    assert held is not None
    assert (held.assigned.by, held.assigned.person) == (By.PERSON, "ana")
    await desk.sorter.give(id, None, "ana")
    assert await desk.topic_of(id) is None
    found = await desk.sorter.release(id)
    assert found is not None
    assert (found.topic, await desk.topic_of(id)) == ("spam", "spam")
    with pytest.raises(UsageError, match="no topic 'nonsense'"):
        await desk.sorter.give(id, "nonsense", "ana")
    with pytest.raises(NotFoundError, match="no ticket 'desk:9'"):
        await desk.sorter.give("desk:9", "spam", "ana")


async def test_a_forgotten_text_leaves_its_topic_behind(desk: TopicDesk) -> None:
    await desk.publish(SPAM, BILLING)
    id = await desk.asks("acme", "spam folder")
    await desk.sorter.soon()
    async with desk.pool.connection() as connection:
        assert await tickets.forget_texts(connection, desk.clock.now(), 0) == 1
    await desk.publish(BILLING, topic("spam", "junk"))
    assert await desk.topic_of(id) == "spam"
    await desk.publish(BILLING)
    assert (await desk.topic_of(id), await desk.why(id)) == (None, None)


async def test_a_change_of_topic_is_told_to_whoever_reads_the_accounts_tickets(
    desk: TopicDesk,
) -> None:
    await desk.do(
        "insert into segments (id, version, content_hash, reads, state, changed_at)"
        " values ('asking', 1, '', array['tickets'], 'kept', now())"
    )
    await desk.do("delete from account_changes")
    await desk.asks("acme", "spam folder")
    await desk.asks("globex", "Hello")
    await desk.do("delete from account_changes")
    await desk.publish(SPAM)
    assert await desk.rows("select account_id, keys from account_changes") == [
        ("acme", ["tickets"])
    ]


async def test_a_publishing_sorts_all_in_batches_and_goes_on_after_an_interruption(
    desk: TopicDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_topics, "BATCH", 2)
    ids = [await desk.asks("acme", "spam folder") for _ in range(5)]
    done = await publish(desk.pool, Topics(topics=(SPAM,)), desk.clock.now())
    assert (done.version, done.new, done.added, done.left) == (1, True, ("spam",), 5)
    told: list[tuple[int, int]] = []
    assert await desk.sorter.all_again(
        most_batches=2, tell=lambda *batch: told.append(batch)
    ) == Sorted(4, 4)
    assert told == [(2, 2), (2, 2)]
    assert [await desk.topic_of(id) for id in ids] == ["spam"] * 4 + [None]
    again = await publish(desk.pool, Topics(topics=(SPAM,)), desk.clock.now())
    assert (again.version, again.new, again.left) == (1, False, 1)
    assert await desk.sorter.all_again() == Sorted(1, 1)
    assert await desk.sorter.all_again() == Sorted()
    async with desk.pool.connection() as connection:
        assert (await topics.current(connection)).assigned_at == desk.clock.now()


async def test_sorting_twice_writes_nothing_anew(desk: TopicDesk) -> None:
    await desk.asks("acme", "spam folder", topic="Misc")
    await desk.publish(SPAM)
    before = await desk.rows("select xmin, * from ticket_topics")
    desk.clock.moment += timedelta(days=1)
    assert (await desk.publish(SPAM, BILLING)).changed == 0
    assert await desk.rows("select xmin, * from ticket_topics") == before


async def test_a_dry_run_says_what_a_publishing_would_do(desk: TopicDesk) -> None:
    await desk.publish(SPAM, BILLING)
    wanted = Topics(topics=(topic("spam", "junk"), topic("new", "x")))
    told = await publish(desk.pool, wanted, desk.clock.now(), dry_run=True)
    assert (told.version, told.added, told.changed, told.removed) == (
        2, ("new",), ("spam",), ("billing",),
    )  # fmt: skip
    async with desk.pool.connection() as connection:
        assert (await topics.current(connection)).version == 1


async def test_two_who_sort_at_once_share_the_tickets(
    desk: TopicDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_topics, "BATCH", 2)
    await desk.publish(SPAM)
    for _ in range(4):
        await desk.asks("acme", "spam folder")
    async with desk.pool.connection() as other, other.transaction():
        await ticket_topics.take(other, ["desk:00001", "desk:00002", "desk:00003"])
        assert await desk.sorter.soon() == Sorted(1, 1)
    assert await desk.sorter.soon() == Sorted(3, 3)


@pytest.mark.parametrize("changes", [False, True])
async def test_a_publishing_waits_for_whoever_holds_a_ticket_and_misses_no_change(
    desk: TopicDesk, changes: bool
) -> None:
    id = await desk.asks("acme", "spam folder")
    await desk.do("update tickets set topic_due = false")
    async with desk.pool.connection() as other, other.transaction():
        await ticket_topics.take(other, [id])
        sorting = asyncio.create_task(desk.publish(SPAM, BILLING))
        while not await desk.rows("select from pg_locks where not granted"):
            await asyncio.sleep(0.01)
        if changes:
            await other.execute("update tickets set subject = 'The invoice'")
    assert await sorting == (Sorted(0, 0) if changes else Sorted(1, 1))
    await desk.sorter.soon()
    assert await desk.topic_of(id) == ("billing" if changes else "spam")


async def test_why_not_is_told_too(desk: TopicDesk) -> None:
    await desk.publish(SPAM, topic("folders", "folder"))
    id = await desk.asks("acme", "It is in the spam folder")
    waiting = await desk.sorter.explain(id)
    assert (waiting.topic, waiting.waiting, waiting.held) == (None, True, None)
    await desk.sorter.soon()
    found = await desk.sorter.explain(id)
    assert (found.topic, found.waiting) == ("spam", False)
    assert [(each.topic, each.weight) for each in found.rules] == [("spam", 2), ("folders", 1)]
    other = await desk.asks("acme", "Hello")
    await desk.sorter.soon()
    none = await desk.sorter.explain(other)
    assert (none.topic, none.held, none.rules, none.nearest) == (None, None, (), None)
