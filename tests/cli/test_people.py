"""Loading, enrolling and looking at accounts, as an operator does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import rig
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]


def write(folder: Path, text: str) -> Path:
    file = folder / "rows.csv"
    file.write_text(text)
    return file


def test_enrolling_says_what_became_of_each(company: Cli) -> None:
    assert company("enroll", "welcome", "acme").code == 0

    dry = company("enroll", "welcome", "acme", "globex", "--dry-run", "--json")
    done = company("enroll", "welcome", "acme", "globex", "nobody")

    assert (dry.code, dry.json["dry_run"]) == (0, True)
    assert dry.json["result"]["enrolled"] == ["globex"]
    assert done.code == 4
    assert "1 account entered welcome." in done.out
    assert "1 account is inside already, and stay as they are: acme" in done.out
    assert "1 account is not known: nobody" in done.out


def test_a_csv_of_accounts_to_enroll_tells_its_bad_rows(company: Cli, tmp_path: Path) -> None:
    file = write(tmp_path, "account_id,note\nacme,first\nnobody,\n,empty\n")

    done = company("enroll", "welcome", "--csv", file)

    assert done.code == 1
    assert "line 3, account_id: There is no account 'nobody'." in done.err
    assert "line 4, account_id: It is empty." in done.err
    assert "1 account entered welcome." in done.out


def test_enrolling_everybody_wants_a_yes(company: Cli, rows: Rows) -> None:
    asked = company("enroll", "welcome", "--all")
    assert asked.code == 5
    assert "3 accounts would enter welcome" in asked.err
    assert rows("select count(*) from enrollments") == [(0,)]

    assert company("enroll", "welcome", "--all", "--yes").code == 0
    assert rows("select count(*) from enrollments") == [(3,)]


def test_enrolling_nobody_in_particular_is_refused(company: Cli) -> None:
    assert company("enroll", "welcome").code == 2
    assert company("enroll", "welcome", "acme", "--all").code == 2


def test_an_account_shows_where_it_stands_what_comes_next_and_why_p19(
    company: Cli, rows: Rows
) -> None:
    company("enroll", "welcome", "acme")
    rows(
        "update enrollments set wake_at = '2026-03-05T09:00Z', label = 'wait until 5 Mar 2026',"
        " next_label = 'send welcome-trial-1'"
    )
    rows(
        "insert into decisions (at, enrollment_id, account_id, program_id, version, step, visit,"
        " contact_id, verdict, reason, words) values ('2026-03-02T10:00Z', 'welcome:acme:1',"
        " 'acme', 'welcome', 1, 'welcome-trial-1', 2, 'ada', 'deferred', 'window', 'A holiday.')"
    )

    done = company("account", "show", "acme")

    assert done.code == 0
    assert "Ada Lovelace" in done.out
    assert "Next: send welcome-trial-1, Thu 5 Mar 2026 10:00 CET (in 3 days)." in done.out
    assert "A holiday. (Ada Lovelace)" in done.out
    assert "2026-03-02 11:00" in done.out  # its own zone, newest last
    assert done.out.index("Entered, by operator") < done.out.index("A holiday.")


def test_why_an_account_did_not_get_it_is_told_in_words_p19(
    company: Cli, content: Path, tmp_path: Path
) -> None:
    program = content / "programs" / "welcome.yaml"
    program.write_text(
        program.read_text()
        + "enter:\n  when:\n    - event: trial_started\n    - segment: {trait: plan, is: pro}\n"
        "  only_if: {trait: region, is: EU}\n"
    )
    company("program", "publish")
    company("program", "stop", "welcome", "--entering")

    why = company("account", "show", "acme", "--program", "welcome", "--json").json["why"]

    assert why == [
        "It never entered this program.",
        "Nobody may enter it: entering was stopped.",
        "Enters when trial_started happens: not seen so far.",
        "Enters when it comes to match: plan is pro: no.",
        "Only if region is EU: not known, data is missing.",
    ]


def test_an_account_is_found_by_a_part_of_its_name(company: Cli) -> None:
    done = company("account", "show", "Glob")

    assert done.code == 4
    assert "Did you mean globex (Globex)?" in done.err
    found = company("account", "list", "--search", "LOB", "--json").json
    assert [account["id"] for account in found] == ["globex"]


def test_suppressing_an_address_is_seen_at_its_contacts(company: Cli) -> None:
    done = company("suppress", "ADA@acme.test", "--because", "asked by phone")

    assert done.code == 0
    assert "Contacts with this address: ada." in done.out
    assert "no: manual" in company("account", "show", "acme").out
    assert company("suppress", "no-address").code == 2


def test_who_has_no_address_is_not_said_to_be_written_to(company: Cli, rows: Rows) -> None:
    rows("update contacts set email = null where id = 'ada'")

    (ada,) = (
        line
        for line in company("account", "show", "acme").out.splitlines()
        if line.startswith("ada ")
    )
    assert ada.endswith("no: no address")


def test_a_task_is_listed_and_done(company: Cli, rows: Rows) -> None:
    company("enroll", "welcome", "acme")
    rows(
        "insert into tasks (key, enrollment_id, program_id, account_id, step, visit, title, note,"
        " assign_to, state, opened_at, due_at) values ('welcome:acme:1/3', 'welcome:acme:1',"
        " 'welcome', 'acme', 'call', 3, 'Call them', '', 'csm', 'open', %s, %s)",
        rig.MONDAY, rig.MONDAY,
    )  # fmt: skip

    assert "Call them" in company("task", "list", "--assign-to", "csm").out
    assert company("task", "list", "--assign-to", "owner").out == "No such task.\n"
    assert "welcome:acme:1 goes on" in company("task", "done", "welcome:acme:1/3", "--by", "jo").out
    again = company("task", "done", "welcome:acme:1/3")
    assert again.code == 1
    assert "done already" in again.err
    assert "Call them — done by jo" in company("account", "show", "acme").out


def test_messages_that_did_not_simply_arrive_are_listed_with_their_reason_p14(
    company: Cli, rows: Rows
) -> None:
    company("enroll", "welcome", "acme")
    for state in ("unknown", "accepted"):
        rows(
            "insert into messages (key, enrollment_id, program_id, version, step, visit,"
            " account_id, contact_id, email, kind, priority, state, due_at, settled_at, detail,"
            " attempts) values (%s, 'welcome:acme:1', 'welcome', 1, 's', 2, 'acme', 'ada',"
            " 'welcome-trial-1', 'marketing', 'normal', %s, %s, %s, 'The answer was lost.', 1)",
            state, state, rig.MONDAY, rig.MONDAY,
        )  # fmt: skip

    troubled = company("message", "list", "--json").json
    accepted = company("message", "list", "--state", "accepted", "--json").json

    assert [(m["key"], m["detail"]) for m in troubled] == [("unknown", "The answer was lost.")]
    assert [m["key"] for m in accepted] == ["accepted"]
    assert company("message", "list", "--state", "lost").code == 2


def test_alerts_are_a_problem_and_dead_letters_are_listed(company: Cli, rows: Rows) -> None:
    assert company("alerts").code == 0
    assert "every call was taken" in company("webhook", "dead-letters").out
    company("enroll", "welcome", "acme")
    rows(
        "insert into alerts (program_id, step, kind, owner, words, times, first_at, last_at)"
        " values ('welcome', 's', 'smtp', 'maya', 'The server is away.', 3, %s, %s)",
        rig.MONDAY, rig.MONDAY,
    )  # fmt: skip
    rows(
        "insert into webhook_calls (key, enrollment_id, program_id, account_id, step, visit, url,"
        " state, attempts, give_up_at, status, detail, changed_at) values ('w', 'welcome:acme:1',"
        " 'welcome', 'acme', 'tell', 2, 'https://crm.test/', 'dead', 4, %s, 500, 'Oops', %s)",
        rig.MONDAY, rig.MONDAY,
    )  # fmt: skip

    alerts = company("alerts")
    assert alerts.code == 1
    assert "The server is away." in alerts.out
    assert "500 Oops" in company("webhook", "dead-letters").out


@pytest.mark.parametrize(
    "words",
    [
        ("account", "list"), ("account", "show", "acme"), ("enrollment", "list", "--over"),
        ("enrollment", "show", "welcome:acme:1"), ("enrollment", "pause", "welcome:acme:1"),
        ("enrollment", "skip", "welcome:acme:1"), ("enrollment", "exit", "welcome:acme:1"),
        ("program", "list"), ("program", "show", "welcome"),
        ("program", "show", "welcome", "--file"),
        ("program", "diff", "welcome"), ("program", "check"), ("program", "publish"),
        ("program", "publish", "--dry-run"), ("program", "pause", "welcome"),
        ("program", "resume", "welcome"), ("program", "open", "welcome"),
        ("program", "stop", "welcome", "--entering"), ("program", "simulate", "welcome"),
        ("task", "list"), ("message", "list"), ("alerts",), ("webhook", "dead-letters"),
        ("settings",), ("check",), ("suppress", "x@y.test"), ("enroll", "welcome", "globex"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_with_json_there_is_json_on_standard_output_and_nothing_else(
    company: Cli, words: tuple[str, ...]
) -> None:
    company("enroll", "welcome", "acme")

    done = company(*words, "--json")

    assert done.code == 0, done.err
    assert done.json is not None
    assert done.err == ""


def test_a_paused_program_says_so_at_its_accounts(company: Cli) -> None:
    company("enroll", "welcome", "acme")
    company("program", "pause", "welcome")

    done = company("account", "show", "acme", "--program", "welcome")

    assert "paused at step" in done.out
    assert "nothing goes out until somebody resumes it" in done.out
