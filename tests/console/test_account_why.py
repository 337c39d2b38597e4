"""Why an account was or was not written to, over the API, is what the command tells."""

from __future__ import annotations

import json

import pytest

from digital_cs.cli.output import emit
from digital_cs.temporal.account_why import account_why
from tests.console.client import Face, error_of


@pytest.mark.parametrize("about", [{}, {"contact": "acct-00000-c1", "program": "welcome"}])
async def test_the_answer_is_that_of_the_command(
    api: Face, accounts: list[str], about: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    acme = accounts[0]
    await api.owner.post("/v1/programs/welcome/enrollments", json={"accounts": [acme]})

    answer = await api.owner.get(f"/v1/accounts/{acme}/why", params=about)

    assert answer.status_code == 200
    page = await account_why(
        api.gateway, acme, "UTC", contact=about.get("contact"), program=about.get("program")
    )
    capsys.readouterr()
    emit(page)
    assert answer.json() == json.loads(capsys.readouterr().out)
    assert answer.json()["headline"].startswith("Nothing stands against messages")


@pytest.mark.parametrize(
    ("about", "hint"),
    [
        ({"contact": "eve"}, "Nobody of Company acct-00000 is 'eve'. There are: acct-00000-c1"),
        ({"program": "renewal"}, "renewal"),
    ],
)
async def test_who_or_what_is_not_there_is_not_found(
    api: Face, accounts: list[str], about: dict[str, str], hint: str
) -> None:
    answer = await api.owner.get(f"/v1/accounts/{accounts[0]}/why", params=about)

    assert answer.status_code == 404
    assert hint in error_of(answer)["message"]


async def test_over_the_api_an_account_goes_by_its_id_only(api: Face, accounts: list[str]) -> None:
    answer = await api.owner.get("/v1/accounts/acct-0000/why")

    assert answer.status_code == 404
    assert "Did you mean acct-00000 (Company acct-00000)" in error_of(answer)["message"]


@pytest.mark.parametrize("since", ["1", "2026-3-1", "2026-03-01T00:00:00", "0001-01-01", "soon"])
async def test_what_is_no_day_is_refused(api: Face, accounts: list[str], since: str) -> None:
    answer = await api.owner.get(f"/v1/accounts/{accounts[0]}/why", params={"since": since})

    assert answer.status_code == 422
    assert error_of(answer)["details"][0]["at"] == "since"


async def test_without_the_key_nothing_is_told(api: Face, accounts: list[str]) -> None:
    assert (await api.stranger.get(f"/v1/accounts/{accounts[0]}/why")).status_code == 401
