"""How often content is reviewed: by kind, volatility, its own word; first reviews spread (P26)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.freshness import Interval
from digital_cs.domain.content.review_policy import (
    SPREAD_DAYS,
    Kind,
    Volatility,
    review_policy,
    spread_first_reviews,
)

MONDAY = date(2026, 3, 2)
OWN = Interval.parse("81 days")


@pytest.mark.parametrize("kind", Kind)
def test_what_changes_quickly_is_looked_at_more_often(kind: Kind) -> None:
    slow, normal, quick = (
        review_policy(kind, volatility, None, None).interval.approx_days
        for volatility in Volatility
    )
    assert slow > normal > quick > 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.ARTICLE, "an article of low volatility"), (Kind.EMAIL, "an e-mail of low volatility"),
        (Kind.FEATURE_NOTE, "a feature note of low volatility"),
    ],
)  # fmt: skip
def test_where_an_interval_comes_from_is_said_in_words(kind: Kind, words: str) -> None:
    assert review_policy(kind, Volatility.LOW, None, None).because == words


def test_p23_an_own_interval_goes_before_that_of_the_kind() -> None:
    assert review_policy(Kind.ARTICLE, Volatility.HIGH, OWN, None).interval == OWN


def test_p23_evergreen_content_still_gets_a_yearly_look() -> None:
    found = review_policy(Kind.RECORDING, Volatility.LOW, Interval.parse("5 years"), "History.")
    assert str(found.interval) == "1 year"
    assert "History." in found.because


@given(st.integers(1, 3000))
def test_p26_a_first_import_of_any_size_comes_evenly_over_the_quarter(count: int) -> None:
    due = spread_first_reviews([(f"c-{n}", n % 7) for n in range(count)], MONDAY)

    per_day = Counter(due.values())
    assert len(due) == count
    assert MONDAY < min(per_day) <= max(per_day) <= MONDAY + timedelta(days=SPREAD_DAYS)
    assert max(per_day.values()) <= -(-count // SPREAD_DAYS)


def test_p26_what_is_used_most_comes_first_and_always_at_the_same_day() -> None:
    uses = [(f"c-{n}", n) for n in range(200)]
    due = spread_first_reviews(uses, MONDAY)

    assert [due[id] for id, _ in reversed(uses)] == sorted(due.values())
    assert spread_first_reviews(reversed(uses), MONDAY) == due
    assert spread_first_reviews([], MONDAY) == {}


def test_p26_what_people_are_about_to_read_comes_before_what_is_used_most() -> None:
    uses = [(f"c-{n}", n) for n in range(200)]
    due = spread_first_reviews(uses, MONDAY, {"c-3": 10, "c-7": 900})

    assert [id for id, _ in sorted(due.items(), key=lambda each: each[1])][:2] == ["c-7", "c-3"]
    assert len(set(due)) == 200
