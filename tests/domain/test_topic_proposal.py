"""Groups are known again from run to run, and what was decided of one stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.support.topic_proposal import (
    Group,
    KnownGroup,
    ProposalState,
    recognize,
)

IDS = st.sets(st.integers(0, 30).map(str), max_size=12)
WORDS = st.sets(st.sampled_from("abcdefgh"), max_size=4)


def group(tickets: str, words: str = "") -> Group:
    return Group(tuple(tickets), tuple(words))


def known(
    id: int, tickets: str, words: str = "", state: ProposalState = ProposalState.OPEN
) -> KnownGroup:
    return KnownGroup(id, state, frozenset(tickets), frozenset(words))


def test_a_group_is_known_by_half_of_the_smaller_ones_tickets() -> None:
    assert recognize([group("abcdefgh")], [known(7, "ab")]) == {0: 7}
    assert recognize([group("abxyz")], [known(7, "abcd")]) == {0: 7}
    assert recognize([group("axyz")], [known(7, "abcd")]) == {}


def test_a_group_whose_tickets_are_all_new_is_known_by_its_words() -> None:
    assert recognize([group("xyz", "pqr")], [known(7, "abc", "pqrs")]) == {0: 7}
    assert recognize([group("xyz", "pq")], [known(7, "abc", "pqrs")]) == {}
    assert recognize([group("xyz")], [known(7, "abc")]) == {}


def test_those_that_share_most_come_together() -> None:
    found = recognize([group("abcd"), group("efgh")], [known(1, "abef"), known(2, "cdab")])
    assert found == {0: 2, 1: 1}


def test_a_refused_group_stays_refused_when_it_falls_apart() -> None:
    refused = known(1, "abcd", state=ProposalState.REFUSED)
    assert recognize([group("abx")], [known(2, "abx"), refused]) == {0: 1}


def test_a_small_refused_group_does_not_hide_a_large_one_that_it_became_a_part_of() -> None:
    refused = known(1, "ab", state=ProposalState.REFUSED)
    assert recognize([group("abcdefgh")], [refused, known(2, "cdefgh")]) == {0: 2}
    assert recognize([group("abcdefgh")], [refused]) == {}
    assert recognize([group("abx")], [refused]) == {0: 1}


def test_an_open_group_is_not_replaced_by_one_that_is_gone() -> None:
    gone = known(1, "ab", state=ProposalState.GONE)
    assert recognize([group("abcdef")], [gone, known(2, "abcdef")]) == {0: 2}
    assert recognize([group("abcdef")], [gone]) == {0: 1}


@given(st.lists(st.tuples(IDS, WORDS), max_size=5), st.lists(st.tuples(IDS, WORDS), max_size=5))
def test_each_is_taken_once_and_always_the_same(
    found: list[tuple[set[str], set[str]]], before: list[tuple[set[str], set[str]]]
) -> None:
    groups = [Group(tuple(sorted(ids)), tuple(sorted(words))) for ids, words in found]
    earlier = [
        KnownGroup(id, ProposalState.OPEN, frozenset(ids), frozenset(words))
        for id, (ids, words) in enumerate(before)
    ]
    same = recognize(groups, earlier)
    assert len(set(same.values())) == len(same)
    assert same == recognize(groups, list(reversed(earlier)))
    for place, id in same.items():
        assert set(groups[place].tickets) & earlier[id].tickets or (
            set(groups[place].words) & earlier[id].words
        )


def test_what_came_is_known_again_at_once() -> None:
    groups = [group("abc", "xy"), group("def", "xz"), group("g")]
    earlier = [
        KnownGroup(id, ProposalState.OPEN, frozenset(each.tickets), frozenset(each.words))
        for id, each in enumerate(groups)
    ]
    assert recognize(groups, earlier) == {0: 0, 1: 1, 2: 2}
