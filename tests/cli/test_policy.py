"""The policy as a program manager checks, compares and publishes it; and who is held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digital_cs.stack.temporal_server import TemporalServer
from tests.cli.conftest import PROGRAM, Cli

Rows = Callable[..., list[Any]]

FILE = "budget: {person: {low: 1, normal: 3, high: 4}}\nholdout: 50\n"


@pytest.fixture
def unpublished(cli: Cli, content: Path, rows: Rows) -> Cli:
    """The command where a policy stands in the file and none was ever published."""
    rows("delete from policies")
    (content / "policy.yaml").write_text(FILE)
    return cli


def test_without_a_policy_the_defaults_hold(unpublished: Cli) -> None:
    shown = unpublished("policy", "show").out
    assert "A person               low 1, normal 2, high 3 in 7 days" in shown
    assert "None is published, so these defaults hold: `digital-cs policy publish`." in shown
    assert unpublished("policy", "show", "--json").json["version"] == 0
    assert unpublished("policy", "history").out == (
        "No policy was published yet: the defaults hold.\n"
    )
    assert unpublished("policy", "history", "--json").json == []


def test_publishing_says_what_changes_and_puts_it_in_force(unpublished: Cli) -> None:
    changes = [
        "~ a person: normal 2 → 3, high 3 → 4 in 7 days",
        "~ holdout: 5% → 50% of accounts, where a program says nothing",
    ]
    assert unpublished("policy", "diff", "--json").json == {"version": 0, "changes": changes}
    foreseen = unpublished("policy", "publish", "--dry-run").out.splitlines()
    assert foreseen == [*changes, "Policy: version 1 would be in force."]
    assert unpublished("policy", "show", "--json").json["version"] == 0

    assert unpublished("policy", "publish", "--json").json == {
        "dry_run": False, "version": 1, "new": True, "first": True, "changes": changes,
        "decided_anew": 0,
    }  # fmt: skip
    assert unpublished("policy", "publish").out == "Policy: unchanged, version 1.\n"
    assert unpublished("policy", "diff").out == "They say the same.\n"
    shown = unpublished("policy", "show").out
    assert "In force: version 1, since Mon 2 Mar 2026 09:00 UTC." in shown


def test_history_says_what_each_version_changed(unpublished: Cli, content: Path) -> None:
    unpublished("policy", "publish")
    (content / "policy.yaml").write_text("holdout: 10\n")
    unpublished("policy", "publish")

    newest, first = unpublished("policy", "history", "--json").json
    assert (newest["version"], first["version"]) == (2, 1)
    assert newest["changes"] == [
        "~ a person: normal 3 → 2, high 4 → 3 in 7 days",
        "~ holdout: 50% → 10% of accounts, where a program says nothing",
    ]
    assert first["changes"][1] == "~ holdout: 5% → 50% of accounts, where a program says nothing"
    assert "holdout: 50% → 10%" in unpublished("policy", "history").out


def test_topics_keep_the_order_of_the_file(unpublished: Cli, content: Path) -> None:
    """It is that of the preference page."""
    text = "topics: {product: {title: P}, a: {title: A}, tips: {title: T}}\n"
    (content / "policy.yaml").write_text(text)
    unpublished("policy", "publish")
    assert list(unpublished("policy", "show", "--json").json["policy"]["topics"]) == [
        "product", "a", "tips"
    ]  # fmt: skip
    assert unpublished("policy", "diff").out == "They say the same.\n"


def test_a_mistake_is_shown_and_nothing_is_published(unpublished: Cli, content: Path) -> None:
    (content / "policy.yaml").write_text("budget: {person: {low: 1, normal: 2, hihg: 3}}\n")
    for words in ("check", "diff", "publish"):
        done = unpublished("policy", words)
        assert done.code == 1
        assert "content/policy.yaml:1:38: Unknown key 'hihg' in limits by priority." in done.out
    assert unpublished("policy", "check", "--json").json["errors"] == 2  # and 'high' is missing
    assert unpublished("check").code == 1
    (content / "policy.yaml").unlink()
    assert unpublished("policy", "publish").code == 4


def test_a_service_notice_that_the_policy_does_not_list_is_no_program(
    unpublished: Cli, content: Path
) -> None:
    (content / "programs" / "welcome.yaml").write_text(PROGRAM + "    kind: service\n")
    done = unpublished("check")
    assert done.code == 1
    assert "programs/welcome.yaml:8:11: 'welcome-trial-1' goes out as a service notice" in done.out
    assert unpublished("program", "publish", "--yes").code == 1
    one = unpublished("program", "check", content / "programs" / "welcome.yaml")
    assert "'welcome-trial-1' goes out as a service notice" in one.out

    (content / "policy.yaml").write_text("service: [welcome-trial-1, welcome-trial-2]\n")
    done = unpublished("check")
    assert done.code == 0
    assert (
        "content/policy.yaml:1:28: warning: No program sends 'welcome-trial-2' as a service notice."
    ) in done.out
    checked = unpublished("policy", "check").out
    assert "No program sends 'welcome-trial-2'" in checked
    (content / "policy.yaml").write_text("service: [welcome-trial-1]\n")
    assert "All is well in" in unpublished("policy", "check").out


def test_the_schema_is_printed(alone: Cli) -> None:
    assert alone("policy", "schema").json["title"] == "The policy of digital-cs"


def test_the_doctor_warns_where_no_policy_is_published(
    unpublished: Cli, temporal_server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)

    def policy() -> dict[str, str]:
        found = unpublished("doctor", "--json").json
        (line,) = (each for each in found if each["part"] == "policy")
        assert isinstance(line, dict)
        return line

    assert (policy()["level"], policy()["words"]) == (
        "WARN", "None is published: the defaults hold."
    )  # fmt: skip
    unpublished("policy", "publish")
    assert policy()["level"] == "OK"
    assert "Version 1 is in force" in policy()["words"]


def test_p27_a_program_shows_who_is_held_out(company: Cli, rows: Rows, content: Path) -> None:
    empty = company("program", "holdout", "welcome")
    assert empty.out.startswith("Nobody was drawn for welcome yet")
    (content / "policy.yaml").write_text("holdout: 50\n")
    company("policy", "publish")
    company("enroll", "welcome", "acme", "globex", "initech")
    drawn = dict(rows("select account_id, held from holdouts order by 1"))
    out = sorted(id for id, held in drawn.items() if held)
    assert len(drawn) == 3

    found = company("program", "holdout", "welcome", "--held", "--json").json
    assert found["held_out"]["accounts"] == len(out)
    assert found["written_to"]["accounts"] == 3 - len(out)
    assert found["held_out"]["inside"] + found["written_to"]["inside"] == 3
    assert [each["account_id"] for each in found["held"]] == out
    shown = company("program", "holdout", "welcome", "--held").out
    assert "written to" in shown
    assert all(id in shown for id in out)
    assert company("program", "holdout", "welcom").code == 4
