"""What stands in articles and their like is kept at import, to be found by questions and shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.ingest.content.library import import_source
from digital_cs.store.content import content_texts

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


async def texts(connection: AsyncConnection[Any]) -> list[tuple[tuple[str, ...], str]]:
    kept = await content_texts.of_living(connection)
    return [(each.headings, each.body) for each in kept.values()]


async def test_a_text_follows_its_file_and_ends_with_it(
    connection: AsyncConnection[Any], tmp_path: Path
) -> None:
    source = ContentSource("docs", SourceKind.FOLDER, str(tmp_path))
    (tmp_path / "a.md").write_text("---\ntitle: Spam\n---\n# Why spam\n\nPress **this**.")
    (tmp_path / "b.md").write_text("---\ntitle: Bills\n---\nPay.")
    await import_source(connection, source, NOW)
    spam = (("Why spam",), "Why spam\nPress this.")
    assert sorted(await texts(connection)) == [((), "Pay."), spam]

    (tmp_path / "a.md").write_text("---\ntitle: Spam\n---\nPress that.")
    before = await (
        await connection.execute("select item_id, xmin::text from content_texts")
    ).fetchall()
    await import_source(connection, source, NOW, dry_run=True)
    await import_source(connection, source, NOW)
    after = await (
        await connection.execute("select item_id, xmin::text from content_texts")
    ).fetchall()
    assert len(set(before) & set(after)) == 1
    assert sorted(await texts(connection)) == [((), "Pay."), ((), "Press that.")]

    (tmp_path / "b.md").unlink()
    await import_source(connection, source, NOW)
    assert await texts(connection) == [((), "Press that.")]


async def test_what_a_newsletter_shows_is_kept_and_nothing_else(
    connection: AsyncConnection[Any], tmp_path: Path
) -> None:
    for kind in ("page", "feature_note", "recording", "email"):
        (tmp_path / f"{kind}.md").write_text(f"---\ntitle: T\nkind: {kind}\n---\nThe {kind}.")
    await import_source(connection, ContentSource("docs", SourceKind.FOLDER, str(tmp_path)), NOW)
    assert sorted(body for _, body in await texts(connection)) == [
        "The feature_note.", "The page.", "The recording.",
    ]  # fmt: skip
