"""The library of content: its sources, its items, and which item shows which."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from digital_cs.domain.content.content_import import ImportPlan
from digital_cs.domain.content.content_item import ContentItem, Mark, Shown
from digital_cs.domain.content.content_source import ContentSource
from digital_cs.domain.content.freshness import Interval
from digital_cs.domain.content.item_names import Named
from digital_cs.domain.content.review_policy import Kind, Volatility

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class KeptSource:
    """A source, the commit that was imported last, and when that was (None: never)."""

    source: ContentSource
    revision: str | None
    imported_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionView:
    """What an item was from a moment on."""

    version: int
    content_hash: str
    title: str
    locator: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Use:
    """That an item is shown by another, which is named here; `how` is what that one does."""

    how: Shown
    id: str
    kind: Kind
    title: str
    locator: str


async def kept_source(
    connection: Connection, name: str, *, lock: bool = False
) -> KeptSource | None:
    """The source of a name. `lock` keeps two imports of it apart until the transaction ends."""
    cursor = await connection.execute(
        "select name, kind, location, options, revision, imported_at from content_sources"
        f" where name = %s{' for update' if lock else ''}",
        (name,),
    )
    row = await cursor.fetchone()
    return KeptSource(ContentSource.from_options(*row[:4]), *row[4:]) if row else None


async def sources(connection: Connection) -> list[KeptSource]:
    """Every source, in order of name."""
    cursor = await connection.execute(
        "select name, kind, location, options, revision, imported_at from content_sources"
        " order by name"
    )
    rows = await cursor.fetchall()
    return [KeptSource(ContentSource.from_options(*row[:4]), *row[4:]) for row in rows]


async def save_source(connection: Connection, source: ContentSource, now: datetime) -> None:
    """Keep a source and its mapping under its name."""
    await connection.execute(
        "insert into content_sources (name, kind, location, options, created_at)"
        " values (%s, %s, %s, %s, %s) on conflict (name) do update set kind = excluded.kind,"
        " location = excluded.location, options = excluded.options",
        (source.name, source.kind.value, source.location, Jsonb(source.options()), now),
    )


async def mark_imported(
    connection: Connection, name: str, revision: str | None, now: datetime
) -> None:
    """Note when a source was imported, and at which commit."""
    await connection.execute(
        "update content_sources set imported_at = %s, revision = %s where name = %s",
        (now, revision, name),
    )


TOLD = (
    "id, source, locator, kind, title, added_on, edited_at, version, content_hash, stated_id, url,"
    " owner, backup, topic, area, volatility, review_every, evergreen_because, stated_on,"
    " reviewed_on, first_due_on, blocked_because, blocked_by, blocked_at, retired_because,"
    " retired_by, retired_at, renewed_on, stale_on, stale_because, evidence_weight"
)
_COLUMNS = tuple(name.strip() for name in f"{TOLD}, sketch".split(","))
# An import read them before it writes, and evidence may have been found meanwhile.
_NOT_IMPORTED = frozenset({"id", "renewed_on", "stale_on", "stale_because", "evidence_weight"})
_UPSERT = (
    f"insert into content_items ({', '.join(_COLUMNS)})"
    f" values ({', '.join(f'%({name})s' for name in _COLUMNS)}) on conflict (id) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _NOT_IMPORTED)
)


async def items_of(connection: Connection, source: str) -> list[ContentItem]:
    """Every item of a source, retired ones too, whole: what an import is settled against."""
    return await _items(connection, f"select {', '.join(_COLUMNS)}", "where source = %s", (source,))


async def items(
    connection: Connection, *, source: str | None = None, kind: Kind | None = None,
    owner: str | None = None, retired: bool = False,
) -> list[ContentItem]:  # fmt: skip
    """Items by source and locator, without their sketches; `owner` in any case, "" for nobody."""
    return await _items(
        connection,
        f"select {TOLD}, '{{}}'::bigint[] as sketch",
        "where (%(source)s::text is null or source = %(source)s)"
        " and (%(kind)s::text is null or kind = %(kind)s)"
        " and (%(owner)s::text is null or lower(coalesce(owner, '')) = lower(%(owner)s))"
        " and (%(retired)s or retired_at is null) order by source, locator",
        {"source": source, "kind": kind, "owner": owner, "retired": retired},
    )


async def find(connection: Connection, words: str) -> list[ContentItem]:
    """The items that somebody may mean: by id, else by stated id, address, place or its end.

    The living come before the retired.
    """
    return await _items(
        connection,
        f"select {TOLD}, '{{}}'::bigint[] as sketch",
        "where id = %(words)s or stated_id = %(words)s or url = %(words)s or locator = %(words)s"
        " or right(locator, length(%(end)s)) = %(end)s"
        " order by id = %(words)s desc, retired_at is null desc,"
        " %(words)s in (stated_id, url, locator) desc, source, locator limit 20",
        {"words": words, "end": f"/{words}"},
    )


async def names(connection: Connection, ids: Sequence[str] | None = None) -> list[Named]:
    """What living items are called, these or None: all of them."""
    async with connection.cursor(row_factory=class_row(Named)) as cursor:
        await cursor.execute(
            "select id, stated_id, locator, url from content_items where retired_at is null"
            " and (%(ids)s::text[] is null or id = any(%(ids)s))",
            {"ids": None if ids is None else list(ids)},
        )
        return await cursor.fetchall()


async def get(connection: Connection, id: str) -> ContentItem | None:
    """The item of an id, without its sketch."""
    found = await _items(
        connection, f"select {TOLD}, '{{}}'::bigint[] as sketch", "where id = %s", (id,)
    )
    return found[0] if found else None


async def of_ids(connection: Connection, ids: Sequence[str]) -> list[ContentItem]:
    """The items of some ids, without their sketches; in no order."""
    return await _items(
        connection, f"select {TOLD}, '{{}}'::bigint[] as sketch", "where id = any(%s)",
        (list(ids),),
    )  # fmt: skip


async def _items(connection: Connection, select: str, where: str, values: Any) -> list[ContentItem]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"{select} from content_items {where}", values)
        return [item_of_row(row) for row in await cursor.fetchall()]


async def apply(connection: Connection, plan: ImportPlan, now: datetime) -> None:
    """Write what an import changes. Call it in a transaction that holds the source's lock."""
    # Who leaves a place leaves it before somebody else comes: two files may have changed places.
    await _write(connection, plan.gone)
    await connection.execute(
        "update content_items set locator = id where id = any(%s)",
        ([item.id for _, item in plan.renamed],),
    )
    await _write(connection, (*plan.updated, *plan.added))
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "insert into content_versions (item_id, version, content_hash, title, locator, seen_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (item.id, item.version, item.content_hash, item.title, item.locator, now)
                for item in (*plan.added, *plan.edited)
            ],
        )


