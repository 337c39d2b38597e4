"""What stands in the articles of the library, kept to find them by what customers ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class KeptText:
    """The text of an article, without its markup. `content_hash` says of which version it is."""

    item_id: str
    content_hash: str
    headings: tuple[str, ...]
    body: str


async def keep(connection: Connection, texts: Iterable[KeptText]) -> int:
    """Keep texts, each instead of that of an earlier version; how many were new or changed."""
    rows = [
        {"id": each.item_id, "hash": each.content_hash, "headings": list(each.headings),
         "body": each.body}
        for each in texts
    ]  # fmt: skip
    cursor = await connection.execute(
        "insert into content_texts as c (item_id, content_hash, headings, body)"
        " select id, hash, headings, body"
        " from jsonb_to_recordset(%s) as g(id text, hash text, headings text[], body text)"
        " on conflict (item_id) do update set content_hash = excluded.content_hash,"
        " headings = excluded.headings, body = excluded.body"
        " where c.content_hash <> excluded.content_hash",
        (Jsonb(rows),),
    )
    return cursor.rowcount


async def hashes(connection: Connection, source: str) -> dict[str, str]:
    """Of which version the kept texts of a source are, by the ids of its items."""
    cursor = await connection.execute(
        "select c.item_id, c.content_hash from content_texts c"
        " join content_items i on i.id = c.item_id where i.source = %s",
        (source,),
    )
    return dict(await cursor.fetchall())


async def of_living(connection: Connection) -> dict[str, KeptText]:
    """The texts of all articles that are not retired, by id."""
    cursor = await connection.execute(
        "select c.item_id, c.content_hash, c.headings, c.body from content_texts c"
        " join content_items i on i.id = c.item_id where i.retired_at is null order by 1"
    )
    return {
        row[0]: KeptText(row[0], row[1], tuple(row[2]), row[3]) for row in await cursor.fetchall()
    }


async def confirmed(connection: Connection, most: int) -> list[tuple[str, str]]:
    """What was asked in tickets that an item answered, with the item's id: the newest."""
    cursor = await connection.execute(
        "select concat_ws(E'\\n\\n', t.subject, t.body), u.item_id"
        " from content_uses_on_tickets u join tickets t on t.id = u.ticket_id"
        " where coalesce(t.subject, t.body) is not null and t.status <> 'deleted'"
        " order by u.at desc, t.id limit %s",
        (most,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
