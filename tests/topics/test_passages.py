"""What one place of a long article answers is found there, and not lost in the rest."""

from __future__ import annotations

import numpy as np
import pytest

from digital_cs.topics.passages import BEST, WORDS, Passages

FILLER = " ".join(f"word{number}" for number in range(600))


def test_words_together_in_a_long_article_count_more_than_the_same_words_far_apart() -> None:
    parts = FILLER.split()
    together = [*parts[:300], "rotate", "leaked", "key", *parts[300:]]
    apart = [*parts[:10], "rotate", *parts[10:300], "leaked", *parts[300:590], "key", *parts[590:]]
    passages = Passages(
        [("", "", " ".join(apart), ""), ("", "", " ".join(together), ""), ("", "", FILLER, "")]
    )
    (scores,) = passages.scores(["rotate a leaked key"])
    assert scores.argmax() == 1
    assert scores[2] == 0


def test_titles_headings_and_confirmed_questions_are_passages_too() -> None:
    articles = [
        ("Rotate a key", "", "text", ""), ("", "Formats\nRotate a key", "text", ""),
        ("", "", "text", "where do I rotate a key"), ("Other", "", "text", ""),
    ]  # fmt: skip
    (scores,) = Passages(articles).scores(["rotate a key"])
    assert (scores[:3] > 0).all()
    assert scores[3] == 0


def test_a_score_is_a_share_and_a_short_article_needs_no_more_passages_than_it_has() -> None:
    short = ("", "", "rotate a key", "")
    passages = Passages([short, ("", "", FILLER, ""), ("", "", "", "")])
    scores = passages.scores(["rotate a key", "word7 word8", "nothing known", ""])
    assert scores.shape == (4, 3)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[0, 0] > 0.5
    assert scores[1].argmax() == 1
    assert not scores[2:].any()
    assert not scores[:, 2].any()


def test_a_passage_on_the_edge_of_two_is_whole_in_a_third() -> None:
    body = " ".join(["a"] * (WORDS - 1) + ["rotate", "key"] + ["a"] * (WORDS * BEST))
    (score,) = Passages([("", "", body, ""), ("", "", "rotate then much else", "")]).scores(
        ["rotate key"]
    )
    assert score[0] > score[1]


def test_articles_without_a_word_are_refused() -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        Passages([("", "", "", "")])


def test_no_questions_have_no_scores() -> None:
    assert np.shape(Passages([("one", "", "", "")]).scores([])) == (0, 1)
