"""Who followed the links of a message, as support sees it: people and scanners apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import rig
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]

KEY = "welcome:acme:1/1/ada"
GUIDE = "https://company.test/guide"


@pytest.fixture
def sent(company: Cli, rows: Rows) -> Cli:
    """A message that one person and one scanner followed."""
    assert company("enroll", "welcome", "acme").code == 0
    rows(
        "insert into messages (key, enrollment_id, program_id, version, step, visit, account_id,"
        " email, kind, priority, state, due_at, attempts, message_id)"
        " select %s, id, program_id, version, 'send', 1, account_id, 'welcome-trial-1',"
        " 'marketing', 'normal', 'accepted', %s, 1, '<id@company.test>' from enrollments",
        KEY, rig.MONDAY,
    )  # fmt: skip
    for nth, url, human, why in (
        (0, "", False, "hidden_link"), (1, GUIDE, False, "same_burst"), (1, GUIDE, True, "person"),
    ):  # fmt: skip
        rows(
            "insert into clicks (message_key, nth, url, at, agent, human, why)"
            " values (%s, %s, %s, %s, 'Browser/1', %s, %s)",
            KEY, nth, url, rig.MONDAY, human, why,
        )  # fmt: skip
    return company


def test_clicks_are_told_with_how_it_is_known_who_clicked(sent: Cli) -> None:
    shown = sent("message", "clicks", KEY).out
    assert shown.startswith("3 clicks, 1 of them by people.\n")
    lines = shown.splitlines()[3:]
    assert [line.split()[2] for line in lines if line.startswith("2026-")] == [
        "scanner", "scanner", "person"
    ]  # fmt: skip
    words = " ".join(shown.split())
    assert "Nothing speaks against a person." in words
    assert "(hidden)" in words


@pytest.mark.parametrize("named", [KEY, "<id@company.test>", "id@company.test"])
def test_clicks_as_data_keep_people_and_scanners_apart(sent: Cli, named: str) -> None:
    told = sent("message", "clicks", named, "--json").json
    assert (told["key"], told["raw"], told["human"]) == (KEY, 3, 1)
    assert [each["why"] for each in told["clicks"]] == ["hidden_link", "same_burst", "person"]
    assert told["clicks"][0]["words"] == "It followed the link that people do not see."
    assert set(told["clicks"][0]) == {
        "nth", "url", "at", "agent", "method", "human", "why", "words"
    }  # fmt: skip


def test_a_message_that_nobody_followed_says_so(sent: Cli, rows: Rows) -> None:
    rows("delete from clicks")
    assert sent("message", "clicks", KEY).out == "0 clicks, 0 of them by people.\n"


def test_a_message_that_is_not_there_is_said_to_be_missing(company: Cli) -> None:
    ran = company("message", "clicks", "no-such")
    assert ran.code != 0
    assert "There is no message 'no-such'." in " ".join(ran.err.split())
