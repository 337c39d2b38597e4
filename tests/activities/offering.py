"""A playbook whose e-mail shows an offer, and what people say of it: stale, wrong, still right."""

from __future__ import annotations

from datetime import timedelta

from digital_cs.domain.content.content_item import ContentItem, Review
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.ingest.content.library import import_source
from digital_cs.store.content import library, reviews
from tests.activities.house import House

OLD, SAID = "2020-01-01", "The offer of last spring."
AROUND = 'Hi,\n\n{% include "blocks/offer.md" %}\n\nUntil then.\n'


def write(house: House, place: str, text: str, **front: str) -> None:
    """Put a file into the playbook, as a worker that watches its content takes it up."""
    head = "".join(f"{key}: {value}\n" for key, value in front.items())
    (house.content / place).write_text(f"---\nowner: maya\n{head}---\n{text}\n", encoding="utf-8")
    house.library.load()


async def take_in(house: House) -> None:
    """Import the content folder."""
    later = house.clock.now().date() + timedelta(days=90)
    async with house.pool.connection() as connection:
        source = ContentSource("content", SourceKind.CONTENT, str(house.content))
        await import_source(connection, source, house.clock.now())
        # What says nothing of reviews is due within the quarter: another day than that of a test.
        await connection.execute(
            "update content_items set first_due_on = %s where first_due_on < %s",
            (later, later),
        )


async def offer(house: House, reviewed: str = OLD, **rule: str) -> None:
    """The e-mail shows a block with this rule, which was reviewed long ago."""
    write(house, "blocks/offer.md", SAID, reviewed=reviewed, **rule)
    mail = {"subject": "Welcome", "preview": "Hi", "topic": "tips"}
    write(house, "emails/welcome-trial-1.md", AROUND, **mail)
    await take_in(house)


async def item(house: House, place: str = "blocks/offer.md") -> ContentItem:
    async with house.pool.connection() as connection:
        return next(each for each in await library.items(connection) if each.locator == place)


async def review(house: House, place: str = "blocks/offer.md") -> None:
    """What `digital-cs content review` does."""
    found = await item(house, place)
    now = house.clock.now()
    async with house.pool.connection() as connection, connection.transaction():
        await reviews.record(connection, Review(found.id, now.date(), "maya", changed=False), now)


async def block(house: House, place: str = "blocks/offer.md") -> None:
    """What `digital-cs content block` does."""
    found = await item(house, place)
    async with house.pool.connection() as connection:
        assert await reviews.block(connection, found.id, "It is over.", "maya", house.clock.now())
