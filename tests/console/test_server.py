"""The server over a real socket, asked as mail clients and other systems ask."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import urllib.request
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.channels.mail import OutgoingMail, to_bytes
from digital_cs.config import load_settings
from digital_cs.console.key_file import kept_key
from digital_cs.console.server import listening, serve
from digital_cs.errors import DigitalCsError, SettingsError, UnavailableError
from digital_cs.signing import Signer
from digital_cs.stack.ports import PortTakenError, free_port
from digital_cs.store.revision import DatabaseBehindError
from tests import rig
from tests.console.client import KEY
from tests.console.fetching import fetch
from tests.console.serving import SIGNING_KEY, served
from tests.store.touching import ADA, claim, enrolled


async def test_a_mail_client_unsubscribes_with_the_headers_of_the_message_alone(
    database: str, connection: AsyncConnection[Any], accounts: list[str]
) -> None:
    """RFC 8058, end to end: the message, its two headers, one POST, and the next claim (P16)."""
    loaded = await enrolled(connection)
    async with served(database) as url:
        mail = message_from_bytes(
            to_bytes(
                OutgoingMail(
                    message_id="<1@mail.test>", mail_from="Customer team <hello@company.test>",
                    envelope_from="bounce@company.test",
                    to="ada@company.test", to_name="Ada", subject="Hello",
                    text="Hello", html="<p>Hello</p>", date=rig.MONDAY,
                    unsubscribe_url=f"{url}/u/{Signer(SIGNING_KEY).sign_contact(ADA)}",
                )
            )
        )  # fmt: skip
        link = mail["List-Unsubscribe"].strip("<>")
        looked, _ = await asyncio.to_thread(fetch, link)
        request = urllib.request.Request(
            link, data=mail["List-Unsubscribe-Post"].encode(), method="POST"
        )
        clicked, page = await asyncio.to_thread(fetch, request)

    assert (looked, clicked) == (200, 200)
    assert b"You are unsubscribed" in page
    assert await claim(connection, revision=loaded.revision) is None


async def test_another_system_enrolls_and_a_stranger_does_not(
    database: str, accounts: list[str]
) -> None:
    async with served(database) as url:
        request = urllib.request.Request(
            f"{url}/v1/programs/welcome/enrollments",
            data=json.dumps({"accounts": accounts}).encode(),
            headers={"Content-Type": "application/json"},
        )
        refused, _ = await asyncio.to_thread(fetch, request)
        request.add_header("Authorization", f"Bearer {KEY}")
        status, body = await asyncio.to_thread(fetch, request)
        large = urllib.request.Request(
            f"{url}/v1/events", data=b"x" * 9_000_000, headers={"Authorization": f"Bearer {KEY}"}
        )
        too_large, _ = await asyncio.to_thread(fetch, large)

    assert (refused, status, too_large) == (401, 200, 413)
    assert sorted(json.loads(body)["enrolled"]) == accounts


async def test_a_stop_waits_for_nobody_who_only_keeps_a_connection_open(database: str) -> None:
    async with served(database) as url:
        port = int(url.rpartition(":")[2])
        idle = await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port))
    with idle:
        idle.settimeout(10)
        assert await asyncio.to_thread(idle.recv, 1) == b""


def test_an_answer_does_not_wait_for_the_other_side_to_confirm_its_head() -> None:
    """Nagle's algorithm and delayed ACKs together cost 40 ms an answer on a kept connection."""
    port = free_port()
    with (
        listening("127.0.0.1", port) as (listener,),
        socket.create_connection(("127.0.0.1", port)),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def failure(**overrides: Any) -> DigitalCsError:
    settings = load_settings(api_port=free_port()).model_copy(update=overrides)
    with (
        pytest.raises(DigitalCsError) as caught,
        listening(settings.api_host, settings.api_port) as (listener,),
    ):
        await serve(settings, listener, asyncio.Event())
    return caught.value


async def test_a_port_that_is_taken_is_named(database: str) -> None:
    async with served(database) as url:
        port = int(url.rpartition(":")[2])
        error = await failure(api_port=port)

    assert isinstance(error, PortTakenError)
    assert str(error) == (
        f"Port {port} is already taken (the API). Stop what uses it, or choose another port with"
        " API_PORT."
    )


async def test_an_address_of_another_machine_is_named() -> None:
    error = await failure(api_host="192.0.2.1")

    assert isinstance(error, UnavailableError)
    assert "API_HOST" in str(error)


async def test_without_a_database_or_with_an_empty_one_nothing_is_served(
    postgres: Any,
) -> None:
    assert isinstance(await failure(database_url=None), SettingsError)
    empty = load_settings(database_url=postgres.createdb("empty-for-the-api"))
    assert isinstance(await failure(database_url=empty.database_url), DatabaseBehindError)


def test_a_key_that_was_made_up_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = kept_key(tmp_path, "api")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) >= 40
    assert kept_key(tmp_path, "api").read_text() == path.read_text()
    assert os.listdir(tmp_path) == ["api.key"]


def test_an_empty_key_file_is_made_again_and_an_impossible_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "api.key").touch()
    assert kept_key(tmp_path, "api").read_text().strip()

    with pytest.raises(SettingsError, match="API_KEY"):
        kept_key(tmp_path / "not" / "there", "api")
