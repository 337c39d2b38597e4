"""Tickets as colleagues may read them who do not know the customer: with names left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.support.product_words import product_words
from digital_cs.store.content import library
from digital_cs.store.support import ticket_texts, topics
from digital_cs.store.support.ticket_texts import WithText

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was asked in a ticket, with names left out."""

    ticket: str
    text: str


async def samples_of(connection: Connection, tickets: Sequence[str]) -> list[Sample]:
    """These tickets with names left out, as far as their texts are kept."""
    found = await ticket_texts.texts_of(connection, tickets)
    keep = await words_to_keep(connection) if found else frozenset()
    return [Sample(each.id, without_names(each, keep)) for each in found]


async def words_to_keep(connection: Connection) -> frozenset[str]:
    """Words of the product, in small letters: of the library's titles, of areas and of topics.

    None that is part of the name of a contact, an account, or a colleague who keeps an item.
    """
    items = await library.items(connection)
    ours = (await topics.in_force(connection)).topics
    titles = [*(item.title for item in items), *(topic.title for topic in ours)]
    areas = {*(item.area for item in items), *(topic.area for topic in ours)}
    found = product_words(titles, [area for area in areas if area])
    return found - await ticket_texts.names_among(connection, sorted(found)) if found else found


def without_names(ticket: WithText, keep: Collection[str] = ()) -> str:
    """What stands in a ticket, without names, addresses and numbers of people.

    keep: words that are left though they are written as names are, as those of the product.
    """
    from digital_cs.topics.scrub import scrub

    return scrub(ticket.text, ticket.names, keep)
