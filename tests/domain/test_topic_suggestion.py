"""A suggested rule says exactly what it catches, and is as precise as it was asked to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.support.topic import Sorter, TicketWords, Topic, TopicRule
from digital_cs.domain.support.topic_suggestion import Member, Stranger, suggest

SLOW = ["Pages load slowly today", "My page loads slowly. Help", "all pages loading slowly"]
WORDS = st.lists(
    st.sampled_from(["card", "fee", "lost", "the", "my", "charge", "abroad"]), max_size=6
)


def members(*texts: str) -> list[Member]:
    return [Member(text, asker=f"a{place}") for place, text in enumerate(texts)]


def strangers(*texts: str, of: str | None = None) -> list[Stranger]:
    return [Stranger(text, of=of) for text in texts]


def phrases(inside: list[Member], outside: list[Stranger], precision: float = 0.9) -> set[str]:
    found = suggest(inside, outside, precision)
    return set(found.rule.any.phrases) if found else set()


def caught(rule: TopicRule, text: str, tags: tuple[str, ...] = ()) -> bool:
    topic = Topic(topic="x", title="X", owner="me", rules=(rule,))
    return bool(Sorter([topic]).caught(TicketWords(text, tags)))


def test_a_phrase_stands_in_several_tickets_and_hardly_elsewhere() -> None:
    inside = members(*SLOW, "the invoice is wrong")
    assert phrases(inside, strangers(*["the invoice is wrong"] * 3)) == {"pages load slowly"}
    assert phrases(inside[:2], []) == set()


def test_what_a_single_account_writes_is_no_phrase_for_all() -> None:
    inside = [Member(text, asker="acme") for text in SLOW]
    assert suggest(inside, []) is None


def test_a_phrase_that_holds_for_other_topics_as_often_is_not_suggested() -> None:
    inside = members(*["I was charged a fee abroad"] * 6, *["A fee for cash"] * 3)
    outside = strangers(*["I was told of a fee for cash"] * 9, of="cash")
    assert phrases(inside, outside) == {"abroad"}


def test_more_precision_makes_a_rule_narrower_and_less_makes_it_broader() -> None:
    inside = members(*["my refund is late"] * 6, *["cancel the order"] * 4)
    outside = strangers("cancel the order", of="orders") + strangers(*["when are you open"] * 9)
    narrow, broad = suggest(inside, outside, 0.9), suggest(inside, outside, 0.8)
    assert narrow is not None
    assert broad is not None
    assert (narrow.caught, narrow.others) == (6, {})
    assert (broad.caught, broad.others) == (10, {"orders": 1})
    assert broad.precision == pytest.approx(10 / 11)


def test_together_phrases_are_as_precise_as_each() -> None:
    inside = members(*["slow dashboard, frozen charts"] * 9)
    outside = strangers("a slow dashboard", of="dash") + strangers("frozen charts", of="charts")
    found = suggest(inside, outside, 0.9)
    assert found is not None
    assert found.others == {}


def test_the_others_are_told_by_where_they_are_the_most_first() -> None:
    inside = members(*["webhook fails"] * 20)
    outside = [*strangers("webhook docs"), *strangers("a webhook", "webhook price", of="#7"),
               *strangers(*["something else"] * 9, of="billing")]  # fmt: skip
    found = suggest(inside, [*outside, *strangers(*["webhook fails"] * 2)], 0.8)
    assert found is not None
    assert list(found.others.items()) == [(None, 2)]
    broad = suggest(members(*["webhook one", "two webhook", "my webhook"] * 9), outside)
    assert broad is not None
    assert list(broad.others.items()) == [("#7", 2), (None, 1)]


def test_a_tag_is_suggested_as_phrases_are() -> None:
    inside = [Member(f"text {n}", ("Perf", "web"), f"a{n}") for n in range(5)]
    found = suggest(inside, [Stranger("other", ("web",))] * 4)
    assert found is not None
    assert (found.rule.any.tags, found.rule.any.phrases) == (("Perf",), ())


def test_no_phrase_begins_or_ends_with_a_word_that_everybody_uses() -> None:
    inside = members(*["it is the refund of my order"] * 5)
    outside = strangers(*["the size of the box is on my list and it fits"] * 20)
    (phrase,) = phrases(inside, outside)
    assert {phrase.split()[0], phrase.split()[-1]} <= {"refund", "order"}


def test_what_was_left_out_for_a_name_is_no_word() -> None:
    inside = members(*["please ask [name] about parcels", "ask [name] about parcels [number]"] * 3)
    found = phrases(inside, strangers("ask about something"))
    assert found
    assert not any("name" in each or "number" in each for each in found)


def test_phrases_have_no_numbers_and_no_sentence_ends() -> None:
    assert phrases(members(*["Error 500 again. Slow pages"] * 4), []) == {"slow pages"}


@given(st.lists(WORDS, min_size=1, max_size=8), st.lists(WORDS, max_size=8),
       st.sampled_from([0.5, 0.7, 0.9, 1.0]))  # fmt: skip
def test_what_it_says_is_what_the_rule_does(
    inside: list[list[str]], outside: list[list[str]], precision: float
) -> None:
    mine, others = [" ".join(each) for each in inside], [" ".join(each) for each in outside]
    found = suggest(members(*mine), strangers(*others), precision)
    if found is None:
        return
    assert found.caught == sum(caught(found.rule, text) for text in mine)
    assert sum(found.others.values()) == sum(caught(found.rule, text) for text in others)
    assert found.precision >= precision - 1e-9
