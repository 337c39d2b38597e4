"""Hostile texts in every field of a message: refused with a sentence or kept to the letter."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.ingest.events.collector import Collector
from digital_cs.ingest.rules.entries import Entries
from tests.console.client import STOPPED, face

KEY = "a-write-key"
HOSTILE = (
    "'; drop table product_events; --", '"', '""', "\\", "\\N", "\\.", "\\\\.", "a,b", "a\tb", "{}",
    "%s", "%(name)s", "$1", "a\u2028b", "\ufeff", "\u202eevil", "\U0001f600", "e\u0301", "NULL",
    "null", " lead and trail ", "{'a'}", "${jndi:x}", "<script>", "ſ", "İ", "\x7f", "\x01", "\x85",
    "a\rb", "a\nb", "a\x00b", "\ufffe", "\uffff", "\ud800", "x" * 200, "é" * 200, "x" * 201,
)  # fmt: skip


@pytest.fixture
async def sdk(pool: AsyncConnectionPool[Any]) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app with the real collector behind it."""
    collector = Collector(pool, STOPPED, Entries(pool, STOPPED, "UTC"), oldest_days=400)
    async with collector.collecting(), face(pool, taker=collector, write_keys=KEY) as found:
        found.stranger.auth = httpx2.BasicAuth(KEY, "")
        yield found.stranger


_numbers = itertools.count()


def messages(text: str) -> list[dict[str, Any]]:
    """A message for each place in which a text may stand."""
    fresh = next(_numbers)
    track = {"type": "track", "userId": "u", "event": "E"}
    found: list[dict[str, Any]] = [
        {**track, "messageId": f"{text[:150]}{fresh}"},
        {**track, "userId": text},
        {**track, "anonymousId": text},
        {**track, "event": text},
        {**track, "context": {"groupId": text}},
        {**track, "properties": {text: text, "list": [text, {"deep": text}]}},
        {"type": "page", "userId": "u", "name": text, "category": text},
        {"type": "identify", "userId": text, "traits": {"email": text, "name": text, text: text}},
        {"type": "group", "userId": text, "groupId": text, "traits": {"name": text, text: 1}},
        {"type": "alias", "previousId": text, "userId": f"{text[:150]}-known"},
    ]
    return [{"messageId": f"{fresh}-{number}", **message} for number, message in enumerate(found)]


async def sent(
    sdk: httpx2.AsyncClient, connection: AsyncConnection[Any], batch: list[dict[str, Any]]
) -> None:
    """Send them, and look at every event that was not refused."""
    answer = await sdk.post("/v1/batch", content=json.dumps({"batch": batch}))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["kept"] + len(told["refused"]) == len(batch)
    assert all(each["problem"].endswith(".") for each in told["refused"])
    refused = {each["index"] for each in told["refused"]}
    for index, message in enumerate(batch):
        if index in refused or message["type"] not in ("track", "page"):
            continue
        cursor = await connection.execute(
            "select user_id, anonymous_id, name, properties from product_events where id = %s",
            (message["messageId"],),
        )
        (row,) = await cursor.fetchall()
        properties = message.get("properties", {})
        if message["type"] == "page":
            properties = {"name": message["name"], "category": message["category"]}
        assert row == (
            message["userId"], message.get("anonymousId"), message.get("event", "page"), properties
        )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_hostile_text_is_kept_to_the_letter_or_refused(
    sdk: httpx2.AsyncClient, connection: AsyncConnection[Any], text: str
) -> None:
    await sent(sdk, connection, messages(text))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(min_size=1, max_size=40))
async def test_any_text_is_kept_to_the_letter_or_refused(
    sdk: httpx2.AsyncClient, connection: AsyncConnection[Any], text: str
) -> None:
    await sent(sdk, connection, messages(text))
