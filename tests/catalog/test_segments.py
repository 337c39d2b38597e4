"""Segments as files: read, complained about by line, and put in the place of their names."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from digital_cs.catalog.programs import load_programs
from digital_cs.catalog.schema import SEGMENT_SCHEMA_FILE, schema_text, segment_schema
from digital_cs.catalog.segments import (
    check_segment_text,
    load_segment,
    load_segments,
    segments_of,
    spelled_out,
    spelled_out_rule,
)
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.simulation.population_values import untried
from digital_cs.errors import NotFoundError

CONTENT = Path(__file__).resolve().parents[2] / "content"
STARTERS = sorted((CONTENT / "segments").glob("*.yaml"))
CHECK = jsonschema_rs.Draft7Validator(segment_schema())
HEAD = "segment: pros\nname: Pros\nowner: maya\n"
"""Lines 1 to 3 of every segment here."""


def write(folder: Path, **rules: str) -> Path:
    """A content folder with segments of these names and rules."""
    (folder / "segments").mkdir()
    (folder / "programs").mkdir()
    for name, rule in rules.items():
        shown = name.replace("_", "-")
        text = f"segment: {shown}\nname: {shown}\nowner: maya\nwhen: {rule}\n"
        (folder / "segments" / f"{shown}.yaml").write_text(text, encoding="utf-8")
    return folder


def complaints(folder: Path) -> list[str]:
    return [f"{p.rule} {p}".replace(f"{folder.name}/", "") for p in load_segments(folder).problems]


def test_the_starter_segments_have_no_complaints_and_fit_the_schema() -> None:
    loaded = load_segments(CONTENT)
    assert loaded.problems == ()
    assert sorted(loaded.segments) == [path.stem for path in STARTERS]
    for path in STARTERS:
        text = path.read_text(encoding="utf-8")
        assert text.splitlines()[0] == "# yaml-language-server: $schema=../segment.schema.json"
        assert [str(e) for e in CHECK.iter_errors(read_yaml(text, path.name).value)] == []


def test_the_committed_schema_is_the_one_that_the_code_makes() -> None:
    """If this fails: `digital-cs segment schema > content/segment.schema.json`."""
    kept = (CONTENT / SEGMENT_SCHEMA_FILE).read_text(encoding="utf-8")
    assert kept == schema_text(segment_schema())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            HEAD + "when: {trait: plan, is: pro}\nwen: 1\n",
            "unknown-key f:5:1: Unknown key 'wen' in a segment. Did you mean 'when'?",
        ),
        (HEAD, "missing-key f:1:1: A segment needs 'when'. Add 'when: …' (Who belongs)."),
        (
            HEAD + "when: {segmnt: x}\n",
            "unknown-condition f:4:8: There is no condition called 'segmnt'."
            " Did you mean 'segment'?",
        ),
        (
            HEAD + "when:\n  all:\n    - segment: Big Ones\n",
            "bad-name f:6:16: 'Big Ones' is no name: names have small letters, digits and dashes"
            " only. Write 'big-ones'.",
        ),
        (
            "",
            "no-segment f:1:1: The file is empty. Begin it with the lines 'segment: …', 'name: …',"
            " 'owner: …' and 'when:'.",
        ),
    ],
)
def test_a_slip_is_told_with_its_place_and_what_to_write(text: str, complaint: str) -> None:
    _, problems = check_segment_text(text, "f")
    assert [f"{each.rule} {each}" for each in problems] == [complaint]


def test_names_of_what_is_not_there_are_told_with_what_was_meant(tmp_path: Path) -> None:
    folder = write(
        tmp_path, payers="{stage: active}", risky="{any: [{segment: payer}, {program: welcom}]}"
    )
    (folder / "programs" / "welcome.yaml").write_text("", encoding="utf-8")
    (folder / "milestones.yaml").write_text(
        "milestones:\n- {milestone: first_send, title: F, reached_by: given}\n", encoding="utf-8"
    )
    slow = "segment: slow\nname: Slow\nowner: m\nwhen: {not: {milestone: frist_send}}\n"
    (folder / "segments" / "slow.yml").write_text(slow, encoding="utf-8")
    assert complaints(folder) == [
        "unknown-segment segments/risky.yaml:4:24: There is no segment called 'payer'."
        " Did you mean 'payers'?",
        "unknown-program segments/risky.yaml:4:42: There is no program called 'welcom'."
        " Did you mean 'welcome'?",
        "unknown-milestone segments/slow.yml:4:25: There is no milestone 'frist_send' in"
        " milestones.yaml; the event 'frist_send' reaches it. Did you mean 'first_send'?",
    ]
    assert sorted(load_segments(folder).segments) == ["payers", "slow"]


def test_a_circle_is_told_once_with_the_way_round(tmp_path: Path) -> None:
    folder = write(tmp_path, a="{segment: b}", b="{not: {segment: c}}", c="{segment: a}",
                   d="{segment: a}", e="{stage: active}")  # fmt: skip
    assert complaints(folder) == [
        "segments-in-a-circle segments/a.yaml:4:17: The segments rest on each other in a circle:"
        " a -> b -> c -> a. Take one of these names out of a rule."
    ]
    assert sorted(load_segments(folder).sound) == ["e"]


def test_a_file_has_the_name_of_its_segment(tmp_path: Path) -> None:
    folder = write(tmp_path, pros="{stage: active}")
    (folder / "segments" / "pros.yaml").rename(folder / "segments" / "other.yaml")
    assert complaints(folder)[0].startswith("file-name segments/other.yaml:1:10:")
    with pytest.raises(NotFoundError):
        load_segment(folder / "segments" / "pros.yaml")
    segment, _ = load_segment(folder / "segments" / "other.yaml")
    assert segment is not None


def test_a_folder_without_segments_has_none(tmp_path: Path) -> None:
    assert load_segments(tmp_path).segments == {}


def test_a_program_says_the_rule_itself_in_the_place_of_a_name() -> None:
    """That is what a simulation plays."""
    program = load_programs(CONTENT).programs["adoption-automation"]
    segments = load_segments(CONTENT).segments
    assert segments_of(program) == {"no-automation-yet"}
    plain = spelled_out(program, segments)
    assert plain.enter.when[0].segment == segments["no-automation-yet"].when  # type: ignore[union-attr]
    assert segments_of(plain) == frozenset()
    assert untried(plain) == []
    assert spelled_out(program, {}) == program


def test_rules_are_put_in_the_place_of_names_at_any_depth() -> None:
    segments = load_segments(CONTENT).segments
    rule = spelled_out_rule(segments["at-risk"], segments)
    assert rule.words().startswith("stage is onboarding or active and (quiet for 14 days or")


def test_what_made_up_accounts_cannot_try_is_said() -> None:
    program = load_programs(CONTENT).programs["adoption-automation"]
    assert untried(program) == [
        "Not tried: 'in segment no-automation-yet'. Made-up accounts have no segments that have no"
        " file."
    ]
