"""Caps on damage, as an operator uses them: the switch, incidents, and more for a program today."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

import pytest

from digital_cs.stack.ports import free_port
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]


@pytest.fixture
def waiting(company: Cli, rows: Rows) -> Cli:
    """The command; acme and globex are inside `welcome` and wait before its message."""
    assert company("enroll", "welcome", "acme", "globex").code == 0
    rows("delete from outbox")
    rows("update enrollments set listens = '{sending}', wake_at = '2026-03-20T09:00Z'")
    return company


def woken(rows: Rows) -> list[str]:
    found = rows("delete from outbox where kind = 'wake' returning enrollment_id")
    return sorted(row[0] for row in found)


def test_stop_asks_nothing_and_start_takes_it_back(waiting: Cli, rows: Rows) -> None:
    done = waiting("sending", "stop", "--because", "wrong prices")
    assert done.code == 0
    assert done.out.startswith("Stopped: nothing is sent any more. Because: wrong prices.")
    assert rows("select by, lifted_at from stops") == [(getpass.getuser(), None)]

    again = waiting("sending", "stop", "--because", "they are very wrong", "--by", "maya").out
    assert again.startswith("Stopped since Mon 2 Mar 2026 09:00 UTC")
    assert "Because: wrong prices." in again

    shown = waiting("sending", "status")
    assert shown.code == 1
    assert "Because: wrong prices." in shown.out

    started = waiting("sending", "start", "--json")
    assert (started.json["lifted"]["because"], started.json["woken"]) == ("wrong prices", 2)
    assert woken(rows) == ["welcome:acme:1", "welcome:globex:1"]
    assert waiting("sending", "start").out == "It was not stopped: nothing was changed.\n"
    assert waiting("sending", "status").code == 0


def test_stop_needs_not_even_a_reason(company: Cli) -> None:
    assert company("sending", "stop", "--json").json["stop"]["because"] == "by hand"


def test_a_stop_that_reaches_no_database_says_so(
    alone: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence would be taken for a stop."""
    assert alone("sending", "stop").code == 3
    monkeypatch.setenv("DATABASE_URL", f"postgresql://postgres@127.0.0.1:{free_port()}/nobody")
    done = alone("sending", "stop")
    assert done.code == 3
    assert "The database does not answer" in done.err


def test_status_says_what_is_held_what_was_sent_and_what_limits_it(
    waiting: Cli, rows: Rows
) -> None:
    waiting("incident", "open", "Exports fail", "--account", "acme")
    waiting("program", "allow", "welcome", "--up-to", "700", "--by", "maya")
    decision = (
        "insert into decisions (at, enrollment_id, account_id, program_id, version, step, visit,"
        " verdict, reason, words) select now(), id, account_id, program_id, 1, step, visit,"
        " %s, %s, 'words' from enrollments where account_id = %s"
    )
    rows(decision, "deferred", "window", "acme")
    rows(decision, "held", "incident", "acme")
    rows(decision, "held", "stopped", "globex")
    rows(decision, "deferred", "window", "globex")
    limited = '{"fleet": 600, "domains": {"*": 30}}'
    rows("update policies set spec = jsonb_set(spec, '{damage,a_minute}', %s)", limited)
    rows("insert into rates select 'domain:acme.test', now(), now() + interval '1 hour'")

    done = waiting("sending", "status", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert found["policy"] == 1
    assert found["stopped"] is None
    assert [incident["title"] for incident in found["incidents"]] == ["Exports fail"]
    assert found["held"] == [{"program": "welcome", "reason": "incident", "enrollments": 1}]
    assert found["today"] == [
        {"program": "welcome", "day": "2026-03-02", "sent": 0, "cap": 700, "allowed_by": "maya"}
    ]
    assert found["rates"] == [
        {"scope": "fleet", "a_minute": 600.0}, {"scope": "domain:each", "a_minute": 30.0},
    ]  # fmt: skip
    [queue] = found["queues"]
    assert queue["scope"] == "domain:acme.test"
    assert 3500 < queue["seconds"] <= 3600

    shown = waiting("sending", "status").out
    for words in ("nobody has stopped it", "Exports fail", "incident", "700", "domain:each",
                  "in domain:acme.test: 60.0 min"):  # fmt: skip
        assert words in shown


def test_an_incident_is_opened_listed_and_closed(waiting: Cli, rows: Rows) -> None:
    opened = waiting("incident", "open", "Exports fail", "--account", "acme", "--json").json
    assert (opened["accounts"], woken(rows)) == (["acme"], ["welcome:acme:1"])
    everywhere = waiting("incident", "open", "All is down").out
    assert "marketing to all accounts waits" in everywhere

    listed = waiting("incident", "list")
    assert "Exports fail" in listed.out
    assert "all accounts" in listed.out

    closed = waiting("incident", "close", str(opened["id"]), "--by", "jonas")
    assert closed.out == f"Incident {opened['id']} is over: Exports fail.\n"
    assert woken(rows) == ["welcome:acme:1"]
    assert len(waiting("incident", "list", "--json").json) == 1
    assert waiting("incident", "list", "--closed", "--json").json[0]["closed_by"] == "jonas"


def test_an_incident_of_nobody_and_one_that_is_not_open_are_not_found(waiting: Cli) -> None:
    nobody = waiting("incident", "open", "Exports fail", "--account", "acme", "--account", "amce")
    assert nobody.code == 4
    assert "There is no account 'amce', so no incident was opened." in nobody.err
    assert waiting("incident", "close", "9").code == 4
    assert waiting("incident", "list").out == "No such incident.\n"


def test_a_person_allows_a_program_more_for_today(waiting: Cli, rows: Rows) -> None:
    rows("insert into program_days values ('welcome', '2026-03-02', 3, 3)")

    done = waiting("program", "allow", "welcome", "--up-to", "5000", "--by", "maya")

    assert done.out == (
        "welcome may send up to 5,000 today, Mon 2 Mar 2026 (UTC), and has sent 3."
        " 2 enrollments that rest before a message look again now.\n"
    )
    assert woken(rows) == ["welcome:acme:1", "welcome:globex:1"]
    waiting("program", "allow", "welcome", "--today")
    assert rows("select sent, cap from program_days") == [(3, None)]


def test_allowing_needs_a_number_or_a_word_and_a_program(company: Cli, rows: Rows) -> None:
    for options in ((), ("--up-to", "5", "--today")):
        refused = company("program", "allow", "welcome", *options)
        assert refused.code == 2
        assert "--up-to" in refused.err
    assert company("program", "allow", "wellcome", "--today").code == 4
    assert rows("select * from program_days") == []
