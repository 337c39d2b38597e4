"""Product events over the API: kept once each, and a bad one never loses the others."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from digital_cs.store.product import sources
from tests import rig
from tests.console.client import Face, error_of

Connection = AsyncConnection[Any]


def event(id: str, account: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "account": account, "name": "report.made", "at": "2026-03-02T09:30:00+01:00",
            **more}  # fmt: skip


async def kept(connection: Connection) -> list[str]:
    cursor = await connection.execute("select id from product_events order by id")
    return [row[0] for row in await cursor.fetchall()]


async def test_good_events_are_kept_beside_bad_ones_and_each_is_told(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    acme = accounts[0]
    answer = await api.owner.post(
        "/v1/events",
        json={"events": [
            event("e1", acme, contact=f"{acme}-c1", properties={"rows": 7, "deep": {"er": [None]}}),
            event("e2", "nobody"),
            event("e3", acme, at="2026-03-02T09:30:00"),
            "not an event",
            event("e5", acme, at="0001-01-01T00:00:00Z"),
            event("e6", acme, properties={"text": "a\u0000b"}),
            event("e7", acme, sauce="x"),
            {"id": 8, "account": acme},
            event("e9", acme),
        ]},
    )  # fmt: skip

    assert answer.status_code == 200
    told = answer.json()
    assert (told["new"], told["known_already"]) == (2, 0)
    assert [(each["id"], each["result"]) for each in told["results"]] == [
        ("e1", "kept"), ("e2", "unknown_account"), ("e3", "refused"), (None, "refused"),
        ("e5", "refused"), ("e6", "refused"), ("e7", "refused"), (None, "refused"), ("e9", "kept"),
    ]  # fmt: skip
    problems = [each["problem"] or "" for each in told["results"]]
    assert problems[1] == "There is no account 'nobody'."
    assert "timezone" in problems[2]
    assert "The year 1 is not a real one." in problems[4]
    assert "NUL" in problems[5]
    assert await kept(connection) == ["e1", "e9"]
    cursor = await connection.execute(
        "select user_id, properties from product_events order by id limit 1"
    )
    assert await cursor.fetchall() == [(f"{acme}-c1", {"rows": 7, "deep": {"er": [None]}})]


async def test_the_same_events_again_change_nothing(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    body = {"events": [event("e1", accounts[0]), event("e1", accounts[0])]}
    first = (await api.owner.post("/v1/events", json=body)).json()
    again = (await api.owner.post("/v1/events", json=body)).json()

    assert (first["new"], first["known_already"]) == (1, 1)
    assert (again["new"], again["known_already"]) == (0, 2)
    assert [each["result"] for each in again["results"]] == ["kept", "kept"]
    assert await kept(connection) == ["e1"]


async def test_what_came_and_what_was_wrong_with_it_stands_beside_the_source(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    """And verdicts on usage do not wait for it: who sends now and then would hold them."""
    body = {"events": [event("e1", accounts[0]), event("e2", "nobody"), "not an event"]}
    await api.owner.post("/v1/events", json=body)

    source = await sources.get(connection, "api")
    assert source is not None
    assert (source.kind, source.received, source.refused) == ("api", 1, 2)
    assert source.complete_through == rig.MONDAY - timedelta(minutes=40)
    assert source.rate(rig.MONDAY) > 0
    assert source.last_error is not None
    assert source.judged() == []

    refused = {"events": [event("e3", "nobody")]}
    await api.owner.post("/v1/events", json=refused)
    again = await sources.get(connection, "api")
    assert again is not None
    assert (again.received, again.refused) == (1, 3)
    assert again.last_error == "There is no account 'nobody'."
    assert again.complete_through == source.complete_through


async def test_an_event_brings_its_account_into_the_programs_that_wait_for_it(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    wanted = rig.program(
        "reports", [{"send": "welcome-trial-1", "useful_for": "7 days"}],
        enter={"when": [{"event": "report.made"}]},
    )  # fmt: skip
    await rig.publish(connection, wanted, rig.MONDAY)

    answer = await api.owner.post("/v1/events", json={"events": [event("e1", accounts[0])]})

    assert answer.json()["enrolled"] == 1
    cursor = await connection.execute("select id from enrollments")
    assert await cursor.fetchall() == [(f"reports:{accounts[0]}:1",)]


@pytest.mark.parametrize(
    "properties", ['{"n": NaN}', '{"n": 1e999}', '{"t": "\\ud800"}', '{"\\u0000": 1}',
                   '{"d": ' + "[" * 30 + "]" * 30 + "}"],
)  # fmt: skip
async def test_what_postgres_cannot_keep_is_refused_by_itself(
    api: Face, connection: Connection, accounts: list[str], properties: str
) -> None:
    good, bad = (json.dumps(event(id, accounts[0], properties={})) for id in ("good", "bad"))
    bad = bad.replace('"properties": {}', f'"properties": {properties}')

    answer = await api.owner.post(
        "/v1/events", content=f'{{"events": [{bad}, {good}]}}',
        headers={"Content-Type": "application/json"},
    )  # fmt: skip

    assert [each["result"] for each in answer.json()["results"]] == ["refused", "kept"]
    assert await kept(connection) == ["good"]


async def test_no_events_and_too_many_are_refused(api: Face) -> None:
    for count in (0, 1001):
        answer = await api.owner.post("/v1/events", json={"events": [{}] * count})
        assert answer.status_code == 422
        assert error_of(answer)["details"][0]["at"] == "events"


ANYTHING: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda some: (
        st.lists(some, max_size=4) | st.dictionaries(st.text(max_size=8), some, max_size=4)
    ),
    max_leaves=12,
)
FIELDS: st.SearchStrategy[object] = st.fixed_dictionaries(
    {}, optional={
        "id": st.text(min_size=1, max_size=10) | ANYTHING,
        "account": st.sampled_from(["acct-00000", "nobody"]) | ANYTHING,
        "name": st.text(min_size=1, max_size=10) | ANYTHING,
        "at": st.datetimes().map(lambda at: f"{at.isoformat()}Z") | ANYTHING,
        "contact": st.text(max_size=10) | ANYTHING,
        "properties": st.dictionaries(st.text(max_size=8), ANYTHING, max_size=3) | ANYTHING,
    },
)  # fmt: skip
EVENTS: st.SearchStrategy[list[object]] = st.lists(FIELDS | ANYTHING, min_size=1, max_size=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS)
async def test_whatever_is_sent_every_event_gets_its_result_and_a_good_one_is_kept(
    api: Face, accounts: list[str], events: list[object]
) -> None:
    answer = await api.owner.post(
        "/v1/events", content=json.dumps({"events": [*events, event("good", accounts[0])]}),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert len(results) == len(events) + 1
    assert results[-1] == {"id": "good", "result": "kept", "problem": None}
