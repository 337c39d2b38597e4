"""The Segment-compatible door: who is let in, what is answered, what is kept."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from digital_cs.config import load_settings
from digital_cs.console.segment import BATCHES
from digital_cs.errors import SettingsError
from digital_cs.ingest.events.incoming import BusyError, Track
from digital_cs.ingest.events.segment_messages import KINDS
from digital_cs.ingest.events.segment_wire import MOST_BODY_BYTES
from tests import rig
from tests.console.client import KEY, face
from tests.console.shelf import Shelf

WEB, MOBILE = "the-key-of-the-web-app", "the-key-of-the-phones=="
KEYS = f"web={WEB}, mobile={MOBILE}"
TRACK: dict[str, Any] = {"type": "track", "messageId": "m-1", "userId": "ann", "event": "Exported"}
SINGLE: dict[str, dict[str, Any]] = {
    "identify": {"userId": "ann", "traits": {"email": "ann@acme.example"}},
    "track": {"userId": "ann", "event": "Exported"},
    "group": {"userId": "ann", "groupId": "acme"},
    "page": {"userId": "ann", "name": "Docs"},
    "screen": {"anonymousId": "a-1", "name": "Home"},
    "alias": {"previousId": "a-1", "userId": "ann"},
}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def sdk(pool: AsyncConnectionPool[Any], shelf: Shelf) -> AsyncIterator[httpx2.AsyncClient]:
    """A client as an SDK is one: the write key as the user of Basic credentials."""
    async with face(pool, taker=shelf, write_keys=KEYS) as found:
        found.stranger.auth = httpx2.BasicAuth(WEB, "")
        yield found.stranger


def flat_error(answer: httpx2.Response) -> tuple[int, str]:
    """Status and message, after a look at the shape: as everywhere, and flat for SDKs."""
    body = answer.json()
    assert set(body) == {"error", "code", "message"}
    assert body["error"] == {"code": body["code"], "message": body["message"], "details": []}
    assert body["message"].endswith(".")
    return answer.status_code, body["message"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_single_message_is_kept_with_its_source(
    sdk: httpx2.AsyncClient, shelf: Shelf, kind: str
) -> None:
    answer = await sdk.post(f"/v1/{kind}", json={**SINGLE[kind], "messageId": "m-1"})

    assert answer.status_code == 200
    assert answer.json() == {"success": True, "kept": 1, "repeated": 0, "refused": []}
    ((source, message),) = shelf.kept
    assert (source, message.id, message.at) == ("web", "m-1", None)


@pytest.mark.parametrize("name", BATCHES)
async def test_one_bad_message_of_a_batch_is_reported_and_the_others_are_kept(
    sdk: httpx2.AsyncClient, shelf: Shelf, name: str
) -> None:
    shelf.refuses["m-4"] = "Its day is gone."
    sent = [TRACK, {**TRACK, "messageId": "m-2", "event": None}, {**TRACK, "messageId": "m-3"},
            {**TRACK, "messageId": "m-4"}, TRACK]  # fmt: skip
    answer = await sdk.post(f"/v1/{name}", json={"batch": sent})

    assert answer.status_code == 200, "an SDK drops the whole batch on 400"
    assert answer.json() == {
        "success": False, "kept": 2, "repeated": 1,
        "refused": [
            {"index": 1, "messageId": "m-2",
             "problem": "event: it is missing, and names what was done."},
            {"index": 3, "messageId": "m-4", "problem": "Its day is gone."},
        ],
    }  # fmt: skip
    assert shelf.ids == ["m-1", "m-3"]
    assert shelf.turned_away == [("web", "event: it is missing, and names what was done.")]


async def test_a_single_message_that_is_bad_is_a_400(sdk: httpx2.AsyncClient, shelf: Shelf) -> None:
    shelf.refuses["m-9"] = "Its day is gone."
    for message, says in (
        ({"event": "Exported"}, "userId: it is missing, and so are anonymousId and"),
        ({**TRACK, "messageId": "m-9"}, "Its day is gone."),
        ({**TRACK, "properties": {"s": "x" * 40_000}}, "It is larger than 32 KB."),
    ):
        status, text = flat_error(await sdk.post("/v1/track", json=message))
        assert status == 400
        assert text.startswith(f"The message is not kept. {says}")
    assert shelf.kept == []


async def test_a_batch_sent_again_is_kept_once(sdk: httpx2.AsyncClient, shelf: Shelf) -> None:
    for kept in (1, 0):
        answer = await sdk.post("/v1/batch", json={"batch": [TRACK]})
        assert answer.json() == {
            "success": True, "kept": kept, "repeated": 1 - kept, "refused": []
        }  # fmt: skip
    assert shelf.ids == ["m-1"]


@pytest.mark.parametrize(
    ("user", "in_body", "source"),
    [(WEB, None, "web"), (None, WEB, "web"), (WEB, WEB, "web"), (MOBILE, "", "mobile"),
     (None, MOBILE, "mobile")],
)  # fmt: skip
@pytest.mark.parametrize("address", ["batch", "track"])
async def test_the_key_may_stand_in_the_header_in_the_body_or_in_both(
    sdk: httpx2.AsyncClient, shelf: Shelf, user: str | None, in_body: str | None, source: str,
    address: str,
) -> None:  # fmt: skip
    sdk.auth = httpx2.BasicAuth(user, "") if user else httpx2.Auth()
    body = {"batch": [TRACK]} if address == "batch" else dict(TRACK)
    answer = await sdk.post(f"/v1/{address}", json={**body, "writeKey": in_body})

    assert answer.status_code == 200
    assert [kept_by for kept_by, _ in shelf.kept] == [source]


@pytest.mark.parametrize(
    ("header", "in_body", "says"),
    [
        (None, None, "There is no write key."),
        (None, "nobody's", "not known here"),
        ("Basic bm9ib2R5Og==", None, "not known here"),
        ("Basic ===", None, "not Basic credentials"),
        ("Basic /w==", None, "not Basic credentials"),
        ("Basic ", WEB, "not known here"),
        (httpx2.BasicAuth(WEB, ""), MOBILE, "of two sources"),
        (httpx2.BasicAuth(WEB, ""), "nobody's", "not known here"),
        (httpx2.BasicAuth(WEB, ""), 7, "not a text"),
        (f"Bearer {KEY}", None, "There is no write key."),
        (f"Bearer {WEB}", None, "There is no write key."),
    ],
)
async def test_without_the_right_key_nothing_is_taken(
    sdk: httpx2.AsyncClient, shelf: Shelf, header: Any, in_body: Any, says: str
) -> None:
    sdk.auth = header if isinstance(header, httpx2.BasicAuth) else httpx2.Auth()
    headers = {"Authorization": header} if isinstance(header, str) else {}
    body = {"batch": [TRACK], **({"writeKey": in_body} if in_body is not None else {})}
    answer = await sdk.post("/v1/batch", json=body, headers=headers)

    status, text = flat_error(answer)
    assert status == 401
    assert says in text
    assert answer.headers["www-authenticate"] == "Basic"
    assert shelf.kept == []


async def test_without_any_write_key_the_door_says_what_to_set(
    pool: AsyncConnectionPool[Any], shelf: Shelf
) -> None:
    async with face(pool, taker=shelf) as closed:
        for client in (closed.owner, closed.stranger):
            status, text = flat_error(await client.post("/v1/batch", json={"batch": [TRACK]}))
            assert status == 401
            assert "Set WRITE_KEYS" in text


async def test_a_write_key_opens_nothing_else(sdk: httpx2.AsyncClient) -> None:
    for path in ("/v1/accounts/acme", "/v1/openapi.json", "/v1/batch/", "/v1/b"):
        assert (await sdk.get(path)).status_code == 401
    assert (await sdk.get("/v1/batch")).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "gzip", "Content-Type": "application/json"},
        {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "text/plain"},
        {},
    ],
)
async def test_gzip_is_taken_under_any_content_type(
    sdk: httpx2.AsyncClient, shelf: Shelf, headers: dict[str, str]
) -> None:
    packed = gzip.compress(json.dumps({"batch": [TRACK]}).encode())
    answer = await sdk.post("/v1/batch", content=packed, headers=headers)

    assert answer.status_code == 200
    assert shelf.ids == ["m-1"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b"\xff" * 10, {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"batch": 1}', {}, 400),
        (b"plain", {"Content-Encoding": "gzip"}, 400),
        (b"{}", {"Content-Encoding": "br"}, 400),
        (gzip.compress(b" " * (MOST_BODY_BYTES + 1)), {}, 413),
        (b" " * (MOST_BODY_BYTES + 1), {}, 413),
        (b'{"batch":[' + b",".join([b"1"] * 2501) + b"]}", {}, 413),
    ],
)
async def test_what_cannot_be_read_or_is_too_large_tells_an_sdk_to_stop(
    sdk: httpx2.AsyncClient, shelf: Shelf, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await sdk.post("/v1/batch", content=body, headers=headers)

    assert flat_error(answer)[0] == status
    assert shelf.kept == []


@pytest.mark.parametrize("body", [b"{", gzip.compress(b" " * (MOST_BODY_BYTES + 1))])
async def test_what_an_sdk_gives_up_as_a_whole_stands_beside_its_source(
    sdk: httpx2.AsyncClient, shelf: Shelf, body: bytes
) -> None:
    answer = await sdk.post("/v1/batch", content=body)
    assert shelf.turned_away == [("web", flat_error(answer)[1])]

    sdk.auth = httpx2.BasicAuth("the key of nobody", "")
    assert (await sdk.post("/v1/batch", content=body)).status_code == 401
    assert len(shelf.turned_away) == 1


async def test_a_body_that_turns_out_too_large_is_not_read_to_its_end(
    sdk: httpx2.AsyncClient,
) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield b" " * 100_000

    assert flat_error(await sdk.post("/v1/batch", content=in_pieces()))[0] == 413


@pytest.mark.parametrize("fault", [BusyError(), OperationalError("away")])
async def test_what_cannot_be_kept_now_tells_an_sdk_to_come_again(
    sdk: httpx2.AsyncClient, shelf: Shelf, fault: Exception
) -> None:
    shelf.fault = fault
    answer = await sdk.post("/v1/batch", json={"batch": [TRACK]})

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_the_log_names_the_address_whether_or_not_its_method_is_known(
    sdk: httpx2.AsyncClient,
) -> None:
    with capture_logs() as lines:
        await sdk.post("/v1/batch", json={"batch": [TRACK]})
        await sdk.post("/v1/track", json={})
        await sdk.put("/v1/batch", json={"batch": [TRACK]})

    told = [(line["method"], line["route"], line["status"]) for line in lines]
    assert told == [("POST", "/v1/batch", 200), ("POST", "/v1/track", 400), ("PUT", "/batch", 405)]


async def test_who_sends_more_than_the_rate_waits_and_others_do_not(
    pool: AsyncConnectionPool[Any], shelf: Shelf
) -> None:
    async with face(pool, taker=shelf, write_keys=KEYS, write_rate=100) as found:
        many = {"batch": [{**TRACK, "messageId": f"m-{n}"} for n in range(1200)]}
        first = await found.stranger.post("/v1/batch", json=many, auth=(WEB, ""))
        second = await found.stranger.post("/v1/track", json=TRACK, auth=(WEB, ""))
        another = await found.stranger.post("/v1/track", json=TRACK, auth=(MOBILE, ""))

    assert (first.status_code, another.status_code) == (200, 200)
    assert flat_error(second)[0] == 429
    assert 9 <= int(second.headers["retry-after"]) <= 10


async def test_a_moment_to_come_is_that_of_receipt(sdk: httpx2.AsyncClient, shelf: Shelf) -> None:
    early, late = rig.MONDAY + timedelta(minutes=4), rig.MONDAY + timedelta(minutes=6)
    for id, at in (("early", early), ("late", late)):
        body = {**TRACK, "messageId": id, "timestamp": at.isoformat()}
        assert (await sdk.post("/v1/track", json=body)).status_code == 200

    kept = [message for _, message in shelf.kept if isinstance(message, Track)]
    assert [(each.id, each.at) for each in kept] == [("early", early), ("late", None)]


@pytest.mark.parametrize(
    ("text", "sources"),
    [("", {}), ("k1", {"k1": "product"}), ("web=k1,phone=k2=", {"k1": "web", "k2=": "phone"}),
     (" web = k1 ,, web=k2", {"k1": "web", "k2": "web"})],
)  # fmt: skip
def test_write_keys_are_read_with_the_names_of_their_sources(
    text: str, sources: dict[str, str]
) -> None:
    assert load_settings(write_keys=text).sources_by_key() == sources


@pytest.mark.parametrize("text", ["web=", "=secret", "We b=secret", "a=secret,b=secret", "secret="])
def test_write_keys_that_cannot_be_used_are_told_without_the_key(text: str) -> None:
    with pytest.raises(SettingsError, match=r"WRITE_KEYS entry [12]") as caught:
        load_settings(write_keys=text)
    assert "secret" not in str(caught.value)
