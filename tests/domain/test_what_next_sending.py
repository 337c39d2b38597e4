"""Whether a message goes out now, later or never (P1, P4, P5, P8, P12, P14, P15)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from digital_cs.domain.account import Contact
from digital_cs.domain.programs.enrollment import (
    Ending,
    Facts,
    MessageFact,
    MessageState,
    SendMessage,
    SkipMessage,
    TellOwner,
)
from digital_cs.domain.programs.touch import MOST_RESENDS, WAITS_FOR_CONTENT
from digital_cs.domain.sending.eligibility import Answer, Ruling
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar, Freeze
from tests.domain.rehearsal import (
    ANNA,
    AT_WORK,
    BORIS,
    DAY,
    HELLO,
    HOUR,
    MONDAY,
    PRO,
    REPORT,
    Play,
    acme,
    program,
    some_facts,
    wait_for,
)

NO_PEOPLE = some_facts(acme(contacts=()))


class TestNobodyToWriteTo:
    """P1: recipients are chosen at each send; nobody is a state that is seen."""

    def test_the_fallback_chain_is_followed_role_by_role(self) -> None:
        quiet = replace(ANNA, quiet_because="unsubscribed")
        left = replace(ANNA, active=False)
        stranger = Contact("cyd", ("buyer",))
        for contacts, chosen in (
            ((BORIS, ANNA), "anna"), ((BORIS, quiet), "boris"), ((left, BORIS), "boris"),
            ((stranger, quiet), "cyd"),
        ):  # fmt: skip
            play = Play(program(HELLO), some_facts(acme(contacts=contacts)))
            assert [act.contact_id for _, act in play.sent] == [chosen]

    @pytest.mark.parametrize(
        ("kind", "because", "reached"),
        [
            ("service", "unsubscribed", True), ("service", "hard bounce", False),
            ("marketing", "unsubscribed", False),
        ],
    )  # fmt: skip
    def test_only_a_service_notice_reaches_who_unsubscribed(
        self, kind: str, because: str, reached: bool
    ) -> None:
        """P17: a service notice cannot be unsubscribed; an address that is gone stays gone."""
        contacts = (replace(ANNA, quiet_because=because),)
        play = Play(program({**HELLO, "kind": kind}), some_facts(acme(contacts=contacts)))
        assert bool(play.sent) is reached

    @pytest.mark.parametrize(
        ("contacts", "words"),
        [
            ((), "The account has no contacts."),
            ((Contact("cyd", ("buyer",)),), "No contact has a role of champion."),
            (
                (replace(ANNA, quiet_because="unsubscribed"),),
                "Nobody who fits may be written to: 1 unsubscribed.",
            ),
        ],
    )
    def test_it_is_held_and_says_why(self, contacts: tuple[Contact, ...], words: str) -> None:
        graph = program({"send": "hello", "to": ["champion"]})
        play = Play(graph, some_facts(acme(contacts=contacts)))
        assert play.outcome.label == "hold: nobody to write to"
        assert "contacts" in play.outcome.listens
        assert [decision.words for decision in play.decisions] == [words]
        play.until(MONDAY + 5 * DAY)
        assert play.reasons == [("held", "nobody")]

    def test_somebody_who_turns_up_is_written_to_and_it_is_useful_from_then(self) -> None:
        play = Play(program({"send": "hello", "useful_for": "1 day"}), NO_PEOPLE)
        play.until(MONDAY + 5 * DAY)
        play.change(contacts=(BORIS,))
        play.look()
        assert [(act.contact_id, act.useful_until) for _, act in play.sent] == [
            ("boris", MONDAY + 6 * DAY)
        ]

    @pytest.mark.parametrize(("then", "ending"), [("skip", "completed"), ("exit", "exited")])
    def test_after_its_limit_the_step_is_skipped_or_the_account_exits(
        self, then: str, ending: str
    ) -> None:
        step = {"send": "hello", "if_nobody": {"hold_for": "2 days", "then": then}}
        play = Play(program(step, {"end": "fine"}), NO_PEOPLE)
        play.until(MONDAY + 2 * DAY - HOUR)
        assert play.outcome.ending is None
        play.until(MONDAY + 2 * DAY)
        assert play.outcome.ending == ending
        skipped = [effect for effect in play.effects if isinstance(effect, SkipMessage)]
        assert [effect.reason for effect in skipped] == (["nobody"] if then == "skip" else [])

    def test_losing_everybody_a_second_time_is_held_anew(self) -> None:
        step = {"send": "hello", "if_nobody": {"hold_for": "5 days"}}
        graph = program(step, send_window=AT_WORK)
        late = MONDAY + 8 * HOUR
        play = Play(graph, some_facts(acme(contacts=()), started_at=late), now=late)
        play.until(late + 4 * DAY)
        play.change(contacts=(BORIS,))
        play.look()
        play.until(late + 4 * DAY + HOUR)
        play.change(contacts=())
        play.look()
        assert play.outcome.wake_at == late + 9 * DAY + HOUR


class TestWindows:
    """P4 and P5: hours of the recipient, holidays and freezes."""

    graph = program(HELLO, send_window=AT_WORK)

    def sent(self, play: Play) -> list[tuple[datetime, str, str]]:
        return [(at, act.zone, act.zone_source) for at, act in play.sent]

    def test_the_window_is_in_the_recipients_zone_and_the_act_says_which_was_used(self) -> None:
        night = datetime(2027, 3, 2, 3, tzinfo=UTC)
        tokyo = replace(BORIS, zone="Asia/Tokyo")
        cases = [
            (acme(), datetime(2027, 3, 2, 8, tzinfo=UTC), "Europe/Berlin", "recipient"),
            (acme(contacts=(tokyo,)), night, "Asia/Tokyo", "recipient"),
            (
                acme(contacts=(BORIS,), zone="America/New_York"),
                datetime(2027, 3, 2, 14, tzinfo=UTC), "America/New_York", "account",
            ),
            (
                acme(contacts=(replace(BORIS, zone="Mars/Base"),), zone="Nowhere"),
                datetime(2027, 3, 2, 9, tzinfo=UTC), "UTC", "workspace",
            ),
        ]  # fmt: skip
        for account, at, zone, source in cases:
            play = Play(self.graph, some_facts(account, started_at=night), now=night)
            play.until(night + 2 * DAY)
            assert self.sent(play) == [(at, zone, source)]

    def test_a_touch_outside_the_window_says_what_it_waits_for(self) -> None:
        saturday = MONDAY + 5 * DAY
        play = Play(self.graph, some_facts(started_at=saturday), now=saturday)
        assert play.outcome.wake_at == datetime(2027, 3, 8, 8, tzinfo=UTC)
        assert [decision.words for decision in play.decisions] == [
            "Saturday, Sunday (Europe/Berlin, zone of the recipient)."
        ]
        assert "calendar" in play.outcome.listens

    def test_a_holiday_announced_after_planning_moves_the_touch_p5(self) -> None:
        graph = program({"wait": "1 day"}, HELLO, send_window=AT_WORK)
        play = Play(graph, some_facts(acme(country="DE")))
        play.know(calendar=BusinessCalendar(holidays={"DE": frozenset({date(2027, 3, 2)})}))
        play.until(MONDAY + DAY + HOUR)
        assert play.emails == []
        assert play.decisions[-1].words.startswith("Public holiday in DE")
        play.until(MONDAY + 3 * DAY)
        assert self.sent(play)[0][0] == datetime(2027, 3, 3, 8, tzinfo=UTC)

    def test_a_holiday_announced_while_it_waits_for_the_window_moves_it_again_p5(self) -> None:
        evening = MONDAY + 8 * HOUR
        play = Play(self.graph, some_facts(acme(country="DE"), started_at=evening), now=evening)
        assert play.outcome.wake_at == datetime(2027, 3, 2, 8, tzinfo=UTC)
        play.know(calendar=BusinessCalendar(holidays={"DE": frozenset({date(2027, 3, 2)})}))
        assert play.look().wake_at == datetime(2027, 3, 3, 8, tzinfo=UTC)

    def test_a_freeze_longer_than_the_message_is_useful_skips_it(self) -> None:
        play = Play(program({"wait": "1 day"}, HELLO, send_window=AT_WORK))
        freeze = Freeze("audit", date(2027, 3, 3), date(2027, 3, 20))
        play.until(MONDAY + DAY - HOUR)
        play.control(paused=True)
        play.until(MONDAY + 2 * DAY)
        play.know(calendar=BusinessCalendar(freezes=(freeze,)))
        play.control(paused=False)
        assert play.reasons == [("skipped", "no_window")]

    def test_a_window_that_never_opens_skips_and_says_so(self) -> None:
        freeze = Freeze("for ever", date(2027, 1, 1), date(2029, 1, 1))
        facts = some_facts(calendar=BusinessCalendar(freezes=(freeze,)))
        assert Play(self.graph, facts).reasons == [("skipped", "no_window")]

    def test_a_window_across_midnight_is_open_after_midnight(self) -> None:
        graph = program(HELLO, send_window={"days": ["mon"], "hours": "22:00-02:00"})
        night = datetime(2027, 3, 2, 0, 30, tzinfo=UTC)  # 01:30 in Berlin, of Monday's window
        assert Play(graph, some_facts(started_at=night), now=night).emails == ["hello"]


class TestUsefulUntil:
    """P8: every message has a useful-until; a backlog is spread, or skipped and listed."""

    graph = program({"wait": "1 day"}, {"send": "hello", "useful_for": "2 days"}, {"wait": "1 day"})

    def test_after_an_outage_what_is_no_longer_useful_is_skipped_and_listed(self) -> None:
        play = Play(self.graph)
        play.sleep_through(MONDAY + 3 * DAY)
        assert (play.emails, play.reasons) == ([], [("skipped", "no_longer_useful")])
        assert [effect.due_at for effect in play.effects if isinstance(effect, SkipMessage)] == [
            MONDAY + DAY
        ]

    @pytest.mark.parametrize(
        "between",
        [
            {"branch": [{"when": PRO, "do": []}]},
            {"split": [{"name": "a", "share": 1}, {"name": "b", "share": 1}]},
            {"set": {"traits": {"seen": True}}},
            {"wait_for": PRO, "for_up_to": "3 days"},
            {"wait_until": {"date": "renewal_on"}},
        ],
        ids=["branch", "split", "set", "wait_for", "wait_until"],
    )
    def test_steps_that_take_no_time_do_not_make_it_fresh(self, between: dict[str, Any]) -> None:
        traits = {"plan": "pro", "renewal_on": "2027-02-01"}
        graph = program({"wait": "1 day"}, between, HELLO)
        play = Play(graph, some_facts(acme(traits=traits)))
        play.sleep_through(MONDAY + 9 * DAY)
        assert play.reasons[-1] == ("skipped", "no_longer_useful")

    def test_the_wait_after_it_is_not_used_up_by_the_outage_p12(self) -> None:
        play = Play(self.graph)
        play.sleep_through(MONDAY + 30 * DAY)
        assert play.outcome.wake_at == MONDAY + 31 * DAY

    def test_a_wait_for_that_an_outage_kept_us_from_still_has_its_time_p12(self) -> None:
        play = Play(program({"wait": "1 day"}, wait_for(REPORT, "2 days")))
        play.sleep_through(MONDAY + 9 * DAY)
        assert play.outcome.wake_at == MONDAY + 11 * DAY

    def test_what_is_still_useful_is_spread_over_accounts_p8(self) -> None:
        moments = []
        for number in range(200):
            facts = some_facts(enrollment_id=f"e-{number}", spread=4 * HOUR)
            play = Play(self.graph, facts)
            play.sleep_through(MONDAY + 2 * DAY)
            play.until(MONDAY + 3 * DAY - timedelta.resolution)
            moments += [at - (MONDAY + 2 * DAY) for at, _ in play.sent]
        assert len(moments) == 200
        assert max(Counter(moment // HOUR for moment in moments).values()) < 80
        assert timedelta(0) <= min(moments) <= max(moments) < 4 * HOUR

    def test_a_hiccup_of_minutes_delays_nothing_by_hours(self) -> None:
        play = Play(self.graph, some_facts(spread=4 * HOUR))
        play.sleep_through(MONDAY + DAY + timedelta(minutes=10))
        play.until(MONDAY + DAY + timedelta(minutes=20))
        assert play.emails == ["hello"]

    def test_being_woken_while_spread_out_does_not_send_early(self) -> None:
        play = Play(self.graph, some_facts(spread=4 * HOUR))
        play.sleep_through(MONDAY + 2 * DAY)
        wake = play.outcome.wake_at
        assert wake is not None
        assert play.reasons == [("deferred", "catch_up")]
        play.now += (wake - play.now) / 2
        play.look()
        assert (play.emails, play.outcome.wake_at) == ([], wake)

    def test_spreading_does_not_push_a_message_past_its_window_and_usefulness(self) -> None:
        """Friday, ten minutes before the window closes, and Sunday is too late."""
        graph = program({"send": "hello", "useful_for": "2 days"}, send_window=AT_WORK)
        due, back = datetime(2027, 3, 5, 8, tzinfo=UTC), datetime(2027, 3, 5, 15, 50, tzinfo=UTC)
        for number in range(20):
            facts = Facts(
                f"e-{number}", acme(), due, BusinessCalendar(), spread=8 * HOUR
            )  # fmt: skip
            play = Play(graph, facts, now=back)
            play.until(back + 3 * DAY)
            assert [at for at, _ in play.sent] < [back + HOUR]

    def test_an_enrollment_that_nobody_came_to_start_is_late_too(self) -> None:
        play = Play(program(HELLO), now=MONDAY + 9 * DAY)
        assert play.reasons == [("skipped", "no_longer_useful")]


def refused(act: SendMessage) -> MessageFact:
    """The provider is busy, each time for an hour longer than the last."""
    again = MONDAY + (2 ** (act.attempts + 1) - 1) * HOUR
    return MessageFact(MessageState.PLANNED, act.attempts + 1, again, act.contact_id)


class TestRefusalsAndUnknowns:
    """P14 and P15: retried until no longer useful; unknown by rule."""

    def test_a_transient_refusal_is_tried_again_until_it_is_no_longer_useful(self) -> None:
        play = Play(program({"send": "hello", "useful_for": "1 day"}), answer=refused)
        play.until(MONDAY + 3 * DAY)
        assert [(at - MONDAY) / HOUR for at, _ in play.sent] == [0, 1, 3, 7, 15]
        assert [act.attempts for _, act in play.sent] == [0, 1, 2, 3, 4]
        assert {act.useful_until for _, act in play.sent} == {MONDAY + DAY}
        assert play.reasons == [("skipped", "no_longer_useful")]
        assert (play.now, play.outcome.ending) == (MONDAY + DAY, Ending.COMPLETED)

    def test_it_stays_with_the_person_it_was_tried_for_while_that_one_may_be_written_to(
        self,
    ) -> None:
        play = Play(program(HELLO), some_facts(acme(contacts=(BORIS,))), answer=refused)
        play.change(contacts=(ANNA, BORIS))
        play.until(MONDAY + HOUR)
        play.change(contacts=(ANNA, replace(BORIS, quiet_because="bounced")))
        play.until(MONDAY + 3 * HOUR)
        assert [act.contact_id for _, act in play.sent] == ["boris", "boris", "anna"]

    def test_a_fault_of_ours_is_held_with_its_reason_p12(self) -> None:
        fault = MessageFact(
            MessageState.PLANNED, 0, MONDAY + HOUR, "anna", "The template is broken."
        )
        play = Play(program(HELLO), some_facts(messages={1: fault}))
        assert [(d.reason, d.words) for d in play.decisions] == [
            ("fault", "The template is broken.")
        ]
        assert play.outcome.wake_at == MONDAY + HOUR

    @pytest.mark.parametrize(
        "state",
        ["accepted", "delivered", "bounced", "complained", "failed", "skipped", "unknown"],
    )
    def test_a_settled_message_is_passed_and_never_sent_again(self, state: str) -> None:
        fact = MessageFact(MessageState(state), 1, None, "anna")
        play = Play(program(HELLO, {"end": "x"}), some_facts(messages={1: fact}))
        assert (play.emails, play.outcome.ending) == ([], Ending.COMPLETED)

    def test_a_service_message_of_unknown_fate_is_sent_again_a_few_times(self) -> None:
        def lost(act: SendMessage) -> MessageFact:
            return MessageFact(MessageState.UNKNOWN, act.attempts + 1, None, act.contact_id)

        play = Play(program({"send": "bill", "kind": "service"}), answer=lost)
        assert [act.attempts for _, act in play.sent] == list(range(MOST_RESENDS))
        assert play.outcome.ending is Ending.COMPLETED

    @pytest.mark.parametrize("state", [MessageState.UNKNOWN, MessageState.CLAIMED])
    def test_what_may_be_out_is_never_written_down_as_skipped(self, state: MessageState) -> None:
        fact = MessageFact(state, 1, None, "anna")
        facts = some_facts(messages={1: fact}, started_at=MONDAY - 9 * DAY)
        play = Play(program({"send": "bill", "kind": "service"}), facts)
        assert play.effects == []
        assert play.reasons == [("skipped", "no_longer_useful")]

    def test_a_message_that_another_worker_has_in_hand_is_waited_for_also_when_skipped(
        self,
    ) -> None:
        fact = MessageFact(MessageState.CLAIMED, 1, MONDAY + HOUR, "anna")
        play = Play(program(HELLO), some_facts(messages={1: fact}))
        assert play.control(skip_visit=1).wake_at == MONDAY + HOUR


class TestWaitingForAReview:
    """P25: what a message shows was ruled to be stale, or wrong, when it was about to go."""

    @pytest.mark.parametrize("reason", WAITS_FOR_CONTENT)
    def test_it_is_held_its_owner_told_once_and_it_goes_at_once_when_it_is_released(
        self, reason: Reason
    ) -> None:
        ruling = Ruling(Answer.HOLD, reason, "It waits.", "content", MONDAY + 3 * DAY)
        graph = program({"send": "hello", "useful_for": "9 days"})
        play = Play(graph, some_facts(rulings={1: ruling}, spread=8 * HOUR))
        assert play.outcome.wake_at == MONDAY + 3 * DAY
        assert play.outcome.label == f"hold: {reason}"
        told = [TellOwner("hello", "content", graph.owner, "It waits.")]
        assert play.effects == told
        play.now += DAY
        play.look()
        assert play.effects == told
        play.know(rulings={})
        play.look()
        assert [at for at, _ in play.sent] == [MONDAY + DAY]
