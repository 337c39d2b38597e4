"""What Zendesk pushes is believed by its signature, kept once, and answered in sentences."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from prometheus_client import REGISTRY
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.ingest.support.zendesk_webhook import SignatureError, check_signature
from digital_cs.store.product import sources
from digital_cs.store.support import tickets
from tests.console.client import Face, error_of, face

SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
PATH = "/v1/zendesk/webhook"
TRIGGER = {
    "id": "5158", "status": "Open", "priority": "High", "subject": "Late invoice",
    "description": "Where is it?", "requester_email": "ada@acme.test", "organization_id": "",
    "organization_external_id": "", "tags": "billing vip", "created_at": "2026-03-01T08:00:00Z",
    "updated_at": "2026-03-01T09:00:00+00:00",
}  # fmt: skip


@pytest.fixture
async def zendesk(pool: AsyncConnectionPool[Any]) -> AsyncIterator[Face]:
    async with face(pool, zendesk_webhook_secret=SECRET) as found:
        yield found


async def push(
    api: Face,
    body: Any,
    *,
    secret: str = SECRET,
    age: timedelta = timedelta(),
    **headers: str | bytes,
) -> httpx2.Response:
    """Send it as Zendesk does: signed, and without the key of the API."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hmac.new(secret.encode(), stamp.encode() + content, hashlib.sha256).digest()
    signed = {
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp, "Content-Type": "application/json",
    }  # fmt: skip
    return await api.stranger.post(PATH, content=content, headers={**signed, **headers})


def event(kind: str = "ticket.status_changed", **detail: Any) -> dict[str, Any]:
    """An event as Zendesk writes it: ids are texts, states in capitals, nine digits of seconds."""
    return {
        "account_id": 22129848, "id": "cbe4028c-7239-495d-b020-f22348516046",
        "subject": "zen:ticket:5158", "time": "2026-03-01T10:12:07.672717030Z",
        "type": f"zen:event-type:{kind}", "zendesk_event_version": "2022-11-06",
        "event": {"current": "OPEN", "previous": "NEW"},
        "detail": {
            "id": "5158", "status": "OPEN", "priority": "URGENT", "type": "TASK",
            "created_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-01T10:00:00Z",
            "requester_id": "8447388090494", "organization_id": "77", "subject": "Late invoice",
            "description": "Where is it?", "tags": ["billing"], "external_id": None,
            "via": {"channel": "web_service"}, **detail,
        },
    }  # fmt: skip


async def kept(connection: AsyncConnection[Any]) -> tickets.TicketView:
    found = await tickets.find(connection, "zendesk:5158")
    assert found is not None
    return found


async def test_an_event_and_a_trigger_keep_the_same_ticket_and_the_newer_one_counts(
    zendesk: Face, connection: AsyncConnection[Any]
) -> None:
    await connection.execute(
        "insert into accounts (id, name, domains, created_at, updated_at)"
        " values ('acme', 'Acme', '{acme.test}', now(), now())"
    )
    answer = await push(zendesk, {"ticket": TRIGGER})
    assert (answer.status_code, answer.json()) == (
        200, {"result": "kept", "ticket": "zendesk:5158"},
    )  # fmt: skip
    first = await kept(connection)
    assert (first.status, first.severity, first.tags) == ("open", "high", ["billing", "vip"])
    assert (first.account_id, first.matched_by, first.subject) == (
        "acme", "domain", "Late invoice",
    )  # fmt: skip

    assert (await push(zendesk, event(status="SOLVED"))).json()["result"] == "kept"
    second = await kept(connection)
    assert (second.status, second.severity, second.tags) == ("solved", "urgent", ["billing"])
    assert second.account_id == "acme", "an event names no address, and takes none away"
    assert second.organization == "77"
    assert second.solved_at == datetime(2026, 3, 1, 10, tzinfo=UTC)

    for late in ({"ticket": TRIGGER}, event(status="SOLVED")):
        assert (await push(zendesk, late)).json()["result"] == "known_already"
    assert await kept(connection) == second
    source = await sources.get(connection, "zendesk")
    assert source is not None
    assert (source.received, source.complete_through) == (4, None)


