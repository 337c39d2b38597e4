"""Preferences as an operator hears them: by phone, in a ticket, in a talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.sending.policy import Topic
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import preferences
from digital_cs.store.people.preferences import Preferences
from digital_cs.store.sending import policies

Connection = AsyncConnection[Any]

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to change; what is not named stays. `pause` is from now on, and zero ends one."""

    topics: Mapping[str, bool] = field(default_factory=dict)
    fewer: bool | None = None
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a contact wants, and the topics of the policy in force."""

    said: Preferences
    topics: Mapping[str, Topic]


class Preferring:
    """Each change is one transaction, in force for the next claim of a message (P16)."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def read(self, contact_id: str) -> Wanted:
        """What a contact wants. Raises NotFoundError."""
        async with self._pool.connection() as connection:
            return await self._known(connection, contact_id)

    @again_after_deadlock
    async def change(self, contact_id: str, wish: Wish, source: str = OPERATOR) -> Wanted:
        """Keep what a contact wants; returns all of it.

        Raises NotFoundError, and UsageError for a topic that the policy in force does not know.
        """
        now = self._clock.now()
        async with self._pool.connection() as connection, connection.transaction():
            topics = (await self._known(connection, contact_id)).topics
            for name in wish.topics:
                if name not in topics:
                    raise UsageError(f"There is no topic '{name}'. There are: {', '.join(topics)}.")
            await preferences.set_topics(connection, contact_id, wish.topics, source, now)
            if wish.fewer is not None:
                await preferences.fewer(connection, contact_id, wish.fewer, now)
            if wish.pause is not None:
                until = now + wish.pause if wish.pause else None
                await preferences.pause_until(connection, contact_id, until, now)
            return await self._known(connection, contact_id)

    async def _known(self, connection: Connection, contact_id: str) -> Wanted:
        found = await preferences.read(connection, contact_id, self._clock.now())
        if found is None:
            raise NotFoundError(f"There is no contact with the id '{contact_id}'.")
        return Wanted(found, (await policies.current(connection)).policy.topics)
