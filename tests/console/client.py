"""The real app, asked over ASGI: with or without the key, with or without a database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock, FastClock
from digital_cs.config import Settings, load_settings
from digital_cs.console.app import build_app
from digital_cs.ingest.events.incoming import Taker
from digital_cs.ingest.rules.entries import Entries
from digital_cs.signing import Signer
from digital_cs.temporal.gateway import Gateway
from tests import rig
from tests.console.shelf import Shelf

KEY = "a-key-of-this-test"
STOPPED = FastClock(rig.MONDAY, datetime(2999, 1, 1, tzinfo=UTC), 1.0)
"""A clock that stands still on that Monday: it is to start in a far future."""
SIGNER = Signer("a-signing-key-of-this-test")


@dataclass(frozen=True)
class Face:
    """Clients of one app: an owner of the key, and a stranger."""

    gateway: Gateway
    owner: httpx2.AsyncClient
    stranger: httpx2.AsyncClient


@contextlib.asynccontextmanager
async def face(
    pool: AsyncConnectionPool[Any],
    api_key: str | None = KEY,
    taker: Taker | None = None,
    clock: Clock = STOPPED,
    **overrides: Any,
) -> AsyncIterator[Face]:
    """The app on a pool; without `api_key` its API is closed."""
    settings: Settings = load_settings(api_key=api_key, **overrides)
    gateway = Gateway(pool, clock, Entries(pool, clock, "UTC"))
    transport = httpx2.ASGITransport(build_app(gateway, pool, settings, SIGNER, taker or Shelf()))
    async with (
        httpx2.AsyncClient(
            transport=transport, base_url="http://api.test",
            headers={"Authorization": f"Bearer {KEY}"},
        ) as owner,
        httpx2.AsyncClient(transport=transport, base_url="http://api.test") as stranger,
    ):  # fmt: skip
        yield Face(gateway, owner, stranger)


def error_of(response: httpx2.Response) -> dict[str, Any]:
    """The error of an answer, after a look at its shape: the same for all."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["message"].endswith((".", "?")), "an error is a sentence"
    assert all(set(each) == {"at", "problem"} for each in error["details"])
    return error
