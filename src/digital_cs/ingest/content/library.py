"""Imports a source of content into the library, as often as anybody likes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from digital_cs.catalog.content_reading import Reading
from digital_cs.catalog.content_sources import read_content
from digital_cs.catalog.git_moves import moves_since
from digital_cs.domain.content.article_text import plain_text
from digital_cs.domain.content.content_import import ImportPlan, plan_import
from digital_cs.domain.content.content_item import ContentItem, Found, Shown
from digital_cs.domain.content.content_source import ContentSource
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.review_policy import Kind, spread_first_reviews
from digital_cs.errors import DigitalCsError
from digital_cs.store.content import content_texts, exposure, library, reviews
from digital_cs.store.content.content_texts import KeptText
from digital_cs.store.sending import holds

Connection = AsyncConnection[Any]

WITH_TEXT = (Kind.ARTICLE, Kind.PAGE, Kind.FEATURE_NOTE, Kind.RECORDING)
"""What a newsletter can show: of these it is kept what they say."""


class TooManyGoneError(DigitalCsError):
    """More than half of the source is gone. Is it the right folder? --yes retires them."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do; `first` if the source was never imported before."""

    plan: ImportPlan
    reading: Reading
    first: bool


async def import_source(
    connection: Connection, source: ContentSource, now: datetime, *,
    dry_run: bool = False, retire_many: bool = False,
) -> Imported:  # fmt: skip
    """Read a source and settle the library with it, all or nothing. Opens a transaction.

    Items whose files say something wrong stay as they were; the reading tells which. Raises
    TooManyGoneError, NotFoundError, UsageError and ContentListError.
    """
    # Reading thousands of files takes seconds, for which nobody else should wait.
    reading = await asyncio.to_thread(read_content, source, now.date())
    async with connection.transaction(force_rollback=dry_run):
        await library.save_source(connection, source, now)
        kept = await library.kept_source(connection, source.name, lock=True)
        first = kept is None or kept.imported_at is None
        before = await library.items_of(connection, source.name)
        plan = plan_import(
            source.name,
            before,
            reading.found,
            now,
            first=first,
            moved=await asyncio.to_thread(_moved, source, kept, reading),
            unread=reading.unread,
            own_reviews=await reviews.last_told_by_people(connection, source.name),
        )
        if plan.retires_too_many and not (retire_many or dry_run):
            raise TooManyGoneError(
                f"{len(plan.gone)} of the {plan.living_before} items of {source.name} are no longer"
                f" in {source.location}: more than half. Is it the right place?"
                " --yes retires them, and another --name makes a source of its own of it."
            )
        await library.apply(connection, plan, now)
        await library.replace_uses(connection, source.name, _uses(plan, reading.found))
        await _keep_texts(connection, source.name, plan, reading.found)
        if first:
            await _most_exposed_first(connection, plan, now)
        await reviews.record_told(connection, plan.reviews, now)
        if _may_relieve(before, plan, now.date()):
            await holds.wake_for_content(connection, now)
        await library.mark_imported(connection, source.name, reading.revision, now)
    return Imported(plan, reading, first)


async def _most_exposed_first(connection: Connection, plan: ImportPlan, now: datetime) -> None:
    """Spread first reviews again, now that it can be known who is about to read what (P26)."""
    never = [item.id for item in plan.added if item.first_due_on is not None]
    if not never:
        return
    seen = await exposure.of_items(connection, now)
    people = {id: seen[id].people for id in never if id in seen}
    if people:
        uses = await library.use_counts(connection)
        due = spread_first_reviews([(id, uses.get(id, 0)) for id in never], now.date(), people)
        await library.set_first_due(connection, due)


async def _keep_texts(
    connection: Connection, source: str, plan: ImportPlan, found: tuple[Found, ...]
) -> None:
    """Keep what stands in what is new or changed: articles are found by it when a customer asks,
    and a newsletter says by it what a thing is about."""
    items = {
        plan.items[each.locator].id: each
        for each in found
        if each.kind in WITH_TEXT and each.text and each.locator in plan.items
    }
    kept = await content_texts.hashes(connection, source)
    texts = [
        KeptText(id, each.content_hash, *plain_text(each.text))
        for id, each in items.items()
        if kept.get(id) != each.content_hash
    ]
    if texts:
        await content_texts.keep(connection, texts)


def _may_relieve(before: Iterable[ContentItem], plan: ImportPlan, today: date) -> bool:
    """Whether anything changed of what was stale or blocked, so that messages may wait for it."""
    doubtful = {
        item.id for item in before if item.blocked is not None or item.state(today) is State.STALE
    }
    return any(item.id in doubtful for item in plan.writes)


def _moved(
    source: ContentSource, kept: library.KeptSource | None, reading: Reading
) -> Mapping[str, str]:
    if kept is None or kept.revision is None or reading.revision is None:
        return {}
    return moves_since(Path(source.location), kept.revision, reading.revision)


def _uses(plan: ImportPlan, found: tuple[Found, ...]) -> list[tuple[str, str, Shown]]:
    """What each item shows, as far as that is an item too."""
    return [
        (plan.items[locator].id, plan.items[each.locator].id, how)
        for each in found
        for how, locator in each.shows
        if locator in plan.items
    ]
