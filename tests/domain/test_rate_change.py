"""Changes of rates with intervals, against values that others published."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.support.rate_change import Counts, rate_change, share_interval

COUNT = st.integers(0, 40)


@pytest.mark.parametrize(
    ("some", "others", "low", "high"),
    [  # Clopper and Pearson's intervals as tables and R's binom.test have them
        (0, 10, 0.0, 0.3084971), (10, 0, 0.6915029, 1.0), (5, 5, 0.1870860, 0.8129140),
        (10, 90, 0.0490047, 0.1762226), (1, 9, 0.0025286, 0.4450161), (15, 5, 0.5089541, 0.9134285),
    ],
)  # fmt: skip
def test_the_interval_of_a_share_is_the_exact_one(
    some: int, others: int, low: float, high: float
) -> None:
    assert share_interval(some, others) == pytest.approx((low, high), abs=2e-6)


def test_the_ratio_of_two_rates_is_that_of_an_exact_poisson_test() -> None:
    # R: poisson.test(c(11, 6 + 8 + 7), c(800, 1083 + 1050 + 878))
    change = rate_change(Counts.of([(1, 0)] * 11 + [(0, 1)] * 21), 800, 3011)
    assert change.ratio == pytest.approx(1.971488, abs=1e-5)
    assert (change.low, change.high) == pytest.approx((0.8584264, 4.2772659), abs=1e-5)


def test_accounts_that_ask_once_make_no_cluster() -> None:
    assert Counts.of([(1, 0)] * 12 + [(0, 1)] * 7).design_effect == 1


def test_a_burst_of_one_account_says_less_than_tickets_of_many() -> None:
    before = [(0, 1)] * 30
    many = rate_change(Counts.of([(1, 0)] * 30 + before), 30, 56)
    burst = rate_change(Counts.of([(30, 0), *before]), 30, 56)
    assert many.is_more
    assert not burst.is_more
    assert many.ratio == burst.ratio
    assert burst.words().startswith("no clear change (0.")
    assert many.words().startswith("1.9 times as often (1.1 to ")


def test_new_topics_and_silence_are_told_apart() -> None:
    assert rate_change(Counts.of([(1, 0)] * 12), 30, 56).words() == "new"
    assert rate_change(Counts.of([(12, 0)]), 30, 56).words() == "too few to tell"
    assert rate_change(Counts.of([]), 30, 56).words() == "too few to tell"
    no_past = rate_change(Counts.of([(1, 0)] * 12), 30, 0)
    assert (no_past.ratio, no_past.low, no_past.high) == (None, 0.0, inf)
    gone = rate_change(Counts.of([(0, 1)] * 30), 30, 56)
    assert gone.is_less
    assert gone.ratio == 0


@given(st.lists(st.tuples(COUNT, COUNT), max_size=12), st.floats(1, 60), st.floats(1, 60))
def test_the_ratio_lies_in_its_interval(
    accounts: list[tuple[int, int]], now: float, before: float
) -> None:
    counts = Counts.of(accounts)
    change = rate_change(counts, now, before)
    assert 0 <= change.low <= change.high
    assert counts.design_effect >= 1
    if change.ratio is not None:
        assert change.low <= change.ratio * (1 + 1e-9)
        assert change.ratio <= change.high * (1 + 1e-9)
    assert change.words()


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_interval_of_a_share_mirrors_itself(some: int, others: int) -> None:
    low, high = share_interval(some, others)
    mirrored = share_interval(others, some)
    assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]), abs=1e-9)
