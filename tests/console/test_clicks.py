"""Following a link of a message: straight to where it said, whatever else is broken, and nowhere
else, whatever is asked."""

from __future__ import annotations

import asyncio
import http.client
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.config import load_settings
from digital_cs.domain.sending.click import HIDDEN
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.links import tracked
from digital_cs.rendering.render import render
from digital_cs.signing_links import Link, LinkSigner
from digital_cs.store.sending import clicks
from tests import rig
from tests.console.client import SIGNER, Face, face
from tests.console.serving import SIGNING_KEY, served
from tests.rendering.studio import CONTEXT, SHIPPED
from tests.store.clicking import DOMAIN, FIREFOX, GUIDE, MESSAGE_ID, a_sent_message
from tests.store.touching import ADA, KEY, rows

Connection = AsyncConnection[Any]

OURS = LinkSigner(*load_settings().link_keys())
MESSAGE = MESSAGE_ID[1:41]
LINK = Link(MESSAGE, 1, 3, GUIDE)
PATH = f"/c/{OURS.sign(LINK)}"
HIDDEN_PATH = f"/c/{OURS.sign(Link(MESSAGE, HIDDEN, 3, ''))}"
PICTURE = OURS.sign_picture(MESSAGE)
PICTURE_PATH = f"/o/{PICTURE}.gif"
BROWSER = {"User-Agent": FIREFOX}


@pytest.fixture
async def message(connection: Connection, accounts: list[str]) -> str:
    await a_sent_message(connection)
    return KEY


async def labels(connection: Connection) -> list[tuple[int, str]]:
    return [(each.nth, str(each.why)) for each in await clicks.of_message(connection, KEY)]


async def test_a_link_leads_where_the_message_said_and_the_click_is_kept(
    api: Face, connection: Connection, message: str
) -> None:
    answer = await api.stranger.get(PATH, headers=BROWSER)

    assert (answer.status_code, answer.headers["location"], answer.content) == (302, GUIDE, b"")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert await clicks.of_message(connection, KEY) == [
        clicks.ClickView(1, GUIDE, rig.MONDAY, FIREFOX, "GET", True, "person")  # type: ignore[arg-type]
    ]


