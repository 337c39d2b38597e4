"""The door of the API: who is let in, and the one shape of every refusal and every error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.types import Message
from structlog.testing import capture_logs

from digital_cs.config import load_settings
from digital_cs.console.app import build_app
from digital_cs.ingest.rules.entries import Entries
from digital_cs.temporal.gateway import Gateway
from tests.console.client import KEY, SIGNER, STOPPED, Face, error_of, face
from tests.console.shelf import Shelf

ENROLL = "/v1/programs/welcome/enrollments"


async def test_without_a_key_of_its_own_the_api_is_closed_to_everybody(
    pool: AsyncConnectionPool[Any],
) -> None:
    async with face(pool, api_key=None) as closed:
        for client in (closed.owner, closed.stranger):
            for path in ("/v1/accounts/acme", "/v1/openapi.json", "/v1/nothing", "/v1"):
                answer = await client.get(path)
                assert answer.status_code == 403
                assert error_of(answer)["code"] == "no_api_key"
                assert "Set API_KEY" in error_of(answer)["message"]
        assert (await closed.stranger.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}", KEY,
     "Bearer käse"],
)  # fmt: skip
async def test_a_stranger_is_told_to_send_the_key(api: Face, header: str | None) -> None:
    headers = {} if header is None else {b"authorization": header.encode()}
    answer = await api.stranger.post(ENROLL, headers=headers, content="{ not even read")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert error_of(answer)["code"] == "not_signed_in"
    assert KEY not in answer.text


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "])
async def test_the_key_opens_the_door(api: Face, header: str) -> None:
    answer = await api.stranger.get("/v1/openapi.json", headers={"Authorization": header})

    assert answer.status_code == 200
    assert set(answer.json()["paths"]) >= {
        "/v1/programs/{program}/enrollments", "/v1/enrollments/{id}/exit", "/v1/accounts/{id}",
        "/v1/events",
    }  # fmt: skip


async def test_an_address_that_is_none_and_a_method_that_is_none(api: Face) -> None:
    nothing = await api.owner.get("/v1/journeys")
    assert (nothing.status_code, error_of(nothing)["code"]) == (404, "not_found")

    deleted = await api.owner.delete("/v1/events")
    assert (deleted.status_code, error_of(deleted)["code"]) == (405, "method_not_allowed")
    assert deleted.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "at", "says"),
    [
        (b"{", "character 1", "not JSON"),
        (b"", "body", "required"),
        (b"[]", "body", "JSON object"),
        (b"{}", "accounts", "required"),
        (b'{"accounts": []}', "accounts", "at least 1 item"),
        (b'{"accounts": ["acme", 7]}', "accounts.1", "valid string"),
        (b'{"accounts": ["a\\u0000b"]}', "accounts.0", "control characters"),
        (b'{"accounts": ["\\ud800"]}', "accounts.0", ""),
        (b'{"accounts": ["acme"], "sauce": "x"}', "sauce", "not permitted"),
        (b'{"accounts": ["acme"], "source": "  "}', "source", "at least 1 character"),
        (json.dumps({"accounts": ["a"] * 1001}).encode(), "accounts", "at most 1000 items"),
    ],
)
async def test_a_body_that_cannot_be_used_is_told_in_sentences(
    api: Face, body: bytes, at: str, says: str
) -> None:
    answer = await api.owner.post(ENROLL, content=body)

    assert answer.status_code == 422
    error = error_of(answer)
    assert error["code"] == "invalid"
    assert error["details"][0]["at"] == at
    assert says in error["details"][0]["problem"]
    assert error["message"].startswith(f"The request cannot be used. {at}: ")


async def test_a_body_that_is_nested_beyond_reading_is_refused(api: Face) -> None:
    answer = await api.owner.post(ENROLL, content=b"[" * 100_000)

    assert answer.status_code == 400
    assert error_of(answer)["code"] == "bad_request"


async def test_a_form_is_no_json(api: Face) -> None:
    answer = await api.owner.post(ENROLL, data={"accounts": "acme"})

    assert answer.status_code == 422
    assert "application/json" in error_of(answer)["message"]


@pytest.mark.parametrize("path", ["/v1/accounts/a%00b", "/v1/accounts/" + "x" * 201])
async def test_an_id_in_the_address_is_looked_at_too(api: Face, path: str) -> None:
    answer = await api.owner.get(path)

    assert answer.status_code == 422
    assert error_of(answer)["details"][0]["at"] == "id"


async def in_pieces() -> AsyncIterator[bytes]:
    yield b'{"accounts": ["'
    for _ in range(11):
        yield b"x" * 100_000


def declared() -> bytes:
    return b"x" * 1_000_001


@pytest.mark.parametrize("body", [declared, in_pieces])
async def test_more_than_a_megabyte_is_not_read(api: Face, body: Callable[[], Any]) -> None:
    answer = await api.owner.post(ENROLL, content=body())

    assert answer.status_code == 413
    assert error_of(answer)["code"] == "too_large"
    assert "several requests" in error_of(answer)["message"]


@pytest.mark.parametrize("path", [ENROLL, "/v1/batch"])
async def test_a_body_whose_last_piece_is_the_one_too_much_is_answered(
    pool: AsyncConnectionPool[Any], path: str
) -> None:
    """After the last piece a server tells nothing more, until the client has gone."""
    pieces = [(b"x" * 900_000, True), (b"x" * 5_000_000, False)]
    told: list[Message] = []

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()
        body, more = pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(message: Message) -> None:
        told.append(message)

    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http",
        "server": ("127.0.0.1", 80), "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    settings = load_settings(api_key=KEY)
    gateway = Gateway(pool, STOPPED, Entries(pool, STOPPED, "UTC"))
    app = build_app(gateway, pool, settings, SIGNER, Shelf())
    async with asyncio.timeout(20):
        await app(scope, receive, send)

    assert told[0]["status"] == 413


async def test_while_the_database_is_away_clients_are_told_to_come_again(
    api_without_database: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.console.health.PATIENCE", 0.3)
    ask = api_without_database.owner
    answers = [
        await ask.get("/v1/accounts/acme"),
        await ask.post(ENROLL, json={"accounts": ["acme"]}),
        await ask.post("/v1/enrollments/welcome:acme:1/exit", json={"because": "Moved."}),
        await ask.get("/healthz"),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert error_of(answer)["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) > 0


async def test_health_is_told_without_a_key(api: Face) -> None:
    answer = await api.stranger.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_fault_of_ours_is_answered_and_its_words_stay_out_of_log_and_answer(
    api: Face, connection: AsyncConnection[Any]
) -> None:
    await connection.execute("drop table decisions, messages, tasks, webhook_calls cascade")
    await connection.execute("alter table accounts rename column name to ada_at_company")
    with capture_logs() as lines:
        answer = await api.owner.get("/v1/accounts/acme")

    assert answer.status_code == 500
    assert error_of(answer)["code"] == "fault"
    assert [line["event"] for line in lines] == ["api.fault", "api.answered"]
    assert lines[0]["kind"] == "UndefinedColumn"
    assert any("timeline.py" in place for place in lines[0]["at"])
    assert "column" not in f"{answer.text} {lines[0]['at']}"


async def test_the_log_names_the_route_and_never_the_token_or_the_id(api: Face) -> None:
    token = SIGNER.sign_contact("nobody")
    with capture_logs() as lines:
        await api.stranger.get(f"/u/{token}")
        await api.stranger.post(f"/p/{token}", data={"do": "off"})
        await api.owner.get("/v1/accounts/acme")
        await api.owner.get("/v1/accounts-of-nobody")

    told = [(line["method"], line["route"], line["status"]) for line in lines]
    assert told == [
        ("GET", "/u/{token}", 404), ("POST", "/p/{token}", 404),
        ("GET", "/accounts/{id:path}", 404), ("GET", None, 404),
    ]  # fmt: skip
    assert token not in str(lines)


async def test_every_answer_closes_its_connection_to_the_database(
    api: Face, pool: AsyncConnectionPool[Any], accounts: list[str]
) -> None:
    paths = [f"/v1/accounts/{accounts[0]}", "/v1/accounts/nobody", "/healthz"] * 5
    answers: list[httpx2.Response] = [await api.owner.get(path) for path in paths]

    assert {answer.status_code for answer in answers} == {200, 404}
    stats = pool.get_stats()
    assert stats["pool_available"] == stats["pool_size"]
