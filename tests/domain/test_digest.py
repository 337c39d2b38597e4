"""The weekly digest: when it goes out, and what comes first in it (P26)."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.content_policy import Digest
from digital_cs.domain.content.digest import (
    USEFUL_FOR,
    Weight,
    due_week,
    moment_of,
    next_moment,
    next_morning,
    ranked,
)
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar
from digital_cs.domain.timing.zone import load_zone, to_local

PLAIN = BusinessCalendar()
MONDAYS = Digest()
EASTER_MONDAY = BusinessCalendar(holidays={EVERYWHERE: frozenset({date(2026, 4, 6)})})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_it_goes_out_at_nine_of_the_reviewers_own_monday() -> None:
    week = date(2026, 3, 2)
    assert moment_of(week, MONDAYS, "UTC", PLAIN) == at("2026-03-02T09:00")
    assert moment_of(week, MONDAYS, "America/New_York", PLAIN) == at("2026-03-02T14:00")
    assert moment_of(week, MONDAYS, "Asia/Tokyo", PLAIN) == at("2026-03-02T00:00")


def test_on_a_holiday_it_waits_for_the_next_business_day() -> None:
    week = date(2026, 4, 6)
    assert moment_of(week, MONDAYS, "UTC", EASTER_MONDAY) == at("2026-04-07T09:00")
    assert due_week(at("2026-04-06T10:00"), MONDAYS, "UTC", EASTER_MONDAY) is None
    assert due_week(at("2026-04-07T10:00"), MONDAYS, "UTC", EASTER_MONDAY) == (
        "2026-W15", at("2026-04-07T09:00")
    )  # fmt: skip


def test_a_day_at_the_end_of_the_week_may_fall_into_the_next_one() -> None:
    fridays = Digest(weekday="friday")
    calendar = BusinessCalendar(holidays={EVERYWHERE: frozenset({date(2026, 3, 6)})})
    assert due_week(at("2026-03-09T09:00"), fridays, "UTC", calendar) == (
        "2026-W10", at("2026-03-09T09:00")
    )  # fmt: skip
    assert due_week(at("2026-03-13T09:00"), fridays, "UTC", calendar) == (
        "2026-W11", at("2026-03-13T09:00")
    )  # fmt: skip


def test_after_an_outage_it_is_still_sent_while_it_is_useful_and_then_left_out() -> None:
    monday = at("2026-03-02T09:00")
    assert due_week(monday - timedelta(seconds=1), MONDAYS, "UTC", PLAIN) is None
    assert due_week(monday + USEFUL_FOR, MONDAYS, "UTC", PLAIN) == ("2026-W10", monday)
    assert due_week(monday + USEFUL_FOR + timedelta(minutes=1), MONDAYS, "UTC", PLAIN) is None
    assert next_moment(monday, MONDAYS, "UTC", PLAIN) == at("2026-03-09T09:00")


def test_what_is_urgent_is_looked_for_on_each_business_day() -> None:
    assert next_morning(at("2026-03-02T08:00"), MONDAYS, "UTC", PLAIN) == at("2026-03-02T09:00")
    assert next_morning(at("2026-03-06T09:00"), MONDAYS, "UTC", PLAIN) == at("2026-03-09T09:00")
    assert next_morning(at("2026-04-03T09:00"), MONDAYS, "UTC", EASTER_MONDAY) == at(
        "2026-04-07T09:00"
    )


ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
DAYS = st.sampled_from(["monday", "wednesday", "friday", "sunday"])


@given(MOMENTS, ZONES, DAYS)
def test_each_week_has_one_moment_and_that_is_when_it_is_due(
    now: datetime, zone: str, weekday: str
) -> None:
    digest = Digest.model_validate({"weekday": weekday})
    moment = next_moment(now, digest, zone, PLAIN)
    after = next_moment(moment, digest, zone, PLAIN)
    assert now < moment < after
    assert timedelta(days=6) < after - moment < timedelta(days=8)
    assert to_local(moment, load_zone(zone)).time() == digest.at
    assert PLAIN.is_business_day(to_local(moment, load_zone(zone)).date())
    first, second = due_week(moment, digest, zone, PLAIN), due_week(after, digest, zone, PLAIN)
    assert first is not None
    assert second is not None
    assert first[0] != second[0]
    assert due_week(moment - timedelta(seconds=1), digest, zone, PLAIN) != first


def test_more_readers_more_staleness_and_more_tickets_each_come_first() -> None:
    least, most = Weight("a", 10, 0.5, 3), Weight("b", 10, 0.5, 3)
    for better in (Weight("b", 11, 0.5, 3), Weight("b", 10, 0.6, 3), Weight("b", 10, 0.5, 4)):
        assert [each.item for each in ranked([least, better])] == ["b", "a"]
    assert ranked([least, most]) == ranked([most, least])


def test_what_people_are_about_to_read_comes_before_all() -> None:
    assert ranked([Weight("a", 900, 1.0, 50), Weight("b", 1, urgent=True)])[0].item == "b"


def test_what_nobody_reads_or_asks_about_is_still_ranked_by_its_staleness() -> None:
    assert ranked([Weight("a", 0, 0.5), Weight("b", 0, 0.9)])[0].item == "b"
    assert Weight("a").score > 0


@pytest.mark.parametrize("count", [0, 1, 30])
@given(data=st.data())
def test_the_order_does_not_depend_on_who_was_asked_first_and_loses_nobody(
    count: int, data: st.DataObject
) -> None:
    weights = [
        Weight(str(n), data.draw(st.integers(0, 3)), data.draw(st.sampled_from([0.5, 0.7])))
        for n in range(count)
    ]
    found = ranked(weights)
    assert found == ranked(data.draw(st.permutations(weights)))
    assert {each.item for each in found} == {each.item for each in weights}
    assert all(a.score >= b.score for a, b in itertools.pairwise(found))
