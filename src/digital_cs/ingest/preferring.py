"""Preferences by hand: what an operator is told that somebody wants, and what there is to want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store import preferences
from digital_cs.store.deadlock import again_after_deadlock
from digital_cs.store.preferences import Preferences

Connection = AsyncConnection[Any]

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to change; None and what is not named stay. `pause`: from now on, zero ends one."""

    topics: Mapping[str, bool]
    fewer: bool | None = None
    pause: timedelta | None = None


class Preferring:
    """Each change is one transaction, in force for the next claim of a message (P16)."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def read(self, contact_id: str) -> Preferences:
        """What a contact wants. Raises NotFoundError."""
        async with self._pool.connection() as connection:
            return await self._known(connection, contact_id)

    @again_after_deadlock
    async def change(self, contact_id: str, wish: Wish, source: str = OPERATOR) -> Preferences:
        """Keep what a contact wants; returns all of it. Raises NotFoundError."""
        now = self._clock.now()
        async with self._pool.connection() as connection, connection.transaction():
            await self._known(connection, contact_id)
            await preferences.set_topics(connection, contact_id, wish.topics, source, now)
            if wish.fewer is not None:
                await preferences.fewer(connection, contact_id, wish.fewer, now)
            if wish.pause is not None:
                until = now + wish.pause if wish.pause else None
                await preferences.pause_until(connection, contact_id, until, now)
            return await self._known(connection, contact_id)

    async def _known(self, connection: Connection, contact_id: str) -> Preferences:
        found = await preferences.read(connection, contact_id, self._clock.now())
        if found is None:
            raise NotFoundError(f"There is no contact with the id '{contact_id}'.")
        return found


def known_topics(named: Mapping[str, bool], topics: Mapping[str, object]) -> None:
    """Raises UsageError for a topic that the policy in force does not know."""
    for name in named:
        if name not in topics:
            raise UsageError(f"There is no topic '{name}'. Topics are: {', '.join(topics)}.")
