"""Live pages of items: their main text when it was verified, and whether it says something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.domain.content.main_text import FEWEST_WORDS, Change, compare, word_count

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class LivePage:
    """What is known of a page. `changed_at` and what follows are None while it says the same.

    `similarity`: 0 to 1; `change`: what differs, in words.
    """

    url: str
    verified_at: datetime
    seen_at: datetime
    changed_at: datetime | None
    similarity: float | None
    change: str | None


async def keep(connection: Connection, url: str, text: str, at: datetime) -> Change | None:
    """Compare the main text of a page with the one that was verified, and keep what differs; the
    first text that is seen counts as verified. Too short a text says nothing."""
    if word_count(text) < FEWEST_WORDS:
        return None
    cursor = await connection.execute(
        "insert into page_states (url, verified_at, verified_text, seen_at)"
        " values (%(url)s, %(at)s, %(text)s, %(at)s)"
        " on conflict (url) do update set seen_at = excluded.seen_at returning verified_text",
        {"url": url, "at": at, "text": text},
    )
    row = await cursor.fetchone()
    assert row is not None
    change = compare(row[0], text)
    await connection.execute(
        "update page_states set seen_text = %(text)s, similarity = %(similarity)s,"
        " change = %(words)s, changed_at = case when %(words)s::text is null then null"
        " else coalesce(changed_at, %(at)s) end"
        " where url = %(url)s and (%(words)s::text is not null or changed_at is not null)",
        {
            "url": url, "at": at, "text": text if change else None,
            "similarity": change.similarity if change else None,
            "words": change.words() if change else None,
        },
    )  # fmt: skip
    return change


async def verified(connection: Connection, url: str, at: datetime) -> bool:
    """Somebody checked the page as it is now: from now on it is compared with what it said last.

    False: it was never looked at.
    """
    cursor = await connection.execute(
        "update page_states set verified_at = %s, seen_text = null, changed_at = null,"
        " verified_text = coalesce(seen_text, verified_text), similarity = null, change = null"
        " where url = %s",
        (at, url),
    )
    return cursor.rowcount == 1


async def of_items(connection: Connection, item_ids: Sequence[str]) -> dict[str, LivePage]:
    """The live page of each of these items that was looked at."""
    cursor = await connection.execute(
        "select l.item_id, p.url from links l join page_states p using (url)"
        " where l.kind = 'page' and l.item_id = any(%s)",
        (list(item_ids),),
    )
    urls = dict(await cursor.fetchall())
    async with connection.cursor(row_factory=class_row(LivePage)) as asked:
        await asked.execute(
            "select url, verified_at, seen_at, changed_at, similarity, change from page_states"
            " where url = any(%s)",
            (list(set(urls.values())),),
        )
        pages = {page.url: page for page in await asked.fetchall()}
    return {item: pages[url] for item, url in urls.items()}
