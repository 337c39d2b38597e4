"""How much one sender may send: a token bucket that may be overdrawn once, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST_SECONDS = 2.0


class Bucket:
    """So many tokens a second, and at most those of two seconds saved up.

    A request is let in while there is any token, and then pays for all that it turned out to hold:
    it has to be read before that is known, and a large one must not starve.
    """

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._now = now
        self._tokens = rate * BURST_SECONDS
        self._at = now()

    def wait(self) -> float:
        """Seconds until the next request is welcome; 0: it is now."""
        now = self._now()
        saved = self._tokens + (now - self._at) * self._rate
        self._tokens, self._at = min(saved, self._rate * BURST_SECONDS), now
        return max(0.0, -self._tokens / self._rate)

    def pay(self, tokens: int) -> None:
        """Take so many tokens away."""
        self._tokens -= tokens
