"""Milestones as a program manager publishes them, and the product path of one account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]

FILE = """\
milestones:
  - {milestone: began, title: Began, reached_by: {event: trial_started}}
  - milestone: first_send
    title: First email sent
    reached_by: {event: sent, times: 2}
    expected_within: 3 days
    of: began
  - {milestone: invited, title: Team invited, reached_by: given, expected_within: 1 day, of: began}
"""


@pytest.fixture
def lantern(company: Cli, content: Path, tmp_path: Path) -> Cli:
    """The company with some history, and a file of milestones that is not published yet."""
    (content / "milestones.yaml").write_text(FILE)
    events = tmp_path / "events.csv"
    events.write_text(
        "id,account_id,name,at\n"
        "1,acme,trial_started,2026-02-20T08:00Z\n2,acme,sent,2026-02-24T09:00Z\n"
        "3,acme,sent,2026-02-27T10:30Z\n4,globex,trial_started,2026-02-20T08:00Z\n"
    )
    assert company("load", "events", events).code == 0
    return company


def test_publishing_says_what_is_new_and_what_history_reaches(lantern: Cli) -> None:
    foreseen = lantern("milestone", "publish", "--dry-run")
    assert foreseen.out == (
        "Milestones: 3, 3 new (began, first_send, invited)."
        " What happened so far would reach them 3 times.\n"
    )
    assert lantern("milestone", "list", "--json").json == []
    done = lantern("milestone", "publish", "--json").json
    assert (done["new"], done["reached"]) == (["began", "first_send", "invited"], 3)
    assert lantern("milestone", "publish").out == "Milestones: 3, unchanged.\n"

    listed = lantern("milestone", "list").out
    assert "2 times sent" in listed
    assert "given by a file or the API" in listed
    counts = {each["milestone"]: each["reached"]
              for each in lantern("milestone", "list", "--json").json}  # fmt: skip
    assert counts == {"began": 2, "first_send": 1, "invited": 0}


def test_a_file_that_names_no_known_milestone_is_told(lantern: Cli, tmp_path: Path) -> None:
    file = tmp_path / "reached.csv"
    file.write_text("account_id,name,reached_at\nacme,invted,2026-02-21\nacme,invited,2026-02-21\n")
    assert lantern("load", "milestones", file, "--dry-run", "--json").json["warnings"] == []
    lantern("milestone", "publish")

    for options in (["--dry-run"], []):
        done = lantern("load", "milestones", file, "--json", *options)
        assert done.json["warnings"] == ["No milestone is called 'invted'. Did you mean 'invited'?"]


def test_publishing_all_programs_publishes_the_milestones_too(lantern: Cli) -> None:
    assert lantern("program", "publish", "welcome", "--json").json["milestones"] is None
    assert lantern("milestone", "list", "--json").json == []
    assert "Milestones: 3, 3 new" in lantern("program", "publish").out


def test_a_mistake_is_shown_and_nothing_is_published(lantern: Cli, content: Path) -> None:
    (content / "milestones.yaml").write_text(FILE.replace("times: 2", "time: 2"))
    for words in (("milestone", "publish"), ("program", "publish")):
        done = lantern(*words)
        assert done.code == 1
        assert "content/milestones.yaml:5:31: Unknown key 'time'" in done.out
        assert "Nothing was published" in done.err
    assert lantern("check").code == 1
    (content / "milestones.yaml").unlink()
    assert lantern("milestone", "publish").code == 4


def test_an_account_shows_its_product_path(lantern: Cli, rows: Rows) -> None:
    lantern("milestone", "publish")
    path = lantern("account", "milestones", "acme", "--json").json
    assert [(each["milestone"], each["standing"]) for each in path] == [
        ("began", "reached"), ("first_send", "reached"), ("invited", "missed")
    ]  # fmt: skip
    assert path[1]["reached_at"] == "2026-02-27T10:30:00+00:00"
    assert path[1]["due_at"] == "2026-02-23T08:00:00+00:00"

    shown = lantern("account", "milestones", "acme").out
    assert "2 of 3 milestones reached. Missed: Team invited." in shown
    assert "2026-02-27 11:30" in shown  # in Berlin
    assert "2 of 3 milestones reached." in lantern("account", "show", "acme").out
    page = lantern("account", "show", "acme", "--json").json
    assert page["milestones"] == path


def test_p9_what_is_due_while_its_feed_is_late_is_not_known(lantern: Cli, rows: Rows) -> None:
    lantern("milestone", "publish")
    rows("delete from sources")
    rows("insert into sources (name, kind, feeds, complete_through)"
         " values ('api', 'api', '{usage}', '2026-02-22')")  # fmt: skip
    standings = {each["milestone"]: each["standing"]
                 for each in lantern("account", "milestones", "globex", "--json").json}  # fmt: skip
    assert standings == {"began": "reached", "first_send": "not known", "invited": "missed"}
    assert "Not known, for its usage is not all here yet: First email sent." in (
        lantern("account", "milestones", "globex").out
    )
    rows("update sources set complete_through = '2026-02-24'")
    path = lantern("account", "milestones", "globex", "--json").json
    assert path[1]["standing"] == "missed"


def test_an_unknown_account_is_told(lantern: Cli) -> None:
    done = lantern("account", "milestones", "acm")
    assert done.code == 4
    assert "Did you mean acme (Acme)?" in done.err
