"""Who is held out: about the share that was asked for, and each program for itself (P27)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.programs.enrollment import share_of
from digital_cs.domain.programs.holdout import SALT, is_held, point

IDS = [f"account-{number}" for number in range(100_000)]


def held(program: str, share: float, salt: str = SALT) -> set[str]:
    return {id for id in IDS if is_held(point(salt, program, id), share)}


@pytest.mark.parametrize("share", [1, 5, 50])
def test_p27_the_share_that_is_held_out_is_the_one_asked_for(share: float) -> None:
    """Four standard deviations of a fair draw: a wrong one is further off."""
    wanted = share / 100
    wrong = 4 * (wanted * (1 - wanted) / len(IDS)) ** 0.5
    assert abs(len(held("renewal", share)) / len(IDS) - wanted) < wrong


def test_p27_the_draws_of_two_programs_have_nothing_to_do_with_each_other() -> None:
    one, two = held("renewal", 20), held("win-back", 20)
    both = len(one & two) / len(IDS)
    assert abs(both - 0.2 * 0.2) < 4 * (0.04 * 0.96 / len(IDS)) ** 0.5
    assert one != held("renewal", 20, salt="another")


def test_p27_who_is_held_out_of_a_small_share_is_held_out_of_a_larger_one_too() -> None:
    assert held("renewal", 5) < held("renewal", 10)


def test_nobody_is_held_out_of_nothing_and_everybody_of_all() -> None:
    assert held("renewal", 0) == set()
    assert held("renewal", 100) == set(IDS)


def test_a_draw_is_none_of_a_split() -> None:
    """Else those held out would all have gone one way, and the two arms of it not compare."""
    assert " " in SALT  # which the id of a program never has
    assert point(SALT, "renewal", "a") != share_of("renewal", SALT, "a")


@given(st.text(), st.text(), st.text())
def test_a_point_is_at_least_0_and_below_1(salt: str, program: str, account: str) -> None:
    assert 0 <= point(salt, program, account) < 1
