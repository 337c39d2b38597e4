"""The unsubscribe link: looking changes nothing, one click is enough, and it is final (P16)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.sending.suppression import Why
from digital_cs.signing import Signer
from tests.console.client import SIGNER, Face, face
from tests.store.touching import ADA, ID, claim, enrolled, rows

Connection = AsyncConnection[Any]
LINK = f"/u/{SIGNER.sign_contact(ADA)}"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def suppressions(connection: Connection) -> list[tuple[str, str, str]]:
    cursor = await connection.execute(
        "select substr(subject, 9), reason, source from suppression_entries order by id"
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def test_looking_at_the_link_changes_nothing_however_often(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    """Scanners of mail servers follow links: the next claim is given all the same."""
    await enrolled(connection)

    for _ in range(3):
        answer = await api.stranger.get(LINK)
        assert answer.status_code == 200
        assert (await api.stranger.head(LINK)).status_code == 200

    assert '<form method="post">' in answer.text
    assert await suppressions(connection) == []
    assert await rows(connection, "outbox") == []
    assert await claim(connection) == 1


async def test_one_click_unsubscribes_and_the_next_claim_is_refused(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    """P16: also for a touch that was decided before the click, and not claimed yet."""
    loaded = await enrolled(connection)

    answer = await api.stranger.post(LINK, data=ONE_CLICK)

    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert "<form" not in answer.text
    assert await suppressions(connection) == [(f"{ADA[:-3]}@company.test", "unsubscribed", "link")]
    assert await claim(connection, revision=loaded.revision) is None
    assert await rows(connection, "messages") == []


async def test_a_click_wakes_every_account_that_has_this_address(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    _, second, third, *_ = accounts
    await enrolled(connection)
    await connection.execute(
        "update contacts set email = upper(c.email) from contacts c"
        " where contacts.id = %s and c.id = %s",
        (f"{second}-c1", ADA),
    )
    await api.gateway.enroll("welcome", [second, third])
    await connection.execute("delete from outbox")

    await api.stranger.post(LINK, data=ONE_CLICK)

    woken = [(row["kind"], row["enrollment_id"]) for row in await rows(connection, "outbox")]
    assert sorted(woken) == [("wake", ID), ("wake", f"welcome:{second}:1")]


async def test_clicking_again_says_the_same_and_wakes_nobody(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    first = await api.stranger.post(LINK, data=ONE_CLICK)
    woken = len(await rows(connection, "outbox"))

    again = await api.stranger.post(LINK, data=ONE_CLICK)

    assert (again.status_code, again.text) == (200, first.text)
    assert len(await suppressions(connection)) == 1
    assert len(await rows(connection, "outbox")) == woken == 1


async def test_a_weightier_reason_stays_beside_the_wish(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    address = f"{ADA[:-3]}@company.test"
    await api.gateway.suppressions.add(f"address:{address}", Why.HARD_BOUNCE, "smtp")

    assert (await api.stranger.post(LINK, data=ONE_CLICK)).status_code == 200

    assert await suppressions(connection) == [
        (address, "hard bounce", "smtp"), (address, "unsubscribed", "link")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
         b"--x--\r\n", "multipart/form-data; boundary=x"),
        (b"", "text/plain"),
        (b"\x00\xff", "application/json"),
    ],
)  # fmt: skip
async def test_whatever_form_a_mail_client_sends_the_person_is_out(
    api: Face, connection: Connection, accounts: list[str], body: bytes, kind: str
) -> None:
    answer = await api.stranger.post(LINK, content=body, headers={"Content-Type": kind})

    assert answer.status_code == 200
    assert len(await suppressions(connection)) == 1


async def test_a_contact_who_is_not_there_any_more_is_told_what_to_do(api: Face) -> None:
    answer = await api.stranger.post(f"/u/{SIGNER.sign_contact('nobody')}", data=ONE_CLICK)

    assert answer.status_code == 404
    assert "reply to the" in answer.text


async def test_while_the_database_is_away_nobody_is_told_that_it_is_done(
    api_without_database: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.console.recipients.PATIENCE", 0.3)

    assert (await api_without_database.stranger.get(LINK)).status_code == 200
    answer = await api_without_database.stranger.post(LINK, data=ONE_CLICK)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "not unsubscribed yet" in answer.text
    assert '<form method="post">' in answer.text


async def test_a_page_loads_nothing_runs_nothing_and_tells_nobody(api: Face) -> None:
    for answer in (await api.stranger.get(LINK), await api.stranger.get("/u/no-token")):
        policy = answer.headers["content-security-policy"]
        (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy == (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self';"
            " base-uri 'none'; frame-ancestors 'none'"
        )
        assert not re.search(r"<script|<link|<img|url\(|@import|https?:|\son\w+=", answer.text)
        assert 'name="viewport"' in answer.text
        assert "prefers-color-scheme: dark" in style
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert "company.test" not in answer.text


def bad_tokens() -> st.SearchStrategy[str]:
    good = SIGNER.sign_contact(ADA)
    changed = st.tuples(st.integers(0, len(good) - 1), st.characters(codec="utf-8")).map(
        lambda change: good[: change[0]] + change[1] + good[change[0] + 1 :]
    )
    cut = st.integers(0, len(good) - 1).map(lambda length: good[:length])
    return (st.text(st.characters(codec="utf-8")) | changed | cut).filter(
        lambda token: token != good
    )


@pytest.fixture
async def api_with_a_closed_pool() -> AsyncIterator[Face]:
    """What comes near the database here is answered with 503."""
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool("", open=False)
    async with face(pool) as found:
        yield found


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(token=bad_tokens())
@example(token="\x00")
@example(token="..")
@example(token="/")
@example(token="a/b")
@example(token=".eJyrVkrLz1eyUkpKLFKqBQAdegQ0.x")
@example(token="x" * 5000)
@example(token=Signer("another key").sign_contact(ADA))
async def test_a_token_that_is_not_ours_is_not_found_and_never_a_fault(
    api_with_a_closed_pool: Face, token: str
) -> None:
    stranger = api_with_a_closed_pool.stranger
    for ask in (stranger.get, stranger.post):
        answer = await ask(f"/u/{quote(token, safe='')}")
        assert answer.status_code == 404
        assert ADA not in answer.text
