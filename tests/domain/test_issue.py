"""An issue: everything is asked in time, of one person at a time, and nothing goes unapproved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.domain.newsletters.issue import Do, Issue, SectionFacts, State, Step
from digital_cs.domain.newsletters.issue_next import what_next
from digital_cs.domain.newsletters.issue_plan import next_send_days, plan_issue, send_day
from digital_cs.domain.newsletters.newsletter import Newsletter, OnHoliday
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar, Freeze

BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = BusinessCalendar(holidays={EVERYWHERE: frozenset({date(2026, 12, 25)})})
LETTER = Newsletter.model_validate(
    {
        "newsletter": "letter", "name": "The letter", "owner": "mara", "approver": "ines",
        "audience": {"segment": "active-customers"}, "rhythm": "first Tuesday",
        "subject": "News of the month",
        "sections": [
            {"section": "opening", "required": True},
            {"section": "deep-dive", "title": "In depth", "owner": "support", "sign_off": "dana"},
            {"section": "questions", "title": "You asked", "filler": "top_questions"},
        ],
    }
)  # fmt: skip
SEND_ON = date(2026, 12, 1)
PLAN = plan_issue(LETTER, SEND_ON, BERLIN, CALENDAR)
A_MINUTE = timedelta(minutes=1)
WRITTEN = (SectionFacts("opening", "o1"), SectionFacts("deep-dive", "d1", "d1"))
FROZEN = Issue(State.FROZEN, WRITTEN, "h1", "h1", "t1")


def ask(issue: Issue, now: datetime) -> tuple[list[tuple[Do, str]], datetime | None]:
    """What is to be done, and until when it rests."""
    found = what_next(issue, LETTER, PLAN, BERLIN, CALENDAR, now)
    return [(step.do, step.section) for step in found.steps], found.until


def done(*steps: Step) -> frozenset[str]:
    return frozenset(step.key for step in steps)


def test_the_days_are_counted_back_in_business_days_of_the_office() -> None:
    assert PLAN.opens_at == datetime(2026, 11, 10, 8, tzinfo=UTC)
    assert PLAN.sections_by == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert PLAN.freeze_at == datetime(2026, 11, 26, 11, tzinfo=UTC)
    assert PLAN.approve_by == datetime(2026, 11, 30, 11, tzinfo=UTC)


def test_it_leaves_before_it_is_morning_anywhere_and_never_without_the_minutes_of_recall() -> None:
    assert PLAN.first_at == datetime(2026, 11, 30, 19, tzinfo=UTC)  # 9:00 on Kiritimati
    assert PLAN.last_at == datetime(2026, 12, 1, 21, tzinfo=UTC)  # 9:00 where the day is last
    assert PLAN.first_at - PLAN.held_at == timedelta(minutes=10)
    assert PLAN.leaves_at == PLAN.approve_by


@pytest.mark.parametrize(
    ("on_holiday", "day"),
    [(OnHoliday.AFTER, date(2026, 12, 28)), (OnHoliday.BEFORE, date(2026, 12, 24)),
     (OnHoliday.SKIP, None)],
)  # fmt: skip
def test_a_day_that_is_no_business_day_goes_where_the_newsletter_says(
    on_holiday: OnHoliday, day: date | None
) -> None:
    letter = LETTER.model_copy(update={"rhythm": "last Friday", "on_holiday": on_holiday})
    assert send_day(letter, date(2026, 12, 25), CALENDAR) == day
    expected = (date(2026, 11, 27), *([day] if day else []))
    assert next_send_days(letter, date(2026, 11, 22), CALENDAR, 3)[: len(expected)] == expected


def test_a_company_that_is_frozen_sends_when_it_is_over() -> None:
    frozen = BusinessCalendar(freezes=(Freeze("move", date(2026, 11, 28), date(2026, 12, 2)),))
    assert next_send_days(LETTER, date(2026, 11, 22), frozen) == (date(2026, 12, 3),)


def test_owners_are_told_when_it_opens_reminded_and_somebody_else_is_asked_for_what_must_be() -> (
    None
):
    issue = Issue(State.OPEN, tuple(SectionFacts(name) for name in ("opening", "deep-dive")))
    told = [(Do.TELL, "opening"), (Do.TELL, "deep-dive")]
    assert ask(issue, PLAN.opens_at) == (told, None)
    issue = replace(issue, done=done(*(Step(Do.TELL, name) for name in ("opening", "deep-dive"))))
    steps, until = ask(issue, PLAN.opens_at)
    assert (steps, until) == ([], datetime(2026, 11, 20, 16, tzinfo=UTC))
    assert until is not None
    assert ask(issue, until)[0] == [(Do.REMIND, "opening"), (Do.REMIND, "deep-dive")]
    late = replace(
        issue, done=issue.done | done(Step(Do.REMIND, "opening"), Step(Do.REMIND, "deep-dive"))
    )
    assert ask(late, PLAN.sections_by)[0] == [(Do.ESCALATE, "opening")]


def test_who_was_told_of_nothing_gets_only_the_latest_of_it() -> None:
    issue = Issue(State.OPEN, tuple(SectionFacts(name) for name in ("opening", "deep-dive")))
    steps, _ = ask(issue, PLAN.sections_by)
    assert steps == [
        (Do.REMIND, "opening"), (Do.REMIND, "deep-dive"), (Do.ESCALATE, "opening"),
    ]  # fmt: skip


def test_an_expert_is_asked_about_each_text_once() -> None:
    asked = Step(Do.ASK_SIGN_OFF, "deep-dive", "d1")
    issue = Issue(State.OPEN, (WRITTEN[0], SectionFacts("deep-dive", "d1")))
    at = PLAN.opens_at + A_MINUTE
    assert ask(issue, at)[0] == [(Do.ASK_SIGN_OFF, "deep-dive")]
    assert ask(replace(issue, done=done(asked)), at) == ([], PLAN.sign_off_by)
    edited = (WRITTEN[0], SectionFacts("deep-dive", "d2", "d1"))
    assert ask(replace(issue, sections=edited, done=done(asked)), at)[0] == [
        (Do.ASK_SIGN_OFF, "deep-dive")
    ]


def test_what_misses_something_is_not_frozen_and_says_so() -> None:
    unwritten = Issue(State.OPEN, (SectionFacts("opening"), WRITTEN[1]))
    assert (Do.SAY_NOT_READY, "") in ask(unwritten, PLAN.freeze_at)[0]
    unsigned = Issue(State.OPEN, (WRITTEN[0], SectionFacts("deep-dive", "d1")))
    assert (Do.SAY_NOT_READY, "") in ask(unsigned, PLAN.freeze_at)[0]
    assert ask(Issue(State.OPEN, WRITTEN), PLAN.freeze_at)[0] == [(Do.FREEZE, "")]


def test_a_section_that_need_not_be_is_left_out() -> None:
    issue = Issue(State.OPEN, (WRITTEN[0], SectionFacts("deep-dive")))
    told = done(*(Step(do, "deep-dive") for do in (Do.TELL, Do.REMIND)))
    assert ask(replace(issue, done=told), PLAN.freeze_at)[0] == [(Do.FREEZE, "")]


def test_the_approval_is_asked_for_reminded_of_passed_on_and_missing_holds_the_issue() -> None:
    issue = FROZEN
    for moment, do in (
        (PLAN.freeze_at, Do.ASK_APPROVAL),
        (datetime(2026, 11, 27, 11, tzinfo=UTC), Do.REMIND_APPROVAL),
        (PLAN.approve_by, Do.ESCALATE_APPROVAL),
        (PLAN.held_at, Do.HOLD),
    ):
        assert ask(issue, moment)[0] == [(do, "")]
        issue = replace(issue, done=issue.done | done(Step(do, about="t1")))
        assert ask(issue, moment)[0] == []
    assert ask(issue, PLAN.last_at + timedelta(days=400)) == ([], None)


def test_who_is_asked_late_has_an_hour_before_anybody_else_is_asked() -> None:
    at = PLAN.held_at + A_MINUTE
    issue = replace(FROZEN, asked_at=at, done=done(Step(Do.ASK_APPROVAL, about="t1")))
    for hour, do in ((1, Do.ESCALATE_APPROVAL), (2, Do.HOLD)):
        moment = at + timedelta(hours=hour)
        assert ask(issue, moment - A_MINUTE) == ([], moment)
        assert ask(issue, moment)[0] == [(do, "")]
        issue = replace(issue, done=issue.done | done(Step(do, about="t1")))
    assert ask(issue, at + timedelta(days=30)) == ([], None)


def test_nobody_is_reminded_of_an_approval_that_they_were_asked_for_just_now() -> None:
    at = datetime(2026, 11, 27, 11, tzinfo=UTC)  # when there would be a reminder
    issue = replace(FROZEN, asked_at=at, done=done(Step(Do.ASK_APPROVAL, about="t1")))
    assert ask(issue, at) == ([], at + timedelta(hours=4))
    assert ask(issue, at + timedelta(hours=4))[0] == [(Do.REMIND_APPROVAL, "")]


def test_what_corrects_another_goes_on_a_day_that_has_begun_but_not_on_one_that_is_over() -> None:
    plan = plan_issue(LETTER, SEND_ON, BERLIN, CALENDAR, corrects=True)
    approved = replace(FROZEN, approved_hash="t1")
    for moment, do in (
        (datetime(2026, 12, 1, 16, tzinfo=UTC), Do.LEAVE),
        (datetime(2026, 12, 2, 12, tzinfo=UTC), Do.POSTPONE),  # over in the last zone as well
    ):
        steps = what_next(approved, LETTER, plan, BERLIN, CALENDAR, moment).steps
        assert [step.do for step in steps] == [do]


def test_an_edit_after_the_approval_unapproves_it_and_all_begins_anew() -> None:
    approved = replace(FROZEN, approved_hash="t1")
    assert ask(approved, PLAN.leaves_at)[0] == [(Do.LEAVE, "")]
    edited = replace(approved, content_hash="h2")
    assert not edited.approved
    assert ask(edited, PLAN.leaves_at)[0] == [(Do.FREEZE, "")]
    frozen = replace(
        edited, frozen_hash="h2", texts_hash="t2", done=done(Step(Do.ASK_APPROVAL, about="t1"))
    )
    assert ask(frozen, PLAN.freeze_at)[0] == [(Do.ASK_APPROVAL, "")]


def test_what_comes_out_otherwise_though_nobody_wrote_is_asked_about_anew() -> None:
    """P21: an article was retired, or a block edited, and the issue put together anew."""
    approved = replace(FROZEN, approved_hash="t1", done=done(Step(Do.ASK_APPROVAL, about="t1")))
    again = replace(approved, texts_hash="t2")
    assert not again.approved
    assert ask(again, PLAN.freeze_at)[0] == [(Do.ASK_APPROVAL, "")]
    assert replace(again, texts_hash="t1").approved


def test_a_change_is_told_once_then_reminded_of_and_the_approver_is_left_alone() -> None:
    wanted_at = datetime(2026, 11, 27, 9, tzinfo=UTC)
    about = wanted_at.isoformat()
    issue = replace(FROZEN, refused_at=wanted_at, done=done(Step(Do.ASK_APPROVAL, about="t1")))
    assert ask(issue, wanted_at)[0] == [(Do.ASK_CHANGE, "")]
    issue = replace(issue, done=issue.done | done(Step(Do.ASK_CHANGE, about=about)))
    assert ask(issue, wanted_at) == ([], PLAN.approve_by)
    assert ask(issue, PLAN.approve_by)[0] == [(Do.REMIND_CHANGE, "")]
    issue = replace(issue, done=issue.done | done(Step(Do.REMIND_CHANGE, about=about)))
    assert ask(issue, PLAN.held_at)[0] == [(Do.HOLD, "")]
    approved = replace(issue, refused_at=None, approved_hash="t1")
    assert ask(approved, PLAN.leaves_at)[0] == [(Do.LEAVE, "")]


def test_who_wants_a_section_changed_is_not_reminded_but_who_writes_it_is() -> None:
    at = PLAN.opens_at + A_MINUTE
    refused = SectionFacts("deep-dive", "d1", None, PLAN.opens_at, at)
    issue = Issue(State.OPEN, (WRITTEN[0], refused))
    assert ask(issue, at)[0] == [(Do.ASK_CHANGE, "deep-dive")]
    told = done(Step(Do.ASK_CHANGE, "deep-dive", at.isoformat()))
    assert ask(replace(issue, done=told), at) == ([], PLAN.sign_off_by)
    assert ask(replace(issue, done=told), PLAN.sign_off_by)[0] == [(Do.REMIND_CHANGE, "deep-dive")]


def test_an_expert_who_is_asked_late_has_a_working_day_before_a_reminder() -> None:
    written_at = PLAN.sign_off_by + timedelta(hours=1)
    issue = Issue(State.OPEN, (WRITTEN[0], SectionFacts("deep-dive", "d1", None, written_at)))
    assert ask(issue, written_at)[0] == [(Do.ASK_SIGN_OFF, "deep-dive")]
    asked = replace(issue, done=done(Step(Do.ASK_SIGN_OFF, "deep-dive", "d1")))
    said = replace(asked, done=asked.done | done(Step(Do.SAY_NOT_READY, about="deep-dive")))
    assert ask(said, PLAN.freeze_at) == ([], written_at + timedelta(days=1))


def test_an_edit_of_what_was_signed_off_asks_the_expert_anew_though_it_was_put_together() -> None:
    edited = (WRITTEN[0], SectionFacts("deep-dive", "d2", "d1", PLAN.freeze_at + A_MINUTE))
    issue = replace(FROZEN, sections=edited, content_hash="h2")
    steps, _ = ask(issue, PLAN.freeze_at + 2 * A_MINUTE)
    assert sorted(steps) == sorted([(Do.ASK_SIGN_OFF, "deep-dive"), (Do.SAY_NOT_READY, "")])


def test_what_is_approved_too_late_moves_to_a_day_that_is_still_whole() -> None:
    approved = replace(FROZEN, approved_hash="t1")
    assert ask(approved, PLAN.first_at)[0] == [(Do.LEAVE, "")]
    assert ask(approved, PLAN.first_at + timedelta(hours=8))[0] == [(Do.POSTPONE, "")]


def test_it_can_be_called_back_for_ten_minutes_and_then_it_goes() -> None:
    leaving = replace(FROZEN, state=State.LEAVING, approved_hash="t1", leaves_at=PLAN.first_at)
    assert ask(leaving, PLAN.leaves_at)[0] == [(Do.SAY_LEAVING, "")]
    said = Step(Do.SAY_LEAVING, about=PLAN.first_at.isoformat())
    assert ask(replace(leaving, done=done(said)), PLAN.leaves_at) == ([], PLAN.first_at)
    assert ask(leaving, PLAN.first_at)[0] == [(Do.SEND, "")]


def test_sending_ends_when_all_is_sent_and_a_week_later_there_is_a_report() -> None:
    sending = replace(FROZEN, state=State.SENDING, approved_hash="t1")
    assert ask(sending, PLAN.last_at) == ([], None)
    assert ask(replace(sending, all_sent=True), PLAN.last_at)[0] == [(Do.CLOSE, "")]
    sent = replace(sending, state=State.SENT, sent_at=PLAN.last_at)
    week = PLAN.last_at + timedelta(days=7)
    assert ask(sent, PLAN.last_at) == ([], week)
    assert ask(sent, week)[0] == [(Do.REPORT, "")]


HASHES = st.sampled_from([None, "h1", "h2"])
ISSUES = st.builds(
    Issue,
    state=st.sampled_from(State),
    sections=st.tuples(
        st.builds(SectionFacts, st.just("opening"), st.sampled_from([None, "o1"])),
        st.builds(
            SectionFacts, st.just("deep-dive"), st.sampled_from([None, "d1", "d2"]),
            st.sampled_from([None, "d1"]), st.none() | st.just(PLAN.opens_at),
            st.none() | st.just(PLAN.sign_off_by),
        ),
    ),
    content_hash=HASHES, frozen_hash=HASHES, texts_hash=HASHES, approved_hash=HASHES,
    refused_at=st.none() | st.just(PLAN.approve_by - timedelta(hours=1)),
    leaves_at=st.none() | st.just(PLAN.first_at), all_sent=st.booleans(),
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@settings(max_examples=500)
@given(issue=ISSUES, now=MOMENTS)
def test_nothing_leaves_or_is_sent_but_what_was_approved(issue: Issue, now: datetime) -> None:
    steps = {step.do for step in what_next(issue, LETTER, PLAN, BERLIN, CALENDAR, now).steps}
    if steps & {Do.LEAVE, Do.SEND}:
        assert issue.approved_hash == issue.texts_hash is not None
        assert issue.frozen_hash == issue.content_hash


@settings(max_examples=300)
@given(issue=ISSUES, now=MOMENTS)
def test_it_acts_or_rests_and_what_was_done_is_not_done_again(issue: Issue, now: datetime) -> None:
    found = what_next(issue, LETTER, PLAN, BERLIN, CALENDAR, now)
    assert found.until is None or (found.until > now and not found.steps)
    seen: Mapping[str, int] = {}
    for _ in range(40):
        steps = what_next(issue, LETTER, PLAN, BERLIN, CALENDAR, now).steps
        once = [step for step in steps if step.do in _SAID]
        assert not any(step.key in seen for step in once)
        if not once:
            return
        seen = {**seen, **{step.key: 1 for step in once}}
        issue = replace(issue, done=issue.done | {step.key for step in once})
    raise AssertionError("it never comes to rest")


_SAID = {
    Do.TELL, Do.REMIND, Do.ESCALATE, Do.ASK_SIGN_OFF, Do.REMIND_SIGN_OFF, Do.SAY_NOT_READY,
    Do.ASK_APPROVAL, Do.REMIND_APPROVAL, Do.ESCALATE_APPROVAL, Do.HOLD, Do.FREEZE, Do.SAY_LEAVING,
    Do.ASK_CHANGE, Do.REMIND_CHANGE,
}  # fmt: skip
