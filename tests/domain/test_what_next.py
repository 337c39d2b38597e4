"""What an enrollment does next: every kind of step, by a small program for each behaviour."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from digital_cs.domain.account import Event
from digital_cs.domain.programs.enrollment import (
    CallWebhook,
    CloseTask,
    Ending,
    EnrollIn,
    LeaveProgram,
    OpenTask,
    SetAccount,
    WebhookFact,
)
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from tests.domain.rehearsal import (
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


class TestEveryKindOfStep:
    def test_a_send_chooses_by_role_and_the_program_completes(self) -> None:
        play = Play(program({"send": "hello", "to": ["admin"], "priority": "high"}))
        assert [act.contact_id for _, act in play.sent] == ["boris"]
        assert play.sent[0][1].priority == "high"
        assert (play.outcome.ending, play.outcome.because) == (
            Ending.COMPLETED, "All its steps are done.",
        )  # fmt: skip

    def test_a_wait_rests_for_its_span_and_tells_what_comes_after(self) -> None:
        play = Play(program({"wait": "3 days"}, HELLO))
        assert play.outcome.wake_at == MONDAY + 3 * DAY
        assert (play.outcome.label, play.outcome.next_label) == ("wait 3 days", "send hello")
        play.until(MONDAY + 3 * DAY - HOUR)
        assert play.emails == []
        play.until(MONDAY + 3 * DAY)
        assert play.emails == ["hello"]

    def test_a_wait_counts_business_days_of_the_country(self) -> None:
        calendar = BusinessCalendar(holidays={"DE": frozenset({date(2027, 3, 2)})})
        facts = some_facts(acme(country="DE"), calendar=calendar)
        play = Play(program({"wait": "2 business days"}, HELLO), facts)
        assert play.outcome.wake_at == MONDAY + 3 * DAY

    def test_a_wait_over_a_change_of_clocks_keeps_the_wall_time(self) -> None:
        """Clocks in Berlin jump on 28 March 2027."""
        facts = some_facts(acme(zone="Europe/Berlin"))
        play = Play(program({"wait": "4 weeks"}, HELLO), facts)
        assert play.outcome.wake_at == MONDAY + 28 * DAY - HOUR

    def test_a_wait_until_a_weekday_is_meant_in_the_accounts_zone(self) -> None:
        facts = some_facts(acme(zone="America/New_York"))
        play = Play(program({"wait_until": {"weekday": "tuesday", "at": "09:00"}}, HELLO), facts)
        assert play.outcome.wake_at == datetime(2027, 3, 2, 14, tzinfo=UTC)

    def test_a_wait_until_a_time_that_the_clocks_leave_out_moves_forward(self) -> None:
        sunday = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
        facts = some_facts(acme(zone="Europe/Berlin"), started_at=sunday)
        graph = program({"wait_until": {"weekday": "sunday", "at": "02:30"}}, HELLO)
        assert Play(graph, facts, now=sunday).outcome.wake_at == sunday + HOUR  # shown as 03:30

    def test_a_wait_until_a_date_follows_the_date_when_it_moves(self) -> None:
        until = {"date": "renewal_on", "shift": "10 days before", "at": "09:00"}
        facts = some_facts(acme(traits={"renewal_on": "2027-04-20"}))
        play = Play(program({"wait_until": until}, HELLO), facts)
        assert play.outcome.wake_at == datetime(2027, 4, 10, 9, tzinfo=UTC)
        assert "trait:renewal_on" in play.outcome.listens
        play.change(traits={"renewal_on": "2027-03-15"})
        assert play.look().wake_at == datetime(2027, 3, 5, 9, tzinfo=UTC)

    @pytest.mark.parametrize(("choice", "emails"), [("go_on", ["hello"]), ("exit", [])])
    def test_without_a_date_it_is_held_three_days_and_then_goes_on_or_exits(
        self, choice: str, emails: list[str]
    ) -> None:
        until = {"wait_until": {"date": "renewal_on"}, "if_no_date": choice}
        play = Play(program(until, HELLO))
        assert play.outcome.label == "hold: no renewal_on"
        play.until(MONDAY + 2 * DAY)
        assert play.reasons == [("held", "no_date")]
        play.until(MONDAY + 3 * DAY)
        assert play.emails == emails
        assert play.outcome.ending is (Ending.EXITED if choice == "exit" else Ending.COMPLETED)

    def test_a_date_that_comes_while_held_is_waited_for(self) -> None:
        play = Play(program({"wait_until": {"date": "renewal_on", "at": "09:00"}}, HELLO))
        play.change(traits={"renewal_on": date(2027, 3, 9)})
        assert play.look().wake_at == datetime(2027, 3, 9, 9, tzinfo=UTC)

    @pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
    def test_a_placeholder_for_a_date_is_no_date(self, day: str) -> None:
        facts = some_facts(acme(traits={"renewal_on": day}))
        until = {"date": "renewal_on", "shift": "1 year after"}
        assert Play(program({"wait_until": until}, HELLO), facts).reasons == [("held", "no_date")]

    def test_a_wait_for_takes_one_path_when_it_happens(self) -> None:
        play = Play(program(wait_for(REPORT)))
        assert "event:report_run" in play.outcome.listens
        play.until(MONDAY + DAY)
        play.happens("report_run")
        assert (play.emails, play.sent[0][0]) == (["happened"], MONDAY + DAY)

    def test_and_the_other_when_the_time_is_up(self) -> None:
        play = Play(program(wait_for(REPORT)))
        play.until(MONDAY + 3 * DAY)
        assert play.emails == ["not"]
        assert ("took", "timed_out") in play.reasons

    def test_what_happens_after_the_time_was_up_comes_too_late_however_late_we_look(self) -> None:
        play = Play(program(wait_for(REPORT)))
        play.now = MONDAY + 4 * DAY
        play.change(events=(Event("report_run", play.now),))
        play.look()
        assert play.emails == ["not"]

    def test_a_wait_for_may_count_only_what_happens_from_here_on(self) -> None:
        events = (Event("report_run", MONDAY + HOUR),)
        for counting, emails in (("enrollment", ["happened"]), ("step", [])):
            graph = program({"wait": "1 day"}, wait_for(REPORT, counting_from=counting))
            play = Play(graph)
            play.change(events=events)
            play.until(MONDAY + DAY)
            assert play.emails == emails

    def test_a_wait_for_silence_wakes_by_itself_when_the_silence_is_long_enough(self) -> None:
        account = acme(last_active_on=date(2027, 2, 27), usage_through=date(2027, 3, 9))
        play = Play(program(wait_for({"quiet_for": "5 days"}, "2 weeks")), some_facts(account))
        assert play.outcome.wake_at == datetime(2027, 3, 5, tzinfo=UTC)
        play.until(MONDAY + 9 * DAY)
        assert play.emails == ["happened"]

    def test_a_branch_takes_the_first_case_that_holds(self) -> None:
        cases = [
            {"when": {"stage": "trial"}, "do": [{"send": "trial"}]},
            {"when": {"trait": "seats", "at_least": 10}, "do": [{"send": "large"}]},
            {"when": PRO, "do": [{"send": "pro"}]},
        ]
        graph = program({"branch": cases, "otherwise": [{"send": "other"}]}, {"send": "all"})
        for traits, email in (
            ({"seats": 20, "plan": "pro"}, "large"), ({"seats": 2, "plan": "pro"}, "pro"),
            ({"seats": 2, "plan": "free"}, "other"),
        ):  # fmt: skip
            assert Play(graph, some_facts(acme(traits=traits))).emails == [email, "all"]

    def test_a_split_divides_by_weight(self) -> None:
        arms = [
            {"name": "a", "share": 75, "do": [{"end": "a"}]},
            {"name": "b", "share": 25, "do": [{"end": "b"}]},
            {"name": "none", "share": 0, "do": [{"end": "none"}]},
        ]
        graph = program({"id": "half", "split": arms})
        drawn = Counter(
            Play(graph, some_facts(acme(id=f"account-{number}"))).outcome.because
            for number in range(1000)
        )
        assert set(drawn) == {"a", "b"}
        assert 700 < drawn["a"] < 800

    def test_a_split_is_stable_by_account_in_every_enrollment_and_version(self) -> None:
        arms = [{"name": "a", "share": 1}, {"name": "b", "share": 1}]
        old = program({"id": "half", "split": arms})
        new = program({"wait": "1 hour"}, {"id": "half", "split": arms}, {"send": "news"})
        for number in range(50):
            facts = some_facts(acme(id=f"account-{number}"))
            first, again = Play(old, facts), Play(new, replace(facts, enrollment_id="another"))
            again.until(MONDAY + DAY)
            assert first.decisions[0].words in [decision.words for decision in again.decisions]

    def test_a_task_goes_one_way_when_done(self) -> None:
        play = Play(program(TASK, {"send": "both"}))
        assert play.effects == [
            OpenTask("call", 1, "Call them", "", "csm", MONDAY + 2 * DAY)
        ]  # fmt: skip
        assert "task" in play.outcome.listens
        play.until(MONDAY + DAY)
        play.task_done()
        assert play.emails == ["done", "both"]
        assert len(play.effects) == 1

    def test_and_another_when_nobody_did_it_in_time(self) -> None:
        play = Play(program(TASK, {"send": "both"}))
        play.until(MONDAY + 2 * DAY)
        assert play.emails == ["late", "both"]
        assert play.effects[1:] == [CloseTask(1, "expired")]

    def test_a_task_of_an_account_that_leaves_is_closed(self) -> None:
        play = Play(program(TASK))
        play.control(exit_because="Asked by Olga.")
        assert play.effects[1:] == [CloseTask(1, "Asked by Olga.")]

    def test_a_webhook_is_called_with_its_fields_and_a_moment_to_give_up(self) -> None:
        step = {"webhook": "https://x.test/in", "with": {"b": "2", "a": "1"}}
        play = Play(program(step, HELLO))
        fields = (("a", "1"), ("b", "2"))
        assert play.called == [
            CallWebhook("webhook-1", 1, "https://x.test/in", fields, MONDAY + DAY, 0)
        ]
        assert play.emails == ["hello"]

    def test_a_webhook_rests_until_its_next_try_and_a_dead_letter_does_not_stop_the_way(
        self,
    ) -> None:
        graph = program({"webhook": "https://x.test/in"}, HELLO)
        again = WebhookFact(settled=False, attempts=1, retry_at=MONDAY + HOUR)
        play = Play(graph, some_facts(calls={1: again}))
        assert play.outcome.wake_at == MONDAY + HOUR
        play.know(calls={1: WebhookFact(settled=True, attempts=9)})
        play.look()
        assert play.reasons == [("failed", "dead_letter")]
        assert play.emails == ["hello"]

    def test_a_retried_webhook_keeps_the_moment_to_give_up(self) -> None:
        graph = program({"webhook": "https://x.test/in"})
        again = WebhookFact(settled=False, attempts=1, retry_at=MONDAY + HOUR)
        play = Play(graph, some_facts(calls={1: again}))
        play.until(MONDAY + HOUR)
        assert [(call.attempts, call.give_up_at) for call in play.called] == [(1, MONDAY + DAY)]

    def test_a_set_is_seen_by_the_steps_after_it(self) -> None:
        steps = [
            {"set": {"stage": "trial", "traits": {"plan": "pro"}}},
            {"branch": [{"when": {"all": [PRO, {"stage": "trial"}]}, "do": [HELLO]}]},
        ]
        play = Play(program(*steps))
        assert play.effects == [SetAccount("trial", (("plan", "pro"),))]
        assert play.emails == ["hello"]

    def test_a_set_to_a_leaving_stage_takes_effect_at_once_p3(self) -> None:
        play = Play(program({"set": {"stage": "churned"}}, HELLO))
        assert (play.outcome.ending, play.emails) == (Ending.EXITED, [])

    def test_other_programs_are_entered_and_left(self) -> None:
        play = Play(program({"enroll": "renewal"}, {"leave": "win-back"}))
        assert play.effects == [EnrollIn("renewal", 1), LeaveProgram("win-back")]

    def test_an_end_says_how(self) -> None:
        play = Play(program({"end": "They know all."}))
        assert (play.outcome.ending, play.outcome.because) == (Ending.COMPLETED, "They know all.")

    def test_a_loop_goes_round_with_a_new_visit_and_a_new_message_each_time(self) -> None:
        graph = program({"id": "again", "wait": "1 week"}, HELLO, {"go_to": "again"})
        play = Play(graph)
        play.until(MONDAY + 22 * DAY)
        assert [act.visit for _, act in play.sent] == [2, 4, 6]

    def test_a_loop_that_was_asleep_for_a_year_does_not_run_the_year_through(self) -> None:
        play = Play(program({"id": "again", "wait": "1 hour"}, {"leave": "x"}, {"go_to": "again"}))
        play.sleep_through(MONDAY + 365 * DAY)
        assert play.outcome.wake_at == MONDAY + 365 * DAY + HOUR
        assert len(play.effects) == 1
