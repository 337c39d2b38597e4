"""`program simulate`: one program or several, by the policy of the folder, another, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Cli

PLAY = ("program", "simulate", "welcome", "--accounts", "40", "--days", "60")
START = ("--start", "2026-03-02")
HURRIED = PROGRAM.replace("program: welcome", "program: hurry").replace("3 days", "1 minute")
STRICT = "budget: {person: {low: 0, normal: 0, high: 0}}\nholdout: 0\n"


@pytest.fixture
def two(content: Path) -> Path:
    """Beside `welcome` a program that sends the same day by day."""
    (content / "programs" / "hurry.yaml").write_text(
        HURRIED + "".join(f"  - wait: 1 day\n  - {{send: welcome-trial-{n}}}\n" for n in (2, 3))
    )
    return content


def test_a_simulation_counts_touches_peak_and_endings(alone: Cli) -> None:
    done, shown, again = (
        alone(*PLAY, *START, "--json"),
        alone(*PLAY),
        alone(*PLAY, *START, "--json"),
    )

    assert done.code == shown.code == 0
    assert done.json["accounts"] == 40
    assert 0 < done.json["touches"] <= 40
    (program,) = done.json["programs"]
    assert sum(sum(found.values()) for found in program["endings"].values()) > 0
    assert "at most" in shown.out
    assert "Nobody met a limit." in shown.out
    assert "Not played: rates" in shown.err
    first, second = done.json, again.json
    del first["seconds"], second["seconds"]
    assert first == second


def test_several_programs_show_who_would_get_too_much(alone: Cli, two: Path) -> None:
    """P17."""
    by_name = alone(*PLAY, "hurry", *START, "--json").json
    shown = alone("program", "simulate", "--all", "--accounts", "40", *START)

    assert [each["program"] for each in by_name["programs"]] == ["welcome", "hurry"]
    assert by_name["budget"]["persons"] > 0
    assert by_name["budget"]["became"]["sent"] > 0
    assert by_name["budget"]["worst"][0]["wished"] >= 3
    assert by_name["touches"] == sum(each["touches"] for each in by_name["programs"])
    assert "2 programs: 40 accounts" in shown.out
    assert "met a limit" in shown.out
    assert "the reader has had enough" in shown.out
    assert "allowed: 1, 2 and 3, of low, normal and high priority" in shown.out


def test_another_policy_or_none_can_be_tried(alone: Cli, two: Path, tmp_path: Path) -> None:
    (file := tmp_path / "strict.yaml").write_text(STRICT)
    strict = alone(*PLAY, *START, "--policy", str(file), "--json").json
    free = alone(*PLAY, "hurry", *START, "--without-policy", "--json").json

    assert (strict["touches"], strict["policy"]) == (0, str(file))
    assert strict["budget"]["became"] == {"left out": strict["budget"]["messages"]}
    assert (free["budget"]["messages"], free["policy"]) == (0, "none")
    assert free["touches"] > 40


def test_a_policy_with_an_error_is_not_played(alone: Cli, two: Path) -> None:
    (two / "policy.yaml").write_text("budget: {person: many}\n")
    done = alone(*PLAY)

    assert done.code == 1
    assert "policy.yaml:1:" in done.out
    assert alone(*PLAY, "--policy", "nowhere.yaml").code == 4


@pytest.mark.parametrize(
    "words", [(), ("welcome", "--all"), ("welcome", "--policy", "x", "--without-policy")]
)
def test_what_to_play_must_be_said_and_said_once(alone: Cli, words: tuple[str, ...]) -> None:
    assert alone("program", "simulate", *words).code == 2


def test_a_program_that_is_not_there_cannot_be_simulated(alone: Cli) -> None:
    done = alone("program", "simulate", "welcom")

    assert done.code == 4
    assert "There are: welcome" in done.err
