"""Puts topics in force, and says what that changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.support.topic import Topics
from digital_cs.store.support import ticket_topics, topics


@dataclass(frozen=True, slots=True)
class PublishedTopics:
    """What publishing topics did, or would do. `left`: tickets still to be looked at."""

    version: int
    new: bool
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    published_at: datetime | None
    left: int


async def publish(
    pool: AsyncConnectionPool[Any], wanted: Topics, now: datetime, *, dry_run: bool = False
) -> PublishedTopics:
    """Put topics in force; tickets are looked at again by `TicketSorter.all_again`."""
    async with pool.connection() as connection, connection.transaction(force_rollback=dry_run):
        before = {each.topic: each for each in (await topics.current(connection)).topics.topics}
        after = {each.topic: each for each in wanted.topics}
        found, new = await topics.publish(connection, wanted, now)
        left = 0
        if found.assigned_at is None:
            left = await ticket_topics.count_after(connection, found.assigned_through)
    return PublishedTopics(
        found.version, new, tuple(name for name in after if name not in before),
        tuple(name for name in after if name in before and before[name] != after[name]),
        tuple(name for name in before if name not in after), found.published_at, left,
    )  # fmt: skip
