"""`account why` at a terminal of 100 columns: first what keeps messages back now, then each."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from digital_cs.domain.sending.why import Fate
from tests import rig
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]

OVER = (
    "The account already had 4 messages in a week, and 4 is the most for a message of normal"
    " priority."
)


@pytest.fixture
def acme(company: Cli, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Acme inside `welcome`, with a message that was deferred and came too late, and a ticket."""
    monkeypatch.setenv("COLUMNS", "100")
    assert company("enroll", "welcome", "acme").code == 0
    monday = rig.MONDAY - timedelta(days=28)
    rows(
        "insert into policies (version, content_hash, spec, published_at)"
        """ select 2, 'x', jsonb_set(spec, '{quiet,severities}', '["urgent"]'), published_at"""
        " from policies where version = 1"
    )
    rows(
        "insert into tickets (id, source, account_id, status, severity, opened_at, updated_at)"
        " values ('desk:1', 'desk', 'acme', 'open', 'urgent', %s, %s)", monday, monday,
    )  # fmt: skip
    for visit, days, verdict, reason, words, until in (
        (3, 0, "sent", "accepted", "The mail server took welcome-trial-1.", None),
        (5, 1, "deferred", "budget_account", f"{OVER} Deferred until Mon 9 Feb 2026 09:00.", 7),
        (5, 8, "skipped", "no_longer_useful",
         f"{OVER} Deferred until Mon 9 Feb 2026 09:00. It was only useful until 10 February 2026"
         " 09:00 UTC.", None),
    ):  # fmt: skip
        rows(
            "insert into decisions (at, enrollment_id, account_id, program_id, version, step,"
            " visit, contact_id, verdict, reason, words, data_as_of, rule, policy, until)"
            " select %s, id, account_id, program_id, version, 'tip', %s, 'ada', %s, %s,"
            " %s, %s, %s, 2, %s from enrollments",
            monday + timedelta(days=days), visit, verdict, reason, words,
            monday + timedelta(days=days, minutes=-3),
            "budget.account" if until else None,
            monday + timedelta(days=until) if until else None,
        )  # fmt: skip
    for visit, days, email, state in (
        (3, 0, "welcome-trial-1", "accepted"), (5, 8, "welcome-trial-2", "skipped"),
    ):  # fmt: skip
        rows(
            "insert into messages (key, enrollment_id, program_id, version, step, visit,"
            " account_id, contact_id, email, kind, priority, state, due_at, settled_at, zone,"
            " zone_source, attempts) select id || '/' || %s || '/ada', id, program_id, version,"
            " 'tip', %s, account_id, 'ada', %s, 'marketing', 'normal', %s, %s, %s, %s, 'account', 1"
            " from enrollments",
            visit, visit, email, state, monday, monday + timedelta(days=days),
            "Europe/Berlin" if state == "accepted" else None,
        )  # fmt: skip
    rows(
        "insert into clicks (message_key, nth, url, at, human, why)"
        " select key, 1, 'https://company.test', due_at, true, 'person' from messages"
        " where state = 'accepted'"
    )
    rows(
        "update enrollments set label = 'wait 30 days', next_label = 'send welcome-trial-3',"
        " wake_at = %s", rig.MONDAY + timedelta(days=8),
    )  # fmt: skip
    return company


def example(command: str) -> str:
    """What docs/why.md says that a command prints."""
    page = (rig.ROOT / "docs" / "why.md").read_text(encoding="utf-8")
    return page.split(f"```console\n$ digital-cs {command}\n", 1)[1].split("```", 1)[0]


@pytest.mark.parametrize(
    "command", ["account why acme", "account why acme --contact ada@acme.test --most 1 --verbose"]
)
def test_the_page_for_support_shows_what_is_printed(acme: Cli, command: str) -> None:
    """First what is in force, then the stories; nothing wider than the terminal."""
    ran = acme(*command.split())

    assert ran.code == 0, ran.err
    assert ran.out == example(command)
    assert max(map(len, ran.out.splitlines())) <= 100


def test_the_page_for_support_lists_whatever_may_become_of_a_message() -> None:
    page = (rig.ROOT / "docs" / "why.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\| `(\w+)` \|", page)) == sorted(Fate)


def test_the_same_as_data(acme: Cli) -> None:
    told = acme("account", "why", "acme", "--program", "welcome", "--json").json

    entry, sent = told["entries"]
    assert (sent["fate"], sent["zone"], sent["zone_of"], sent["clicks"]) == (
        "sent", "Europe/Berlin", "account", 1
    )  # fmt: skip
    assert (entry["fate"], entry["reason"], entry["rule"], entry["policy_version"]) == (
        "skipped", "no_longer_useful", None, 2
    )  # fmt: skip
    assert [line["reason"] for line in entry["decisions"]] == ["budget_account", "no_longer_useful"]
    assert told["against"][0]["what"] == "ticket"


def test_an_account_in_no_program_says_so_and_a_wrong_day_is_complained_about(acme: Cli) -> None:
    out = acme("account", "why", "initech").out
    assert "Nothing is sent to Initech now: Initech has no contacts." in out
    assert "Nothing comes next: it is in no program now." in out
    assert "Nothing, as far back as was looked." in out

    assert "Not sent" not in acme("account", "why", "acme", "--since", "2026-02-20").out
    assert acme("account", "why", "acme", "--since", "soon").code == 2
    assert "There is no account 'nobody'" in acme("account", "why", "nobody").err


def test_the_page_of_an_account_points_to_it(acme: Cli) -> None:
    assert "digital-cs account why acme" in acme("account", "show", "acme").out
