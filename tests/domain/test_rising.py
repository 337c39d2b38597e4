"""P24: topics rise when more accounts ask than chance explains, and seldom otherwise."""

from __future__ import annotations

import random
from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.helpfulness import speaks_against
from digital_cs.domain.content.rising import rise, wilson

COUNTS = st.integers(0, 500)


def poisson(draw: random.Random, mean: float) -> int:
    """So many events where that many happen on average (Knuth)."""
    limit, product, count = exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


@pytest.mark.parametrize("mean", [1, 4, 12, 60])
def test_p24_hardly_a_topic_rises_by_chance(mean: float) -> None:
    draw = random.Random(4)
    rises = 0
    for _ in range(4_000):
        found = rise(poisson(draw, mean), [poisson(draw, mean), poisson(draw, mean)])
        assert found is not None
        rises += found.rising
    assert rises / 4_000 < 0.01


@pytest.mark.parametrize(("mean", "times"), [(4, 5), (12, 2.5), (60, 1.7)])
def test_p24_what_clearly_rises_is_seen(mean: float, times: float) -> None:
    draw = random.Random(4)
    seen = 0
    for _ in range(500):
        found = rise(poisson(draw, mean * times), [poisson(draw, mean), poisson(draw, mean)])
        assert found is not None
        seen += found.rising
    assert seen / 500 > 0.7


def test_p24_a_few_are_a_few() -> None:
    found = rise(4, [0, 0])
    assert found is not None
    assert not found.rising
    found = rise(9, [0, 0])
    assert found is not None
    assert (found.rising, found.expected, found.high) == (True, 0.0, inf)


def test_p24_what_grows_with_everything_does_not_rise() -> None:
    alone = rise(60, [30, 30])
    with_all = rise(60, [30, 30], 2_000, [1_000, 1_000])
    against = rise(60, [30, 30], 500, [1_000, 1_000])
    assert alone is not None
    assert with_all is not None
    assert against is not None
    assert (alone.rising, with_all.rising) == (True, False)
    assert with_all.expected == 60
    assert against == alone, "that less is asked about other things makes nothing rise"
    assert rise(60, [30, 30], 9, [4, 5]) == alone, "nine others tell nothing"


def test_p24_nothing_is_known_without_anything_before() -> None:
    assert rise(100, []) is None
    nothing = rise(0, [0, 0])
    assert nothing is not None
    assert (nothing.rising, nothing.low, nothing.high) == (False, 0.0, inf)


@given(COUNTS, st.lists(COUNTS, min_size=1, max_size=8))
def test_p24_the_interval_holds_what_was_seen_and_one_more_never_lowers_it(
    recent: int, before: list[int]
) -> None:
    found, more = rise(recent, before), rise(recent + 1, before)
    assert found is not None
    assert more is not None
    if sum(before):
        ratio = recent * len(before) / sum(before)
        assert found.low <= ratio * (1 + 1e-9)
        assert ratio <= found.high * (1 + 1e-9)
    assert found.low <= more.low * (1 + 1e-9)
    assert more.rising or not found.rising


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilsons_interval_lies_within_all_and_nothing(count: int, rest: int) -> None:
    low, high = wilson(count, count + rest, 1.96)
    assert 0 <= low <= high <= 1
    if count + rest:
        assert low - 1e-12 <= count / (count + rest) <= high + 1e-12


def test_wilsons_interval_is_that_of_the_books() -> None:
    """Ten of twenty, 95 %: 0.2993 to 0.7007 (Brown, Cai, DasGupta 2001)."""
    assert wilson(10, 20, 1.959964) == pytest.approx((0.29930, 0.70070), abs=1e-5)
    assert wilson(0, 0, 1.96) == (0.0, 1.0)


def test_p24_votes_are_believed_when_they_are_many_enough() -> None:
    assert not speaks_against(4, 4), "four are too few"
    assert speaks_against(5, 5)
    assert not speaks_against(3, 6)
    assert speaks_against(45, 100)
    assert not speaks_against(30, 100), "three in ten may be two in ten"
    assert not speaks_against(0, 1_000)
