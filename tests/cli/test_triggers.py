"""Triggers from the command line: checked, tried on history, published, listed, stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

QUIET = """\
trigger: quiet
name: Gone quiet
about: Nobody was seen for a week.
owner: maya
backup: jonas
silence: {for: 7 days}
only_if: {trait: seats, at_least: 5}
"""
USAGE = "account_id,day,event,n\nacme,2026-02-02,login,3\nglobex,2026-02-02,login,1\n"
RANGE = ("--from", "2026-02-02", "--to", "2026-02-28")


@pytest.fixture
def folder(content: Path) -> Path:
    folder = content / "triggers"
    folder.mkdir()
    (folder / "quiet.yaml").write_text(QUIET)
    return folder


@pytest.fixture
def used(company: Cli, folder: Path, tmp_path: Path) -> Cli:
    """Two accounts were seen on the second of February, and the feed goes on to its end."""
    file = tmp_path / "usage.csv"
    file.write_text(USAGE)
    loaded = company("load", "usage", file, "--through", "2026-02-28")
    assert loaded.code == 0, loaded.err
    return company


def test_a_backtest_says_when_for_whom_why_and_what_it_rests_on(used: Cli) -> None:
    told = used("trigger", "backtest", "quiet", *RANGE)
    assert told.code == 0, told.err
    for words in (
        "it would have fired 1 time, for 1 account",
        "2026-02-09       1  █",
        "up to 1 person, by the usual roles (champion, else admin, else any)",
        "2026-02-09   acme      Nothing was heard for 7 days: last active on 2 February 2026.",
        "are those of today",
    ):
        assert words in told.out
    again = used("trigger", "backtest", "quiet", *RANGE, "--json")
    assert again.out == used("trigger", "backtest", "quiet", *RANGE, "--json").out
    assert (again.json["fired"], again.json["people"]) == (1, 1)
    assert again.json["by_week"]["2026-02-09"] == 1
    (firing,) = again.json["firings"]
    assert (firing["account"], firing["contacts"]) == ("acme", ["ada"])


def test_a_backtest_takes_the_file_and_the_published_version_where_that_is_asked(
    used: Cli, folder: Path
) -> None:
    assert used("trigger", "publish").code == 0
    (folder / "quiet.yaml").write_text(QUIET.replace("7 days", "10 days"))
    days = [
        used("trigger", "backtest", "quiet", *RANGE, "--json", *which).json["firings"][0]["day"]
        for which in ((), ("--published",))
    ]
    assert days == ["2026-02-12", "2026-02-09"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("backtest", "queit", *RANGE), 4, "There are: quiet."),
        (("backtest", "quiet", *RANGE, "--published"), 4, "None is published yet."),
        (("backtest", "quiet", "--from", "2026-02-02", "--to", "2026-02-01"), 2, "is before"),
        (("backtest", "quiet", "--from", "2026-02-02", "--to", "2999-02-01"), 2, "still to come"),
        (("show", "quiet"), 4, "no published trigger 'quiet'"),
        (("firings", "quiet"), 4, "no published trigger 'quiet'"),
        (("firings", "--account", "acne"), 4, "no account 'acne'"),
        (("publish", "queit"), 4, "There are: quiet."),
    ],
)
def test_what_is_not_there_is_said(
    company: Cli, folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    told = company("trigger", *words)
    assert (told.code, told.out) == (code, "")
    assert said in told.err


def test_what_is_published_is_listed_shown_and_stopped(used: Cli) -> None:
    """For whom it holds already is passed over (P20)."""
    dry = used("trigger", "publish", "--dry-run")
    assert dry.out == (
        "quiet: version 1 would be published. It holds for 1 account already: would be passed"
        " over.\n"
    )
    assert used("trigger", "list").out.startswith("No trigger is published")
    assert used("trigger", "publish").out.endswith("1 account already: passed over.\n")
    assert used("trigger", "publish", "quiet").out == "quiet: unchanged, version 1.\n"
    (listed,) = used("trigger", "list", "--json").json
    assert (listed["trigger"], listed["state"], listed["holds"]) == ("quiet", "running", 1)
    assert "seats at least 5 and quiet for 7 days" in used("trigger", "list").out
    shown = used("trigger", "show", "quiet").out
    for words in (
        "Gone quiet  (quiet, version 1, running)",
        "Nobody was seen for a week.",
        "at once; again after 30 days",
        "maya, backup jonas",
        "no program enters",
    ):
        assert words in shown  # fmt: skip
    assert used("trigger", "stop", "quiet").out == "quiet: stopped.\n"
    assert used("trigger", "stop", "quiet").out == "quiet: was stopped already.\n"
    assert used("trigger", "show", "quiet", "--json").json["state"] == "stopped"


def test_a_program_takes_its_triggers_along_and_cannot_be_without_them(
    company: Cli, content: Path, folder: Path
) -> None:
    program = content / "programs" / "welcome.yaml"
    entered = "enter: {when: [{trigger: quiet}]}\nsteps:"
    program.write_text(program.read_text().replace("steps:", entered))
    dry = company("program", "publish", "welcome", "--dry-run")
    assert "trigger quiet: version 1 would be published." in dry.out
    done = company("program", "publish", "welcome")
    assert "trigger quiet: version 1 published." in done.out
    assert company("trigger", "show", "quiet", "--json").json["programs"] == ["welcome"]
    refused = company("trigger", "stop", "quiet")
    assert refused.code == 2
    assert "enter welcome by the trigger quiet" in refused.err

    program.write_text(program.read_text().replace("quiet", "queit"))
    checked = company("check")
    assert checked.code == 1
    assert "There is no trigger called 'queit'. Did you mean 'quiet'?" in checked.out


def test_a_program_takes_along_what_its_conditions_and_those_of_its_segments_wait_for(
    company: Cli, content: Path, folder: Path
) -> None:
    program = content / "programs" / "welcome.yaml"
    waits = "exits: [{when: {segment: fell-quiet}, because: It fell quiet.}]\nsteps:"
    program.write_text(program.read_text().replace("steps:", waits))
    (content / "segments").mkdir(exist_ok=True)
    (content / "segments" / "fell-quiet.yaml").write_text(
        "segment: fell-quiet\nname: Fell quiet\nowner: maya\nwhen: {trigger: quiet}\n"
    )
    for options in (("--dry-run",), ()):
        done = company("program", "publish", "welcome", *options)
        assert done.code == 0, done.err
        for thing in ("trigger quiet", "segment fell-quiet"):
            assert f"{thing}: version 1 " in done.out
    shown = company("trigger", "show", "quiet")
    assert "Used by    segment fell-quiet" in shown.out
    refused = company("trigger", "stop", "quiet")
    assert refused.code == 2
    assert "is named in a condition of the segment fell-quiet" in refused.err


def test_firings_are_listed_and_stand_on_the_account(
    used: Cli, rows: Callable[..., list[Any]]
) -> None:
    assert used("trigger", "publish").code == 0
    assert used("trigger", "firings").out == "Nothing fired.\n"
    rows(
        "insert into trigger_firings (trigger_id, version, account_id, at, words) values"
        " ('quiet', 1, 'acme', '2026-03-01', 'Nothing was heard.'),"
        " ('quiet', 1, 'globex', '2026-03-02', 'Nothing at all.')"
    )
    assert [each["account"] for each in used("trigger", "firings", "--json").json] == [
        "acme", "globex"
    ]  # fmt: skip
    (one,) = used("trigger", "firings", "quiet", "--account", "acme", "--json").json
    assert one["words"] == "Nothing was heard."
    shown = used("account", "show", "acme").out
    assert "The trigger quiet fired. Nothing was heard." in shown


def test_a_broken_file_is_told_by_check_and_not_published(company: Cli, folder: Path) -> None:
    (folder / "quiet.yaml").write_text(QUIET.replace("7 days", "7 dayz"))
    checked, published = company("check"), company("trigger", "publish")
    assert checked.code == published.code == 1
    assert "content/triggers/quiet.yaml:6:16: " in checked.out
    assert "Nothing was published" in published.err
