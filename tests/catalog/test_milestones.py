"""The file of milestones: what it says, and what it is told when it says it wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from digital_cs.catalog.condition_checks import parts
from digital_cs.catalog.milestones import FILE, check_milestones_text, load_milestones
from digital_cs.catalog.programs import load_programs
from digital_cs.catalog.schema import MILESTONES_SCHEMA_FILE, milestones_schema, schema_text
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.milestone import EventReach
from digital_cs.domain.timing.span import Span

CONTENT = Path(__file__).resolve().parents[2] / "content"
CHECK = jsonschema_rs.Draft7Validator(milestones_schema())


def listed(*entries: str) -> str:
    """A file of these entries, each on a line of its own, from the second line on."""
    return "milestones:\n" + "".join(f"- {{{entry}}}\n" for entry in entries)


def test_the_file_that_is_shipped_holds_and_has_what_the_programs_speak_of() -> None:
    found = load_milestones(CONTENT)
    assert found.there
    assert found.problems == ()
    names = {each.milestone for each in found.milestones}
    spoken = {
        str(value)
        for program in load_programs(CONTENT).programs.values()
        for _, part in parts(program)
        for key, value in part
        if key == "milestone"
    }
    assert spoken
    assert spoken <= names


def test_a_milestone_says_what_reaches_it_and_by_when() -> None:
    text = listed(
        "milestone: a, title: A, reached_by: {event: sent, times: 3, users: 2}",
        "milestone: b, title: B, reached_by: given, expected_within: 14 days, of: a",
    )
    first, second = check_milestones_text(text).milestones
    assert first.reached_by == EventReach(event="sent", times=3, users=2)
    assert second.reached_by == "given"
    assert (second.expected_within, second.of) == (Span.parse("14 days"), ("a",))


def test_a_folder_without_the_file_declares_nothing(tmp_path: Path) -> None:
    assert not load_milestones(tmp_path).there
    (tmp_path / FILE).mkdir()
    (problem,) = load_milestones(tmp_path).problems
    assert problem.rule == "unreadable"


@pytest.mark.parametrize(
    ("text", "at", "message", "advice"),
    [
        ("", "", "The file holds no milestones.", "'milestones:'"),
        ("- a\n", "", "The file holds no milestones.", "'milestones:'"),
        ("milestons: []\n", "milestons", "Unknown key", "Did you mean 'milestones'?"),
        (listed("milestone: First Send, title: A, reached_by: given"), "First Send",
         "letters, digits and underscores only", "Write 'first_send'."),
        (listed("milestone: a, title: A"), "{", "A milestone needs 'reached_by'.", "Add"),
        (listed("milestone: a, title: A, reached_by: gven"), "gven", "cannot be 'gven'",
         "Did you mean 'given'?"),
        (listed("milestone: a, title: A, reached_by: "), "reached_by", "has no value",
         "The event that reaches it, or 'given'"),
        (listed("milestone: a, title: A, reached_by: {evnt: x}"), "evnt", "Unknown key 'evnt'",
         "Did you mean 'event'?"),
        (listed("milestone: a, title: A, reached_by: {event: x, times: 0}"), "0",
         "'times' is 0, and must be at least 1.", "How often"),
        (listed("milestone: a, title: A, reached_by: given, expected_within: 3 dys, of: b"),
         "3 dys", "'3 dys'", "Did you mean '3 days'?"),
        (listed("milestone: a, title: A, reached_by: given, expected_within: 3 days"), "{",
         "'expected_within' needs 'of'.", "Add 'of: trial_started_on'."),
        (listed("milestone: a, title: A, reached_by: given",
                "title: B, reached_by: given, milestone: a"), "a}", "on line 2 too",
         "Keep one of them."),
        (listed("milestone: a, title: A, reached_by: given, expected_within: 3 days, of: [b]",
                "milestone: b, title: B, reached_by: given"), "[b]", "further down",
         "Name one that stands above"),
        (listed("milestone: a, title: A, reached_by: given, expected_within: 3 days, of: [a]"),
         "[a]", "this milestone itself", "Name one that stands above"),
        ("milestones: [\n", "[", "", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_column(
    text: str, at: str, message: str, advice: str
) -> None:
    found = check_milestones_text(text, "content/milestones.yaml")
    assert found.milestones == ()
    told = [each for each in found.problems if message in each.message]
    assert told, found.problems
    before = text[: text.rindex(at) if at else 0]
    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert (told[0].file, told[0].line, told[0].column) == ("content/milestones.yaml", *place)
    assert advice in (told[0].suggestion or "")


def test_a_program_that_speaks_of_another_milestone_is_warned(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "p.yaml").write_text(
        "program: p\nname: P\nowner: maya\ngoal: {name: G, when: {milestone: frist_send}}\n"
        "steps:\n  - wait_for: {milestone: team_invited}\n    for_up_to: 2 days\n"
        "    if_not:\n      - task: Call them\n        assign_to: maya\n        due_in: 2 days\n"
    )
    assert load_programs(tmp_path).problems == ()
    (tmp_path / FILE).write_text(listed("milestone: first_send, title: A, reached_by: given"))
    loaded = load_programs(tmp_path)
    assert set(loaded.programs) == {"p"}
    goal, wait = loaded.problems
    assert (goal.line, goal.severity, goal.rule) == (4, "warning", "unknown-milestone")
    assert goal.suggestion == "Did you mean 'first_send'?"
    assert (wait.line, wait.column) == (6, 27)
    assert "no milestone 'team_invited'" in wait.message


def test_the_committed_schema_is_the_one_that_the_code_makes() -> None:
    """If this fails: `digital-cs milestone schema > content/milestones.schema.json`."""
    committed = (CONTENT / MILESTONES_SCHEMA_FILE).read_text(encoding="utf-8")
    assert committed == schema_text(milestones_schema())
    jsonschema_rs.meta.validate(milestones_schema())


def test_the_shipped_file_names_the_schema_and_fits_it() -> None:
    text = (CONTENT / FILE).read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={MILESTONES_SCHEMA_FILE}"
    assert [str(error) for error in CHECK.iter_errors(read_yaml(text, FILE).value)] == []


@pytest.mark.parametrize(
    "rest",
    [
        {"reached_by": "gven"}, {"reached_by": {"evnt": "x"}}, {"milestone": "First Send"},
        {"reached_by": {"event": "x", "times": 0}}, {"expected_within": "3 dayz"}, {"of": [3]},
    ],
    ids=str,
)  # fmt: skip
def test_the_schema_refuses_a_slip(rest: dict[str, Any]) -> None:
    entry = {"milestone": "a", "title": "A", "reached_by": {"event": "x"}}
    assert CHECK.is_valid({"milestones": [entry]})
    assert not CHECK.is_valid({"milestones": [{**entry, **rest}]})
