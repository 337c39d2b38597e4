"""Segments that rest on each other: circles are found, and the order is one in which it works."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from digital_cs.domain.rules.condition import Condition
from digital_cs.domain.rules.segment import all_below, cycle, in_order, keys_of, segments_named

NAMES = [f"s{number}" for number in range(8)]
GRAPHS = st.dictionaries(
    st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=3), max_size=8
)


@given(GRAPHS)
def test_a_circle_is_a_way_that_can_be_gone_and_comes_back(rests_on: dict[str, set[str]]) -> None:
    way = cycle(rests_on)
    if way is None:
        done: set[str] = set()
        for name in in_order(rests_on):
            assert {other for other in rests_on[name] if other in rests_on} <= done
            done.add(name)
        assert done == set(rests_on)
    else:
        assert way[0] == way[-1]
        assert len(way) > 1
        assert all(there in rests_on[here] for here, there in pairwise(way))


@given(GRAPHS)
def test_every_name_has_its_place_also_in_a_circle(rests_on: dict[str, set[str]]) -> None:
    assert sorted(in_order(rests_on)) == sorted(rests_on)


def test_a_circle_is_told_in_the_order_of_its_names() -> None:
    assert cycle({"a": ["b"], "b": ["c", "x"], "c": ["a"]}) == ("a", "b", "c", "a")
    assert cycle({"a": ["a"]}) == ("a", "a")
    assert cycle({"a": ["b"], "b": [], "c": ["b", "a"]}) is None


def test_a_long_chain_is_no_matter_of_the_stack() -> None:
    chain = {f"n{number:05}": [f"n{number + 1:05}"] for number in range(5000)}
    assert cycle(chain) is None
    assert cycle({**chain, "n05000": ["n00000"]}) is not None
    assert in_order(chain)[0] == "n04999"


def test_all_that_a_name_rests_on_near_or_far() -> None:
    rests_on = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert all_below(["b"], rests_on) == {"a", "b", "c"}
    assert all_below(["e"], rests_on) == {"e"}


def test_a_rule_reads_what_its_conditions_listen_to_and_every_new_account() -> None:
    rule = TypeAdapter(Condition).validate_python(
        {
            "all": [
                {"segment": "pros"},
                {"not": {"segment": "calm"}},
                {"change": "login", "falls_by": "50%"},
            ]
        }
    )
    assert segments_named(rule) == {"pros", "calm"}
    assert keys_of(rule) == {
        "account", "country", "feed:usage", "segment:calm", "segment:pros", "past:login",
    }  # fmt: skip
