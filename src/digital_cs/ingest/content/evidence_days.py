"""Has all evidence about content looked at once a day, by the policy and the team of that day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.catalog.team import load_team
from digital_cs.clock import Clock
from digital_cs.errors import DigitalCsError
from digital_cs.ingest.content.evidence import Refreshed, refresh
from digital_cs.store.content import evidence
from digital_cs.store.sending import policies

log = logs.get(__name__)

Connection = AsyncConnection[Any]

AGAIN_SECONDS = 600.0
"""So long nobody tries again after a look that failed."""
AT_MOST_EVERY = 15.0
"""Real seconds between two looks: the days of a demo are shorter than that."""


class TeamUnreadableError(DigitalCsError):
    """content/team.yaml says something wrong. `digital-cs check` says what."""


async def look(
    connection: Connection, content_dir: Path, now: datetime, items: Sequence[str] | None = None
) -> Refreshed:
    """Look at the evidence about these items, None: about all, by the policy in force and the
    team of the content folder. Raises TeamUnreadableError: who is gone must not seem to be back.
    """
    loaded = await asyncio.to_thread(load_team, content_dir)
    if any(each.severity == "error" for each in loaded.problems):
        raise TeamUnreadableError
    policy = (await policies.current(connection)).policy.content
    return await refresh(connection, policy, loaded.team, now, items)


class EvidenceDays:
    """Looks at all evidence once on each day of the business clock."""

    def __init__(self, *, pool: AsyncConnectionPool[Any], clock: Clock, content_dir: Path) -> None:
        self._pool = pool
        self._clock = clock
        self._content_dir = content_dir
        self._looked_on: date | None = None
        self._again_at = 0.0

    async def turn(self) -> Refreshed | None:
        """Look, if nobody did today; None: somebody did, or it failed and is tried later."""
        now = self._clock.now()
        if self._looked_on == now.date() or time.monotonic() < self._again_at:
            return None
        done = None
        try:
            async with self._pool.connection() as connection:
                last = await evidence.last_pass(connection)
                if last is None or last.at.date() < now.date():
                    done = await look(connection, self._content_dir, now)
        except Exception as error:  # who keeps has more to do, and goes on with it
            log.warning("evidence.not_looked_at", error=type(error).__name__)
            self._again_at = time.monotonic() + AGAIN_SECONDS
            return None
        self._looked_on = now.date()
        self._again_at = time.monotonic() + AT_MOST_EVERY
        if done is not None:
            log.info(
                "evidence.looked_at", items=done.settled.items, evidence=done.settled.open,
                stale=done.settled.stale, seconds=round(done.seconds, 2),
            )  # fmt: skip
        return done
