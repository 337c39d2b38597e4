"""Takes in what of a content folder is no program: its library, topics and newsletters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from digital_cs.catalog.newsletters import load_newsletters
from digital_cs.catalog.topics import load_topics
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.ingest.content.library import import_source
from digital_cs.ingest.support import topic_publishing
from digital_cs.temporal import newsletters

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

OWN = "content"
"""The source of the library that our own content folder is."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """How many items, topics and newsletters were taken in, and whether some were left out."""

    items: int
    topics: int
    newsletters: int
    broken: bool


async def take_in(
    gateway: Gateway, content_dir: Path, calendar: BusinessCalendar, zone: str
) -> TakenIn:
    """Import the content folder, and publish its topics and newsletters. What has errors is left
    out; segments that they name are to be published before."""
    now = gateway.clock.now()
    source = ContentSource(OWN, SourceKind.CONTENT, str(content_dir))
    async with gateway.pool.connection() as connection:
        imported = await import_source(connection, source, now)
    found = load_topics(content_dir)
    if found.there and not found.errors:
        await topic_publishing.publish(gateway.pool, found.topics, now)
    letters = load_newsletters(content_dir)
    await newsletters.publish(gateway, letters.by_name.values(), calendar, zone)
    return TakenIn(
        len(imported.plan.added), len(found.topics.topics), len(letters.by_name),
        bool(found.errors or letters.errors),
    )  # fmt: skip
