"""Has the links of the library checked every few hours, without anybody remembering to."""

from __future__ import annotations

import asyncio
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.clock import Clock
from digital_cs.config import Settings
from digital_cs.ingest.content.link_checker import Checked, LinkChecker, polite_pages
from digital_cs.ingest.content.link_gathering import gather_links
from digital_cs.store.content.links import Which

log = logs.get(__name__)

FIRST_SECONDS = 60.0
"""A worker that starts has more urgent things to do."""
EVERY_SECONDS = 4 * 3_600.0
_HOSTS_AT_ONCE = 50
"""Servers that wait for their turn at the same time: fewer than where nothing else is done."""
_LOCK = 0x4C525344


class LinkRounds:
    """Goes round once every few hours. Any number of workers may: they share the servers."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, settings: Settings,
        first: float = FIRST_SECONDS, every: float = EVERY_SECONDS,
    ) -> None:  # fmt: skip
        """`first`: real seconds before the first round, `every`: between two."""
        self._pool = pool
        self._clock = clock
        self._settings = settings
        self._first = first
        self._every = every

    async def run(self) -> None:
        """Go round until cancelled. What goes wrong is tried again in the next round."""
        await asyncio.sleep(self._first)
        while True:
            try:
                done = await self.once()
            except Exception as error:  # mail goes out whatever is on others' pages
                log.warning("links.not_checked", error=type(error).__name__)
            else:
                log.info("links.checked", links=done.links, changed_pages=done.changed_pages)
                if done.cut_off:
                    log.warning("links.cut_off")
            await asyncio.sleep(self._every)

    async def once(self) -> Checked:
        """Gather the links of the library, and look at those that are due."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,))
            row = await cursor.fetchone()
            if row and row[0]:  # else another worker gathers them at this moment
                try:
                    await gather_links(connection)
                finally:
                    if not connection.closed:
                        await connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))
        async with polite_pages(self._settings) as pages:
            checker = LinkChecker(
                pool=self._pool, clock=self._clock, pages=pages, hosts_at_once=_HOSTS_AT_ONCE
            )
            return await checker.run(Which())
