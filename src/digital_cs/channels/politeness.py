"""Asking servers politely: one request at a time to each, with a pause after it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

LONGEST_DELAY = 30.0
"""Seconds: what a robots.txt may ask for at most between two requests."""
_KEPT = 10_000


@dataclass(slots=True)
class _Host:
    delay: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_at: float = 0.0
    silent_until: float = 0.0


class Politeness:
    """Gives each request its turn.

    `delay`: seconds from the end of a request to the next one at the same host. `at_once`: requests
    under way over all hosts; those who wait for their host's turn do not count.
    """

    def __init__(self, *, delay: float, at_once: int) -> None:
        self._delay = delay
        self._places = asyncio.Semaphore(at_once)
        self._hosts: dict[str, _Host] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for the host's turn and a place; the block is the request."""
        loop, found = asyncio.get_running_loop(), self._host(host)
        async with found.lock:
            wait = found.next_at - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            async with self._places:
                try:
                    yield
                finally:
                    found.next_at = loop.time() + found.delay

    def slow_down(self, host: str, delay: float) -> None:
        """A host asks for more time between requests: it gets it, within reason."""
        self._host(host).delay = max(self._delay, min(delay, LONGEST_DELAY))

    def leave_alone(self, host: str, seconds: float) -> None:
        """A host asks to be left alone for so long."""
        found = self._host(host)
        until = asyncio.get_running_loop().time() + seconds
        found.silent_until = max(found.silent_until, until)

    def left_alone_for(self, host: str) -> float:
        """Seconds for which a host still wants to be left alone; 0: it may be asked."""
        found = self._hosts.get(host)
        return max(0.0, found.silent_until - asyncio.get_running_loop().time()) if found else 0.0

    def _host(self, host: str) -> _Host:
        if host not in self._hosts:
            if len(self._hosts) >= _KEPT:
                self._forget()
            self._hosts[host] = _Host(self._delay)
        return self._hosts[host]

    def _forget(self) -> None:
        """Forget hosts that nobody waits for: one forgotten is asked as if for the first time."""
        now = asyncio.get_running_loop().time()
        self._hosts = {
            name: host
            for name, host in self._hosts.items()
            if host.lock.locked()
            or max(host.next_at, host.silent_until) > now
            or host.delay != self._delay
        }
