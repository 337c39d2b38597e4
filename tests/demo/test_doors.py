"""The doors through which the sample company speaks: its product over HTTP, and its help desk."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import FastClock
from digital_cs.demo.company import generate
from digital_cs.demo.driver import Driver
from digital_cs.demo.product import BATCH, NotTakenError, Product
from digital_cs.demo.story import HISTORY, story_of
from digital_cs.demo.support import SOURCE, HelpDesk, TicketExport
from digital_cs.ingest.people.intake import Intake
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.product import sources
from digital_cs.store.product.events import EventRecord
from digital_cs.store.support.tickets import TicketRecord
from tests.demo.conftest import ORIGIN, Scene, day

WRITE_KEY = "the-write-key-of-this-test"
KEPT = 200, {"success": True, "refused": []}


@dataclass
class Api:
    """The far end of the wire: gives these answers in turn, the last one for all that follow."""

    answers: list[tuple[int, dict[str, Any]]]
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    async def __aenter__(self) -> Api:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(
            line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line
        )  # fmt: skip
        body = await reader.readexactly(int(headers["content-length"]))
        self.batches.append(json.loads(body)["batch"])
        self.keys.add(head.partition("Basic ")[2].partition("\r\n")[0])
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        text = json.dumps(answer).encode()
        writer.write(
            f"HTTP/1.1 {status} Said\r\nContent-Length: {len(text)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + text
        )
        await writer.drain()
        writer.close()


def events(count: int) -> list[EventRecord]:
    return [
        EventRecord(f"e{number}", "a", "email_sent", day(number / 100), contact_id="a-p1")
        for number in range(count)
    ]


async def send(api: Api, count: int) -> None:
    async with api, Product(api.url, WRITE_KEY) as product:
        await product.send(events(count))


async def test_the_product_sends_batches_with_its_write_key_in_order() -> None:
    api = Api([KEPT])
    await send(api, BATCH + 1)
    assert [len(batch) for batch in api.batches] == [BATCH, 1]
    sent = [message["messageId"] for batch in api.batches for message in batch]
    assert sent == [f"e{number}" for number in range(BATCH + 1)]
    assert {base64.b64decode(key).decode() for key in api.keys} == {f"{WRITE_KEY}:"}


@pytest.mark.parametrize("status", [429, 503])
async def test_the_product_comes_again_with_the_same_messages_when_it_is_told_to(
    status: int,
) -> None:
    api = Api([(status, {}), KEPT])
    await send(api, 3)
    assert len(api.batches) == 2
    assert api.batches[0] == api.batches[1]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"message": "Who are you?"}), "401.*Who are you"),
        ((200, {"refused": [{"problem": "event: it is missing"}]}), "event: it is missing"),
    ],
)
async def test_what_is_refused_ends_the_demo_with_the_reason(
    answer: tuple[int, dict[str, Any]], words: str
) -> None:
    with pytest.raises(NotTakenError, match=words):
        await send(Api([answer]), 3)


def intake_at(pool: AsyncConnectionPool[Any], at: datetime) -> tuple[FastClock, Intake]:
    standing = FastClock(at, datetime.max.replace(tzinfo=at.tzinfo), 1.0)
    return standing, Intake(pool, standing, Entries(pool, standing, "UTC"))


async def test_the_help_desk_says_with_each_export_how_far_it_is_complete(
    pool: AsyncConnectionPool[Any], scene: Scene
) -> None:
    await scene.account("a", "A", ("Ada Byron", "champion"))
    help_desk = HelpDesk(pool, *intake_at(pool, day(3)))
    ticket = TicketRecord(
        "helpdesk", "1", "open", day(1.5), day(1.5), requester_email="a-p1@shop.example"
    )
    for number, records in ((1, (ticket,)), (2, ())):
        await help_desk.hand_over(TicketExport(day(number).date(), records))
        assert await sources.tickets_through(scene.connection) == day(number + 1)
    cursor = await scene.connection.execute("select account_id from tickets")
    assert await cursor.fetchall() == [("a",)]
    source = await sources.get(scene.connection, SOURCE)
    assert source is not None
    assert source.received == 1


async def test_what_was_before_the_first_day_is_there_before_it(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any]
) -> None:
    driver = Driver(story_of(generate(30, 1, ORIGIN)))
    _, intake = intake_at(pool, ORIGIN)
    await driver.look_back(intake, ORIGIN)
    cursor = await connection.execute(
        "select (select count(*) from accounts), (select min(day) from usage_days),"
        " (select count(*) from accounts where last_active_on is null),"
        " (select count(distinct name) from milestones), (select count(*) from product_events)"
    )
    accounts, first, never_seen, milestones, raw = (await cursor.fetchall())[0]
    assert accounts >= 16
    assert never_seen == 0
    assert timedelta() <= first - (ORIGIN - HISTORY).date() < timedelta(days=3)
    assert milestones == 6, "all but the beginning of a trial"
    assert raw == 0
    assert driver.to_come > 1000
