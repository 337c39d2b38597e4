"""Segments from the command line: checked, published, looked at, explained, deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

ROOMY = """\
segment: roomy
name: Room for more
about: Who pays for many seats.
owner: maya
when: {all: [{segment: trials}, {trait: seats, at_least: 10}]}
"""
TRIALS = """\
segment: trials
name: Trials
owner: maya
backup: jonas
when: {stage: trial}
"""
ENTERED = """\
enter: {when: [{segment: roomy}]}
steps:
"""


@pytest.fixture
def folder(content: Path) -> Path:
    """The content folder's segments: one that rests on another."""
    folder = content / "segments"
    folder.mkdir()
    (folder / "roomy.yaml").write_text(ROOMY)
    (folder / "trials.yaml").write_text(TRIALS)
    return folder


@pytest.fixture
def published(company: Cli, folder: Path) -> Cli:
    assert company("segment", "publish").code == 0
    return company


def test_publishing_says_how_many_belong_and_takes_along_what_a_segment_rests_on(
    company: Cli, folder: Path
) -> None:
    dry = company("segment", "publish", "roomy", "--dry-run")
    assert dry.out.splitlines() == [
        "roomy: version 1 would be published. 1 account would belong.",
        "trials: version 1 would be published. 2 accounts would belong.",
    ]
    assert company("segment", "list").out.startswith("No segment is published")
    done = company("segment", "publish", "roomy", "--json").json
    assert [(s["segment"], s["members"]) for s in done["segments"]] == [("roomy", 1), ("trials", 2)]
    assert "unchanged, version 1. 2 accounts belong." in company("segment", "publish").out
    (folder / "trials.yaml").write_text(TRIALS.replace("trial}", "active}"))
    assert "trials: version 2 published. 1 account belongs, 2 did before." in (
        company("segment", "publish").out
    )


def test_a_list_and_a_page_of_it_in_words_and_for_machines(published: Cli) -> None:
    shown = published("segment", "list")
    assert "in segment trials and seats at least 10" in shown.out
    assert [(s["segment"], s["accounts"]) for s in published("segment", "list", "--json").json] == [
        ("roomy", 1), ("trials", 2),
    ]  # fmt: skip
    page = published("segment", "show", "trials").out
    assert "Owner      maya, backup jonas" in page
    assert "Used by    segment roomy" in page
    assert published("segment", "show", "trials", "--json").json["reads"] == ["account", "stage"]
    missing = published("segment", "show", "trails")
    assert (missing.code, "Published are: roomy, trials." in missing.err) == (4, True)


def test_members_are_listed_with_since_when(published: Cli) -> None:
    assert [m["account_id"] for m in published("segment", "members", "trials", "--json").json[
        "members"]] == ["acme", "globex"]  # fmt: skip
    few = published("segment", "members", "trials", "--most", "1")
    assert "2026-03-02 09:00" in few.out
    assert "1 of 2 are shown" in few.err


def test_a_preview_of_a_file_changes_nothing_and_needs_nothing_published(
    company: Cli, folder: Path
) -> None:
    seen = company("segment", "preview", folder / "roomy.yaml", "--json").json
    assert (seen["accounts"], seen["matching"], seen["unknown"]) == (3, 1, 0)
    assert seen["sample"] == [{"account": "acme", "name": "Acme"}]
    assert seen["cost"]["rows_estimated"] > 0
    assert "1 of 3 accounts match" in company("segment", "preview", "roomy").out
    assert company("segment", "list", "--json").json == []
    assert company("segment", "preview", "nowhere").code == 4
    (folder / "trials.yaml").unlink()
    lost = company("segment", "preview", "roomy")
    assert (lost.code, "no segment called 'trials'" in lost.out) == (1, True)


def test_every_condition_is_explained(published: Cli) -> None:
    text = published("segment", "explain", "roomy", "globex").out
    assert "globex is not a member of roomy. The rule says now: no." in text
    assert "seats at least 10" in text
    found = published("segment", "explain", "roomy", "globex", "--json").json
    assert [(a["words"], a["verdict"], a["figure"]) for a in found["answers"][1:]] == [
        ("in segment trials", "yes", "a member since 2 March 2026"),
        ("seats at least 10", "no", "3"),
    ]
    assert published("segment", "explain", "roomy", "nobody").code == 4


def test_what_a_program_uses_is_published_with_it_and_not_deleted(
    company: Cli, folder: Path, content: Path
) -> None:
    file = content / "programs" / "welcome.yaml"
    file.write_text(file.read_text().replace("steps:\n", ENTERED))
    dry = company("program", "publish", "welcome", "--dry-run")
    assert "segment roomy: version 1 would be published. 1 account would belong." in dry.out
    done = company("program", "publish", "welcome")
    assert "segment trials: version 1 published." in done.out
    assert "welcome: version 2 published." in done.out

    refused = company("segment", "delete", "roomy", "--yes")
    assert (refused.code, "used by the program welcome" in refused.err) == (2, True)
    assert company("program", "stop", "welcome", "--all", "--because", "over", "--yes").code == 0
    asked = company("segment", "delete", "roomy")
    assert (asked.code, "say --yes" in asked.err) == (5, True)
    assert company("segment", "delete", "roomy", "--yes", "--json").json["deleted"] is True


def test_faults_are_told_by_line_and_nothing_is_published(
    company: Cli, folder: Path, rows: Callable[..., list[Any]]
) -> None:
    (folder / "trials.yaml").write_text(TRIALS.replace("{stage: trial}", "{segment: roomy}"))
    for command in (("segment", "publish"), ("segment", "publish", "roomy"), ("check",)):
        told = company(*command)
        assert told.code == 1
        assert "segments/roomy.yaml:5:24:" in told.out
        assert "roomy -> trials -> roomy" in told.out
    assert rows("select count(*) from segments") == [(0,)]
    assert company("segment", "publish", "nothing").code == 4


def test_a_program_with_a_named_segment_is_played_by_its_rule(
    alone: Cli, folder: Path, content: Path
) -> None:
    file = content / "programs" / "welcome.yaml"
    file.write_text(file.read_text().replace("steps:\n", ENTERED))
    played = alone("program", "simulate", "welcome", "--accounts", "50", "--json").json
    assert (played["accounts"], played["untried"]) == (50, [])
    (folder / "trials.yaml").write_text(TRIALS.replace("{stage: trial}", "{tickets: open}"))
    told = alone("program", "simulate", "welcome", "--accounts", "20")
    assert "Not tried: 'tickets open at least 1'. Made-up accounts have no tickets." in told.err
