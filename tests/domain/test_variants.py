"""Variants: few texts, nobody shown what does not suit them, and the same ones each time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.newsletters.variants import Wish, choose

ITEMS = [f"a{number}" for number in range(7)]
WISH = st.lists(st.sampled_from(ITEMS), max_size=4, unique=True).map(tuple)
WISHES = st.dictionaries(WISH, st.integers(1, 900), max_size=25)


@given(wishes=WISHES, most=st.integers(1, 8))
def test_everybody_has_one_of_a_few_variants_and_only_what_suits_them(
    wishes: Mapping[Wish, int], most: int
) -> None:
    choice = choose(wishes, most)
    items = {variant.name: variant.items for variant in choice.variants}
    assert len(choice.variants) <= most
    assert items[""] == ()
    assert set(choice.of) == set(wishes)
    for wish, name in choice.of.items():
        assert set(items[name]) <= set(wish)
    assert sum(variant.accounts for variant in choice.variants) == sum(wishes.values())


@given(wishes=WISHES, most=st.integers(1, 8))
def test_the_odd_ones_are_those_who_get_less_than_suits_them(
    wishes: Mapping[Wish, int], most: int
) -> None:
    choice = choose(wishes, most)
    items = {variant.name: variant.items for variant in choice.variants}
    odd = {each.wish for each in choice.odd}
    assert odd == {wish for wish, name in choice.of.items() if len(items[name]) < len(wish)}
    assert all(each.accounts == wishes[each.wish] for each in choice.odd)


@given(wishes=WISHES)
def test_with_room_for_every_wish_nobody_is_odd(wishes: Mapping[Wish, int]) -> None:
    assert choose(wishes, len(wishes) + 1).odd == ()


@given(wishes=WISHES, most=st.integers(1, 8))
def test_the_same_wishes_in_another_order_give_the_same_variants(
    wishes: Mapping[Wish, int], most: int
) -> None:
    assert choose(dict(list(wishes.items())[::-1]), most) == choose(wishes, most)


def test_the_many_come_first_and_the_few_get_the_part_that_suits_them() -> None:
    choice = choose({("a", "b"): 700, ("a",): 80, ("b", "c"): 20, (): 200}, most=3)
    assert [(each.items, each.accounts) for each in choice.variants] == [
        (("a", "b"), 700), (("a",), 80), ((), 220),
    ]  # fmt: skip
    assert [(each.wish, each.variant) for each in choice.odd] == [(("b", "c"), "")]


def test_there_is_at_least_one_variant() -> None:
    with pytest.raises(ValueError, match="at least one"):
        choose({}, 0)
