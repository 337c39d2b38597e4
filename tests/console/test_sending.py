"""Sending by API call: stopped at once, with or without a body, and started again."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from tests import rig
from tests.console.client import Face, error_of

Connection = AsyncConnection[Any]


async def test_it_is_stopped_shown_and_started(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    await api.owner.post("/v1/programs/welcome/enrollments", json={"accounts": accounts})
    await connection.execute("delete from outbox")
    wish = {"because": "Wrong prices.", "by": "the monitor"}

    stopped = (await api.owner.post("/v1/sending/stop", json=wish)).json()
    shown = (await api.owner.get("/v1/sending")).json()
    again = (await api.owner.post("/v1/sending/stop")).json()

    assert stopped["new"] is True
    assert stopped["stop"] == shown["stopped"] == again["stop"]
    assert (shown["stopped"]["because"], shown["stopped"]["by"]) == (wish["because"], wish["by"])
    assert again["new"] is False

    started = (await api.owner.post("/v1/sending/start", json={"by": "maya"})).json()

    assert started["lifted"]["lifted_by"] == "maya"
    assert started["woken"] == len(accounts), "they are due, so they may be on their way to it"
    assert (await api.owner.get("/v1/sending")).json()["stopped"] is None
    assert (await api.owner.post("/v1/sending/start")).json() == {"lifted": None, "woken": 0}


async def test_what_is_shown_is_all_that_keeps_messages_back(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    await api.gateway.sending.open_incident("Exports fail", "maya", accounts[:1])
    await api.gateway.sending.allow("welcome", 7, "maya")

    shown = (await api.owner.get("/v1/sending")).json()

    assert shown["now"].startswith(rig.MONDAY.date().isoformat())
    assert [each["title"] for each in shown["incidents"]] == ["Exports fail"]
    assert shown["today"] == [
        {"program": "welcome", "day": "2026-03-02", "sent": 0, "cap": 7, "allowed_by": "maya"}
    ]
    assert (shown["held"], shown["rates"], shown["queues"]) == ([], [], [])


async def test_only_who_has_the_key_may_stop_it(api: Face, connection: Connection) -> None:
    for call in (api.stranger.post("/v1/sending/stop"), api.stranger.get("/v1/sending")):
        assert (await call).status_code == 401
    refused = await api.owner.post("/v1/sending/stop", json={"becuase": "a slip"})
    assert refused.status_code == 422
    assert error_of(refused)["code"] == "invalid"
    cursor = await connection.execute("select * from stops")
    assert await cursor.fetchall() == []
