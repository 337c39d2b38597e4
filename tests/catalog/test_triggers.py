"""Trigger files: what they say, and what they are told when they say it wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from digital_cs.catalog.programs import check_program_text, load_programs
from digital_cs.catalog.schema import TRIGGER_SCHEMA_FILE, schema_text, trigger_schema
from digital_cs.catalog.segments import load_segments
from digital_cs.catalog.triggers import (
    EXAMPLES,
    check_trigger_text,
    load_triggers,
    sound_together,
    trigger_from_json,
    trigger_to_json,
    triggers_of,
    with_their_rules,
)
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.account import Account
from digital_cs.domain.rules.condition import (
    AllOf,
    ContactGone,
    DateWithin,
    LimitNear,
    MilestoneMissed,
    QuietFor,
    StageIs,
    TicketSpike,
    UsageChange,
)
from digital_cs.domain.rules.kept_rule import KeptRule
from digital_cs.domain.rules.segment import Segment
from digital_cs.domain.rules.trigger import KINDS, Trigger
from digital_cs.domain.rules.trigger_state import Dynamics
from digital_cs.domain.rules.trigger_words import reason

CONTENT = Path(__file__).resolve().parents[2] / "content"
SHIPPED = sorted((CONTENT / "triggers").glob("*.yaml"))
CHECK = jsonschema_rs.Draft7Validator(trigger_schema())
HEAD = "trigger: a\nname: A\nowner: maya\n"
DAY = timedelta(days=1)


def trigger(**parts: Any) -> Trigger:
    return Trigger.model_validate({"trigger": "a", "name": "A", "owner": "maya", **parts})


# What is shipped


def test_the_triggers_that_are_shipped_have_no_problem_and_those_of_programs_are_among_them() -> (
    None
):
    found = load_triggers(CONTENT)
    assert found.problems == ()
    assert list(found.by_name) == [path.stem for path in SHIPPED]
    named = {
        name for each in load_programs(CONTENT).programs.values() for name in triggers_of(each)
    }
    assert named
    assert named <= found.by_name.keys()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_trigger_names_the_schema_and_fits_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    modeline, found = text.splitlines()[0].split("$schema=")
    assert modeline == "# yaml-language-server: "
    assert (path.parent / found).resolve() == CONTENT / TRIGGER_SCHEMA_FILE
    assert [str(error) for error in CHECK.iter_errors(read_yaml(text, path.name).value)] == []


def test_the_committed_schema_is_the_one_that_the_code_makes() -> None:
    """If this fails: `digital-cs trigger schema > content/trigger.schema.json`."""
    committed = (CONTENT / TRIGGER_SCHEMA_FILE).read_text(encoding="utf-8")
    assert committed == schema_text(trigger_schema())
    jsonschema_rs.meta.validate(trigger_schema())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_from_its_example_kept_as_json_and_read_again(kind: str) -> None:
    text = f"{HEAD}{kind}: {EXAMPLES[kind]}\nonly_if: {{stage: active}}\n"
    found, problems = check_trigger_text(text)
    assert problems == ()
    assert found is not None
    assert found.kind == kind
    assert trigger_from_json(trigger_to_json(found)) == found
    rule = KeptRule(when=found.condition)
    assert KeptRule.model_validate(rule.spec()) == rule
    assert CHECK.is_valid(read_yaml(text, "a.yaml").value)


# What it means


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"usage_drop": {}}, UsageChange), ({"silence": {"for": "14 days"}}, QuietFor),
        ({"milestone_missed": {"milestone": "m", "within": "2 weeks", "of": "d"}}, MilestoneMissed),
        ({"limit_near": {"used": "u", "of": "s"}}, LimitNear),
        ({"date_near": {"date": "d", "within": "30 days"}}, DateWithin),
        ({"ticket_spike": {}}, TicketSpike), ({"champion_gone": {}}, ContactGone),
        ({"when": {"stage": "trial"}}, StageIs),
    ],
    ids=str,
)  # fmt: skip
def test_each_kind_is_short_for_a_condition_and_all_of_it_must_hold(
    parts: dict[str, Any], kind: type
) -> None:
    assert type(trigger(**parts).condition) is kind
    both = trigger(**parts, only_if={"stage": "active"}).condition
    assert isinstance(both, AllOf)
    assert both.all[0] == StageIs(stage="active")
    assert type(both.all[1]) is kind


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"usage_drop": {}}, Dynamics(persists=2 * DAY, cooldown=30 * DAY)),
        ({"usage_drop": {}, "persists": "at once"}, Dynamics(cooldown=30 * DAY)),
        ({"silence": {"for": "3 days"}}, Dynamics(cooldown=30 * DAY)),
        ({"event": "x", "cooldown": "1 week"}, Dynamics(cooldown=7 * DAY, instant=True)),
        ({"when": {"stage": "x"}, "persists": "1 month", "clear_for": "90 minutes"},
         Dynamics(persists=30 * DAY, cooldown=30 * DAY, clear_for=timedelta(minutes=90))),
        ({"when": {"stage": "x"}, "re_arm": False}, Dynamics(cooldown=30 * DAY, re_arm=False)),
    ],
    ids=str,
)  # fmt: skip
def test_spans_are_whole_days_where_they_are_days(
    parts: dict[str, Any], expected: Dynamics
) -> None:
    assert trigger(**parts).dynamics == expected


def test_when_it_fires_is_said_in_words() -> None:
    assert trigger(usage_drop={}, clear_for="1 week").timing() == (
        "after it held for 2 days; again after 30 days, and when it has stopped for 1 week"
    )
    assert trigger(silence={"for": "3 days"}, re_arm=False).timing() == (
        "at once; again after 30 days, even if it goes on to hold"
    )
    assert trigger(event="x").timing() == "at the event, at most once in 30 days"
    assert trigger(event="x", only_if={"stage": "trial"}).words() == (
        "x happens, if stage is trial"
    )


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"usage_drop": {}}, "Usage fell to 0 in 2 weeks, where 0.0 were to be expected."),
        ({"usage_drop": {"event": ["a", "b"], "measure": "days"}},
         "Days with use of a and b fell to 0 in 2 weeks, where 0.0 were to be expected."),
        ({"silence": {"for": "3 days"}}, "Nothing was heard for 3 days: never seen."),
        ({"limit_near": {"used": "u", "of": "s"}}, "u comes near to s: 9 of 10."),
        ({"date_near": {"date": "d", "within": "30 days"}},
         "d is near: 2026-03-12 (in 10 days)."),
        ({"champion_gone": {}},
         "No champion is left who can be reached: nobody is known of this role."),
        ({"event": "x"}, "x happened."),
        ({"when": {"any": [{"stage": "trial"}, {"trait": "u", "at_least": 5}]}},
         "It holds that stage is trial (active); u at least 5 (9)."),
    ],
    ids=str,
)  # fmt: skip
def test_the_reason_is_a_sentence_with_the_figures(parts: dict[str, Any], words: str) -> None:
    """P19."""
    account = Account("acme", stage="active", traits={"u": 9, "s": 10, "d": "2026-03-12"})
    found = reason(
        trigger(**parts, only_if={"stage": "active"}), account, datetime(2026, 3, 2, tzinfo=UTC)
    )
    assert found.words == words
    assert found.figures["stage is active"] == "active"


def test_a_program_is_played_with_the_rules_of_its_triggers() -> None:
    program = load_programs(CONTENT).programs["usage-drop"]
    triggers = load_triggers(CONTENT).by_name
    (entry,) = with_their_rules(program, triggers).enter.when
    assert getattr(entry, "segment", None) == triggers["gone-quiet"].condition
    assert with_their_rules(program, {}) == program


# What is told of mistakes


@pytest.mark.parametrize(
    ("text", "at", "message", "advice"),
    [
        ("", "", "The file is empty.", "Begin it"),
        ("- a\n", "", "The file holds no trigger.", "Begin it"),
        (HEAD, "trigger", "this one nothing.", "Give it one of usage_drop"),
        (HEAD + "silence: {for: 3 days}\nevent: x\n", "event", "two: silence and event.", "file"),
        (HEAD + "silence:\n", "silence", "'silence' has no value.", "{for: 14 days}"),
        (HEAD + "silense: {for: 3 days}\n", "silense", "Unknown key", "Did you mean 'silence'?"),
        (HEAD + "silence: {for: 3 days, of: x}\n", "of", "Unknown key 'of' in 'silence'.", ""),
        (HEAD + "silence: {}\n", "{}", "'silence' needs 'for'.", "Add 'for"),
        (HEAD + "silence: {for: 3 dayz}\n", "3 dayz", "'3 dayz'", "Did you mean '3 days'?"),
        (HEAD + "usage_drop: {over: 10 days}\n", "{", '"10 days" is not whole weeks', "2 weeks"),
        (HEAD + "usage_drop: {falls_by: half}\n", "half", "'falls_by'", '"50%"'),
        (HEAD + "event: x\npersists: never\n", "never", "'never' is not a span", "such as"),
        (HEAD + "event: x\npersists: 3 days\n", "trigger", '"persists" says nothing', "cooldown"),
        (HEAD + "when: {stag: x}\n", "stag", "no condition called 'stag'", "'stage'"),
        (HEAD + "when: {stage: x}\nre_arm: false\nclear_for: 1 day\n", "trigger", "clear_for",
         "Give one of the two"),
        (HEAD + "when: {stage: x}\nre_arm: false\n", "false", "again after every", "cooldown"),
        (HEAD + "when: {stage: actvie}\n", "actvie", "not a usual stage", "'active'"),
    ],
    ids=lambda each: each.replace(HEAD, "").strip() if isinstance(each, str) else str(each),
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_to_write(
    text: str, at: str, message: str, advice: str
) -> None:
    _, problems = check_trigger_text(text)
    (problem,) = problems
    line = text[: text.rindex(at)].count("\n") + 1 if at and at != "trigger" else 1
    assert problem.line == line
    assert message in problem.message
    assert advice in (problem.suggestion or "")


WAITS = """program: welcome
name: Welcome
owner: maya
enter: {only_if: {trigger: quiett}}
exits: [{when: {trigger: a}, because: so}]
steps:
  - wait_for: {not: {trigger: b}}
    for_up_to: 3 days
    if_it_happens: [{task: Call them, assign_to: csm}]
