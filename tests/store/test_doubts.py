"""P25: what is not fresh of all that an e-mail may show, found in one quick statement."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.stale_rule import Content, Part
from digital_cs.store.content import doubts, library
from tests import rig

Connection = AsyncConnection[Any]
TODAY = rig.MONDAY.date()
PAGE = "https://docs.example/prices"
CONTENT = Content(
    Part("emails/note.md", blocks=("x.md",)),
    {"x.md": Part("blocks/x.md", links=(PAGE,))},
)


async def add(connection: Connection, id: str, locator: str, **columns: Any) -> None:
    """An item of the own content folder, reviewed today, or as `columns` say."""
    row = {
        "id": id, "source": "content", "locator": locator, "kind": "block", "title": id.title(),
        "added_on": TODAY, "edited_at": rig.MONDAY, "version": 1, "content_hash": "",
        "volatility": "normal", "reviewed_on": TODAY, **columns,
    }  # fmt: skip
    names = ", ".join(row)
    await connection.execute(
        f"insert into content_items ({names}) values ({', '.join(['%s'] * len(row))})".encode(),
        list(row.values()),
    )


async def sources(connection: Connection) -> None:
    for name, kind in (("content", SourceKind.CONTENT), ("docs", SourceKind.FOLDER)):
        await library.save_source(connection, ContentSource(name, kind, f"/{name}"), rig.MONDAY)


def blocked(because: str = "Wrong.") -> dict[str, Any]:
    return {"blocked_because": because, "blocked_by": "maya", "blocked_at": rig.MONDAY}


def retired() -> dict[str, Any]:
    return {"retired_because": "Gone.", "retired_by": "maya", "retired_at": rig.MONDAY}


async def test_what_is_stale_by_age_or_evidence_and_what_is_blocked(
    connection: Connection,
) -> None:
    await sources(connection)
    await add(connection, "note", "emails/note.md", stale_on=TODAY, stale_because="A dead link.")
    await add(connection, "x", "blocks/x.md", reviewed_on=date(2025, 1, 31))
    found = await doubts.read(connection, CONTENT, TODAY)
    assert {place: (doubt.item, doubt.since) for place, doubt in found.items()} == {
        "emails/note.md": ("note", TODAY), "blocks/x.md": ("x", date(2025, 7, 31)),
    }  # fmt: skip
    assert await doubts.read(connection, CONTENT, date(2025, 7, 30)) == {}
    await connection.execute("update content_items set blocked_because = 'No.', blocked_at = now()")
    found = await doubts.read(connection, CONTENT, TODAY)
    assert {doubt.wrong for doubt in found.values()} == {"No."}


async def test_only_own_files_are_places_and_any_page_may_be_linked_to(
    connection: Connection,
) -> None:
    await sources(connection)
    await add(connection, "foreign", "blocks/x.md", source="docs", **blocked())
    assert await doubts.read(connection, CONTENT, TODAY) == {}
    await add(connection, "page", "prices.md", source="docs", url=f"{PAGE}/", **blocked())
    assert list(await doubts.read(connection, CONTENT, TODAY)) == [PAGE]


async def test_what_was_retired_while_it_was_wrong_is_wrong_until_another_takes_its_place(
    connection: Connection,
) -> None:
    await sources(connection)
    await add(connection, "x", "blocks/x.md", **blocked(), **retired())
    assert list(await doubts.read(connection, CONTENT, TODAY)) == ["blocks/x.md"]
    await add(connection, "other", "blocks/x.md")
    assert await doubts.read(connection, CONTENT, TODAY) == {}


async def test_of_two_items_with_one_address_the_worse_counts(connection: Connection) -> None:
    await sources(connection)
    long_ago = TODAY - timedelta(days=900)
    await add(connection, "a", "a.md", source="docs", url=PAGE)
    await add(connection, "b", "b.md", source="docs", url=PAGE, reviewed_on=long_ago)
    found = await doubts.read(connection, CONTENT, TODAY)
    assert (found[PAGE].item, found[PAGE].wrong) == ("b", None)
    await add(connection, "c", "c.md", source="docs", url=PAGE, **blocked())
    assert (await doubts.read(connection, CONTENT, TODAY))[PAGE].item == "c"


async def test_thousands_of_items_are_not_looked_through(connection: Connection) -> None:
    await sources(connection)
    await connection.execute(
        "insert into content_items (id, source, locator, kind, title, added_on, edited_at, version,"
        " content_hash, volatility, url) select 'c-' || n, 'docs', n || '.md', 'article', 'N', %s,"
        " %s, 1, '', 'normal', 'https://docs.example/' || n from generate_series(1, 5000) n",
        (TODAY, rig.MONDAY),
    )
    await connection.execute("analyze content_items")
    asked = {"places": CONTENT.places, "urls": [PAGE], "items": ["note"], "own": "content"}
    cursor = await connection.execute(f"explain {doubts.READ}".encode(), asked)
    plan = "\n".join(row[0] for row in await cursor.fetchall())
    assert "ix_content_items_locator" in plan
    assert "ix_content_items_url" in plan
    assert "pk_content_items" in plan


async def test_what_shows_an_item_without_being_its_file_is_found_by_its_id(
    connection: Connection,
) -> None:
    """An issue of a newsletter shows an article that has no page of its own."""
    await sources(connection)
    await add(connection, "a-1", "guide.md", source="docs", **blocked())
    content = Content(Part("emails/an issue.md", blocks=("x",)), {"x": Part("items/a-1")})
    found = await doubts.read(connection, content, TODAY)
    assert {place: doubt.wrong for place, doubt in found.items()} == {"items/a-1": "Wrong."}
