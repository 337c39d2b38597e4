"""An account over the API tells what the command tells."""

from __future__ import annotations

import json

import pytest

from digital_cs.cli.output import emit
from digital_cs.temporal.account_page import account_page
from tests.console.client import Face, error_of


@pytest.mark.parametrize("program", [None, "welcome"])
async def test_an_account_is_told_as_the_command_tells_it(
    api: Face, accounts: list[str], program: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    acme = accounts[0]
    await api.owner.post("/v1/programs/welcome/enrollments", json={"accounts": [acme]})

    answer = await api.owner.get(
        f"/v1/accounts/{acme}", params={"program": program} if program else {}
    )

    assert answer.status_code == 200
    page = await account_page(api.gateway, acme, "UTC", program=program)
    capsys.readouterr()
    emit(page)
    assert answer.json() == json.loads(capsys.readouterr().out)
    assert answer.json()["timeline"][0]["words"] == "Entered, by api."
    assert bool(answer.json()["why"]) is (program is not None)


async def test_an_account_that_is_not_there_is_not_found_with_a_hint(
    api: Face, accounts: list[str]
) -> None:
    answer = await api.owner.get("/v1/accounts/acct-0000")

    assert answer.status_code == 404
    assert "Did you mean acct-00000 (Company acct-00000)" in error_of(answer)["message"]


async def test_only_so_much_of_a_timeline_is_asked_for(api: Face, accounts: list[str]) -> None:
    answer = await api.owner.get(f"/v1/accounts/{accounts[0]}", params={"most": 0})

    assert answer.status_code == 422
    assert error_of(answer)["details"][0]["at"] == "most"