"""


def test_a_condition_names_a_trigger_of_the_folder(tmp_path: Path) -> None:
    """In a program, a segment and a trigger alike; a trigger may name itself."""
    for folder in ("triggers", "segments", "programs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "triggers" / "a.yaml").write_text(
        HEAD + "event: x\nonly_if: {any: [{trigger: a}, {trigger: quiett}]}\n", encoding="utf-8"
    )
    (tmp_path / "triggers" / "quiet.yaml").touch()
    (tmp_path / "segments" / "s.yaml").write_text(
        "segment: s\nname: S\nowner: maya\nwhen: {trigger: quiett}\n", encoding="utf-8"
    )
    (tmp_path / "programs" / "welcome.yaml").write_text(WAITS, encoding="utf-8")
    programs = load_programs(tmp_path)
    problems = [
        *programs.problems, *load_segments(tmp_path).problems, *load_triggers(tmp_path).problems
    ]  # fmt: skip
    found = [(p.file, p.line, p.suggestion) for p in problems if p.rule == "unknown-trigger"]
    advice = "Did you mean 'quiet'?"
    assert [(Path(file).name, *rest) for file, *rest in found] == [
        ("welcome.yaml", 4, advice),
        ("welcome.yaml", 7, "Write it in content/triggers/b.yaml, or name another one."),
        ("s.yaml", 4, advice), ("a.yaml", 5, advice),
    ]  # fmt: skip


def test_a_program_names_the_triggers_that_it_is_entered_by_and_those_that_it_waits_for() -> None:
    checked = check_program_text(WAITS.replace("{only_if", "{when: [{trigger: c}], only_if"))
    assert checked.program is not None
    assert triggers_of(checked.program) == {"a", "b", "c", "quiett"}


def test_what_rests_on_nothing_but_what_is_there_is_sound() -> None:
    def segment(name: str, when: dict[str, Any]) -> Segment:
        return Segment.model_validate({"segment": name, "name": name, "owner": "m", "when": when})

    segments = {"s": segment("s", {"trigger": "t"}), "bad": segment("bad", {"trigger": "no"}),
                "over": segment("over", {"trigger": "worse"})}  # fmt: skip
    triggers = {
        "t": trigger(trigger="t", event="x"),
        "worse": trigger(trigger="worse", event="x", only_if={"segment": "bad"}),
        "self": trigger(trigger="self", event="x", only_if={"trigger": "self"}),
    }
    assert [[*kind] for kind in sound_together(segments, triggers)] == [["s"], ["t", "self"]]


def test_names_are_held_against_what_the_folder_has(tmp_path: Path) -> None:
    for folder in ("triggers", "segments", "programs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "segments" / "big.yaml").touch()
    (tmp_path / "milestones.yaml").write_text(
        "milestones:\n- {milestone: sent, title: Sent, reached_by: given}\n", encoding="utf-8"
    )
    (tmp_path / "triggers" / "b.yaml").write_text(
        HEAD + "milestone_missed: {milestone: snt, within: 3 days, of: d}\n"
        "only_if: {all: [{segment: bigg}, {program: p}]}\n",
        encoding="utf-8",
    )  # fmt: skip
    (tmp_path / "triggers" / "c.yaml").mkdir()
    found = load_triggers(tmp_path)
    assert {problem.rule for problem in found.problems} == {
        "file-name", "unknown-milestone", "unknown-segment", "unknown-program", "unreadable"
    }  # fmt: skip
    places = {p.rule: (p.line, p.column, p.suggestion) for p in found.problems}
    assert places["unknown-milestone"] == (4, 31, "Did you mean 'sent'?")
    assert places["unknown-segment"] == (5, 27, "Did you mean 'big'?")
    assert not found.by_name


def test_a_folder_without_triggers_has_none(tmp_path: Path) -> None:
    assert load_triggers(tmp_path).by_name == {}


def test_the_page_about_triggers_says_what_is_so() -> None:
    page = (CONTENT.parent / "docs" / "triggers.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    found, problems = check_trigger_text(example)
    assert problems == ()
    assert found == load_triggers(CONTENT).by_name["usage-drop"].model_copy(update={"about": ""})
    told = {line[3:].split(":")[0] for line in page.splitlines() if line.startswith("| `")}
    assert set(KINDS) <= told
