"""Conditions have three values, and what is missing is never silently false (P9)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from digital_cs.domain.account import Account, Event, UsageDay, day_of
from digital_cs.domain.rules.condition import (
    AllOf,
    AnyOf,
    Condition,
    Not,
    Verdict,
    leaves,
    next_flip,
    true_since,
)
from tests.domain.program_strategies import accounts, conditions, moments
from tests.domain.rehearsal import DAY, HOUR, MONDAY, acme

READ: TypeAdapter[Any] = TypeAdapter(Condition)
YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN


def read(**written: Any) -> Any:
    return READ.validate_python(written)


def asked(condition: Any, account: Account, now: datetime = MONDAY) -> Verdict:
    return condition.verdict(account, MONDAY - 30 * DAY, now)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("written", "traits", "expected"),
    [
        ({"is": "pro"}, {"plan": "pro"}, YES),
        ({"is": "pro"}, {"plan": "free"}, NO),
        ({"is": "pro"}, {}, UNKNOWN),
        ({"is": "pro"}, {"plan": None}, UNKNOWN),
        ({"is_not": "pro"}, {"plan": "free"}, YES),
        ({"is_not": "pro"}, {}, UNKNOWN),
        ({"one_of": ["pro", "team"]}, {"plan": "team"}, YES),
        ({"one_of": ["pro", "team"]}, {"plan": "free"}, NO),
        ({"contains": "beta"}, {"plan": ["beta", "x"]}, YES),
        ({"contains": "beta"}, {"plan": 3}, UNKNOWN),
        ({"exists": True}, {}, NO),
        ({"exists": True}, {"plan": "x"}, YES),
        ({"exists": False}, {}, YES),
        ({"exists": True, "is": "pro"}, {"plan": "free"}, NO),
        ({"is": 10}, {"plan": "10"}, YES),
        ({"is": 10}, {"plan": True}, NO),
        ({"is": 1}, {"plan": True}, NO),
        ({"is": True}, {"plan": "true"}, YES),
        ({"is": True}, {"plan": 1}, NO),
    ],
)
def test_a_trait_is_compared_and_a_missing_one_is_unknown(
    written: dict[str, Any], traits: dict[str, Any], expected: Verdict
) -> None:
    assert asked(read(trait="plan", **written), acme(traits=traits)) is expected


@pytest.mark.parametrize("bound", ["at_least", "at_most", "more_than", "less_than"])
@pytest.mark.parametrize("value", ["many", "NaN", "inf", float("nan"), True, None, [], 10**400])
def test_what_is_no_number_is_neither_above_nor_below_one(bound: str, value: object) -> None:
    assert asked(read(trait="seats", **{bound: 10}), acme(traits={"seats": value})) is UNKNOWN


@pytest.mark.parametrize(
    ("bound", "below", "equal", "above"),
    [
        ("at_least", NO, YES, YES), ("at_most", YES, YES, NO),
        ("more_than", NO, NO, YES), ("less_than", YES, NO, NO),
    ],
)  # fmt: skip
def test_bounds_are_exact_also_for_numbers_written_as_text(
    bound: str, below: Verdict, equal: Verdict, above: Verdict
) -> None:
    rule = read(trait="seats", **{bound: 10})
    found = [asked(rule, acme(traits={"seats": seats})) for seats in (9, "10", 10.5)]
    assert found == [below, equal, above]


@pytest.mark.parametrize(
    "written", [{"trait": "plan"}, {"trait": "plan", "is": None}, {"colour": "red"}, {}]
)
def test_a_condition_that_asks_nothing_is_refused(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(written)


def test_everything_that_is_said_must_hold_and_one_no_is_enough() -> None:
    """Also where another part cannot be answered: a number contains no text, but is too small."""
    rule = read(trait="seats", contains="x", at_least=10)
    assert [asked(rule, acme(traits={"seats": seats})) for seats in (9, 10)] == [NO, UNKNOWN]


def test_numbers_that_no_float_tells_apart_are_equal_and_one_too_large_equals_nothing() -> None:
    large = 2**53 + 1
    assert asked(read(**{"trait": "id", "is": large}), acme(traits={"id": large})) is YES
    assert asked(read(**{"trait": "id", "is": 10**400}), acme(traits={"id": 10**400})) is NO


def test_wildcards_end_in_time_whatever_the_text() -> None:
    rule = read(trait="plan", matches="*a*a*a*a*a*a*a*a*a*a*a*a*b")
    assert asked(rule, acme(traits={"plan": "a" * 2000})) is NO
    assert asked(rule, acme(traits={"plan": "a" * 2000 + "b"})) is YES


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("pro*", "pro plan", YES), ("pro*", "a pro", NO), ("*plan", "plan plan", YES),
        ("p?o", "pro", YES), ("p?o", "po", NO), ("*", "", YES), ("", "", YES), ("", "x", NO),
        ("a*b*c", "a b b c", YES), ("a*bc", "abcbc", YES), ("*b", "b\nb", YES), (".*", "x", NO),
    ],
)  # fmt: skip
def test_wildcards_stand_for_letters(pattern: str, text: str, expected: Verdict) -> None:
    assert asked(read(trait="plan", matches=pattern), acme(traits={"plan": text})) is expected


def test_shares_are_exact() -> None:
    """57 of 100 are 57%, though no float multiplies out to that."""
    rule = read(limit="used", of="seats", at_least="57%")
    assert asked(rule, acme(traits={"used": 0.57, "seats": 1})) is YES
    assert asked(rule, acme(traits={"used": 0.569, "seats": 1})) is NO


def test_sums_of_value_are_exact_in_whatever_order() -> None:
    rule = read(usage="paid", measure="value", within="7 days", at_most=0.6)
    days = [UsageDay((MONDAY - n * DAY).date(), 1, value=n / 10) for n in (1, 2, 3)]
    for rows in (days, days[::-1]):
        account = acme(usage={"paid": tuple(rows)}, usage_through=MONDAY.date())
        assert asked(rule, account) is YES


def test_anybody_who_left_makes_an_account_without_people_one_that_they_are_gone_from() -> None:
    rule = read(gone="any")
    assert asked(rule, acme(contacts=(), former_roles=frozenset({"admin"}))) is YES
    assert asked(rule, acme(contacts=())) is NO


def test_a_text_that_no_database_keeps_is_refused() -> None:
    with pytest.raises(ValidationError, match="NUL"):
        read(**{"trait": "plan", "is": "a\0b"})


def test_a_stage_is_one_of_those_named_and_unknown_while_the_account_has_none() -> None:
    rule = read(stage=["trial", "active"])
    found = [asked(rule, acme(stage=stage)) for stage in ("active", "churned", None)]
    assert found == [YES, NO, UNKNOWN]


def test_a_milestone_counts_from_the_moment_it_was_reached() -> None:
    rule = read(milestone="first-report")
    account = acme(milestones={"first-report": MONDAY})
    assert asked(rule, account, MONDAY - HOUR) is NO
    assert next_flip(rule, account, MONDAY - HOUR) == MONDAY
    assert asked(rule, account, MONDAY) is YES
    assert true_since(rule, account, MONDAY, MONDAY) == MONDAY


def test_an_event_counts_since_the_start_and_the_first_one_says_since_when() -> None:
    rule = read(event="report_run")
    events = tuple(Event("report_run", MONDAY + hours * HOUR) for hours in (5, 2, -3))
    account = acme(events=events)
    assert rule.verdict(account, MONDAY, MONDAY + HOUR) is NO
    assert rule.verdict(account, MONDAY, MONDAY + 2 * HOUR) is YES
    assert true_since(rule, account, MONDAY, MONDAY + 9 * HOUR) == MONDAY + 2 * HOUR
    assert next_flip(rule, account, MONDAY) == MONDAY + 2 * HOUR


def test_a_firing_counts_after_the_start_and_the_first_one_says_since_when() -> None:
    """P9: it is known or it did not happen. P7: what brought the account in is no news to it."""
    rule = read(trigger="gone-quiet")
    fired = {"gone-quiet": tuple(MONDAY + hours * HOUR for hours in (5, 2, 0, -3))}
    account = acme(firings=fired, events=(Event("gone-quiet", MONDAY + HOUR),))
    assert rule.verdict(account, MONDAY, MONDAY + HOUR) is NO
    assert rule.verdict(account, MONDAY, MONDAY + 2 * HOUR) is YES
    assert true_since(rule, account, MONDAY, MONDAY + 9 * HOUR) == MONDAY + 2 * HOUR
    assert next_flip(rule, account, MONDAY) == MONDAY + 2 * HOUR
    assert [*rule.listens()] == ["trigger:gone-quiet"]
    assert read(**{"not": {"trigger": "gone-quiet"}}).words() == "trigger gone-quiet not fired"
    assert rule.figure(account, MONDAY) == "first on 1 March 2027"
    assert rule.figure(acme(), MONDAY) == "never"
    assert asked(rule, acme()) is NO


class TestQuietFor:
    """Silence is told from a late feed by the day up to which the feed is complete (P9)."""

    rule = read(quiet_for="14 days")
    flips = datetime(2027, 2, 16, tzinfo=MONDAY.tzinfo)

    def quiet(self, through: date | None, last: date | None = date(2027, 2, 1)) -> Account:
        return acme(last_active_on=last, usage_through=through)

    def test_it_is_not_quiet_before_the_span_is_over(self) -> None:
        account = self.quiet(date(2027, 2, 10))
        assert asked(self.rule, account, self.flips - timedelta.resolution) is NO
        assert next_flip(self.rule, account, self.flips - DAY) == self.flips

    def test_it_is_quiet_once_the_feed_covers_every_day_of_the_span(self) -> None:
        assert asked(self.rule, self.quiet(date(2027, 2, 15)), self.flips) is YES

    @pytest.mark.parametrize("through", [None, date(2027, 2, 1), date(2027, 2, 14)])
    def test_a_feed_that_lags_is_unknown(self, through: date | None) -> None:
        assert asked(self.rule, self.quiet(through), self.flips + 5 * DAY) is UNKNOWN

    def test_an_account_of_which_no_usage_is_known_is_unknown(self) -> None:
        assert asked(self.rule, self.quiet(date(2027, 2, 28), None)) is UNKNOWN

    def test_part_of_a_day_needs_that_whole_day_in_the_feed(self) -> None:
        rule = read(quiet_for="36 hours")
        noon = datetime(2027, 2, 3, 12, tzinfo=MONDAY.tzinfo)
        assert asked(rule, self.quiet(date(2027, 2, 2)), noon) is UNKNOWN
        assert asked(rule, self.quiet(date(2027, 2, 3)), noon) is YES


class TestDateWithin:
    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            ("2027-03-31", YES), ("2027-04-01", NO), ("2027-03-01", YES), ("2027-02-28", NO),
            ("soon", UNKNOWN), (None, UNKNOWN), ("9999-12-31", UNKNOWN), ("0001-01-01", UNKNOWN),
        ],
    )  # fmt: skip
    def test_a_date_is_near_from_so_many_days_ahead_until_it_is_past(
        self, day: str | None, expected: Verdict
    ) -> None:
        rule = read(date="renewal_on", within="30 days")
        assert asked(rule, acme(traits={"renewal_on": day})) is expected

    @pytest.mark.parametrize("within", ["1 month", "36 hours", "30 days", "2 weeks", "1 hour"])
    def test_it_names_the_very_moments_at_which_it_flips(self, within: str) -> None:
        """A month is 30.4 days: the flip must not be announced where nothing flips."""
        rule = read(date="renewal_on", within=within)
        account = acme(traits={"renewal_on": date(2027, 5, 20)})
        now, seen = MONDAY, []
        while (flip := next_flip(rule, account, now)) is not None:
            before = asked(rule, account, flip - timedelta.resolution)
            seen.append((before, asked(rule, account, flip)))
            now = flip
        assert seen == [(NO, YES), (YES, NO)]


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (date(2027, 3, 1), date(2027, 3, 1)), (MONDAY, date(2027, 3, 1)),
        ("2027-03-01T10:00:00Z", date(2027, 3, 1)), ("1 March", None), (20270301, None),
        ("", None), (None, None), (date.max, None), (date.min, None),
    ],
)  # fmt: skip
def test_a_day_is_read_from_what_a_trait_may_hold(value: object, day: date | None) -> None:
    assert day_of(value) == day


UNKNOWN_RULE = read(trait="gone", **{"is": "x"})
TRUTHS = {YES: read(stage="active"), NO: read(stage="churned"), UNKNOWN: UNKNOWN_RULE}


@pytest.mark.parametrize("left", list(Verdict))
@pytest.mark.parametrize("right", list(Verdict))
def test_all_and_any_follow_the_three_valued_tables(left: Verdict, right: Verdict) -> None:
    parts = (TRUTHS[left], TRUTHS[right])
    rank = {NO: 0, UNKNOWN: 1, YES: 2}
    assert asked(AllOf(all=parts), acme()) is min(left, right, key=rank.__getitem__)
    assert asked(AnyOf(any=parts), acme()) is max(left, right, key=rank.__getitem__)


def test_not_turns_what_is_known_and_leaves_what_is_not_p9() -> None:
    found = {truth: asked(Not(not_=rule), acme()) for truth, rule in TRUTHS.items()}
    assert found == {YES: NO, NO: YES, UNKNOWN: UNKNOWN}


@settings(max_examples=60, deadline=None)
@given(st.lists(conditions(), min_size=1, max_size=3), accounts(), moments())
def test_de_morgan_holds_for_every_account_and_moment(
    parts: list[Any], account: Account, now: datetime
) -> None:
    turned = tuple(Not(not_=part) for part in parts)
    for whole, other in (
        (Not(not_=AllOf(all=tuple(parts))), AnyOf(any=turned)),
        (Not(not_=AnyOf(any=tuple(parts))), AllOf(all=turned)),
    ):
        assert asked(whole, account, now) is asked(other, account, now)


@settings(max_examples=60, deadline=None)
@given(conditions(), moments())
def test_of_an_account_of_which_nothing_is_known_no_data_leaf_says_no_p9(
    condition: Any, now: datetime
) -> None:
    for leaf in leaves(condition):
        data = {"stage", "trait", "quiet_for", "date"} & set(type(leaf).model_fields)
        if data and getattr(leaf, "exists", None) is None:
            assert asked(leaf, Account("nobody"), now) is UNKNOWN


@settings(max_examples=60, deadline=None)
@given(conditions(), accounts(), moments())
def test_between_announced_flips_time_alone_changes_nothing(
    condition: Any, account: Account, now: datetime
) -> None:
    flip = next_flip(condition, account, now)
    assert flip is None or flip > now
    just_before = flip - timedelta.resolution if flip is not None else now + 400 * DAY
    for moment in (now + (just_before - now) / 2, just_before):
        assert asked(condition, account, moment) is asked(condition, account, now)


@settings(max_examples=40, deadline=None)
@given(conditions())
def test_a_condition_is_written_as_it_is_read(condition: Any) -> None:
    assert READ.validate_json(READ.dump_json(condition, by_alias=True)) == condition
    assert condition.words()