async def _write(connection: Connection, changed: Sequence[ContentItem]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(_UPSERT, [_row(item) for item in changed])


async def replace_uses(
    connection: Connection, source: str, uses: Iterable[tuple[str, str, Shown]]
) -> None:
    """What the items of a source show: (shown, by, how). What they showed before is forgotten."""
    told = sorted(set(uses))
    columns = list(zip(*told, strict=True)) or [(), (), ()]
    await connection.execute(
        "delete from content_uses u using content_items i where i.id = u.by_id and i.source = %s"
        " and (u.item_id, u.by_id, u.how) not in (select * from unnest("
        "%s::text[], %s::text[], %s::text[]))",
        (source, *map(list, columns)),
    )
    await connection.execute(
        "insert into content_uses (item_id, by_id, how) select * from unnest("
        "%s::text[], %s::text[], %s::text[]) on conflict do nothing",
        [list(column) for column in columns],
    )


async def versions(connection: Connection, id: str) -> list[VersionView]:
    """What an item was, the newest first."""
    async with connection.cursor(row_factory=class_row(VersionView)) as cursor:
        await cursor.execute(
            "select version, content_hash, title, locator, seen_at from content_versions"
            " where item_id = %s order by version desc",
            (id,),
        )
        return await cursor.fetchall()


async def shown_by(connection: Connection, id: str) -> list[Use]:
    """The living items that show this one."""
    return await _uses(connection, "u.item_id = %s", "u.by_id", id)


async def shows(connection: Connection, id: str) -> list[Use]:
    """The living items that this one shows."""
    return await _uses(connection, "u.by_id = %s", "u.item_id", id)


async def _uses(connection: Connection, where: str, other: str, id: str) -> list[Use]:
    cursor = await connection.execute(
        "select u.how, i.id, i.kind, i.title, i.locator from content_uses u"
        f" join content_items i on i.id = {other} where {where} and i.retired_at is null"
        " order by u.how, i.locator",
        (id,),
    )
    return [Use(Shown(row[0]), row[1], Kind(row[2]), *row[3:]) for row in await cursor.fetchall()]


async def set_first_due(connection: Connection, due: Mapping[str, date]) -> None:
    """When items that were never reviewed are due first, by their ids."""
    await connection.execute(
        "update content_items i set first_due_on = d.due from unnest(%s::text[], %s::date[])"
        " as d(id, due) where i.id = d.id",
        (list(due), list(due.values())),
    )


async def use_counts(connection: Connection) -> dict[str, int]:
    """By how many living items each item is shown; those that nobody shows are missing."""
    cursor = await connection.execute(
        "select u.item_id, count(distinct u.by_id) from content_uses u"
        " join content_items i on i.id = u.by_id where i.retired_at is null group by u.item_id"
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}


def item_of_row(row: dict[str, Any]) -> ContentItem:
    """The item of a row of `TOLD` and its sketch."""
    every = row.pop("review_every")
    for name in ("blocked", "retired"):
        because, by, at = (row.pop(f"{name}_{part}") for part in ("because", "by", "at"))
        row[name] = Mark(because, by, at) if at is not None else None
    row["kind"], row["volatility"] = Kind(row["kind"]), Volatility(row["volatility"])
    row["sketch"] = tuple(row["sketch"])
    return ContentItem(**row, review_every=_interval(every) if every else None)


def _row(item: ContentItem) -> dict[str, Any]:
    row = {name: getattr(item, name, None) for name in _COLUMNS}
    for name, mark in (("blocked", item.blocked), ("retired", item.retired)):
        for part in ("because", "by", "at"):
            row[f"{name}_{part}"] = getattr(mark, part, None)
    row["review_every"] = str(item.review_every) if item.review_every else None
    return row | {"sketch": list(item.sketch)}


@lru_cache(maxsize=256)
def _interval(text: str) -> Interval:
    return Interval.parse(text)
