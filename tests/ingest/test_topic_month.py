"""From a topic to its article: shown, reviewed first, or to be written; never a ticket's words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.support.topic import Topic
from digital_cs.domain.support.topic_coverage import Standing
from digital_cs.domain.support.topic_rank import Span
from digital_cs.ingest.content.library import import_source
from digital_cs.ingest.support.topic_month import Month, TopicMonths, TopicOfMonth
from digital_cs.ingest.support.topic_month_facts import facts
from digital_cs.store.database import pool
from digital_cs.store.support import ticket_texts, topic_coverage
from tests.activities.house import StoppedClock
from tests.ingest.topic_desk import TopicDesk, topic

NOW = datetime(2025, 11, 10, 9, tzinfo=UTC)
OCTOBER = Span.of_month(2025, 10)
ARTICLES = {
    "export": "# Export contacts to a spreadsheet\n\nOpen Contacts and choose **Export**. You get"
    " all contacts as an Excel file with all columns.",
    "keys": "# API keys\n\nUnder Settings, API, you make a new key, rotate it, or revoke an old"
    " API key that was leaked. A server needs one key.",
    "forms": "# Sign-up forms\n\nEmbed a form on your page, or show it as a pop-up.",
    "fonts": "# Fonts\n\nUpload a font of your own and use it for headings.",
    "login": "# Signing in\n\nReset your password from the page where you sign in.",
    "invoices": "# Invoices\n\nFind invoices under Settings, Billing. Change the address there.",
}
ASKED = {
    "export": [
        "Where do I export all contacts to Excel?", "How do we export contacts to a spreadsheet?",
        "Export contacts with all columns", "Can I export our contacts to Excel?",
        "We want to export contacts as an Excel file", "Export of contacts to a spreadsheet",
    ],
    "weather": [
        "Zebras graze on the savanna", "The savanna has many zebras", "Zebras again",
        "How many zebras graze?", "Do zebras graze at night?", "Grazing zebras everywhere",
    ],
}  # fmt: skip


@pytest.fixture
async def desk(database: str) -> AsyncIterator[TopicDesk]:
    async with pool.opened(database, 4) as opened:
        found = TopicDesk(opened, StoppedClock(NOW))
        await found.accounts(*(f"a{number}" for number in range(7)))
        yield found


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    for name, text in ARTICLES.items():
        (tmp_path / f"{name}.md").write_text(f"---\nlast_reviewed: 2025-10-20\n---\n{text}\n")
    return tmp_path


async def import_docs(desk: TopicDesk, docs: Path) -> None:
    source = ContentSource(
        "docs", SourceKind.FOLDER, str(docs), default_owner="dana",
        fields={"reviewed_on": "last_reviewed"},
    )  # fmt: skip
    async with desk.pool.connection() as connection:
        await import_source(connection, source, desk.clock.now(), retire_many=True)


async def ask_all(desk: TopicDesk, *topics: Topic) -> None:
    for name, texts in ASKED.items():
        for at, text in enumerate(texts):
            day = OCTOBER.start + timedelta(days=at)
            await desk.asks(f"a{at}", text, tags=(name,), at=day)
    await desk.publish(*topics)


async def month(desk: TopicDesk) -> Month:
    return await TopicMonths(desk.pool, desk.clock).month(OCTOBER)


def one(found: Month, name: str) -> TopicOfMonth:
    (topic,) = [each for each in found.topics if each.ranked.topic == name]
    return topic


EXPORT, WEATHER = topic("export", tags=["export"]), topic("weather", tags=["weather"])


async def test_an_article_is_found_by_what_customers_ask_and_none_where_none_answers(
    desk: TopicDesk, docs: Path
) -> None:
    await import_docs(desk, docs)
    await ask_all(desk, EXPORT, WEATHER)
    found = await month(desk)
    export, weather = one(found, "export"), one(found, "weather")
    assert export.coverage is not None
    assert export.coverage.standing is Standing.FRESH
    assert export.coverage.article is not None
    assert export.coverage.article.title == "Export contacts to a spreadsheet"
    assert (export.coverage.stated, export.coverage.answers >= 0.5) == (False, True)
    assert weather.coverage is not None
    assert weather.coverage.standing is Standing.MISSING
    assert [each.ranked.topic for each in found.candidates] == ["export"]


async def test_a_stale_article_is_no_candidate_until_it_is_reviewed(
    desk: TopicDesk, docs: Path
) -> None:
    file = docs / "export.md"
    file.write_text(file.read_text().replace("2025-10-20", "2023-01-01"))
    await import_docs(desk, docs)
    await ask_all(desk, EXPORT)
    found = one(await month(desk), "export")
    assert found.coverage is not None
    assert found.coverage.standing is Standing.STALE
    assert not found.is_candidate
    article = found.coverage.article
    assert article is not None
    await desk.do(
        "insert into review_cases (id, item_id, opened_at, opened_because, rung)"
        " values ('case-1', %s, %s, 'stale', 'owner')", article.id, NOW,
    )  # fmt: skip
    assert one(await month(desk), "export").case == "case-1"
    file.write_text(file.read_text().replace("2023-01-01", "2025-11-09"))
    await import_docs(desk, docs)
    assert one(await month(desk), "export").is_candidate


async def test_an_article_that_states_the_topic_goes_before_one_that_is_found(
    desk: TopicDesk, docs: Path
) -> None:
    (docs / "zebras.md").write_text(
        "---\ntopic: weather\nlast_reviewed: 2025-11-01\n---\n# Something else\n\nQuite."
    )
    await import_docs(desk, docs)
    await ask_all(desk, WEATHER)
    coverage = one(await month(desk), "weather").coverage
    assert coverage is not None
    assert (coverage.stated, coverage.standing) == (True, Standing.FRESH)


@pytest.mark.parametrize(
    ("stated", "standing"), [("weather", Standing.MISSING), ("old-exports", Standing.FRESH)]
)
async def test_an_article_that_states_another_topic_of_ours_is_not_taken_for_this_one(
    desk: TopicDesk, docs: Path, stated: str, standing: Standing
) -> None:
    (docs / "export.md").write_text(
        f"---\nlast_reviewed: 2025-10-20\ntopic: {stated}\n---\n{ARTICLES['export']}\n"
    )
    await import_docs(desk, docs)
    await ask_all(desk, EXPORT, WEATHER)
    export = one(await month(desk), "export")
    assert export.coverage is not None
    assert export.coverage.standing is standing


async def test_what_is_missing_is_asked_for_once_with_samples_that_stay_with_the_tickets(
    desk: TopicDesk, docs: Path
) -> None:
    await import_docs(desk, docs)
    await ask_all(desk, EXPORT, WEATHER, topic("bug", "zebra", bug=True))
    months = TopicMonths(desk.pool, desk.clock)
    found = await month(desk)
    assert await months.ask_for_articles(found, 1) == ()  # the first one has its article
    assert await months.ask_for_articles(found, 10) == ("writing:weather:2025-10-01",)
    assert await months.ask_for_articles(await month(desk), 10) == ()
    assert one(await month(desk), "weather").task == "writing:weather:2025-10-01"
    ((samples,),) = await desk.rows("select tickets from writing_tasks")
    assert len(samples) == 5
    accounts = await desk.rows(
        "select count(distinct account_id) from tickets where id = any(%s)", samples
    )
    assert accounts == [(5,)]
    kept = str(await desk.rows("select * from tasks, writing_tasks")).lower()
    assert "zebras graze" not in kept
    assert "ltd" not in kept
    await desk.do("update tasks set state = 'done'")
    desk.clock.moment += timedelta(days=1)
    assert await months.ask_for_articles(await month(desk), 10) == ()  # of this month it was asked


async def test_samples_are_tickets_that_a_rule_caught_before_those_that_are_only_alike(
    desk: TopicDesk, docs: Path
) -> None:
    await import_docs(desk, docs)
    await ask_all(desk, WEATHER)
    alike = [await desk.asks(f"a{at}", "Newer", at=OCTOBER.start + timedelta(days=20 + at))
             for at in range(7)]  # fmt: skip
    await desk.do("update tickets set topic = 'weather' where id = any(%s)", alike)
    await desk.do(
        "insert into ticket_topics (ticket, topic, by, words, at) select id, 'weather', 'learned',"
        " '{}', now() from unnest(%s::text[]) id on conflict (ticket) do update set"
        " topic = excluded.topic, by = excluded.by", alike,
    )  # fmt: skip
    async with desk.pool.connection() as connection:
        found = await ticket_texts.newest_of(
            connection, ["weather"], OCTOBER.start, OCTOBER.end, 20
        )
    assert [each.id in alike for each in found] == [False] * 6 + [True]


async def test_nobody_is_asked_to_write_for_a_handful_of_accounts(
    desk: TopicDesk, docs: Path
) -> None:
    await import_docs(desk, docs)
    await desk.publish(WEATHER)
    for account in ("a1", "a2", "a3", "a4"):
        await desk.asks(account, "Zebras graze", tags=("weather",), at=OCTOBER.start)
    await desk.sorter.soon()
    found = await month(desk)
    coverage = one(found, "weather").coverage
    assert coverage is not None
    assert coverage.standing is Standing.MISSING
    assert await TopicMonths(desk.pool, desk.clock).ask_for_articles(found, 10) == ()


async def test_what_the_month_tells_names_no_account_and_no_word_of_a_ticket(
    desk: TopicDesk, docs: Path
) -> None:
    await import_docs(desk, docs)
    await ask_all(desk, EXPORT, WEATHER)
    async with desk.pool.connection() as connection:
        await topic_coverage.cover(connection, ["export"], date(2025, 10, 7), "issue 7", NOW)
    told = json.dumps(facts(await month(desk)), default=str)
    assert '"covered_on": "2025-10-07"' in told
    assert "Infinity" not in told
    for word in ("Ltd", '"a1"', "graze", "Where do I"):
        assert word not in told


async def test_an_empty_library_covers_nothing(desk: TopicDesk) -> None:
    await ask_all(desk, EXPORT)
    coverage = one(await month(desk), "export").coverage
    assert coverage is not None
    assert coverage.standing is Standing.MISSING
