"""The outline says a whole program in words that its manager reads without help."""

from __future__ import annotations

from pathlib import Path

import pytest

from digital_cs.catalog.outline import WIDTH, outline
from digital_cs.catalog.programs import check_program_text, load_programs
from digital_cs.domain.programs.program import Program

PLAYBOOK = load_programs(Path(__file__).resolve().parents[2] / "content").programs

EVERY_KIND = """
program: all-kinds
name: Every kind of step
owner: maya
enter:
  when: [{event: went}, {date: renewal_on, shift: 90 days before}, {date: born_on}]
  only_if: {trait: plan, one_of: [growth, scale]}
  again: {at_most: 2, per: 1 year}
priority: low
send_window: {days: [tue, thu], hours: "22:00-02:00", zone: account, holidays: ignore}
exits:
  - {when: {not: {milestone: shop_connected}}, because: Shop gone}
stay_when: [churned, suspended, deleted]
steps:
  - send: hello
    to: [admin, any]
    priority: high
    kind: service
    if_nobody: {hold_for: 1 day, then: exit}
  - wait_until: {weekday: tuesday, at: "09:30"}
  - wait_until: {weekday: any}
  - wait_until: {date: renewal_on, shift: 7 days before}
    if_no_date: exit
  - id: look
    wait_for: {trait: seats, at_least: 50}
    for_up_to: 1 week
    counting_from: step
    if_unknown: {hold_for: 1 day, then: "yes"}
    if_not:
      - task: Call
        assign_to: csm
        note: Ask twice
        when_expired: [{webhook: "https://x.example/in"}]
  - branch:
      - when: {trait: vip, is: true}
        do: [{set: {stage: active, traits: {seen: true, level: 3}}}]
      - when: {trait: plan, exists: false}
        do: [{enroll: other}]
    otherwise: [{leave: other}]
  - split: [{name: a, share: 1}, {name: b, share: 2, do: [{wait: 1 day}, {go_to: look}]}]
  - end: Over
"""


def test_every_kind_of_step_and_rule_is_said() -> None:
    program = check_program_text(EVERY_KIND).program
    assert program is not None
    assert outline(program) == (
        """\
Every kind of step  (all-kinds)

Owner         maya
Enters        when went happens
              90 days before renewal_on
              on the day of born_on
              only if plan one of growth or scale
Again         at most 2 times within 1 year
At launch     those who match already stay out
Leaves early  Shop gone (milestone shop_connected not reached)
              an account that becomes managed
Sends on      tue, thu 22:00-02:00 in the account's zone
Priority      low

Steps
  1. Send hello to admin, else anyone; useful for 3 days; high priority; a service notice; with
     nobody to write to wait 1 day, then leave the program
  2. Wait until Tuesday 09:30
  3. Wait until the next 09:00
  4. Wait until 7 days before renewal_on, 09:00; leave the program if there is no such date
  5. [look] Wait up to 1 week for this, counting from now: seats at least 50
     - If it happens: go on
     - If the time is up:
         1. Task for csm, due in 2 business days: Call
            (Ask twice)
            - When it expires:
                1. Tell https://x.example/in, for up to 1 day
     - While data is missing: wait 1 day, then take it for a yes
  6. The first of these that fits:
     - If vip is true:
         1. Set the stage to active and seen to true and level to 3
     - If plan is not known:
         1. Start the program other
     - Otherwise:
         1. Take the account out of other
  7. Divide the accounts:
     - 33.3 % in 'a': go on
     - 66.7 % in 'b':
         1. Wait 1 day
         2. Go on at the step [look]
  8. End: Over"""
    )


SAID_OTHERWISE = """
program: careful
name: Careful
owner: maya
topic: product
same_person: both
holdout: 12.5
at_most_a_day: 1500
at_most_a_minute: 20
steps:
  - send: hello
    topic: tips
    over_budget: merge
  - send: hello
    topic: product
    over_budget: drop
"""


def test_what_a_program_says_otherwise_than_the_policy_is_said() -> None:
    program = check_program_text(SAID_OTHERWISE).program
    assert program is not None
    assert outline(program).partition("not on public holidays\n")[2] == (
        """\
Topic         product
Same person   gets the same message once, with both accounts named
At most       1,500 messages a day, 20 a minute
Holdout       12.5% of accounts get nothing, to know its effect

Steps
  1. Send hello to champion, else admin, else anyone; useful for 3 days; topic tips; over budget
     it goes into the next newsletter
  2. Send hello to champion, else admin, else anyone; useful for 3 days; over budget it is left
     out"""
    )


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("same_person: each", "Same person   gets the same message for each of their accounts"),
        ("at_most_a_minute: 20", "At most       20 messages a minute"),
        ("at_most_a_day: 1", "At most       1 message a day"),
        ("holdout: 0", "Holdout       none"),
    ],
)
def test_each_of_them_is_said_by_itself(written: str, line: str) -> None:
    text = f"program: p\nname: P\nowner: maya\n{written}\nsteps: [{{send: hello}}]\n"
    program = check_program_text(text).program
    assert program is not None
    assert line in outline(program).splitlines()


def test_the_welcome_of_a_trial_reads_as_its_manager_would_tell_it() -> None:
    text = outline(PLAYBOOK["welcome-trial"])
    assert text.startswith("Welcome to the trial  (welcome-trial)\nTakes a new trial from")
    for line in (
        "Owner         maya, backup jonas",
        "Enters        when trial_started happens",
        "Again         once only",
        "Goal          Became a paying customer (subscribed happened)",
        "Leaves early  an account that becomes churned, suspended, deleted or managed",
        "  1. Send welcome-trial-1 to champion, else admin, else anyone; useful for 3 days",
        "  2. Wait 1 day",
        "  3. Wait up to 2 days for this: milestone shop_connected reached",
        "  4. Only if milestone contacts_imported not reached:",
        "     1. Send welcome-trial-2 to champion, else admin, else anyone; useful for 4 days",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize("program", PLAYBOOK.values(), ids=lambda program: program.program)
def test_an_outline_fits_a_terminal_and_shows_no_brackets_of_code(program: Program) -> None:
    text = outline(program)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "{" not in text
    assert "None" not in text
    assert text == text.strip()
