"""Reads what content was good for: from events of the help center and the texts of tickets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.content_policy import Feedback
from digital_cs.domain.content.item_names import ItemNames
from digital_cs.store.content import feedback
from digital_cs.store.content.feedback import Told, UseOnTicket, Vote

Connection = AsyncConnection[Any]

EVENT, TEXT = "event", "ticket text"
_YES = ("true", "yes", "1", "helpful")
_NO = ("false", "no", "0", "not helpful")


@dataclass(frozen=True, slots=True)
class Read:
    """What was new: uses on tickets, votes. `not_understood`: events that tell of an item that is
    not known, or do not say what became of it."""

    uses: int = 0
    votes: int = 0
    not_understood: int = 0


async def read_feedback(
    connection: Connection, names: ItemNames, called: Feedback, since: datetime | None,
    now: datetime,
) -> Read:  # fmt: skip
    """Keep what events received since then (None: ever) and solved tickets tell of items.

    Opens a transaction. Reading the same again changes nothing.
    """
    uses = votes = lost = 0
    async with connection.transaction():
        async for told in feedback.told(connection, (called.used, called.rated), since):
            found = [_meant(each, names, called) for each in told]
            lost += found.count(None)
            uses += await feedback.keep_uses(
                connection, [each for each in found if isinstance(each, UseOnTicket)]
            )
            votes += await feedback.keep_votes(
                connection, [each for each in found if isinstance(each, Vote)]
            )
        async for links in feedback.links_in_solved(connection, now):
            shown = [
                UseOnTicket(item, ticket, at, TEXT)
                for ticket, at, url in links
                if (item := names.of_page(url.rstrip(".,;:!?"))) is not None
            ]
            uses += await feedback.keep_uses(connection, shown)
    return Read(uses, votes, lost)


def _meant(told: Told, names: ItemNames, called: Feedback) -> UseOnTicket | Vote | None:
    item = names.find(_word(told.properties.get("article")))
    if item is None:
        return None
    if told.name == called.used:
        ticket = _word(told.properties.get("ticket"))
        return UseOnTicket(item, ticket, told.at, EVENT) if ticket else None
    said = _word(told.properties.get("helpful")).casefold()
    if said not in _YES + _NO:
        return None
    # Who is not known at all votes with each event: nobody can say who that was.
    return Vote(item, told.who or told.id, said in _YES, told.at, EVENT)


def _word(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | bool) else ""
