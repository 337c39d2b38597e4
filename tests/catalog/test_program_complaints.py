"""Every complaint about a program: its rule, line and column, its sentence and its advice."""

from __future__ import annotations

import pytest

from digital_cs.catalog.programs import LoadedProgram, check_program_text

HEAD = "program: welcome\nname: Welcome\nowner: maya\n"
"""Lines 1 to 3 of every program here."""
EMAILS = ("hello", "goodbye")
PROGRAMS = ("welcome", "win-back")


def check(rest: str) -> LoadedProgram:
    return check_program_text(HEAD + rest, "f", EMAILS, PROGRAMS)


def complaints(loaded: LoadedProgram) -> list[str]:
    return [f"{problem.rule} {problem}" for problem in loaded.problems]


SEND = "steps:\n  - send: hello\n"
"""Lines 4 and 5, where the steps do not matter."""

STRUCTURE = [
    (
        "steps:\n  - send: hello\n    useful_fro: 1 day\n",
        "unknown-key f:6:5: Unknown key 'useful_fro' in a send step. Did you mean 'useful_for'?",
    ),
    (
        SEND + "useful_for: 3 days\n",
        "unknown-key f:6:1: Unknown key 'useful_for' in a program. It belongs to a send step.",
    ),
    (
        "steps:\n  - leave: win-back\n    xyz: 1\n",
        "unknown-key f:6:5: Unknown key 'xyz' in a leave step. It knows: id, leave.",
    ),
    (
        "steps:\n  - wait: 3 days\n    send: hello\n",
        "two-steps-in-one f:5:5: This step does two things: send and wait. "
        "Begin the second one with a dash of its own.",
    ),
    (
        "steps:\n  - wait_for: {event: x}\n    if_not: [{send: hello}]\n",
        "missing-key f:5:5: A wait_for step needs 'for_up_to'. "
        "Add 'for_up_to: …' (The timeout).",
    ),
    (
        "steps:\n  - sned: hello\n",
        "unknown-step f:5:5: There is no step called 'sned'. Did you mean 'send'?",
    ),
    (
        "steps:\n  - frobnicate: hello\n",
        "unknown-step f:5:5: There is no step called 'frobnicate'. A step begins with one of: "
        "send, wait, wait_until, wait_for, branch, split, task, webhook, set, enroll, leave, "
        "go_to, end.",
    ),
    ("steps:\n  - end\n", "unknown-step f:5:5: 'end' says too little. Write 'end: …'."),
    (
        "steps:\n  - send: hello\n  -\n",
        "unknown-step f:6:4: Here should be a step, and there is nothing. "
        "Write it like 'wait: 3 days'.",
    ),
    ("steps:\n  - [a]\n", "unknown-step f:5:5: A list is no step. Remove one dash, or the "
     "brackets."),
    (
        SEND + "exits:\n  - when: churned\n    because: gone\n",
        "unknown-condition f:7:11: The text 'churned' is no condition. "
        "Write it like 'milestone: first_campaign_sent'.",
    ),
    (
        "steps:\n  - wait_for:\n      all:\n        - event: x\n        - evnt: y\n"
        "    for_up_to: 1 day\n    if_not: [{send: hello}]\n",
        "unknown-condition f:8:11: There is no condition called 'evnt'. Did you mean 'event'?",
    ),
    (
        SEND + "enter:\n  when:\n    - evnt: x\n",
        "unknown-entry f:8:7: There is no entry called 'evnt'. Did you mean 'event'?",
    ),
    (
        SEND + "  - wait_until: {day: monday}\n",
        "unknown-moment f:6:18: There is no moment called 'day'. Did you mean 'weekday'?",
    ),
    (
        "steps:\n  - send: hello\n    useful_for: 3 dayz\n",
        "bad-value f:6:17: 'useful_for' cannot be read: '3 dayz'. Did you mean '3 days'?",
    ),
    (
        "steps:\n  - send: hello\n    useful_for: 3\n",
        "bad-value f:6:17: 'useful_for' cannot be the number 3. Write it like \"3 days\".",
    ),
    (
        SEND + "enter: {when: [{date: renewal_on, shift: 9 days earlier}]}\n",
        "bad-value f:6:42: 'shift' cannot be the text '9 days earlier'. "
        'Write it like "90 days before".',
    ),
    (
        SEND + "enter: {only_if: {trait: plan}}\n",
        "bad-value f:6:18: Trait 'plan' is compared with nothing. Add one of is, is_not, one_of, "
        "none_of, at_least, at_most, more_than, less_than, between, contains, starts_with, "
        "matches, exists.",
    ),
    (
        SEND + "send_window: {days: [mno]}\n",
        "bad-value f:6:21: 'mno' is not a day of the week. "
        "Write 'mon', 'weekdays' or 'every day'.",
    ),
    (
        "steps:\n  - send: hello\n    priority: hgih\n",
        "unknown-value f:6:15: 'priority' cannot be 'hgih'. Did you mean 'high'?",
    ),
    (
        SEND + "stay_when: [churnd]\n",
        "unknown-value f:6:13: An entry of 'stay_when' cannot be 'churnd'. "
        "Did you mean 'churned'?",
    ),
    (
        SEND + "to: champion\n",
        "wrong-type f:6:5: 'to' should be a list, and is the text 'champion'. Write [champion].",
    ),
    (
        SEND + "goal: {name: g, when: {stage: 5}}\n",
        "wrong-type f:6:31: 'stage' should be a text, and is the number 5. Put it in quotes: "
        '"5".',
    ),
    (
        SEND + "goal: {name: g, when: {stage: [active, 5]}}\n",
        "wrong-type f:6:40: An entry of 'stage' should be a text, and is the number 5. "
        'Put it in quotes: "5".',
    ),
    (
        SEND + "  - branch:\n      when: {stage: active}\n",
        "wrong-type f:7:7: 'branch' should be a list, and is a group of keys. "
        "Begin each entry on its own line with a dash.",
    ),
    (
        SEND + "goal:\n  - name: g\n",
        "wrong-type f:7:3: 'goal' should be a group of keys, and is a list. "
        "Remove the dash: there is only one.",
    ),
    (
        SEND + "enter: {again: {at_most: many, per: 1 year}}\n",
        "wrong-type f:6:26: 'at_most' should be a whole number, and is the text 'many'. "
        "'at_most': How many times.",
    ),
    (
        SEND + "enter: {again: nevr}\n",
        "unknown-value f:6:16: 'again' cannot be 'nevr'. Did you mean 'never'?",
    ),
    (
        SEND + "enter: {again: {at_most: 1}}\n",
        "missing-key f:6:16: 'again' needs 'per'. "
        "Add 'per: …' (Within this span, like \"1 year\").",
    ),
    (
        SEND + "about:\n",
        "no-value f:6:1: 'about' has no value. Give it a text, or remove the line.",
    ),
    (
        SEND + '  - task: ""\n    assign_to: csm\n',
        "no-value f:6:11: 'task' is empty. 'task': What to do, in words.",
    ),
    (
        SEND + "  - webhook: foo\n",
        "bad-address f:6:14: 'foo' is no web address. Write it in full, beginning with https://.",
    ),
    (
        "steps:\n  - id: First One\n    send: hello\n",
        "bad-name f:5:9: 'First One' is no name: names have small letters, digits and dashes "
        "only. Write 'first-one'.",
    ),
    (
        SEND + "  - split: [{name: a, share: -1}, {name: b, share: 1}]\n",
        "out-of-range f:6:30: 'share' is -1, and must be at least 0. "
        "'share': Weight against the other arms.",
    ),
    (
        SEND + "  - split: [{name: a, share: 1}]\n",
        "too-few f:6:5: 'split' needs at least 2 entries. "
        "'split': The arms, each with its share.",
    ),
    (
        SEND + "  - split: [{name: a, share: 0}, {name: b, share: 0}]\n",
        "bad-value f:6:5: The shares add up to nothing. Give at least one arm a share.",
    ),
    (
        f"steps:\n  - id: {'a' * 61}\n    send: hello\n",
        "too-long f:5:9: 'id' is longer than 60 characters. Find a shorter one.",
    ),
    (
        SEND + "goal: {name: g, when: {trait: seats, at_least: 1e99999}}\n",
        "wrong-type f:6:48: 'at_least' should be a number, and is the text '1e99999'. "
        "'at_least': This number or more.",
    ),
]  # fmt: skip

