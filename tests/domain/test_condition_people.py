"""Contacts, subscriptions, tickets, limits and membership as conditions (P9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from digital_cs.domain.account import Account, Contact, Subscription, Ticket
from digital_cs.domain.rules.condition import KINDS, Verdict
from tests.domain.asking import NO, UNKNOWN, YES, ago, ask, read
from tests.domain.rehearsal import DAY, HOUR, MONDAY, acme

CHAMPION = Contact("ada", ("champion",), traits={"team": "ops"})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"contact": "champion"}, YES),
        ({"contact": "any"}, YES),
        ({"contact": "admin"}, NO),
        ({"contact": "champion", "trait": "team", "is": "ops"}, YES),
        ({"contact": "champion", "trait": "team", "is": "sales"}, NO),
        ({"contact": "champion", "trait": "city", "is": "Bonn"}, UNKNOWN),
    ],
)
def test_people_are_asked_by_role_and_trait(written: dict[str, Any], expected: Verdict) -> None:
    assert ask(written, acme(contacts=(CHAMPION,))) is expected


@pytest.mark.parametrize(
    ("people", "former", "expected"),
    [
        ((CHAMPION,), (), NO),
        ((replace(CHAMPION, active=False),), (), YES),
        ((replace(CHAMPION, quiet_because="hard bounce"),), (), YES),
        ((replace(CHAMPION, quiet_because="unsubscribed"),), (), NO),
        ((), ("champion",), YES),
        ((CHAMPION,), ("champion",), NO),
        ((), (), NO),
    ],
)
def test_a_champion_is_gone_who_was_there_and_cannot_be_reached(
    people: tuple[Contact, ...], former: tuple[str, ...], expected: Verdict
) -> None:
    account = acme(contacts=people, former_roles=frozenset(former))
    assert ask({"gone": "champion"}, account) is expected


def test_who_is_gone_is_told_by_how_they_went() -> None:
    off, lost = replace(CHAMPION, active=False), replace(CHAMPION, quiet_because="hard bounce")
    account = acme(contacts=(CHAMPION, off, lost, lost), former_roles=frozenset(["champion"]))
    assert read({"gone": "champion"}).figure(account, MONDAY) == (
        "1 can be reached, 1 deactivated, 2 without an address that works, one left before"
    )


class TestSubscriptions:
    PRO = Subscription(ago(100), ago(-20), plan="pro", mrr=300.0, seats=10)
    OVER = Subscription(ago(300), ago(100), plan="free", mrr=0.0)

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ({"subscription": "active"}, YES),
            ({"subscription": "trial"}, NO),
            ({"subscription": "ended"}, YES),
            ({"subscription": "active", "plan": "pro"}, YES),
            ({"subscription": "active", "plan": ["free", "team"]}, NO),
            ({"subscription": "ended", "plan": "free"}, YES),
            ({"subscription": "active", "mrr_at_least": 300}, YES),
            ({"subscription": "active", "seats_at_most": 9}, NO),
            ({"subscription": "ended", "seats_at_least": 1}, UNKNOWN),
            ({"subscription": "active", "product": "core"}, UNKNOWN),
            ({"subscription": "active", "ends_within": "20 days"}, YES),
            ({"subscription": "active", "ends_within": "19 days"}, NO),
        ],
    )
    def test_one_of_them_must_be_all_of_it(
        self, written: dict[str, Any], expected: Verdict
    ) -> None:
        assert ask(written, acme(subscriptions=(self.PRO, self.OVER))) is expected

    def test_nobody_told_us_of_any(self) -> None:
        assert ask({"subscription": "active"}, acme()) is UNKNOWN

    def test_the_day_it_ends_is_the_first_without_it(self) -> None:
        account = acme(subscriptions=(replace(self.PRO, ends_on=ago(0)),))
        assert ask({"subscription": "active"}, account) is NO
        assert ask({"subscription": "active"}, account, MONDAY - DAY) is YES

    def test_time_alone_changes_it(self) -> None:
        rule = read({"subscription": "active", "ends_within": "7 days"})
        flips = rule.next_flip(acme(subscriptions=(self.PRO,)), MONDAY)
        assert flips == MONDAY.replace(hour=0) + 13 * DAY


class TestTickets:
    def ticket(self, days: int, **more: Any) -> Ticket:
        return Ticket(f"t{days}", more.pop("status", "open"), MONDAY - days * DAY, **more)

    def account(self, *tickets: Ticket, late: bool = False, **more: Any) -> Account:
        through = None if late else MONDAY
        return acme(tickets=tickets, tickets_through=through, **more)

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ({"tickets": "open"}, YES),
            ({"tickets": "open", "at_least": 2}, NO),
            ({"tickets": "open", "severity": "urgent"}, YES),
            ({"tickets": "open", "severity": ["low", "normal"]}, NO),
            ({"tickets": "open", "topic": "billing"}, UNKNOWN),
            ({"tickets": "open", "tag": "vip"}, NO),
            ({"tickets": "opened", "within": "7 days"}, YES),
            ({"tickets": "opened", "within": "7 days", "at_least": 2}, NO),
            ({"tickets": "opened", "within": "30 days", "between": [2, 2]}, YES),
            ({"tickets": "opened", "within": "30 days", "topic": "login"}, YES),
            ({"tickets": "opened", "within": "30 days", "topic": "login", "at_least": 2}, UNKNOWN),
            ({"tickets": "solved", "within": "30 days"}, YES),
            ({"tickets": "solved", "within": "1 days"}, NO),
        ],
    )
    def test_they_are_counted_by_state_and_kind(
        self, written: dict[str, Any], expected: Verdict
    ) -> None:
        account = self.account(
            self.ticket(2, severity="urgent"),
            self.ticket(20, status="solved", topic="login", tags=("vip",),
                        solved_at=MONDAY - 10 * DAY),
        )  # fmt: skip
        assert ask(written, account) is expected

    def test_without_a_help_desk_or_with_a_late_one_no_is_not_known(self) -> None:
        some = self.account(self.ticket(2), late=True)
        assert ask({"tickets": "open"}, some) is YES
        assert ask({"tickets": "open", "at_least": 2}, some) is UNKNOWN
        assert ask({"tickets": "open", "at_most": 2}, some) is UNKNOWN
        assert ask({"tickets": "open", "at_most": 0}, some) is NO

    def test_more_than_usual(self) -> None:
        usual = [self.ticket(days) for days in (10, 24, 38, 52)]  # one in two weeks
        lately = [self.ticket(days) for days in (1, 2, 3)]
        spike = {"spike": "7 days", "against": "8 weeks", "times": 3, "at_least": 3}
        assert ask(spike, self.account(*usual, *lately)) is YES
        assert ask(spike, self.account(*usual, *lately[1:])) is NO
        assert ask({**spike, "times": 7}, self.account(*usual, *lately)) is NO
        assert ask(spike, self.account(*usual, *lately[1:], late=True)) is UNKNOWN
        assert ask(spike, self.account(*usual, *lately, late=True)) is YES

    def test_a_span_belongs_to_what_happened_and_not_to_what_is(self) -> None:
        with pytest.raises(ValidationError, match='need no "within"'):
            read({"tickets": "open", "within": "7 days"})
        with pytest.raises(ValidationError, match="need one"):
            read({"tickets": "solved"})

    def test_time_alone_changes_it(self) -> None:
        rule = read({"tickets": "opened", "within": "7 days"})
        assert rule.next_flip(self.account(self.ticket(2)), MONDAY) == MONDAY + 5 * DAY
        assert rule.verdict(self.account(self.ticket(7)), MONDAY, MONDAY) is NO


@pytest.mark.parametrize(
    ("used", "there", "expected"),
    [(8, 10, YES), (7, 10, NO), ("9", "10", YES), (12, 10, YES), (1, 0, UNKNOWN),
     (None, 10, UNKNOWN), (5, "many", UNKNOWN)],
)  # fmt: skip
def test_a_limit_is_near(used: object, there: object, expected: Verdict) -> None:
    account = acme(traits={"seats_used": used, "seats": there})
    assert ask({"limit": "seats_used", "of": "seats", "at_least": "80%"}, account) is expected


class TestMissed:
    RULE = {"missed": "first_send", "within": "7 days", "of": "started_on"}

    def account(self, days: int, through: int = 0, **milestones: Any) -> Account:
        return acme(
            traits={"started_on": ago(days).isoformat()}, milestones=milestones,
            usage_through=ago(through),
        )  # fmt: skip

    def test_the_day_itself_and_the_span_after_it_are_there_to_reach_it(self) -> None:
        assert ask(self.RULE, self.account(7)) is NO
        assert ask(self.RULE, self.account(8)) is YES
        assert ask(self.RULE, self.account(8), MONDAY.replace(hour=0) - HOUR) is NO

    def test_reached_in_time_or_late(self) -> None:
        assert ask(self.RULE, self.account(20, first_send=MONDAY - 13 * DAY)) is NO
        assert ask(self.RULE, self.account(20, first_send=MONDAY - 11 * DAY)) is YES

    def test_a_late_feed_may_still_bring_it_p9(self) -> None:
        assert ask(self.RULE, self.account(8, through=2)) is UNKNOWN
        assert ask(self.RULE, self.account(8, through=1)) is YES

    def test_without_the_date_it_is_not_known(self) -> None:
        assert ask(self.RULE, acme()) is UNKNOWN


def test_where_an_account_is() -> None:
    account = acme(
        segments={"at-risk": MONDAY - DAY},
        programs={"welcome": frozenset({"through"}), "renewal": frozenset({"inside"})},
    )
    assert ask({"segment": "at-risk"}, account) is YES
    assert ask({"segment": "happy"}, account) is NO
    assert ask({"program": "renewal"}, account) is YES
    assert ask({"program": "welcome"}, account) is NO
    assert ask({"program": "welcome", "is": "through"}, account) is YES
    assert ask({"program": "other", "is": "never"}, account) is YES
    assert ask({"program": "welcome", "is": "never"}, account) is NO


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        ({"between": [2, 4]}, 4, YES), ({"between": [2, 4]}, 5, NO),
        ({"between": [2, 4]}, "x", UNKNOWN), ({"none_of": ["a", "b"]}, "c", YES),
        ({"none_of": ["a", "b"]}, "a", NO), ({"none_of": ["a"]}, None, UNKNOWN),
        ({"starts_with": "pro"}, "pro-2", YES), ({"starts_with": "pro"}, "a pro", NO),
        ({"starts_with": "pro"}, 3, UNKNOWN), ({"matches": "*@acme.*"}, "a@acme.test", YES),
        ({"matches": "a?c"}, "abc", YES), ({"matches": "a?c"}, "abbc", NO),
        ({"matches": "a.c"}, "abc", NO), ({"matches": "a*"}, "a\nb", YES),
        ({"matches": "*" * 60 + "b"}, "a" * 5000, NO),
    ],
)  # fmt: skip
def test_what_people_expect_to_compare_with(
    written: dict[str, Any], value: object, expected: Verdict
) -> None:
    traits = {} if value is None else {"t": value}
    assert ask({"trait": "t", **written}, acme(traits=traits)) is expected


def test_a_date_that_is_past_for_a_while() -> None:
    def asked(days: int, **spans: str) -> Verdict:
        return ask({"date": "ended_on", **spans}, acme(traits={"ended_on": str(ago(days))}))

    assert asked(3, past="7 days") is YES
    assert asked(7, past="7 days") is YES
    assert asked(8, past="7 days") is NO
    assert asked(0, past="7 days") is NO
    assert asked(-3, past="7 days") is NO
    assert asked(-3, past="7 days", within="3 days") is YES


EXAMPLES: dict[str, dict[str, Any]] = {
    "stage": {"stage": "trial"}, "contact": {"contact": "champion"},
    "trait": {"trait": "plan", "is": "pro"}, "milestone": {"milestone": "m"},
    "missed": {"missed": "m", "within": "7 days", "of": "d"}, "event": {"event": "e"},
    "quiet_for": {"quiet_for": "7 days"}, "usage": {"usage": "e", "within": "7 days", "at_most": 1},
    "change": {"change": "e", "falls_by": "50%"}, "date": {"date": "d", "within": "7 days"},
    "limit": {"limit": "u", "of": "l"}, "subscription": {"subscription": "active"},
    "tickets": {"tickets": "open"}, "spike": {"spike": "7 days"}, "gone": {"gone": "champion"},
    "segment": {"segment": "s"}, "program": {"program": "p"}, "trigger": {"trigger": "t"},
}  # fmt: skip


@pytest.mark.parametrize("key", EXAMPLES)
def test_every_leaf_is_read_told_and_written_again(key: str) -> None:
    rule = read(EXAMPLES[key])
    assert type(rule) is KINDS[key]
    assert rule.words()
    assert rule.figure(acme(), MONDAY)
    assert [*rule.listens()]
    written = rule.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert read(written) == rule


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"contact": "champion"}, "there is a champion to write to"),
        ({"not": {"contact": "champion"}}, "there is no champion to write to"),
        ({"contact": "any", "trait": "team", "is": "ops"}, "there is somebody whose team is ops"),
        ({"not": {"contact": "any"}}, "there is nobody to write to"),
        ({"contact": "admin"}, "there is an admin to write to"),
        ({"subscription": "trial", "ends_within": "7 days"}, "a trial ending within 7 days"),
        (
            {"subscription": "active", "plan": "pro", "ends_within": "7 days"},
            "an active subscription with plan pro and ending within 7 days",
        ),
    ],
)
def test_people_and_subscriptions_are_told_in_english(written: dict[str, Any], words: str) -> None:
    assert read(written).words() == words


def test_the_examples_are_all_leaves_there_are() -> None:
    assert {*EXAMPLES} == {*KINDS} - {"all", "any", "not"}


@pytest.mark.parametrize("key", EXAMPLES)
def test_nothing_known_is_never_an_error(key: str) -> None:
    for moment in (MONDAY, MONDAY + timedelta(days=4000)):
        assert ask(EXAMPLES[key], Account(id="a"), moment) in (YES, NO, UNKNOWN)
