"""Webhook steps against a real HTTP server on loopback."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from digital_cs.channels.webhook import sign
from digital_cs.store.programs import webhooks
from tests.activities.house import SIGNING_KEY, House, opened

WAIT = {"wait": "3 days"}


@dataclass
class Receiver:
    """Somebody else's system. Answers with these codes in turn, with the last one for ever."""

    answers: list[int] = field(default_factory=lambda: [200])
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.calls]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.calls.append(({k.lower(): v for k, v in self.headers.items()}, body))
            code = found.answers.pop(0) if len(found.answers) > 1 else found.answers[0]
            self.send_response(code)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


async def _calls(house: House) -> list[tuple[str, int, int | None]]:
    rows = await house.rows("select state, attempts, status from webhook_calls order by key")
    return [(row["state"], row["attempts"], row["status"]) for row in rows]


async def _dead_letters(house: House) -> list[dict[str, Any]]:
    async with house.pool.connection() as connection:
        return await webhooks.dead_letters(connection)


async def test_a_call_is_signed_and_says_what_it_is_about(house: House, receiver: Receiver) -> None:
    id = await house.start({"webhook": receiver.url, "with": {"channel": "slack"}}, WAIT)

    assert (await house.advance(id)).label == "wait 3 days"

    ((headers, body),) = receiver.calls
    timestamp = int(headers["digital-cs-timestamp"])
    assert timestamp == int(house.clock.now().timestamp())
    assert headers["digital-cs-signature"] == f"v1={sign(SIGNING_KEY, timestamp, body)}"
    assert headers["idempotency-key"] == f"{id}/1"
    assert receiver.bodies() == [
        {"id": f"{id}/1", "program": "welcome", "account": "acme", "step": "webhook-1",
         "channel": "slack", "at": house.clock.now().isoformat()}
    ]  # fmt: skip
    assert await _calls(house) == [("delivered", 1, 200)]
    await house.advance(id)
    assert len(receiver.calls) == 1


async def test_a_server_in_trouble_is_called_again_with_the_same_key(
    house: House, receiver: Receiver
) -> None:
    receiver.answers = [500, 429, 200]
    id = await house.start({"webhook": receiver.url}, WAIT)

    first = await house.advance(id)
    assert (first.label, first.sleep_seconds) == ("retry webhook webhook-1", 60)
    assert await _calls(house) == [("planned", 1, 500)]
    await house.advance(id)  # woken early: nothing is called before its time
    second = await house.sleep_and_advance(id, first)
    assert second.sleep_seconds == 120
    assert (await house.sleep_and_advance(id, second)).label == "wait 3 days"

    assert await _calls(house) == [("delivered", 3, 200)]
    assert {headers["idempotency-key"] for headers, _ in receiver.calls} == {f"{id}/1"}
    assert len(receiver.calls) == 3


async def test_what_nobody_takes_for_a_day_is_listed_as_a_dead_letter(
    house: House, receiver: Receiver
) -> None:
    receiver.answers = [503]
    id = await house.start({"webhook": receiver.url}, WAIT)
    began = house.clock.now()

    reply = await house.advance(id)
    while reply.label.startswith("retry"):
        reply = await house.sleep_and_advance(id, reply)

    assert reply.label == "wait 3 days"
    assert (house.clock.now() - began).days == 0
    (letter,) = await _dead_letters(house)
    assert (letter["account"], letter["step"], letter["status"]) == ("acme", "webhook-1", 503)
    assert letter["attempts"] == len(receiver.calls) > 5
    assert await house.decisions() == [("failed", "dead_letter")]


async def test_a_call_that_is_refused_for_good_is_a_dead_letter_at_once(
    house: House, receiver: Receiver
) -> None:
    receiver.answers = [410]
    id = await house.start({"webhook": receiver.url}, WAIT)

    assert (await house.advance(id)).label == "wait 3 days"

    (letter,) = await _dead_letters(house)
    assert (letter["status"], letter["attempts"], letter["detail"]) == (410, 1, "HTTP 410")
    assert len(receiver.calls) == 1


async def test_no_call_goes_into_a_private_network(
    database: str, tmp_path: Path, receiver: Receiver
) -> None:
    async with opened(database, tmp_path, private_webhooks=False) as house:
        id = await house.start({"webhook": receiver.url}, WAIT)

        assert (await house.advance(id)).label == "wait 3 days"

        assert receiver.calls == []
        (letter,) = await _dead_letters(house)
        assert "private network" in letter["detail"]


async def test_a_send_that_is_decided_anew_calls_nobody_twice(
    database: str, tmp_path: Path, receiver: Receiver
) -> None:
    """The result of a call is known although the position still stands before it."""
    async with opened(database, tmp_path, connections=1) as house:
        await house.publish({"webhook": receiver.url}, {"send": "welcome-trial-1"}, WAIT)
        await house.account("acme", "ada", "bob")
        id = await house.enroll()

        reply = await house.advance_while(id, house.unsubscribed("ada@acme.test"))

        assert reply.label == "wait 3 days"
        assert len(receiver.calls) == 1
        assert house.letters()[-1].to == "bob@acme.test"