MEANING = [
    (
        "steps:\n  - send: helo\n",
        "unknown-email f:5:11: There is no e-mail called 'helo'. Did you mean 'hello'?",
    ),
    (
        "steps:\n  - send: xyz\n",
        "unknown-email f:5:11: There is no e-mail called 'xyz'. "
        "Write it in content/emails/xyz.md, or name another one.",
    ),
    (
        SEND + "  - enroll: win-bakc\n",
        "unknown-program f:6:13: There is no program called 'win-bakc'. "
        "Did you mean 'win-back'?",
    ),
    (
        SEND + "  - leave: other\n",
        "unknown-program f:6:12: There is no program called 'other'. "
        "Write it in content/programs/other.yaml, or name another one.",
    ),
    (
        SEND + "  - enroll: welcome\n",
        "itself f:6:13: The program wants to enroll itself. "
        "To begin again use go_to; to be over use end.",
    ),
    (
        SEND + "  - go_to: helo\n",
        "unknown-step f:6:12: There is no step called 'helo' to go to. Did you mean 'hello'?",
    ),
    (
        "steps:\n  - {id: a, send: hello}\n  - wait: 1 day\n  - {id: a, send: goodbye}\n",
        "duplicate-step f:7:10: There are two steps called 'a'. Give each step its own id.",
    ),
    (
        "steps:\n  - {id: a, send: hello}\n  - go_to: a\n",
        "loop-without-wait f:5:5: These steps go round for ever without a wait: a → a. "
        "Put a wait into the loop.",
    ),
    (
        SEND + "send_window: {zone: Berlin}\n",
        "unknown-zone f:6:21: 'Berlin' is no zone that a window can use. "
        "Did you mean 'Europe/Berlin'?",
    ),
    (
        SEND + "send_window: {zone: recipeint}\n",
        "unknown-zone f:6:21: 'recipeint' is no zone that a window can use. "
        "Did you mean 'recipient'?",
    ),
    (
        SEND + 'send_window: {hours: "09:00-09:00"}\n',
        "bad-value f:6:22: '09:00-09:00' opens and closes at the same time. "
        "Write '00:00-24:00' for the whole day.",
    ),
    (
        SEND + "enter: {when: [{segment: {all: [{stage: churned}, {trait: a, is: b}]}}]}\n",
        "ends-at-once f:6:26: An account that is churned leaves every program at once, so nobody "
        "gets beyond the first step. Add 'stay_when: [churned]' to the program.",
    ),
    (
        SEND + "enter: {when: [{event: x}]}\ngoal: {name: g, when: {any: [{event: x}]}}\n",
        "ends-at-once f:6:24: 'x' brings an account in, and by the goal takes it out again at "
        "once. Choose another event for one of the two.",
    ),
    (
        SEND + "to: [any, admin]\n",
        "never-asked f:6:6: 'any' is anybody, so the roles after it are never asked. "
        "Put 'any' last.",
    ),
]  # fmt: skip

