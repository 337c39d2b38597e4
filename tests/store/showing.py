"""A world in which content is about to be shown: items, who shows whom, and who stands where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.content.content_import import ImportPlan
from digital_cs.domain.content.content_item import ContentItem, Shown
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.programs.enrollment import Position
from digital_cs.store.content import library
from digital_cs.store.content.links import Place, replace_links
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.programs.positions import position_to_json
from tests import rig

Connection = AsyncConnection[Any]

SOURCE = ContentSource("content", SourceKind.CONTENT, "content")
DAY = timedelta(days=1)


def item(locator: str, kind: Kind, **rest: Any) -> ContentItem:
    """An item of our own content; its id is its place, so that tests can be read."""
    values = {"title": locator, "added_on": date(2026, 1, 1), "owner": "maya", **rest}
    return ContentItem(locator, "content", locator, kind, edited_at=rig.MONDAY, **values)


def email(name: str, **rest: Any) -> ContentItem:
    return item(f"emails/{name}.md", Kind.EMAIL, **rest)


def block(name: str, **rest: Any) -> ContentItem:
    return item(f"blocks/{name}.md", Kind.BLOCK, **rest)


def article(locator: str, **rest: Any) -> ContentItem:
    return item(locator, Kind.ARTICLE, **rest)


async def keep(
    connection: Connection, items: Sequence[ContentItem],
    includes: Mapping[str, Sequence[str]] | None = None,
    links: Mapping[str, tuple[str, str]] | None = None,
) -> None:  # fmt: skip
    """Put items into the library; `includes` names what each shows, `links` its one link, with
    the kind of that."""
    await library.save_source(connection, SOURCE, rig.MONDAY)
    added = tuple(items)
    plan = ImportPlan(added, (), (), (), (), (), 0, (), 0, {i.locator: i for i in added})
    async with connection.transaction():
        await library.apply(connection, plan, rig.MONDAY)
        await library.replace_uses(
            connection, "content",
            [(shown, by, Shown.INCLUDES) for by, all in (includes or {}).items() for shown in all],
        )  # fmt: skip
        await replace_links(
            connection, {id: [Place(url, 1, kind)] for id, (url, kind) in (links or {}).items()}
        )


async def stand(
    connection: Connection, program: str, account: str, step: str, due: datetime | None = None,
    **columns: Any,
) -> None:  # fmt: skip
    """Have an account stand at a step of a program, whose work is planned for `due`."""
    await enroll(connection, program, [account], source="test", now=rig.MONDAY, again="never")
    position = Position(step, 1, rig.MONDAY, due)
    values = {"step": step, "position": Jsonb(position_to_json(position)), **columns}
    await connection.execute(
        f"update enrollments set {', '.join(f'{name} = %({name})s' for name in values)}"
        " where program_id = %(program)s and account_id = %(account)s",
        {**values, "program": program, "account": account},
    )


def at(day: int, hour: int = 9) -> datetime:
    """A moment in March 2026."""
    return datetime(2026, 3, day, hour, tzinfo=UTC)
