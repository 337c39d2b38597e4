"""What changes on the way: exits, goals, missing data, pauses, skips (P3, P6, P7, P9, P10)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from digital_cs.domain.programs.enrollment import (
    CloseTask,
    Ending,
    MessageFact,
    MessageState,
    WebhookFact,
)
from tests.domain.rehearsal import (
    AT_WORK,
    DAY,
    HELLO,
    HOUR,
    MONDAY,
    PRO,
    REPORT,
    TASK,
    Play,
    acme,
    program,
    some_facts,
    wait_for,
)


class TestLeaving:
    """P3 and P6: leaving is at once, also in the middle of a wait."""

    @pytest.mark.parametrize("stage", ["churned", "suspended", "deleted"])
    def test_an_account_that_leaves_us_leaves_its_programs_unless_told_to_stay(
        self, stage: str
    ) -> None:
        steps = [{"wait": "10 days"}, HELLO]
        play = Play(program(*steps))
        assert "stage" in play.outcome.listens
        play.until(MONDAY + DAY)
        play.change(stage=stage)
        assert play.look().ending is Ending.EXITED
        assert play.outcome.because == f"The account is {stage}."
        if stage != "deleted":
            stays = Play(program(*steps, stay_when=[stage]), some_facts(acme(stage=stage)))
            assert stays.outcome.ending is None

    def test_an_account_that_a_person_looks_after_leaves_unless_told_to_stay(self) -> None:
        managed = some_facts(acme(managed=True))
        assert Play(program(HELLO), managed).outcome.ending is Ending.EXITED
        assert "managed" in Play(program({"wait": "1 day"})).outcome.listens
        assert Play(program(HELLO, stay_when=["managed"]), managed).emails == ["hello"]

    def test_an_exit_rule_takes_effect_in_the_middle_of_a_wait(self) -> None:
        rule = {"when": {"event": "cancelled"}, "because": "They cancelled."}
        play = Play(program({"wait": "10 days"}, HELLO, exits=[rule]))
        play.until(MONDAY + DAY)
        play.happens("cancelled")
        assert (play.outcome.ending, play.outcome.because) == (Ending.EXITED, "They cancelled.")

    def test_the_goal_takes_effect_in_the_middle_of_a_wait(self) -> None:
        goal = {"name": "They bought.", "when": PRO}
        play = Play(program({"wait": "10 days"}, HELLO, goal=goal))
        assert "trait:plan" in play.outcome.listens
        play.change(traits={"plan": "pro"})
        assert play.look().ending is Ending.GOAL

    def test_an_exit_wins_over_a_goal_reached_with_it(self) -> None:
        graph = program(
            HELLO,
            goal={"name": "bought", "when": PRO}, exits=[{"when": PRO, "because": "moved"}],
        )  # fmt: skip
        assert Play(graph, some_facts(acme(traits={"plan": "pro"}))).outcome.because == "moved"

    def test_an_exit_that_time_alone_brings_wakes_the_sleeper(self) -> None:
        rule = {"when": {"date": "renewal_on", "within": "30 days"}, "because": "Renewal is near."}
        facts = some_facts(acme(traits={"renewal_on": "2027-04-15"}))
        play = Play(program({"wait": "1 year"}, exits=[rule]), facts)
        assert play.outcome.wake_at == datetime(2027, 3, 16, tzinfo=UTC)
        play.until(MONDAY + 20 * DAY)
        assert play.outcome.because == "Renewal is near."

    def test_what_is_not_known_takes_nobody_out(self) -> None:
        rule = {"when": {"not": PRO}, "because": "Not on pro."}
        assert Play(program({"wait": "1 day"}, exits=[rule])).outcome.ending is None

    def test_a_message_that_waits_for_another_try_is_withdrawn(self) -> None:
        again = MessageFact(MessageState.PLANNED, 1, MONDAY + HOUR, "anna")
        play = Play(program(HELLO), some_facts(messages={1: again}))
        play.control(exit_because="Asked by Olga.")
        assert [(effect.reason, effect.contact_id) for effect in play.effects] == [
            ("left", "anna")
        ]  # fmt: skip


class TestAlreadyTrue:
    """P7: what is already true passes, and says since when."""

    def test_a_date_that_is_past(self) -> None:
        facts = some_facts(acme(traits={"renewal_on": "2027-03-20"}))
        until = {"date": "renewal_on", "shift": "30 days before"}
        play = Play(program({"wait_until": until}, HELLO), facts)
        assert play.decisions[0].words == "Already true since 18 February 2027."
        assert play.emails == ["hello"]

    def test_a_milestone_that_was_reached_before(self) -> None:
        facts = some_facts(acme(milestones={"sso-on": MONDAY - 9 * DAY}))
        play = Play(program(wait_for({"milestone": "sso-on"})), facts)
        assert play.reasons[0] == ("passed", "true_since")
        assert "since 20 February 2027" in play.decisions[0].words
        assert play.emails == ["happened"]

    def test_a_condition_of_which_nobody_knows_since_when(self) -> None:
        play = Play(program(wait_for(PRO)), some_facts(acme(traits={"plan": "pro"})))
        assert play.reasons[0] == ("took", "happened")


class TestUnknown:
    """P9: missing data is held up to a limit, then the stated default; never silently false."""

    def branch(self, then: str) -> dict[str, Any]:
        return {
            "branch": [{"when": PRO, "do": [{"send": "pro"}]}], "otherwise": [{"send": "other"}],
            "if_unknown": {"hold_for": "2 days", "then": then},
        }  # fmt: skip

    @pytest.mark.parametrize(("then", "email"), [("yes", "pro"), ("no", "other")])
    def test_a_branch_is_held_and_then_takes_its_default(self, then: str, email: str) -> None:
        play = Play(program(self.branch(then)))
        assert play.outcome.label == "hold: data is missing"
        assert play.reasons == [("held", "unknown")]
        play.until(MONDAY + 2 * DAY - HOUR)
        assert play.emails == []
        play.until(MONDAY + 2 * DAY)
        assert play.emails == [email]
        assert ("took", "unknown_default") in play.reasons

    @pytest.mark.parametrize(("plan", "email"), [("pro", "pro"), ("free", "other")])
    def test_data_that_comes_in_time_decides(self, plan: str, email: str) -> None:
        play = Play(program(self.branch("yes")))
        assert "trait:plan" in play.outcome.listens
        play.until(MONDAY + DAY)
        play.change(traits={"plan": plan})
        play.look()
        assert play.emails == [email]

    def test_two_unknown_cases_are_not_held_twice(self) -> None:
        cases = [
            {"when": PRO, "do": [{"send": "pro"}]},
            {"when": {"trait": "seats", "at_least": 9}, "do": [{"send": "large"}]},
        ]
        hold = {"if_unknown": {"hold_for": "2 days", "then": "no"}}
        play = Play(program({"branch": cases, "otherwise": [{"send": "other"}], **hold}))
        play.until(MONDAY + 2 * DAY)
        assert play.emails == ["other"]

    @pytest.mark.parametrize(("then", "email"), [("yes", "happened"), ("no", "not")])
    def test_a_wait_for_is_held_beyond_its_time_and_then_takes_its_default(
        self, then: str, email: str
    ) -> None:
        hold = {"if_unknown": {"hold_for": "2 days", "then": then}}
        play = Play(program(wait_for({"quiet_for": "5 days"}, **hold)))
        play.until(MONDAY + 5 * DAY - HOUR)
        assert play.reasons == [("held", "unknown")]
        play.until(MONDAY + 5 * DAY)
        assert play.emails == [email]

    def test_a_late_feed_is_waited_for_and_then_answers_for_the_time_that_was_up(self) -> None:
        account = acme(last_active_on=date(2027, 2, 20), usage_through=date(2027, 2, 25))
        play = Play(program(wait_for({"quiet_for": "10 days"}, "3 days")), some_facts(account))
        play.until(MONDAY + 4 * DAY)
        assert play.reasons == [("held", "unknown")]
        assert "usage" in play.outcome.listens
        play.change(usage_through=date(2027, 3, 4))
        play.look()
        assert play.emails == ["happened"]


class TestPause:
    """P10: a pause stops actions, never ears."""

    def test_nothing_is_done_and_nothing_is_planned_while_paused(self) -> None:
        play = Play(program({"wait": "1 day"}, HELLO))
        play.control(paused=True)
        assert (play.outcome.label, play.outcome.wake_at) == ("paused", None)
        play.until(MONDAY + 2 * DAY)
        assert play.emails == []

    def test_an_event_during_the_pause_is_applied_at_resume(self) -> None:
        play = Play(program(wait_for(REPORT)))
        play.control(paused=True)
        play.until(MONDAY + DAY)
        play.happens("report_run")
        play.until(MONDAY + 10 * DAY)
        assert play.emails == []
        play.control(paused=False)
        assert play.emails == ["happened"]

    def test_an_exit_is_at_once_also_while_paused(self) -> None:
        play = Play(program({"wait": "1 day"}))
        play.control(paused=True)
        play.change(stage="churned")
        assert play.look().ending is Ending.EXITED

    def test_a_wait_goes_on_during_the_pause(self) -> None:
        play = Play(program({"wait": "5 days"}, HELLO))
        play.control(paused=True)
        play.until(MONDAY + 2 * DAY)
        assert play.control(paused=False).wake_at == MONDAY + 5 * DAY

    def test_at_resume_what_is_overdue_is_still_bound_by_its_usefulness(self) -> None:
        play = Play(program({"wait": "1 day"}, HELLO))
        play.control(paused=True)
        play.until(MONDAY + 9 * DAY)
        play.control(paused=False)
        assert play.reasons == [("skipped", "no_longer_useful")]

    def test_at_resume_the_backlog_may_be_spread_over_days_and_is_then_useful(self) -> None:
        play = Play(program({"wait": "1 day"}, HELLO))
        play.control(paused=True)
        play.until(MONDAY + 9 * DAY)
        play.control(paused=False, not_before=MONDAY + 14 * DAY)
        assert play.reasons == [("deferred", "spread_at_resume")]
        play.until(MONDAY + 13 * DAY)
        assert (play.emails, len(play.decisions)) == ([], 1)
        play.until(MONDAY + 14 * DAY)
        assert play.emails == ["hello"]

    def test_at_resume_what_was_due_before_a_day_may_be_skipped(self) -> None:
        graph = program({"wait": "1 day"}, {"send": "hello", "useful_for": "1 month"})
        for before, emails in ((MONDAY + 2 * DAY, []), (MONDAY + DAY, ["hello"])):
            play = Play(graph)
            play.control(paused=True)
            play.until(MONDAY + 9 * DAY)
            play.control(paused=False, skip_due_before=before)
            assert play.emails == emails

    def test_a_choice_at_resume_does_not_touch_what_is_due_later(self) -> None:
        play = Play(program({"wait": "5 days"}, HELLO))
        play.control(not_before=MONDAY + 2 * DAY, skip_due_before=MONDAY + DAY)
        play.until(MONDAY + 5 * DAY)
        assert [at for at, _ in play.sent] == [MONDAY + 5 * DAY]


class TestSkippedByAnOperator:
    """The step that an enrollment stands at is left behind, honestly."""

    @pytest.mark.parametrize(
        ("step", "emails"),
        [
            ({"wait": "9 days"}, ["after"]),
            ({"wait_until": {"weekday": "friday"}}, ["after"]),
            ({"wait_until": {"date": "renewal_on"}, "if_no_date": "exit"}, ["after"]),
            (wait_for(REPORT), ["not", "after"]),
            (TASK, ["late", "after"]),
            ({"branch": [{"when": PRO, "do": [HELLO]}]}, ["after"]),
        ],
        ids=["wait", "weekday", "date", "wait_for", "task", "branch"],
    )
    def test_it_goes_on_as_if_nothing_had_happened_there(
        self, step: dict[str, Any], emails: list[str]
    ) -> None:
        play = Play(program(step, {"send": "after"}))
        play.control(skip_visit=play.position.visit)
        assert play.emails == emails
        assert ("skipped", "operator") in play.reasons

    def test_a_skipped_task_is_closed(self) -> None:
        play = Play(program(TASK))
        play.control(skip_visit=1)
        assert play.effects[1:] == [CloseTask(1, "skipped")]

    def test_a_skipped_message_is_listed(self) -> None:
        saturday = MONDAY + 5 * DAY
        graph = program(HELLO, {"end": "x"}, send_window=AT_WORK)
        play = Play(graph, some_facts(started_at=saturday), now=saturday)
        play.control(skip_visit=1)
        assert [effect.reason for effect in play.effects] == ["operator"]  # type: ignore[union-attr]
        assert play.outcome.ending is Ending.COMPLETED

    def test_a_webhook_that_is_retried_can_be_skipped(self) -> None:
        again = WebhookFact(settled=False, attempts=1, retry_at=MONDAY + HOUR)
        play = Play(program({"webhook": "https://x.test/in"}, HELLO), some_facts(calls={1: again}))
        play.control(skip_visit=1)
        assert play.emails == ["hello"]

    def test_a_skip_of_a_step_that_was_left_meanwhile_skips_nothing(self) -> None:
        play = Play(program({"wait": "1 day"}, HELLO), some_facts())
        play.until(MONDAY + DAY)
        play.control(skip_visit=1)
        assert play.emails == ["hello"]
