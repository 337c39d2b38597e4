"""The shipped programs do what their outlines promise, played on the pure "what next"."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from digital_cs.catalog.programs import email_names, load_programs
from digital_cs.domain.account import Event
from digital_cs.domain.programs.enrollment import (
    Ending,
    EnrollIn,
    LeaveProgram,
    OpenTask,
    SetAccount,
    TaskFact,
)
from digital_cs.domain.programs.program import STEP_KINDS
from digital_cs.domain.programs.program_graph import SendNode, compile_program
from tests.domain.rehearsal import DAY, MONDAY, Play, acme, some_facts

CONTENT = Path(__file__).resolve().parents[2] / "content"
PLAYBOOK = load_programs(CONTENT).programs
RENEWAL_DAY = date(2027, 6, 4)
"""A Friday; 30 and 7 days before it are working days too."""
RENEWAL = {"renewal_on": RENEWAL_DAY.isoformat()}
TRIAL = {"trial_ends_on": (MONDAY.date() + timedelta(days=21)).isoformat()}


def play(program: str, **account: Any) -> Play:
    graph, complaints = compile_program(PLAYBOOK[program])
    assert not complaints
    return Play(graph, some_facts(acme(**account)))


def sent(stage: Play) -> list[str]:
    return [act.email for _, act in stage.sent]


def tasks(stage: Play) -> list[str]:
    return [effect.assign_to for effect in stage.effects if isinstance(effect, OpenTask)]


def happened(stage: Play, *milestones: str) -> None:
    """The account reaches milestones now."""
    known = stage.facts.account.milestones
    stage.change(milestones={**known, **dict.fromkeys(milestones, stage.now)})
    stage.look()


class TestWelcomeTrial:
    def test_who_does_nothing_is_asked_for_one_thing_at_a_time_over_three_weeks(self) -> None:
        stage = play("welcome-trial", stage="trial", traits={"seats": 3, **TRIAL})
        stage.until(MONDAY + 60 * DAY)
        assert sent(stage) == [
            "welcome-trial-1", "welcome-trial-2", "welcome-trial-3", "trial-ending",
        ]  # fmt: skip
        assert stage.outcome.because == "The trial ended without a decision"
        assert [e.traits for e in stage.effects if isinstance(e, SetAccount)] == [
            (("trial_outcome", "no_decision"),)
        ]

    def test_who_is_quick_is_congratulated_and_not_nagged(self) -> None:
        stage = play("welcome-trial", stage="trial", traits={"seats": 3, **TRIAL})
        happened(stage, "shop_connected", "contacts_imported", "first_campaign_sent")
        stage.until(MONDAY + 10 * DAY)
        assert sent(stage) == ["welcome-trial-1", "first-send-celebration"]
        assert stage.facts.account.traits["first_send_celebrated"] is True

    def test_a_larger_one_that_is_stuck_gets_a_person(self) -> None:
        stage = play("welcome-trial", stage="trial", traits={"seats": 12, **TRIAL})
        stage.until(MONDAY + 3 * DAY)
        assert tasks(stage) == ["csm"]

    def test_subscribing_ends_it_at_once(self) -> None:
        stage = play("welcome-trial", stage="trial", traits={"seats": 3, **TRIAL})
        stage.until(MONDAY + 4 * DAY)
        stage.change(events=(Event("subscribed", stage.now),))
        assert stage.look().ending is Ending.GOAL

    def test_a_trial_that_is_over_already_is_not_told_that_it_will_end(self) -> None:
        over = {"seats": 3, "trial_ends_on": (MONDAY.date() + 5 * DAY).isoformat()}
        stage = play("welcome-trial", stage="trial", traits=over)
        stage.until(MONDAY + 60 * DAY)
        assert "trial-ending" not in sent(stage)


class TestWelcomePaid:
    def test_who_has_no_automation_in_the_end_goes_on_into_adoption(self) -> None:
        stage = play("welcome-paid", traits={"seats": 3})
        stage.until(MONDAY + 60 * DAY)
        assert sent(stage) == [
            "welcome-paid-1", "welcome-paid-2", "welcome-paid-3", "welcome-paid-check-in",
        ]  # fmt: skip
        others = [e.program for e in stage.effects if isinstance(e, EnrollIn | LeaveProgram)]
        assert others == ["win-back", "adoption-automation"]

    @pytest.mark.parametrize(("traits", "times"), [({}, 1), ({"first_send_celebrated": True}, 0)])
    def test_nobody_is_congratulated_twice(self, traits: dict[str, Any], times: int) -> None:
        milestones = {"first_campaign_sent": MONDAY - 5 * DAY, "team_invited": MONDAY}
        stage = play("welcome-paid", traits={"seats": 3, **traits}, milestones=milestones)
        stage.until(MONDAY + 10 * DAY)
        assert sent(stage).count("first-send-celebration") == times


@pytest.mark.parametrize(
    ("program", "email"),
    [
        ("adoption-automation", "nudge-first-automation"),
        ("adoption-invite-team", "nudge-invite-team"),
    ],
)
class TestAdoption:
    @pytest.mark.parametrize("traits", [{"seats": 3}, {}], ids=["small", "size not known"])
    def test_a_small_account_gets_the_email(
        self, program: str, email: str, traits: dict[str, Any]
    ) -> None:
        stage = play(program, traits=traits)
        stage.until(MONDAY + 60 * DAY)
        assert sent(stage) == [email]
        assert tasks(stage) == []

    def test_a_middle_one_is_offered_a_call_and_gets_no_email(
        self, program: str, email: str
    ) -> None:
        stage = play(program, traits={"seats": 20})
        while not tasks(stage):
            stage.until(stage.now + DAY)
        assert tasks(stage) == ["csm"]
        stage.know(tasks={stage.position.visit: TaskFact(done_at=stage.now)})
        stage.look()
        stage.until(MONDAY + 60 * DAY)
        assert sent(stage) == []

    def test_a_middle_one_whom_nobody_calls_gets_the_email_after_all(
        self, program: str, email: str
    ) -> None:
        stage = play(program, traits={"seats": 20})
        stage.until(MONDAY + 60 * DAY)
        assert (tasks(stage), sent(stage)) == (["csm"], [email])

    def test_a_large_one_is_handed_to_a_person(self, program: str, email: str) -> None:
        stage = play(program, traits={"seats": 80})
        stage.until(MONDAY + 60 * DAY)
        assert tasks(stage)[0] == "account_manager"
        assert sent(stage) == []


class TestUsageDrop:
    QUIET = {"last_active_on": date(2027, 2, 10), "usage_through": date(2027, 2, 28)}

    def test_a_question_an_offer_and_then_a_person(self) -> None:
        stage = play("usage-drop", traits={"seats": 3}, **self.QUIET)
        stage.until(MONDAY + 60 * DAY)
        assert sent(stage) == ["usage-drop-check-in", "usage-drop-second"]
        assert tasks(stage) == ["csm"]

    def test_a_login_buys_them_a_week_in_peace(self) -> None:
        stage = play("usage-drop", traits={"seats": 3}, **self.QUIET)
        stage.until(MONDAY + 2 * DAY)
        stage.change(events=(Event("logged_in", stage.now),))
        stage.look()
        stage.until(MONDAY + 8 * DAY)
        assert sent(stage) == ["usage-drop-check-in"]
        assert tasks(stage) == []

    def test_working_again_ends_it_at_once(self) -> None:
        stage = play("usage-drop", traits={"seats": 3}, **self.QUIET)
        stage.until(MONDAY + 2 * DAY)
        stage.change(last_active_on=stage.now.date(), usage_through=stage.now.date())
        assert stage.look().ending is Ending.GOAL


class TestRenewal:
    def test_three_letters_on_their_days_and_the_last_is_a_service_notice(self) -> None:
        stage = play("renewal", traits={"seats": 3, **RENEWAL})
        stage.until(MONDAY + 120 * DAY)
        assert sent(stage) == ["renewal-90", "renewal-30", "renewal-7"]
        assert [act.kind for _, act in stage.sent] == ["marketing", "marketing", "service"]
        assert [(RENEWAL_DAY - at.date()).days for at, _ in stage.sent] == [95, 30, 7]
        assert tasks(stage) == ["csm"], "somebody looks when it passed without a renewal"

    @pytest.mark.parametrize(("seats", "who"), [(20, "csm"), (80, "account_manager")])
    def test_larger_accounts_are_prepared_by_a_person(self, seats: int, who: str) -> None:
        stage = play("renewal", traits={"seats": seats, **RENEWAL})
        stage.until(MONDAY + 40 * DAY)
        assert tasks(stage)[0] == who

    def test_a_contract_that_was_entered_late_is_not_told_of_three_months(self) -> None:
        soon = (MONDAY.date() + timedelta(days=40)).isoformat()
        stage = play("renewal", traits={"seats": 3, "renewal_on": soon})
        stage.until(MONDAY + 60 * DAY)
        assert sent(stage) == ["renewal-30", "renewal-7"]


class TestWinBack:
    def test_two_letters_and_then_silence_although_the_account_has_left_us(self) -> None:
        stage = play("win-back", stage="churned")
        stage.until(MONDAY + 120 * DAY)
        assert sent(stage) == ["win-back-1", "win-back-2"]
        assert stage.outcome.because == "We do not keep knocking"

    def test_who_comes_back_is_left_alone_at_once(self) -> None:
        stage = play("win-back", stage="churned")
        stage.until(MONDAY + 20 * DAY)
        stage.change(stage="onboarding")
        assert stage.look().ending is Ending.EXITED


def test_every_email_of_the_starter_content_is_sent_by_some_program() -> None:
    used = {
        node.email
        for program in PLAYBOOK.values()
        for node in compile_program(program)[0].nodes.values()
        if isinstance(node, SendNode)
    }
    assert used == email_names(CONTENT)


def test_every_kind_of_step_that_needs_no_address_is_shown_by_the_playbook() -> None:
    shown = {
        line.strip().removeprefix("- ").partition(":")[0]
        for path in (CONTENT / "programs").glob("*.yaml")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    assert [kind for kind in STEP_KINDS if kind not in shown] == ["webhook"]
