"""What an operator sees of the sources of data, and of the product path made from it."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from tests import rig
from tests.cli.conftest import Cli

NOW = rig.MONDAY
DAY = timedelta(days=1)


@pytest.fixture
def feeds(cli: Cli, database: str) -> Cli:
    """Two sources: one that is three days behind, and one that is on time but cannot be reached."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "insert into sources (name, kind, feeds, complete_through, last_received_at, received,"
            " refused, last_error, last_error_at) values"
            " ('csv:usage', 'csv', '{usage}', %(old)s, %(old)s, 1200, 3, null, null),"
            " ('zendesk', 'zendesk', '{tickets}', %(hour)s, %(hour)s, 7, 0,"
            "  '429 too many requests', %(now)s)",
            {"old": NOW - 3 * DAY, "hour": NOW - timedelta(hours=1), "now": NOW},
        )
    return cli


def test_every_source_has_its_row_and_a_late_one_is_said_to_be_late(feeds: Cli) -> None:
    shown = feeds("sources")
    assert shown.code == 0
    table, _, said = shown.out.partition("Late:")
    usage, tickets = (
        next(line for line in table.splitlines() if line.startswith(name))
        for name in ("csv:usage", "zendesk")
    )
    assert "2026-02-27 09:00" in usage
    assert "3 days LATE" in usage
    assert "1,200" in usage
    assert "1 hour" in tickets
    assert "LATE" not in tickets
    assert "429" in tickets
    assert "csv:usage is 3 days behind, and 2 days are expected at most" in said
    assert "what is judged by usage waits for it" in said
    assert "zendesk" not in said


def test_machines_are_told_the_same(feeds: Cli) -> None:
    usage, tickets = feeds("sources", "--json").json
    assert (usage["name"], usage["late"], usage["refused"]) == ("csv:usage", True, 3)
    assert usage["lag_seconds"] == pytest.approx(3 * 86_400, abs=60)
    assert (tickets["late"], tickets["expected_seconds"]) == (False, 7200)
    assert feeds("sources", "show", "csv:usage", "--json").json["late"] is True


def test_a_source_is_shown_with_what_is_expected_of_it(feeds: Cli) -> None:
    shown = feeds("sources", "show", "zendesk")
    assert "Complete up to Mon 2 Mar 2026 08:00 UTC, 1 hour ago." in shown.out
    assert "Late after 2 hours" in shown.out
    assert "429 too many requests" in shown.out


def test_what_is_expected_can_be_said(feeds: Cli) -> None:
    assert feeds("sources", "expect", "csv:usage", "4 days").code == 0
    assert feeds("sources", "--json").json[0]["late"] is False
    wrong = feeds("sources", "expect", "csv:usage", "4 dys")
    assert wrong.code != 0
    assert "4 days" in wrong.err


def test_a_retired_source_is_not_waited_for(feeds: Cli) -> None:
    assert feeds("sources", "retire", "csv:usage", "--json").json["changed"] is True
    assert "already retired" in feeds("sources", "retire", "csv:usage").out
    assert [each["name"] for each in feeds("sources", "--json").json] == ["zendesk"]
    everything = feeds("sources", "--all", "--json").json
    assert [(each["name"], each["late"]) for each in everything] == [
        ("csv:usage", False), ("zendesk", False)
    ]  # fmt: skip


@pytest.mark.parametrize("words", [("show",), ("retire",), ("expect",)])
def test_an_unknown_source_is_told_with_those_that_there_are(
    feeds: Cli, words: tuple[str, ...]
) -> None:
    rest = ["1 day"] if words == ("expect",) else []
    done = feeds("sources", *words, "zendsk", *rest)
    assert done.code == 4
    assert "There is no source 'zendsk'. There are: csv:usage, zendesk." in done.err


def test_nothing_came_in_yet(cli: Cli) -> None:
    assert "Nothing came in yet." in cli("sources").out
    assert cli("sources", "--json").json == []


def test_the_doctor_names_what_is_late(feeds: Cli) -> None:
    (finding,) = (each for each in feeds("doctor", "--json").json if each["part"] == "sources")
    assert finding["level"] == "WARN"
    assert "The source csv:usage is 3 days behind" in finding["words"]
