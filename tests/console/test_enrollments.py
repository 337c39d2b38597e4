"""Entry by API call: accounts in and out, asked once or often."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from psycopg import AsyncConnection

from tests.console.client import Face, error_of

Connection = AsyncConnection[Any]
ENROLL = "/v1/programs/welcome/enrollments"


async def test_each_account_is_told_what_became_of_it(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    first, second, third, *_ = accounts
    assert (await api.owner.post(ENROLL, json={"accounts": [first, third]})).status_code == 200
    await connection.execute(
        "update enrollments set ended_at = now(), ending = 'completed' where account_id = %s",
        (third,),
    )

    answer = await api.owner.post(
        ENROLL, json={"accounts": [first, second, second, third, "nobody"], "source": "our CRM"}
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "enrolled": [second], "inside": [first], "not_again": [third], "unknown": ["nobody"],
        "closed": False,
    }  # fmt: skip
    cursor = await connection.execute("select account_id, source from enrollments order by 1")
    assert await cursor.fetchall() == [(first, "api"), (second, "our CRM"), (third, "api")]


async def test_what_is_enrolled_is_wished_to_start_in_the_same_breath(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    await api.owner.post(ENROLL, json={"accounts": accounts})
    await api.owner.post(ENROLL, json={"accounts": accounts})

    cursor = await connection.execute("select enrollment_id from outbox order by 1")
    assert [row[0] for row in await cursor.fetchall()] == [f"welcome:{a}:1" for a in accounts]


async def test_a_program_that_nobody_may_enter_says_closed(
    api: Face, accounts: list[str]
) -> None:  # fmt: skip
    await api.gateway.stop_entering("welcome")

    answer = await api.owner.post(ENROLL, json={"accounts": accounts})

    assert answer.json()["closed"] is True
    assert answer.json()["enrolled"] == []


async def test_a_program_that_is_not_there_is_not_found(api: Face, accounts: list[str]) -> None:
    answer = await api.owner.post(
        "/v1/programs/wellcome/enrollments", json={"accounts": accounts[:1]}
    )

    assert answer.status_code == 404
    assert "Published are: welcome." in error_of(answer)["message"]


@pytest.mark.parametrize("account", ["acme", "acme/north", "ac me: 50%", "Łódź & Søn"])
async def test_an_exit_is_asked_for_once_and_its_reason_kept(
    api: Face, connection: Connection, accounts: list[str], account: str
) -> None:
    """P6: the wish to wake is committed with it. Ids are whatever the sources make them."""
    await connection.execute(
        "insert into accounts (id, name, created_at, updated_at) values (%s, 'Acme', now(), now())",
        (account,),
    )
    await api.owner.post(ENROLL, json={"accounts": [account]})
    url = f"/v1/enrollments/{quote(f'welcome:{account}:1', safe='')}/exit"

    answer = await api.owner.post(url, json={"because": "They moved to a person."})

    assert (answer.status_code, answer.json()["changed"]) == (200, True)
    cursor = await connection.execute("select exit_because from enrollments")
    assert await cursor.fetchall() == [("They moved to a person.",)]
    cursor = await connection.execute("select count(*) from outbox where kind = 'wake'")
    assert await cursor.fetchall() == [(1,)]

    await connection.execute("update enrollments set ended_at = now(), ending = 'exited'")
    assert (await api.owner.post(url, json={"because": "Again."})).json()["changed"] is False


async def test_an_exit_of_nothing_is_not_found_and_one_without_a_reason_is_refused(
    api: Face, accounts: list[str]
) -> None:
    url = "/v1/enrollments/welcome:nobody:1/exit"

    assert (await api.owner.post(url, json={"because": "Moved."})).status_code == 404
    assert (await api.owner.post(url, json={})).status_code == 422