WARNINGS = [
    (
        SEND + "  - wait_for: {event: x}\n    for_up_to: 1 day\n",
        "same-either-way f:6:5: Whether it happens or not, the program goes on in the same way. "
        "Add steps under 'if_it_happens' or 'if_not', or use a plain 'wait'.",
    ),
    (
        "steps:\n  - send: hello\n    useful_for: 2 days\n",
        "useful-for-too-short f:6:17: This e-mail is useful for 2 days, and the send window can "
        "stay shut for 64 hours: what falls due then is never sent. "
        "Make it 3 days or more, or widen the send window.",
    ),
    (
        "steps:\n  - wait: 1 day\n",
        "reaches-nobody f:5:3: The program sends nothing and gives nobody a task. "
        "Add a send or a task step, or remove the program.",
    ),
    (
        SEND + "goal: {name: g, when: {stage: [actve, gone]}}\n",
        "unusual-stage f:6:32: 'actve' is not a usual stage. Did you mean 'active'?",
    ),
    (
        SEND + "  - set: {stage: onbording}\n",
        "unusual-stage f:6:18: 'onbording' is not a usual stage. Did you mean 'onboarding'?",
    ),
    (
        "steps:\n  - send: hello\n    to: [champoin]\n",
        "unusual-role f:6:10: 'champoin' is not a usual role. Did you mean 'champion'?",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "complaint"), STRUCTURE + MEANING)