async def test_a_deleted_ticket_is_forgotten_at_once(
    zendesk: Face, connection: AsyncConnection[Any]
) -> None:
    await push(zendesk, {"ticket": TRIGGER})
    await push(zendesk, event("ticket.soft_deleted", updated_at="2026-03-01T08:30:00Z"))
    found = await kept(connection)
    assert (found.status, found.subject, found.body, found.tags) == ("deleted", None, None, [])


@pytest.mark.parametrize(
    "other", ["organization.created", "user.active_changed", "agent.state_changed"]
)
async def test_other_events_are_acknowledged_and_counted(zendesk: Face, other: str) -> None:
    def ignored() -> float:
        counted = {"result": "ignored"}
        return REGISTRY.get_sample_value("digital_cs_zendesk_pushed_total", counted) or 0.0

    before = ignored()
    answer = await push(zendesk, event(other))
    assert (answer.status_code, answer.json()) == (200, {"result": "ignored", "ticket": None})
    assert ignored() == before + 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be a JSON object"),
        ({}, "neither the type of an event nor a ticket"),
        ({"ticket": []}, "must be an object"),
        ({"ticket": {**TRIGGER, "id": "\u0000"}}, "no id"),
        ({"ticket": {**TRIGGER, "status": "Simmering"}}, "no status that is known"),
        ({"ticket": {**TRIGGER, "updated_at": "March 1, 2026"}}, "no updated_at"),
        ({"ticket": {**TRIGGER, "created_at": "0001-01-01T00:00:00Z"}}, "no created_at"),
        ({"type": "zen:event-type:ticket.created"}, "has no detail"),
    ],
)
async def test_what_is_no_ticket_is_refused_with_a_sentence(
    zendesk: Face, connection: AsyncConnection[Any], body: Any, sentence: str
) -> None:
    answer = await push(zendesk, body)
    assert answer.status_code == 400
    assert sentence in error_of(answer)["message"]
    source = await sources.get(connection, "zendesk")
    assert source is not None
    assert (source.received, source.refused) == (0, 1)


async def test_only_what_zendesk_signed_a_short_time_ago_is_believed(
    zendesk: Face, connection: AsyncConnection[Any]
) -> None:
    body = {"ticket": TRIGGER}
    stale = timedelta(minutes=6)
    for answer in (
        await push(zendesk, body, secret="another"),
        await push(zendesk, body, age=stale),
        await push(zendesk, body, age=-stale),
        await push(zendesk, body, **{"X-Zendesk-Webhook-Signature": b"\xc3\xa9"}),
        await push(zendesk, body, **{"X-Zendesk-Webhook-Signature-Timestamp": "now"}),
        await zendesk.stranger.post(PATH, json=body),
        await zendesk.owner.post(PATH, json=body),
    ):
        assert answer.status_code == 401
        assert error_of(answer)["code"] == "wrong_signature"
    cursor = await connection.execute("select count(*) from tickets")
    assert await cursor.fetchone() == (0,)


def test_the_signature_is_the_one_that_zendesk_documents() -> None:
    """base64(HMACSHA256(TIMESTAMP + BODY)), worked out once with another tool."""
    body, moment = b'{"say": "hello"}', "2021-07-25T10:00:00Z"
    secret = b"HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA="
    signature = "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk="
    now = datetime.fromisoformat(moment)
    check_signature(secret, body, signature, moment, now)
    for change in (signature.lower(), signature[:-4], "", "é"):
        with pytest.raises(SignatureError):
            check_signature(secret, body, change, moment, now)
    with pytest.raises(SignatureError, match="older than 5 minutes"):
        check_signature(secret, body, signature, moment, now + timedelta(minutes=5, seconds=1))


async def test_without_the_secret_the_address_is_closed(api: Face) -> None:
    answer = await push(api, {"ticket": TRIGGER})
    assert answer.status_code == 403
    assert "ZENDESK_WEBHOOK_SECRET" in error_of(answer)["message"]


async def test_a_body_of_more_than_a_megabyte_is_not_read(zendesk: Face) -> None:
    assert (await push(zendesk, b"x" * 1_000_001)).status_code == 413
