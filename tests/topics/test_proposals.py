"""Texts that no topic catches are grouped for a person to name, and some are left alone."""

from __future__ import annotations

import pytest

from digital_cs.topics import proposals
from digital_cs.topics.model import TopicModel
from digital_cs.topics.proposals import Proposals, propose
from tests.topics.made_up import ASKED, asked, labelled

TEXTS = [(f"t{number}", text) for number, (text, _) in enumerate(labelled())]
TOPIC = {f"t{number}": topic for number, (_, topic) in enumerate(labelled())}
ODD = [
    ("odd1", "Qxzv wwk"),
    ("odd2", ""),
    ("odd3", "Lorem ipsum dolor sit amet consectetur"),
]


@pytest.fixture(scope="module")
def proposed() -> Proposals:
    return propose([*TEXTS, *ODD])


def test_a_group_is_of_one_topic_and_says_by_which_words(proposed: Proposals) -> None:
    assert {TOPIC[group.ids[0]] for group in proposed.groups} == set(ASKED)
    for group in proposed.groups:
        topics = [TOPIC[one] for one in group.ids if one in TOPIC]
        assert topics.count(topics[0]) >= 0.95 * len(group.ids)
        assert any(word[:6] in " ".join(ASKED[topics[0]]) for word in group.words)
        assert 0 < group.cohesion <= 1


def test_every_text_is_in_one_group_or_left_alone(proposed: Proposals) -> None:
    placed = [one for group in proposed.groups for one in group.ids] + list(proposed.left)
    assert sorted(placed) == sorted(one for one, _ in [*TEXTS, *ODD])
    assert proposed.caught == ()


def test_what_is_like_nothing_else_is_left_alone(proposed: Proposals) -> None:
    assert {one for one, _ in ODD} <= set(proposed.left)


def test_five_typical_texts_stand_for_a_group_and_no_two_are_alike(proposed: Proposals) -> None:
    texts = dict([*TEXTS, *ODD])
    for group in proposed.groups:
        assert set(group.typical) <= set(group.ids)
        assert len({texts[one] for one in group.typical}) == len(group.typical) == 5


def test_the_biggest_group_comes_first(proposed: Proposals) -> None:
    sizes = [len(group.ids) for group in proposed.groups]
    assert sizes == sorted(sizes, reverse=True)


def test_the_same_texts_give_the_same_groups(proposed: Proposals) -> None:
    assert propose([*TEXTS, *ODD]) == proposed


def test_what_a_known_topic_catches_is_not_proposed_again() -> None:
    known = TopicModel.learn([pair for pair in labelled() if pair[1] in ("exports", "invoices")])
    found = propose(TEXTS, known=known)
    assert sum(TOPIC[one] in ("exports", "invoices") for one in found.caught) >= 250
    of = {TOPIC[one] for group in found.groups for one in group.ids}
    assert {"passwords", "calendars"} <= of


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_handful_of_texts_is_left_alone(count: int) -> None:
    found = propose(TEXTS[:count])
    assert found == Proposals((), (), tuple(one for one, _ in TEXTS[:count]))


@pytest.mark.parametrize("texts", [["same words here"] * 30, [""] * 30, [f"{n}" for n in range(9)]])
def test_texts_that_are_all_alike_or_empty_end_well(texts: list[str]) -> None:
    found = propose([(str(number), text) for number, text in enumerate(texts)])
    assert sum(len(group.ids) for group in found.groups) + len(found.left) == len(texts)


def test_more_texts_than_are_compared_go_to_the_groups_of_those_that_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proposals, "MOST_GROUPED", 200)
    found = propose(TEXTS)
    placed = [one for group in found.groups for one in group.ids]
    assert len(placed) > 400
    for group in found.groups:
        topics = [TOPIC[one] for one in group.ids]
        assert max(topics.count(topic) for topic in ASKED) >= 0.9 * len(topics)


def test_a_word_that_few_wrote_is_no_word_of_a_group() -> None:
    texts = [(str(number), text) for number, text in enumerate(asked("exports"))]
    texts += [(f"w{n}", f"Wolpertinger: {asked('exports')[n]}") for n in range(4)]
    for group in propose(texts).groups:
        assert "wolpertinger" not in group.words


def test_grouping_can_be_ended_wherever_it_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proposals, "MOST_GROUPED", 200)
    told: list[str] = []
    propose(TEXTS, tell=lambda what, _done, _of: told.append(what))
    steps = list(dict.fromkeys(told))
    assert steps[-1] == "putting the rest into groups"

    def end_at(step: str) -> None:
        def tell(what: str, _done: int, _of: int) -> None:
            if what == step:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            propose(TEXTS, tell=tell)

    for step in steps:
        end_at(step)
