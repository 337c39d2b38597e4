"""The topics of a month with what the library has for each: for newsletters, and for support."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.support.topic import Topic
from digital_cs.domain.support.topic_coverage import Article, Coverage, Standing, coverage
from digital_cs.domain.support.topic_rank import Out, Ranked, Span, rank
from digital_cs.errors import NotFoundError
from digital_cs.store.content import content_texts, library, review_cases
from digital_cs.store.content.content_texts import KeptText
from digital_cs.store.rules import segments
from digital_cs.store.support import (
    ticket_texts,
    topic_coverage,
    topic_figures,
    topics,
    writing_tasks,
)
from digital_cs.store.support.ticket_texts import WithText
from digital_cs.store.support.topic_figures import Ground, OfSegment

Connection = AsyncConnection[Any]

QUESTIONS = 30
"""Tickets of a topic by which an article is looked for, the newest, one an account."""
MOST_CONFIRMED = 5_000
"""Tickets that were answered with an article, to learn from."""
SAMPLES = 5
"""Tickets that a writing task shows."""
TO_WRITE = timedelta(days=14)
ARTICLES = (Kind.ARTICLE, Kind.PAGE)


@dataclass(frozen=True, slots=True)
class TopicOfMonth:
    """A ranked topic. `coverage` is None where nobody looked, or the topic is none of ours.

    `task` is the open task to write an article, `case` the open review case of its article.
    `by_segment`: the segments whose accounts asked.
    """

    ranked: Ranked
    coverage: Coverage | None = None
    task: str | None = None
    case: str | None = None
    by_segment: tuple[OfSegment, ...] = ()

    @property
    def is_candidate(self) -> bool:
        """Whether a newsletter may show its article: enough ask, and it is covered and fresh."""
        fresh = self.coverage is not None and self.coverage.standing is Standing.FRESH
        return fresh and not self.ranked.out

    @property
    def wants_article(self) -> bool:
        """Whether an article is to be written: enough different accounts ask, and there is none."""
        missing = self.coverage is not None and self.coverage.standing is Standing.MISSING
        return missing and not {*self.ranked.out} - {Out.COVERED}


@dataclass(frozen=True, slots=True)
class Month:
    """The topics of a span by distinct accounts, and what the figures stand on."""

    span: Span
    segment: str | None
    ground: Ground
    topics: tuple[TopicOfMonth, ...]

    @property
    def candidates(self) -> tuple[TopicOfMonth, ...]:
        """Those whose article a newsletter may show, in order."""
        return tuple(each for each in self.topics if each.is_candidate)


class TopicMonths:
    """Ranks the topics of a span, looks for their articles, and asks for those that are missing."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def rank(self, span: Span, segment: str | None = None) -> Month:
        """The topics of a span, without their articles. Raises NotFoundError for the segment."""
        async with self._pool.connection() as connection:
            await _known_segment(connection, segment)
            month, _ = await self._ranked(connection, span, segment)
        return month

    async def month(self, span: Span, segment: str | None = None) -> Month:
        """The topics of a span with their articles, tasks and review cases. NotFoundError as above.

        Costs seconds where the library has thousands of articles: they are read and indexed anew.
        """
        async with self._pool.connection() as connection:
            await _known_segment(connection, segment)
            month, ours = await self._ranked(connection, span, segment)
            asked = [each.ranked.topic for each in month.topics if each.ranked.topic in ours]
            texts = await ticket_texts.newest_of(connection, asked, span.start, span.end, QUESTIONS)
            shelf = await _shelf(connection, self._clock.now(), ours)
            confirmed = await content_texts.confirmed(connection, MOST_CONFIRMED)
            tasks = await writing_tasks.open_by_topic(connection)
            cases = {
                kept.case.item_id: kept.case.id
                for kept in await review_cases.open_cases(connection)
            }
        answers = await asyncio.to_thread(
            _answers, [ours[name] for name in asked if not ours[name].bug], texts, shelf, confirmed
        )
        return Month(
            month.span, month.segment, month.ground,
            tuple(
                _covered(each, ours.get(each.ranked.topic), answers, shelf, tasks, cases)
                for each in month.topics
            ),
        )  # fmt: skip

    async def ask_for_articles(self, month: Month, most: int) -> tuple[str, ...]:
        """Open a task for each of the first topics that no article covers; the new tasks' keys.

        A topic that has an open task gets no other. The task names its tickets, and keeps nothing
        that stands in them.
        """
        now = self._clock.now()
        wanted = [each.ranked for each in month.topics[:most] if each.wants_article]
        opened = []
        async with self._pool.connection() as connection, connection.transaction():
            names = [each.topic for each in wanted]
            found = await ticket_texts.newest_of(
                connection, names, month.span.start, month.span.end, SAMPLES
            )
            for each in wanted:
                key = f"writing:{each.topic}:{month.span.start:%Y-%m-%d}"
                new = await writing_tasks.open_task(
                    connection, key, each.topic, title=f"Write an article: {each.title}",
                    note=_note(each, month.span), assign_to=each.owner or "support",
                    tickets=[ticket.id for ticket in found if ticket.topic == each.topic],
                    now=now, due_at=now + TO_WRITE,
                )  # fmt: skip
                opened += [key] if new else []
        return tuple(opened)

    async def _ranked(
        self, connection: Connection, span: Span, segment: str | None
    ) -> tuple[Month, dict[str, Topic]]:
        now = self._clock.now()
        ours = {each.topic: each for each in (await topics.in_force(connection)).topics}
        ground = await topic_figures.ground(connection, span, segment)
        ranked = rank(
            await topic_figures.counted(connection, span, segment), ours, span,
            active=ground.active, first=ground.first,
            covered=await topic_coverage.last_covered(connection, now.date()), now=now,
        )  # fmt: skip
        apart = {} if segment else await topic_figures.by_segment(connection, span)
        found = (TopicOfMonth(each, by_segment=tuple(apart.get(each.topic, ()))) for each in ranked)
        return Month(span, segment, ground, tuple(found)), ours


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The living articles, and what stands in them as far as that is kept."""

    articles: Mapping[str, Article]
    texts: Mapping[str, KeptText]


async def _shelf(connection: Connection, now: datetime, ours: Collection[str]) -> _Shelf:
    """The library by what it states of our topics; what it calls other topics tells nothing."""
    articles = {
        item.id: Article(
            item.id,
            item.title,
            item.state(now.date()),
            item.url,
            item.owner,
            item.topic if item.topic in ours else None,
        )
        for kind in ARTICLES
        for item in await library.items(connection, kind=kind)
    }
    return _Shelf(articles, await content_texts.of_living(connection))


def _answers(
    ours: Sequence[Topic], texts: Iterable[WithText], shelf: _Shelf,
    confirmed: Sequence[tuple[str, str]],
) -> dict[str, list[list[tuple[str, float]]]]:  # fmt: skip
    """For each topic what was found for its title and for each of its questions."""
    if not shelf.articles:
        return {}
    from digital_cs.topics.articles import ArticleMatcher, ArticleText

    matcher = ArticleMatcher(
        [
            ArticleText(id, article.title, kept.headings if kept else (), kept.body if kept else "")
            for id, article in shelf.articles.items()
            for kept in (shelf.texts.get(id),)
        ],
        [pair for pair in confirmed if pair[1] in shelf.articles],
    )
    questions = {each.topic: [f"{each.title}. {each.about}".strip()] for each in ours}
    for ticket in texts:
        if ticket.topic in questions:
            questions[ticket.topic].append(ticket.text)
    return {
        topic: [[(found.id, found.score) for found in matcher.match(each)] for each in asked]
        for topic, asked in questions.items()
    }


def _covered(
    each: TopicOfMonth, topic: Topic | None, answers: Mapping[str, list[list[tuple[str, float]]]],
    shelf: _Shelf, tasks: Mapping[str, str], cases: Mapping[str, str],
) -> TopicOfMonth:  # fmt: skip
    if topic is None:
        return each
    found = coverage(
        topic.topic, bug=topic.bug, answers=answers.get(topic.topic, ()), articles=shelf.articles
    )
    case = cases.get(found.article.id) if found.article else None
    return TopicOfMonth(each.ranked, found, tasks.get(topic.topic), case, each.by_segment)


def _note(topic: Ranked, span: Span) -> str:
    last = span.end - timedelta(days=1)
    return (
        f"{topic.accounts} accounts asked about “{topic.title}” from {span.start:%-d %B} to"
        f" {last:%-d %B %Y}, and no article of the library answers it. Below are some of their"
        " questions with names left out, for as long as the texts of tickets are kept; copy nothing"
        f" from them. State 'topic: {topic.topic}' in the article, and import it."
    )


async def _known_segment(connection: Connection, segment: str | None) -> None:
    if segment is not None and await segments.missing(connection, [segment]):
        raise NotFoundError(f"There is no segment '{segment}'. `digital-cs segment list`.")
