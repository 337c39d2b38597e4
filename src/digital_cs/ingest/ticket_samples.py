"""Tickets as colleagues may read them who do not know the customer: with names left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store import ticket_texts
from digital_cs.store.ticket_texts import WithText

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was asked in a ticket, with names left out."""

    ticket: str
    text: str


async def samples_of(connection: Connection, tickets: Sequence[str]) -> list[Sample]:
    """These tickets with names left out, as far as their texts are kept."""
    found = await ticket_texts.texts_of(connection, tickets)
    return [Sample(each.id, without_names(each)) for each in found]


def without_names(ticket: WithText) -> str:
    """What stands in a ticket, without names, addresses and numbers of people."""
    from digital_cs.topics.scrub import scrub

    return scrub(ticket.text, ticket.names)