async def test_who_asks_only_where_it_leads_is_told_and_counts_as_a_scanner(
    api: Face, connection: Connection, message: str
) -> None:
    answer = await api.stranger.head(PATH, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (302, GUIDE)
    assert await labels(connection) == [(1, "head_request")]


async def test_a_scanner_that_follows_everything_is_no_person_and_leads_nobody_off(
    api: Face, connection: Connection, message: str
) -> None:
    """Also its first clicks, which looked like a person's until the hidden link was followed."""
    assert (await api.stranger.get(PATH, headers=BROWSER)).status_code == 302
    assert await labels(connection) == [(1, "person")]

    answer = await api.stranger.get(HIDDEN_PATH, headers={"User-Agent": "Mozilla/5.0"})
    await api.stranger.get(PATH, headers={"User-Agent": ""})

    assert (answer.status_code, answer.content) == (204, b"")
    assert "location" not in answer.headers
    assert await labels(connection) == [
        (1, "together"), (HIDDEN, "hidden_link"), (1, "machine_agent")
    ]  # fmt: skip
    assert await clicks.counts(connection, [KEY]) == {KEY: clicks.Counts(3, 0)}


async def test_every_link_of_every_shipped_email_is_followed_to_its_end(
    pool: AsyncConnectionPool[Any],
) -> None:
    """From the renderer to the redirect: what stands in the message is what is served."""
    library = EmailLibrary(SHIPPED)
    async with face(pool, public_url="http://api.test") as api:
        for name in library.names():
            approved = render(library.get(name), CONTEXT)
            sent = tracked(approved, MESSAGE_ID, OURS, "http://api.test", clicks=True, opens=True)
            ours = re.findall(r"http://api\.test/c/[^\s\")]+", sent.text)
            straight = sent.text
            for url in ours:
                answer = await api.stranger.get(url, headers=BROWSER)
                assert answer.status_code == 302
                straight = straight.replace(url, answer.headers["location"], 1)
            assert straight == approved.text
            (picture,) = re.findall(r"http://api\.test/o/[^\"]+", sent.html)
            assert (await api.stranger.get(picture)).headers["content-type"] == "image/gif"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_link_is_only_ever_followed(
    api: Face, connection: Connection, message: str, method: str
) -> None:
    for path in (PATH, PICTURE_PATH):
        answer = await api.stranger.request(method, path)
        assert answer.status_code == 405
        assert "location" not in answer.headers
    assert await rows(connection, "clicks") == []


async def test_switched_off_links_of_before_still_lead_on_and_nothing_is_kept(
    pool: AsyncConnectionPool[Any], connection: Connection, message: str
) -> None:
    async with face(pool, clicks="off") as api:
        answer = await api.stranger.get(PATH, headers=BROWSER)
    assert answer.headers["location"] == GUIDE
    assert await rows(connection, "clicks") == []


async def test_p28_an_opening_is_kept_only_where_that_was_asked_for(
    pool: AsyncConnectionPool[Any], connection: Connection, message: str
) -> None:
    for opens, kept in (("off", 0), ("record", 1)):
        async with face(pool, opens=opens) as api:
            answer = await api.stranger.get(PICTURE_PATH, headers=BROWSER)
        assert (answer.status_code, answer.content[:6]) == (200, b"GIF89a")
        assert answer.headers["cache-control"] == "no-store"
        assert len(await rows(connection, "openings")) == kept
    assert await rows(connection, "outbox") == [], "nobody is woken by it"


async def test_links_that_are_out_survive_a_new_key(pool: AsyncConnectionPool[Any]) -> None:
    old, new = "an-old-key", "a-new-key"
    async with face(pool, signing_key=new, signing_keys_old=old) as api:
        for key, status in ((old, 302), (new, 302), ("no-key-of-ours", 404)):
            path = f"/c/{LinkSigner(key).sign(LINK)}"
            assert (await api.stranger.get(path)).status_code == status


@pytest.mark.parametrize("agent", ["\x01\x00\x7f", "é" * 5000, "a\tb"])
async def test_an_agent_may_call_itself_anything(
    api: Face, connection: Connection, message: str, agent: str
) -> None:
    answer = await api.stranger.get(PATH, headers={b"user-agent": agent.encode("latin-1")})
    assert answer.status_code == 302
    (row,) = await rows(connection, "clicks")
    assert len(row["agent"]) <= 300
    assert not row["agent"] or row["agent"].isprintable()


def asked(url: str, path: str) -> tuple[int, str | None]:
    """Status and destination over a real socket; the redirect is not followed."""
    place = urlsplit(url)
    line = http.client.HTTPConnection(str(place.hostname), place.port, timeout=20)
    try:
        line.request("GET", path, headers=BROWSER)
        answer = line.getresponse()
        answer.read()
        return answer.status, answer.getheader("location")
    finally:
        line.close()


async def test_nobody_waits_for_a_click_to_be_written_down(
    database: str, connection: Connection, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be written while this transaction holds the tables, and people are sent on all
    the same; what waits is written before the server ends."""
    monkeypatch.setattr("digital_cs.console.clicks.PATIENCE", 60.0)
    path = f"/c/{LinkSigner(SIGNING_KEY).sign(LINK)}"
    async with served(database) as url, connection.transaction():
        await connection.execute("lock table clicks, messages in access exclusive mode")
        for _ in range(2):
            assert await asyncio.to_thread(asked, url, path) == (302, GUIDE)
    assert await labels(connection) == [(1, "person"), (1, "person")]


async def test_a_link_works_without_any_database(
    api_without_database: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.console.clicks.PATIENCE", 0.1)
    answer = await api_without_database.stranger.get(PATH)
    assert (answer.status_code, answer.headers["location"]) == (302, GUIDE)
    assert (await api_without_database.stranger.get(HIDDEN_PATH)).status_code == 204
    assert (await api_without_database.stranger.get(PICTURE_PATH)).status_code == 200


async def test_more_than_can_wait_is_followed_all_the_same(
    api_without_database: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.console.clicks.PATIENCE", 0.1)
    monkeypatch.setattr("digital_cs.console.clicks.MOST_WAITING", 3)
    answers = await asyncio.gather(*(api_without_database.stranger.get(PATH) for _ in range(20)))
    assert {answer.headers["location"] for answer in answers} == {GUIDE}


async def test_clicks_that_wait_keep_no_connection_from_who_unsubscribes(
    api: Face, connection: Connection, message: str
) -> None:
    """More clicks than the pool has connections, and none of them can be written."""
    async with connection.transaction():
        await connection.execute("lock table clicks in access exclusive mode")
        following = [asyncio.create_task(api.stranger.get(PATH)) for _ in range(20)]
        await asyncio.sleep(0.1)  # until they wait; shorter would only prove less
        answer = await api.stranger.post(f"/u/{SIGNER.sign_contact(ADA)}")
        assert answer.status_code == 200
    await asyncio.gather(*following)
    assert len(await labels(connection)) == 20


@pytest.fixture
async def api_with_a_closed_pool() -> AsyncIterator[Face]:
    """What comes near the database here would be a fault."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool("", open=False)
    async with face(pool, clicks="off") as found:
        yield found


TOKEN = PATH.removeprefix("/c/")
changed = st.tuples(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8")).map(
    lambda change: TOKEN[: change[0]] + change[1] + TOKEN[change[0] + 1 :]
)
cut = st.integers(0, len(TOKEN) - 1).map(lambda length: TOKEN[:length])
addresses = st.sampled_from(
    ["https://evil.test", "//evil.test", "/\\evil.test", "https:evil.test", "\r\nLocation: x"]
)
queries = st.sampled_from(["", "?url=https://evil.test", "?next=//evil.test#x", "?" + "a" * 3000])


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(token=st.text(st.characters(codec="utf-8")) | changed | cut | addresses, query=queries)
@example(token=TOKEN, query="?url=https://evil.test")
@example(token="\x00", query="")
@example(token="..", query="")
@example(token="a/b", query="")
@example(token="x" * 50_000, query="")
@example(token=PICTURE, query="")
@example(token=LinkSigner("another key").sign(LINK), query="")
async def test_nothing_but_a_link_of_ours_leads_anywhere(
    api_with_a_closed_pool: Face, token: str, query: str
) -> None:
    """No open redirect, and never a fault, whatever is asked."""
    for before, after in (("/c/", ""), ("/o/", ".gif")):
        for written in (quote(token, safe=""), quote(token)):
            answer = await api_with_a_closed_pool.stranger.get(f"{before}{written}{after}{query}")
            if (before, token) == ("/c/", TOKEN):
                assert (answer.status_code, answer.headers["location"]) == (302, GUIDE)
            elif (before, token) == ("/o/", PICTURE):
                assert answer.headers["content-type"] == "image/gif"
            else:
                assert answer.status_code == 404
                assert "location" not in answer.headers
                assert "evil" not in answer.text


def test_the_messages_of_these_tests_are_those_of_the_settings() -> None:
    assert load_settings().mail_domain == DOMAIN
