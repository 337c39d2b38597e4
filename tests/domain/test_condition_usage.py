"""How much an account uses, and how that changes: missing data is never a no (P9)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from digital_cs.domain.account import Account, UsageDay
from digital_cs.domain.rules.condition import Verdict
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from tests.domain.asking import NO, TODAY, UNKNOWN, YES, ago, ask, read, used
from tests.domain.rehearsal import DAY, MONDAY, acme

ON_TIME, LATE = ago(1), ago(3)


def account(through: date | None = ON_TIME, **usage: tuple[UsageDay, ...]) -> Account:
    return acme(usage=usage, usage_through=through)


class TestAmount:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({"at_least": 5}, YES), ({"at_least": 6}, NO), ({"more_than": 5}, NO),
            ({"at_most": 5}, YES), ({"less_than": 5}, NO), ({"between": [5, 9]}, YES),
            ({"between": [6, 9]}, NO), ({"at_least": 2, "at_most": 4}, NO),
        ],
    )  # fmt: skip
    def test_the_events_of_the_last_days_are_counted_today_included(
        self, asked: dict[str, Any], expected: Verdict
    ) -> None:
        acme = account(sent=used((0, 2), (6, 3), (7, 90)), other=used((1, 50)))
        assert ask({"usage": "sent", "within": "7 days", **asked}, acme) is expected

    def test_several_events_or_any_are_counted_together(self) -> None:
        acme = account(sent=used((0, 2)), read=used((1, 3)), other=used((1, 50)))
        assert ask({"usage": ["sent", "read"], "within": "2 days", "between": [5, 5]}, acme) is YES
        assert ask({"usage": "any", "within": "2 days", "between": [55, 55]}, acme) is YES

    def test_days_with_any_and_value(self) -> None:
        acme = account(sent=used((0, 2), (1, 0), (2, 1), value=2.5), read=used((2, 9)))
        days = {"usage": "any", "measure": "days", "within": "7 days"}
        assert ask({**days, "between": [2, 2]}, acme) is YES
        value = {"usage": "sent", "measure": "value", "within": "7 days"}
        assert ask({**value, "between": [5, 5]}, acme) is YES

    def test_a_user_of_two_days_is_one_user(self) -> None:
        acme = account(sent=used((0, 1), (1, 1), users=2, user_keys=(1, 2)))
        users = {"usage": "sent", "measure": "users", "within": "7 days"}
        assert ask({**users, "between": [2, 2]}, acme) is YES

    def test_of_counts_alone_only_the_bounds_are_known(self) -> None:
        acme = account(sent=used((0, 1), (1, 1), users=3))  # three to six of them, nobody knows
        users = {"usage": "sent", "measure": "users", "within": "7 days"}
        assert ask({**users, "at_least": 3}, acme) is YES
        assert ask({**users, "at_least": 4}, acme) is UNKNOWN
        assert ask({**users, "at_least": 7}, acme) is NO

    @pytest.mark.parametrize("through", [None, LATE])
    def test_a_late_feed_may_be_enough_for_a_yes_but_never_for_a_no(
        self, through: date | None
    ) -> None:
        acme = account(through, sent=used((4, 5)))
        asked = {"usage": "sent", "within": "7 days"}
        assert ask({**asked, "at_least": 5}, acme) is YES
        assert ask({**asked, "at_least": 6}, acme) is UNKNOWN
        assert ask({**asked, "at_most": 5}, acme) is UNKNOWN
        assert ask({**asked, "at_most": 4}, acme) is NO
        assert ask({**asked, "measure": "value", "at_most": 5}, acme) is UNKNOWN

    def test_no_rows_are_zero_where_the_feed_is_complete(self) -> None:
        assert ask({"usage": "sent", "within": "7 days", "at_most": 0}, account()) is YES

    def test_time_alone_changes_it_when_a_day_leaves_the_window(self) -> None:
        rule = read({"usage": "sent", "within": "7 days", "at_least": 1})
        acme = account(sent=used((6, 1)))
        assert rule.next_flip(acme, MONDAY) == MONDAY.replace(hour=0) + DAY
        assert rule.next_flip(account(), MONDAY) is None
        assert rule.turns_daily

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ({"within": "36 hours", "at_least": 1}, "whole days"),
            ({"within": "7 days"}, "compared with nothing"),
            ({"within": "7 days", "at_least": 1, "measure": "clicks"}, "Input should be"),
        ],
    )
    def test_what_cannot_be_asked_is_said(self, written: dict[str, Any], problem: str) -> None:
        with pytest.raises(ValidationError, match=problem):
            read({"usage": "sent", **written})


class TestChange:
    DROP = {"change": "sent", "over": "7 days", "against": "4 weeks", "falls_by": "50%"}
    STEADY = tuple((days, 10) for days in range(8, 36))  # 70 a week

    @pytest.mark.parametrize(("lately", "expected"), [(0, YES), (35, YES), (36, NO), (70, NO)])
    def test_the_recent_days_are_held_against_the_accounts_own_past(
        self, lately: int, expected: Verdict
    ) -> None:
        assert ask(self.DROP, account(sent=used(*self.STEADY, (3, lately)))) is expected

    def test_silence_is_a_drop_although_there_is_no_row_that_says_so(self) -> None:
        """Usage does not fade before an account leaves: it stops."""
        assert ask(self.DROP, account(sent=used(*self.STEADY))) is YES

    @pytest.mark.parametrize("through", [None, ago(2), LATE])
    def test_a_feed_that_is_late_holds_the_verdict_p9(self, through: date | None) -> None:
        assert ask(self.DROP, account(through, sent=used(*self.STEADY))) is UNKNOWN

    def test_today_which_is_not_over_does_not_count(self) -> None:
        rise = {"change": "sent", "over": "7 days", "against": "4 weeks", "grows_by": "100%"}
        acme = account(sent=used(*self.STEADY, (3, 70)))
        more = account(sent=used(*self.STEADY, (3, 70), (0, 500)))
        assert ask(rise, acme) is ask(rise, more) is NO

    def test_too_few_to_judge_is_no(self) -> None:
        acme = account(sent=used(*((days, 1) for days in range(8, 36))))
        assert ask({**self.DROP, "at_least": 8}, acme) is NO
        assert ask({**self.DROP, "at_least": 7}, acme) is YES

    def test_a_rise_is_a_change_too(self) -> None:
        rise = {"change": "any", "over": "7 days", "against": "4 weeks", "grows_by": "100%"}
        assert ask(rise, account(sent=used(*self.STEADY, (3, 140)))) is YES
        assert ask(rise, account(sent=used(*self.STEADY, (3, 139)))) is NO

    def test_a_week_of_holidays_is_not_a_drop(self) -> None:
        week = frozenset(ago(days) for days in range(1, 6))
        at_home = BusinessCalendar(holidays={"DE": week})
        acme = account(sent=used(*self.STEADY, (6, 20)))
        there = acme.__class__(
            id="there", country="DE", usage=acme.usage, usage_through=ON_TIME, calendar=at_home
        )
        assert ask(self.DROP, acme) is YES
        assert ask(self.DROP, there) is NO

    def test_without_a_working_day_nothing_can_be_said(self) -> None:
        days = frozenset(ago(n) for n in range(1, 8))
        acme = Account(
            id="a", country="DE", usage={"sent": used(*self.STEADY)}, usage_through=ON_TIME,
            calendar=BusinessCalendar(holidays={"DE": days}),
        )  # fmt: skip
        assert ask(self.DROP, acme) is UNKNOWN

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ({"over": "10 days", "falls_by": "50%"}, "weekdays would differ"),
            ({}, "either"),
            ({"falls_by": "50%", "grows_by": "50%"}, "either"),
            ({"falls_by": "half"}, 'written like "50%"'),
            ({"falls_by": "50"}, 'written like "50%"'),
        ],
    )
    def test_what_cannot_be_asked_is_said(self, written: dict[str, Any], problem: str) -> None:
        with pytest.raises(ValidationError, match=problem):
            read({"change": "sent", **written})


@given(
    rows=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 50)), max_size=20),
    late=st.booleans(),
    later=st.integers(0, 40),
)
def test_between_two_flips_a_day_window_says_the_same(
    rows: list[tuple[int, int]], late: bool, later: int
) -> None:
    rule = read({"usage": "sent", "within": "14 days", "at_least": 20})
    through = LATE if late else TODAY + timedelta(days=60)
    found = account(through, sent=used(*dict(rows).items()))
    flips = rule.next_flip(found, MONDAY)
    moment = MONDAY + later * DAY
    if flips is None or moment < flips:
        assert rule.verdict(found, MONDAY, moment) is rule.verdict(found, MONDAY, MONDAY)


def test_each_says_what_it_found() -> None:
    acme = account(sent=used(*TestChange.STEADY, (3, 12)))
    change, amount = read(TestChange.DROP), read({"usage": "any", "within": "7 days", "at_most": 3})
    assert change.words() == "sent falls by 50% over 7 days against 4 weeks before"
    assert change.figure(acme, MONDAY) == "12 in 7 days, where 70.0 were to be expected"
    assert amount.words() == "usage of any kind at most 3 in 7 days"
    assert amount.figure(acme, MONDAY).startswith("12 since ")
