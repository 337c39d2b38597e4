"""Samples of tickets keep the words of the product, and never a name of a customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.ingest.content.library import import_source
from digital_cs.ingest.support.ticket_samples import samples_of, words_to_keep
from digital_cs.store.database import pool
from tests.activities.house import StoppedClock
from tests.ingest.topic_desk import TopicDesk

NOW = datetime(2025, 11, 10, 9, tzinfo=UTC)
TITLES = (
    "Connect Slack", "Slack messages of a Board", "Share a Board",
    # Stories name customers and people, again and again; these are in the database.
    "How Wolpertinger uses a Board", "What Wolpertinger learned", "Ask Zenobia", "Zenobia answers",
    "Jose explains exports", "More of Jose", "Dana on imports", "More of Dana",
)  # fmt: skip


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[TopicDesk]:
    for number, title in enumerate(TITLES):
        (tmp_path / f"{number}.md").write_text(f"# {title}\n\nText.\n")
    async with pool.opened(database, 4) as opened:
        found = TopicDesk(opened, StoppedClock(NOW))
        await found.accounts("a0", "a1")
        await found.do("update accounts set name = 'WOLPERTINGER Works' where id = 'a1'")
        await found.do(
            "insert into contacts (id, email, full_name, created_at, updated_at) values"
            " ('c1', 'z@example.com', 'Zenobia Quill', now(), now()),"
            " ('c2', 'j@example.com', 'José', now(), now())"
        )
        source = ContentSource("docs", SourceKind.FOLDER, str(tmp_path), default_owner="dana")
        async with opened.connection() as connection:
            await import_source(connection, source, NOW, retire_many=True)
        yield found


async def test_words_of_the_product_are_kept_but_none_of_a_name(desk: TopicDesk) -> None:
    async with desk.pool.connection() as connection:
        assert await words_to_keep(connection) >= {"slack", "board"}
        assert not await words_to_keep(connection) & {"wolpertinger", "zenobia", "jose", "dana"}


async def test_a_sample_of_one_customer_names_no_other_one(desk: TopicDesk) -> None:
    ticket = await desk.asks(
        "a0", "We want Slack on our Board as Wolpertinger and Zenobia have it, says Jose."
    )
    async with desk.pool.connection() as connection:
        (sample,) = await samples_of(connection, [ticket])
    assert "Slack on our Board as [name] and [name] have it, says [name]" in sample.text