def test_an_error_says_where_what_and_what_to_write(rest: str, complaint: str) -> None:
    loaded = check(rest)
    assert complaints(loaded) == [complaint]
    assert loaded.program is None


@pytest.mark.parametrize(("rest", "complaint"), WARNINGS)
def test_a_warning_does_not_keep_a_program_from_being_used(rest: str, complaint: str) -> None:
    loaded = check(rest)
    assert complaints(loaded) == [complaint]
    assert loaded.program is not None


def test_a_step_that_cannot_be_reached_is_found() -> None:
    (problem,) = check(SEND + "  - end: done\n  - wait: 1 day\n").problems
    assert (problem.rule, problem.line, problem.column) == ("unreachable-step", 7, 5)
    assert problem.suggestion


def test_a_program_lacks_what_it_must_have() -> None:
    loaded = check_program_text("steps:\n  - send: hello\n", "f")
    assert [problem.message for problem in loaded.problems] == [
        "A program needs 'name'.", "A program needs 'owner'.", "A program needs 'program'.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "f:1:1: The file is empty."), ("# nothing yet\n", "f:1:1: The file is empty."),
        ("- send: hello\n", "f:1:1: The file holds no program."),
        ("hello", "f:1:1: The file holds no program."),
    ],
)  # fmt: skip
def test_a_file_without_a_program_says_how_to_begin(text: str, complaint: str) -> None:
    assert str(check_program_text(text, "f").problems[0]).startswith(complaint)


def test_all_mistakes_of_a_file_are_told_at_once_in_its_order() -> None:
    text = HEAD + (
        "to: champion\n"
        "steps:\n"
        "  - sned: hello\n"
        "  - wait_for: {trait: seats, at_lest: 4}\n"
        "    for_up_to: 1 dya\n"
        "  - branch:\n"
        "      - when: {not: {any: [{quiet_for: long}]}}\n"
        "        do:\n"
        "          - wait_until: {weekday: mnday}\n"
    )
    found = [(each.line, each.column, each.rule) for each in check_program_text(text).problems]
    assert found == [
        (4, 5, "wrong-type"), (6, 5, "unknown-step"), (7, 30, "unknown-key"), (8, 16, "bad-value"),
        (10, 40, "bad-value"), (12, 35, "bad-value"),
    ]  # fmt: skip


def test_a_key_that_stands_twice_keeps_the_program_from_being_used() -> None:
    loaded = check("name: Other\n" + SEND)
    assert complaints(loaded)[0].startswith("duplicate-key f:4:1: 'name' stands here twice")
    assert loaded.program is None


def test_a_window_that_is_open_long_enough_needs_no_longer_use() -> None:
    night = 'send_window: {days: every day, hours: "22:00-02:00"}\n'
    assert check(night + "steps: [{send: hello, useful_for: 20 hours}]\n").problems == ()
    found = check(night + "steps: [{send: hello, useful_for: 19 hours}]\n").problems
    assert [each.rule for each in found] == ["useful-for-too-short"]
    always = 'send_window: {days: every day, hours: "00:00-24:00"}\n'
    assert check(always + "steps: [{send: hello, useful_for: 1 hour}]\n").problems == ()
    business = "send_window: {days: business days}\n"
    assert check(business + "steps: [{send: hello, useful_for: 1 business day}]\n").problems == ()


def test_more_steps_than_may_run_at_once_are_refused() -> None:
    (problem,) = check("steps:\n" + "  - send: hello\n" * 501).problems
    assert problem.rule == "too-many-steps"
    assert check("steps:\n" + "  - send: hello\n" * 500).problems == ()


def test_names_that_are_not_known_here_are_not_checked() -> None:
    text = HEAD + "steps:\n  - send: whatever\n  - enroll: something\n"
    assert check_program_text(text).problems == ()
