"""`account why` at a terminal of 100 columns: first what keeps messages back now, then each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

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
    for days, verdict, reason, words, until in (
        (1, "deferred", "budget_account", f"{OVER} Deferred until Mon 9 Feb 2026 09:00.", 7),
        (8, "skipped", "no_longer_useful", "It was only useful until 10 February 2026 09:00 UTC.",
         None),
    ):  # fmt: skip
        rows(
            "insert into decisions (at, enrollment_id, account_id, program_id, version, step,"
            " visit, contact_id, verdict, reason, words, data_as_of, rule, policy, until)"
            " select %s, id, account_id, program_id, version, 'welcome-trial-1', 7, 'ada', %s, %s,"
            " %s, %s, 'budget.account', 2, %s from enrollments",
            monday + timedelta(days=days), verdict, reason, words,
            monday + timedelta(days=days, minutes=-3),
            monday + timedelta(days=until) if until else None,
        )  # fmt: skip
    rows(
        "insert into messages (key, enrollment_id, program_id, version, step, visit, account_id,"
        " contact_id, email, kind, priority, state, due_at, settled_at, attempts)"
        " select id || '/7/ada', id, program_id, version, 'welcome-trial-1', 7, account_id, 'ada',"
        " 'welcome-trial-1', 'marketing', 'normal', 'skipped', %s, %s, 0 from enrollments",
        monday, monday + timedelta(days=8),
    )  # fmt: skip
    return company


def test_what_is_in_force_comes_first_and_then_the_stories(acme: Cli) -> None:
    ran = acme("account", "why", "Acm")

    assert ran.code == 0, ran.err
    assert ran.out == (
        "Nothing but service notices is sent to Acme now: a ticket of urgent severity is open since"
        " Mon 2\nFeb.\n"
        "\n"
        "In Welcome: about to begin.\n"
        "\n"
        "What it was to get, the newest first (days in Europe/Berlin)\n"
        "\n"
        "welcome-trial-1  (Welcome)\n"
        "  Not sent on Tue 3 Feb: Acme already had 4 messages in a week, and 4 is the most for a"
        " message of\n  normal priority; deferred until Mon 9 Feb, then no longer useful.\n"
        "\n"
        "How complete usage is, is not known. The policy in force is version 2.\n"
    )
    assert max(map(len, ran.out.splitlines())) <= 100


def test_verbose_lists_every_decision_with_rule_versions_and_age(acme: Cli) -> None:
    out = " ".join(acme("account", "why", "acme", "--contact", "ada@acme.test", "-v").out.split())

    assert (
        "2026-02-03 10:00 deferred: The account already had 4 messages in a week, and 4 is the most"
        " for a message of normal priority. Deferred until Mon 9 Feb 2026 09:00. (budget_account,"
        " budget.account, policy 2, program version 1, data of 3 minutes before, until 2026-02-09"
        " 10:00)"
    ) in out
    assert "2026-02-10 10:00 skipped: It was only useful until" in out


def test_the_same_as_data(acme: Cli) -> None:
    told = acme("account", "why", "acme", "--program", "welcome", "--json").json

    (entry,) = told["entries"]
    assert (entry["fate"], entry["reason"], entry["rule"], entry["policy_version"]) == (
        "skipped", "no_longer_useful", "budget.account", 2
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
