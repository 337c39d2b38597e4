"""Asking again when Postgres chose a transaction to break a deadlock: it left no trace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from psycopg.errors import DeadlockDetected

P = ParamSpec("P")
R = TypeVar("R")

MOST_TRIES = 4


def again_after_deadlock(ask: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Decorates a coroutine that is one whole transaction, so that it may simply run again."""

    @wraps(ask)
    async def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(MOST_TRIES - 1):
            try:
                return await ask(*args, **kwargs)
            except DeadlockDetected:
                continue
        return await ask(*args, **kwargs)

    return asked
