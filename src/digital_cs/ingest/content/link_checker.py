"""Checking the links that are due: server by server, politely, and never twice at once."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.background import end
from digital_cs.channels.page_wire import PageWire
from digital_cs.channels.pages import Pages, Seen
from digital_cs.channels.politeness import Politeness
from digital_cs.clock import Clock
from digital_cs.config import Settings
from digital_cs.domain.links.link_health import Finding, Health, Look, State, after
from digital_cs.store.content import link_work, links, live_pages
from digital_cs.store.content.link_work import Due
from digital_cs.store.content.links import Which

CLAIM_SECONDS = 1_200.0
"""Longer than the slowest look with all its redirects takes; who is killed keeps servers so long.
"""
SAVE_SECONDS = 30.0
_BATCH = 25
SILENT = 3
"""After so many links in a row without an answer, a server is not waited for again and again."""
CUT_OFF = 5
"""Where so many servers are asked and not one of them answers, it is we who are cut off: of their
links that says nothing, and a fault of ours must not make a library stale."""
_LATER = timedelta(hours=1)
_NO_ANSWER = (Finding.NO_ANSWER, Finding.TOO_SLOW, Finding.NO_SERVER)
_UNASKED = (Finding.PRIVATE, Finding.RESERVED, Finding.SCHEME)


@dataclass(slots=True)
class Checked:
    """What a run did so far. `states`: links by what is known of them now. `cut_off`: no server at
    all answered, so nothing was kept."""

    links: int = 0
    changed_pages: int = 0
    states: Counter[State] = field(default_factory=Counter)
    left_alone: set[str] = field(default_factory=set)
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class _Result:
    due: Due
    seen: Seen
    health: Health


@contextlib.asynccontextmanager
async def polite_pages(settings: Settings) -> AsyncIterator[Pages]:
    """What looks at pages, as the settings say; closed at the end."""
    agent = settings.link_agent
    pages = Pages(
        PageWire(agent=agent),
        Politeness(delay=settings.link_delay, at_once=settings.link_requests), agent=agent,
    )  # fmt: skip
    try:
        yield pages
    finally:
        await pages.close()


async def look_patiently(
    pages: Pages, url: str, at: datetime, silent: list[Look], *, text: bool = False
) -> Seen:
    """Look at the next link of a server. `silent` holds the looks before it, in a row, that got no
    answer: after a few of them the others are taken to get none either, without waiting again."""
    if len(silent) >= SILENT or (silent and silent[-1].finding is Finding.NO_SERVER):
        return Seen(replace(silent[-1], at=at))
    seen = await pages.look(url, at, text=text)
    if _silent(seen.look):
        silent.append(seen.look)
    else:
        silent.clear()
    return seen


def _silent(look: Look) -> bool:
    return look.finding in _NO_ANSWER and look.leads_to is None


def _heard(look: Look) -> bool:
    """Whether a server said something: much is refused before anybody is asked."""
    return not _silent(look) and look.finding not in _UNASKED


class LinkChecker:
    """Checks what is due, once. Any number of these may run side by side: each server is asked by
    one of them at a time. Interrupted, it gives back what it claimed; killed, that comes back by
    itself. `hosts_at_once`: servers whose turn is waited for at the same time."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, pages: Pages,
        hosts_at_once: int = 500,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._pages = pages
        self._hosts_at_once = hosts_at_once
        self._worker = uuid.uuid4().hex
        self._reached = False
        self._unjudged: dict[str, list[_Result]] = {}

    async def run(
        self, which: Which, on_progress: Callable[[Checked], None] = lambda checked: None
    ) -> Checked:
        """Look at every link that is due, and keep what was found."""
        done = Checked()
        self._reached, self._unjudged = False, {}
        hosts: set[asyncio.Task[None]] = set()
        try:
            while True:
                free = self._hosts_at_once - len(hosts)
                if not hosts or free >= max(1, self._hosts_at_once // 4):
                    for host in await self._claim(which, free):
                        hosts.add(asyncio.create_task(self._host(host, which, done, on_progress)))
                if not hosts:
                    if self._unjudged and await self._judge_silent(done):
                        on_progress(done)
                        continue
                    return done
                ended, hosts = await asyncio.wait(hosts, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
        finally:
            await end(*hosts)
            async with self._pool.connection() as connection:
                await link_work.release(connection, self._worker)

    async def _claim(self, which: Which, most: int) -> list[str]:
        async with self._pool.connection() as connection:
            return await link_work.claim_hosts(
                connection, self._worker, self._clock.now(), CLAIM_SECONDS, most, which
            )

    async def _host(
        self, host: str, which: Which, done: Checked, on_progress: Callable[[Checked], None]
    ) -> None:
        """All links of one server that are due, one after the other."""
        alone: datetime | None = None
        silent: list[Look] = []
        while alone is None and (batch := await self._due(host, which)):
            found: list[_Result] = []
            save_at = asyncio.get_running_loop().time() + SAVE_SECONDS
            try:
                for due in batch:
                    if asyncio.get_running_loop().time() > save_at:
                        break
                    found.append(await self._look(due, silent))
                    wait = self._pages.left_alone_for(host)
                    if wait > 0:
                        alone = self._clock.now() + timedelta(seconds=wait)
                        done.left_alone.add(host)
                        break
            finally:
                claimed = await asyncio.shield(self._keep(host, found, done))
            on_progress(done)
            if not claimed:
                return
        async with self._pool.connection() as connection:
            await link_work.release(connection, self._worker, host, alone)

    async def _due(self, host: str, which: Which) -> list[Due]:
        async with self._pool.connection() as connection:
            return await link_work.due(connection, host, self._clock.now(), _BATCH, which)

    async def _look(self, due: Due, silent: list[Look]) -> _Result:
        seen = await look_patiently(self._pages, due.url, self._clock.now(), silent, text=due.page)
        return _Result(due, seen, after(due.health, seen.look, due.url))

    async def _keep(self, host: str, found: list[_Result], done: Checked) -> bool:
        """Keep what was found; False: the server is not to be gone on with."""
        self._reached = self._reached or any(_heard(result.seen.look) for result in found)
        if not self._reached and any(_silent(result.seen.look) for result in found):
            self._unjudged[host] = found
            return False
        return await self._save(host, found, done)

    async def _judge_silent(self, done: Checked) -> bool:
        """Keep what silent servers did not say, or not, if nobody else said anything either. True:
        it was kept, and they may have more links that are due."""
        silent, self._unjudged = self._unjudged, {}
        done.cut_off = not self._reached and len(silent) >= CUT_OFF
        self._reached = True
        alone = self._clock.now() + _LATER if done.cut_off else None
        for host, found in silent.items():
            if not done.cut_off:
                await self._save(host, found, done)
            async with self._pool.connection() as connection:
                await link_work.release(connection, self._worker, host, alone)
        return not done.cut_off

    async def _save(self, host: str, found: list[_Result], done: Checked) -> bool:
        """Keep what was found; False: the server is no longer ours."""
        async with self._pool.connection() as connection, connection.transaction():
            await link_work.save(connection, [(r.due.url, r.seen.look, r.health) for r in found])
            read = {r.due.url: r.seen for r in found if r.seen.text is not None}
            for url, seen in read.items():
                change = await live_pages.keep(connection, url, seen.text or "", seen.look.at)
                done.changed_pages += change is not None
            if read:
                await links.replace_found(connection, {u: seen.links for u, seen in read.items()})
            claimed = await link_work.renew_claim(connection, self._worker, host, CLAIM_SECONDS)
        done.links += len(found)
        done.states.update(result.health.state for result in found)
        return claimed
