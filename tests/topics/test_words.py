"""What of a text counts is its words: no addresses, no links, no numbers of anybody."""

from __future__ import annotations

import pytest

from digital_cs.topics.scrub import scrub
from digital_cs.topics.words import READ, as_written, evenly, plain, together, words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Where is my EXPORT?", ["where", "is", "my", "export"]),
        ("order 4711 of 2024", ["order", "0000", "of", "0000"]),
        ("write jo@example.com or see https://a.example/b?c=d now", ["write", "or", "see", "now"]),
        ("<p class='x'>the <b>file</b>", ["the", "file"]),
        ("Straße ﬁle", ["strasse", "file"]),
        ("", []),
    ],
)
def test_a_text_is_read_as_plain_words(text: str, read: list[str]) -> None:
    assert words(plain(text)) == read


def test_what_was_scrubbed_leaves_no_word_behind() -> None:
    text = "Hi Maya, order A-1029 of jo@example.com, see https://a.example, call 030 1234567"
    assert words(plain(scrub(text))) == ["hi", "order", "of", "see", "call"]


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert len(plain("word " * 100_000)) == READ


def test_words_that_stand_near_each_other_make_pairs_in_any_order() -> None:
    assert set(together("card lost")) & set(together("lost my card")) == {
        "card", "lost", "card lost"
    }  # fmt: skip
    assert "lost>card" in together("lost card")
    assert "lost>card" not in together("card lost")


def test_a_stem_is_told_by_the_word_that_was_written() -> None:
    assert as_written(["delive", "my", "none"], "my deliveries", 5) == ("deliveries",)


def test_some_of_many_are_taken_evenly() -> None:
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]
    assert evenly(range(3), 5) == [0, 1, 2]
    assert evenly([], 5) == []
