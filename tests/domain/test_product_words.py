"""Which words of a library are the product's, and never somebody's."""

from __future__ import annotations

from digital_cs.domain.support.product_words import product_words


def test_words_with_a_capital_in_two_titles_and_those_of_areas_are_the_products() -> None:
    titles = ["Connect Slack", "Use the Board with Slack", "The board", "Share a Board"]
    assert product_words(titles, ["health-score", "Sign up"]) == {
        "slack", "board", "health", "score", "sign"
    }  # fmt: skip


def test_what_is_told_of_once_or_could_be_written_otherwise_is_left_out() -> None:
    titles = ["Meet Petra", "O'Brien and Lévy use it", "O'Brien and Lévy again", "Petra Petra"]
    assert product_words(titles[:3], []) == set()
    assert product_words(["Petra Petra"], []) == set()
