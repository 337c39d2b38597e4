"""What an issue can show of the library: articles that answer, and what is new."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.review_policy import Kind
from digital_cs.store.content import library

Connection = AsyncConnection[Any]

SHOWABLE = (State.FRESH, State.DUE_SOON)
"""Only what is known to be true goes into an issue."""


@dataclass(frozen=True, slots=True)
class ItemText:
    """An item that may be shown today, with its text, "" where that is not kept, and the headings
    among its lines."""

    id: str
    locator: str
    title: str
    url: str | None
    body: str
    headings: tuple[str, ...] = ()


async def by_place(
    connection: Connection, places: Iterable[str], today: date
) -> dict[str, ItemText]:
    """The items of our own content folder at some places, without those not to be shown today."""
    wanted = sorted(set(places))
    return {each.locator: each for each in await _showable(
        connection, "i.source in (select name from content_sources where kind = 'content')"
        " and i.locator = any(%s)", (wanted,), today,
    )}  # fmt: skip


async def by_id(connection: Connection, ids: Iterable[str], today: date) -> dict[str, ItemText]:
    """The items of some ids, without those that are not to be shown today."""
    wanted = sorted(set(ids))
    return {
        each.id: each for each in await _showable(connection, "i.id = any(%s)", (wanted,), today)
    }


async def news(connection: Connection, since: date, today: date, most: int) -> list[ItemText]:
    """Feature notes that came after a day, the newest first."""
    found = await _showable(
        connection, "i.kind = %s and i.added_on > %s order by i.added_on desc, i.title",
        (Kind.FEATURE_NOTE.value, since), today,
    )  # fmt: skip
    return found[:most]


async def not_showable(connection: Connection, issue: str, today: date) -> list[str]:
    """The titles of what an issue shows, as it is put together, and that is not to be shown on a
    day any more."""
    cursor = await connection.execute(
        "select coalesce(array_agg(distinct item), '{}') from newsletter_variants,"
        " unnest(shown) item where issue_id = %s",
        (issue,),
    )
    row = await cursor.fetchone()
    shown: list[str] = row[0] if row else []
    good = await by_id(connection, shown, today)
    gone = [id for id in shown if id not in good]
    titles = {each.id: each.title for each in await library.of_ids(connection, gone)}
    return [titles.get(id, id) for id in gone]


async def last_issue_day(connection: Connection, newsletter: str, before: date) -> date | None:
    """The day of the last issue that was sent before a day, and not recalled."""
    cursor = await connection.execute(
        "select max(send_on) from newsletter_issues where newsletter_id = %s and send_on < %s"
        " and state in ('sending', 'sent', 'done') and recalled_at is null",
        (newsletter, before),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def _showable(
    connection: Connection, where: str, values: tuple[Any, ...], today: date
) -> list[ItemText]:
    cursor = await connection.execute(
        "select i.id, coalesce(t.body, ''), coalesce(t.headings, '{}') from content_items i"
        f" left join content_texts t on t.item_id = i.id where i.retired_at is null and {where}",
        values,
    )
    texts = {id: (body, tuple(headings)) for id, body, headings in await cursor.fetchall()}
    items: dict[str, ContentItem] = {
        each.id: each for each in await library.of_ids(connection, list(texts))
    }
    return [
        ItemText(id, items[id].locator, items[id].title, items[id].url, *texts[id])
        for id in texts
        if id in items and items[id].state(today) in SHOWABLE
    ]
