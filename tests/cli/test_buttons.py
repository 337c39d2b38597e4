"""The buttons of a running program, as an operator presses them: P10 and P11."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]


@pytest.fixture
def inside(company: Cli) -> Cli:
    """The command; acme and globex are inside `welcome`."""
    assert company("enroll", "welcome", "acme", "globex").code == 0
    return company


def make_overdue(rows: Rows) -> None:
    rows(
        'update enrollments set position = position || \'{"due_at": "2026-02-28T09:00:00+00:00"}\''
    )


def test_stop_asks_which_of_the_three_buttons_is_meant_p11(inside: Cli) -> None:
    for options in ((), ("--entering", "--all"), ("--finish", "--all")):
        done = inside("program", "stop", "welcome", *options)
        assert done.code == 2
        for word in ("--entering", "--finish", "--all"):
            assert word in done.err


def test_stop_entering_shuts_the_door_and_open_opens_it_p11(inside: Cli, rows: Rows) -> None:
    done = inside("program", "stop", "welcome", "--entering")
    refused = inside("enroll", "welcome", "initech")
    again = inside("program", "stop", "welcome", "--entering")
    opened = inside("program", "open", "welcome")

    assert "Those inside (2 accounts) go on as before" in done.out
    assert refused.code == 1
    assert "program open welcome" in refused.err
    assert "already" in again.out
    assert "It is running" in opened.out
    assert inside("enroll", "welcome", "initech").code == 0
    assert rows("select count(*) from enrollments where exit_because is not null") == [(0,)]


def test_finish_lets_those_inside_go_on_p11(inside: Cli, rows: Rows) -> None:
    done = inside("program", "stop", "welcome", "--finish")

    assert "Those inside (2 accounts) go on to their end; then it is stopped" in done.out
    assert rows("select state from programs") == [("finishing",)]
    assert rows("select count(*) from enrollments where exit_because is not null") == [(0,)]


def test_stop_all_wants_a_yes_and_takes_everybody_out_p11(inside: Cli, rows: Rows) -> None:
    asked = inside("program", "stop", "welcome", "--all")
    assert asked.code == 5
    assert "(2 accounts) would leave now" in asked.err
    assert rows("select state from programs") == [("running",)]

    done = inside("program", "stop", "welcome", "--all", "--yes", "--because", "Sold.", "--json")

    assert (done.code, done.json["exited"], done.json["after"]) == (0, 2, "stopped")
    assert rows("select distinct exit_because from enrollments") == [("Sold.",)]


def test_a_resume_with_something_overdue_shows_the_count_and_the_choices_p10(
    inside: Cli, rows: Rows
) -> None:
    assert "(2 accounts) rest" in inside("program", "pause", "welcome").out
    make_overdue(rows)

    refused = inside("program", "resume", "welcome")
    as_json = inside("program", "resume", "welcome", "--json")
    finish = inside("program", "stop", "welcome", "--finish")

    assert refused.code == as_json.code == finish.code == 5
    assert "2 steps of welcome became due" in refused.err
    for option in ("--spread", "--skip-older-than", "--all-now"):
        assert option in refused.err
        assert any(option in choice for choice in as_json.json["choices"])
    assert (as_json.json["refused"], as_json.json["overdue"]) == (True, 2)
    assert rows("select state from programs") == [("paused",)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--spread", "3 days"), (True, False)),
        (("--skip-older-than", "1 day"), (False, True)),
        (("--spread", "3 days", "--skip-older-than", "1 day"), (True, True)),
        (("--all-now",), (False, False)),
    ],
)
def test_a_resume_does_what_was_chosen_p10(
    inside: Cli, rows: Rows, options: tuple[str, ...], expected: tuple[bool, bool]
) -> None:
    inside("program", "pause", "welcome")
    make_overdue(rows)

    done = inside("program", "resume", "welcome", *options)

    assert done.code == 0
    assert "2 steps had become due" in done.out
    found = rows("select distinct not_before is not null, skip_due_before is not null"
                 " from enrollments")  # fmt: skip
    assert found == [expected]
    assert rows("select state from programs") == [("running",)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--spread", "3 fortnights"), "3 fortnights"),
        (("--skip-older-than", "never"), "never"),
        (("--all-now", "--spread", "3 days"), "say one"),
    ],
)
def test_a_choice_that_cannot_be_read_changes_nothing(
    inside: Cli, rows: Rows, options: tuple[str, ...], words: str
) -> None:
    inside("program", "pause", "welcome")

    done = inside("program", "resume", "welcome", *options)

    assert done.code == 2
    assert words in done.err
    assert rows("select state from programs") == [("paused",)]


def test_options_of_one_button_are_refused_with_another(inside: Cli) -> None:
    done = inside("program", "stop", "welcome", "--entering", "--spread", "3 days")

    assert done.code == 2
    assert "--finish only" in done.err


def test_one_enrollment_is_paused_resumed_skipped_and_taken_out(inside: Cli, rows: Rows) -> None:
    id = "welcome:acme:1"

    assert inside("enrollment", "pause", id).out == "Paused.\n"
    assert "already" in inside("enrollment", "pause", id).out
    make_overdue(rows)
    refused = inside("enrollment", "resume", id)
    assert refused.code == 5
    assert "1 step of welcome:acme:1" in refused.err
    assert inside("enrollment", "resume", id, "--all-now").out == "Resumed.\n"
    assert inside("enrollment", "skip", id).code == 0
    assert inside("enrollment", "exit", id, "--because", "Asked.").code == 0
    assert rows("select paused, skip_visit, exit_because from enrollments where id = %s", id) == [
        (False, 1, "Asked.")
    ]


def test_what_is_over_is_not_changed_any_more(inside: Cli, rows: Rows) -> None:
    rows("update enrollments set ended_at = now(), because = 'All done.' where account_id = 'acme'")

    for verb in ("pause", "resume", "skip", "exit"):
        done = inside("enrollment", verb, "welcome:acme:1")
        assert done.code == 1
        assert "All done." in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("program", "pause", "welcom"), ("program", "resume", "welcom"),
        ("program", "open", "welcom"), ("program", "stop", "welcom", "--all"),
        ("program", "stop", "welcom", "--finish"), ("program", "show", "welcom"),
        ("program", "diff", "welcom"), ("enroll", "welcom", "acme"),
        ("enrollment", "show", "welcome:acme:9"), ("enrollment", "pause", "welcome:acme:9"),
        ("enrollment", "exit", "welcome:acme:9"), ("account", "show", "acm"),
        ("task", "done", "nothing"), ("program", "show", "welcome", "--version", "7"),
        ("account", "show", "acme", "--program", "welcom"), ("load", "accounts", "nothing.csv"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_not_there_is_told_with_what_there_is(inside: Cli, words: tuple[str, ...]) -> None:
    done = inside(*words)

    assert (done.code, done.out) == (4, "")
    assert len(done.err.splitlines()) == 1
    assert "here is no" in done.err or "has no version" in done.err


@pytest.mark.parametrize(
    ("typed", "code", "state"), [("1\n2 days\n", 0, "running"), ("4\n", 5, "paused")]
)
def test_who_sits_at_a_terminal_is_asked_p10(
    inside: Cli, rows: Rows, typed: str, code: int, state: str
) -> None:
    inside("program", "pause", "welcome")
    make_overdue(rows)
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())

    done = subprocess.run(
        [sys.executable, "-m", "digital_cs", "program", "resume", "welcome"],
        stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    asked = os.read(ours, 10_000).decode()
    os.close(ours)
    os.close(theirs)

    assert done.returncode == code
    assert "2 steps of welcome became due meanwhile. What should happen?" in asked
    assert rows("select state from programs") == [(state,)]
    assert rows("select bool_and(not_before is not null) from enrollments") == [(code == 0,)]
