"""What is not fresh of all that an e-mail may show, read anew at the moment of sending (P25)."""

# ruff: noqa: S608  the statement is put together from constants, never from values
from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import dict_row

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.content_source import SourceKind
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.stale_rule import ITEMS, Content, Doubt
from digital_cs.domain.links.link_url import LinkUrlError, normal_url
from digital_cs.store.content.library import TOLD, item_of_row

Connection = AsyncConnection[Any]

# What was retired while it was blocked is still wrong, and its file may still be there. Each side
# of an "or" has an index.
READ = f"""
select {TOLD}, '{{}}'::bigint[] as sketch,
       source in (select name from content_sources s where s.kind = %(own)s) as own
  from content_items
 where (locator = any(%(places)s) or url = any(%(urls)s) or id = any(%(items)s))
   and (retired_at is null or blocked_at is not null)
"""


async def asking(connection: Connection, content: Content) -> AsyncCursor[dict[str, Any]]:
    """Ask for the items that an e-mail may show or link to; in a pipeline this waits for nothing.

    `found` makes doubts of the answer.
    """
    cursor = connection.cursor(row_factory=dict_row)
    return await cursor.execute(
        READ,
        {
            "places": content.places, "own": SourceKind.CONTENT.value, "items": content.items,
            "urls": [spelt for link in content.links for spelt in _spellings(link)],
        },
    )  # fmt: skip


async def found(
    cursor: AsyncCursor[dict[str, Any]], content: Content, on: date
) -> dict[str, Doubt]:
    """What is stale or known to be wrong on a day, by the place or the address that shows it."""
    places, links = set(content.places), set(content.links)
    shown: dict[str, list[ContentItem]] = {}
    for row in await cursor.fetchall():
        own = row.pop("own")
        item = item_of_row(row)
        at = [item.locator] if own and item.locator in places else []
        at += [link for link in _spellings(item.url) if link in links] if item.url else []
        at += [f"{ITEMS}{item.id}"] if f"{ITEMS}{item.id}" in places else []
        for each in at:
            shown.setdefault(each, []).append(item)
    doubts = ((place, _worst(items, on)) for place, items in shown.items())
    return {place: doubt for place, doubt in doubts if doubt is not None}


async def read(connection: Connection, content: Content, on: date) -> dict[str, Doubt]:
    """`asking` and `found` in one: one round trip."""
    return await found(await asking(connection, content), content, on)


def _worst(items: Sequence[ContentItem], on: date) -> Doubt | None:
    """What is the matter at one place. A file that came after one that was retired counts alone."""
    living = [item for item in items if item.retired is None]
    doubts = [doubt for item in living or items if (doubt := _doubt(item, on)) is not None]
    return max(doubts, key=lambda doubt: doubt.wrong is not None, default=None)


def _doubt(item: ContentItem, on: date) -> Doubt | None:
    if item.blocked is not None:
        blocked = item.blocked
        return Doubt(item.id, item.title, blocked.at.date(), blocked.because)
    if item.state(on) is State.STALE:
        return Doubt(item.id, item.title, item.stale_from)
    return None


def _spellings(url: str) -> tuple[str, ...]:
    """An address as others may have written it, with a last slash or without."""
    try:
        link = normal_url(url)
    except LinkUrlError:
        return ()
    return link, link.removesuffix("/") if link.endswith("/") else f"{link}/"
