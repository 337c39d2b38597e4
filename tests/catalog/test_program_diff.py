"""What changed between two versions is said in sentences, and nothing is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.catalog.program_diff import diff
from digital_cs.catalog.programs import check_program_text, load_programs, program_hash
from digital_cs.domain.programs.program import Program

PLAYBOOK = load_programs(Path(__file__).resolve().parents[2] / "content").programs

BEFORE = """
program: welcome
name: Welcome
owner: maya
enter: {when: [{event: trial_started}]}
exits:
  - {when: {stage: lost}, because: Lost}
steps:
  - send: hello
  - wait: 3 days
  - wait_for: {milestone: shop_connected}
    for_up_to: 5 days
    if_not:
      - send: nudge
      - wait: 1 day
  - branch:
      - when: {trait: seats, at_least: 50}
        do: [{task: Call, assign_to: csm}]
  - split: [{name: a, share: 50, do: [{send: left}]}, {name: b, share: 50}]
  - end: Over
"""


def read(text: str) -> Program:
    program = check_program_text(text).program
    assert program is not None
    return program


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("- wait: 3 days", "- wait: 2 days", ["~ step 2 (wait): 3 days → 2 days"]),
        ("- send: hello", "- send: hi", ["~ step 1 (send): hello → hi"]),
        (
            "- send: hello", "- send: hello\n    useful_for: 5 days\n    priority: high",
            ["~ step 1 (send): useful for 3 days → 5 days",
             "~ step 1 (send): priority none → high"],
        ),
        (
            "- send: hello", "- send: hello\n    topic: tips\n    over_budget: merge",
            ["~ step 1 (send): topic none → tips", "~ step 1 (send): over budget defer → merge"],
        ),
        (
            "owner: maya", "owner: maya\ntopic: tips\nsame_person: each\nholdout: 10",
            ["~ topic: as the policy says → tips",
             "~ a person of two accounts gets: the same message once, for one of their accounts → "
             "the same message for each of their accounts",
             "~ holdout: as the policy says → 10% of accounts get nothing, to know its effect"],
        ),
        (
            "owner: maya", "owner: maya\nat_most_a_day: 500\nat_most_a_minute: 2.5",
            ["~ at most: as the policy says → 500 messages a day, 2.5 a minute"],
        ),
        ("  - wait: 3 days\n", "", ["- step 2: Wait 3 days"]),
        (
            "  - wait: 3 days\n", "  - wait: 3 days\n  - leave: other\n",
            ["+ step 3: Take the account out of other"],
        ),
        (
            "  - wait: 3 days\n", "  - enroll: other\n",
            ["+ step 2: Start the program other", "- step 2: Wait 3 days"],
        ),
        ("for_up_to: 5 days", "for_up_to: 1 week", ["~ step 3 (wait for): for up to 5 days → "
                                                    "1 week"]),
        (
            "milestone: shop_connected", "event: connected",
            ["~ step 3 (wait for): milestone shop_connected reached → connected happened"],
        ),
        (
            "      - wait: 1 day\n", "      - wait: 2 days\n",
            ["~ step 3 › time is up › step 2 (wait): 1 day → 2 days"],
        ),
        (
            "at_least: 50", "at_least: 30",
            ["~ step 4 (branch): way 1 seats at least 50 → seats at least 30"],
        ),
        (
            "assign_to: csm", "assign_to: owner, note: Kindly",
            ["~ step 4 › way 1 › step 1 (task): note none → Kindly",
             "~ step 4 › way 1 › step 1 (task): assign to csm → owner"],
        ),
        ("a, share: 50", "a, share: 20", ["~ step 5 (split): share of a 50 → 20"]),
        ("end: Over", "end: Done", ["~ step 6 (end): Over → Done"]),
        ("name: Welcome", "name: Hello", ["~ name: 'Welcome' → 'Hello'"]),
        (
            "owner: maya", "owner: jonas\nbackup: maya\nto: [admin]",
            ["~ owner: maya → jonas", "~ backup: nobody → maya",
             "~ writes to: champion, else admin, else anyone → admin"],
        ),
        (
            "trial_started}]", "trial_started}], again: always, only_if: {stage: trial}",
            ["~ enters: when trial_started happens → when trial_started happens; only if stage "
             "is trial", "~ again: once only → as often as it matches"],
        ),
        (
            "{stage: lost}", "{stage: gone}",
            ["- exit: Lost (stage is lost)", "+ exit: Lost (stage is gone)"],
        ),
        (
            "owner: maya", 'owner: maya\nsend_window: {hours: "10:00-16:00"}',
            ["~ sends on: weekdays 09:00-17:00 in the recipient's zone, not on public holidays → "
             "weekdays 10:00-16:00 in the recipient's zone, not on public holidays"],
        ),
        (
            "owner: maya", "owner: maya\nstay_when: [churned]\n"
            "goal: {name: Paid, when: {event: subscribed}}",
            ["~ goal: none → Paid (subscribed happened)",
             "~ leaves early: an account that becomes churned, suspended, deleted or managed → "
             "an account that becomes suspended, deleted or managed"],
        ),
    ],
    ids=lambda each: None if isinstance(each, list) else each[:20],
)  # fmt: skip
def test_a_change_is_one_sentence_with_its_place(was: str, now: str, said: list[str]) -> None:
    assert was in BEFORE
    assert diff(read(BEFORE), read(BEFORE.replace(was, now, 1))) == said


def test_a_path_that_went_takes_its_steps_along_in_words() -> None:
    without = BEFORE.replace(BEFORE[BEFORE.index("  - branch") : BEFORE.index("  - split")], "")
    assert diff(read(BEFORE), read(without)) == [
        "- step 4: Only if seats at least 50",
        "- step 4 › way 1 › step 1: Task for csm, due in 2 business days: Call",
    ]


def test_what_the_words_hide_is_told_with_its_path() -> None:
    fifty = BEFORE.replace("at_least: 50", "is: 50")
    text = BEFORE.replace("at_least: 50", 'is: "50"')
    assert diff(read(fifty), read(text)) == ["~ steps[4].branch[1].when.is: 50 → '50'"]


@pytest.mark.parametrize("program", PLAYBOOK.values(), ids=lambda program: program.program)
def test_a_program_does_not_differ_from_itself(program: Program) -> None:
    assert diff(program, program.model_copy(deep=True)) == []


@given(
    st.sampled_from(list(PLAYBOOK.values())), st.sampled_from(list(PLAYBOOK.values())),
    st.integers(0, 6), st.integers(0, 6),
)  # fmt: skip
def test_there_is_a_sentence_exactly_when_the_hash_differs(
    one: Program, other: Program, kept: int, taken: int
) -> None:
    """Programs made of each other's steps, so that every kind of change comes up."""
    mixed = one.model_copy(update={"steps": (*one.steps[:kept], *other.steps[taken:])})
    for before, after in ((one, mixed), (mixed, one)):
        said = diff(before, after)
        assert bool(said) == (program_hash(before) != program_hash(after))
        assert all(line[:2] in ("+ ", "- ", "~ ") for line in said)
