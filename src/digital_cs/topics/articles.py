"""Finds the articles that answer a question, or says that none does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from digital_cs.topics.fields import Fields, Floats
from digital_cs.topics.kindred import Kindred
from digital_cs.topics.words import as_written, plain, stems_of, together

ANSWERS = 0.15
"""By so much the best article scores more than half as much again as the others on average.

The others tell how much any article has in common with the question, which differs from library
to library. In a small library there are few others, so a few usual ones are added.
"""
_USUAL = 0.1
_USUAL_ONES = 3

KINDRED = 0.3
"""What likeness without common words counts beside the common words, and pieces of words."""

NEAR = 5
READ_OF_ARTICLE = 40_000
PIECES = (3, 5)
WORDS = 6


@dataclass(frozen=True, slots=True)
class ArticleText:
    """An article as readers see it, without markup."""

    id: str
    title: str
    headings: tuple[str, ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """An article for a question. `score`: how much of the question it answers, from 0 to 1.

    `words`: those of the question that it has, the weightiest first.
    """

    id: str
    score: float
    words: tuple[str, ...]


class ArticleMatcher:
    """The articles of a library, ready to be asked. 1,000 articles take about 15 s and 500 MB."""

    def __init__(
        self,
        articles: Sequence[ArticleText],
        confirmed: Sequence[tuple[str, str]] = (),
    ) -> None:
        """confirmed: questions with the id of the article that answers them, as people said."""
        self.ids = tuple(article.id for article in articles)
        asked: dict[str, list[str]] = defaultdict(list)
        for question, article_id in confirmed:
            asked[article_id].append(question)
        texts = [
            tuple(
                plain(text, READ_OF_ARTICLE)
                for text in (
                    article.title,
                    " \n ".join(article.headings),
                    article.body,
                    " \n ".join(asked[article.id]),
                )
            )
            for article in articles
        ]
        pieces = CountVectorizer(analyzer="char_wb", ngram_range=PIECES, lowercase=False)
        try:
            self._words = Fields(texts, partial(together, near=NEAR))
            self._pieces = Fields(texts, pieces.build_analyzer())
            self._kindred = Kindred(texts, pieces.build_analyzer())
        except ValueError:  # not a word in all of them
            self.ids = ()

    def match(self, question: str | Sequence[str], most: int = 5) -> list[Match]:
        """The articles that answer, the best first; empty where none does.

        Of several questions of one topic, the articles that answer them on the whole.
        """
        scores = self._mean_scores(question)
        others = (scores.sum() - scores.max(initial=0.0) + _USUAL_ONES * _USUAL) / (
            max(0, len(scores) - 1) + _USUAL_ONES
        )
        if scores.max(initial=0.0) - 1.5 * others < ANSWERS:
            return []
        return self._best(question, scores, most)

    def rank(self, question: str | Sequence[str], most: int = 5) -> list[Match]:
        """The nearest articles, the best first, whether they answer or not."""
        return self._best(question, self._mean_scores(question), most)

    def _best(self, question: str | Sequence[str], scores: Floats, most: int) -> list[Match]:
        best = np.argsort(-scores, kind="stable")[:most]
        return [
            Match(self.ids[place], round(float(scores[place]), 4), self._said(question, place))
            for place in best
            if scores[place] > 0
        ]

    def _mean_scores(self, question: str | Sequence[str]) -> Floats:
        """What each article scores, on average of the questions."""
        questions = _plain(question)
        if not self.ids or not questions:
            return np.zeros(len(self.ids))
        return np.asarray(self._scores(questions).mean(axis=0))

    def _scores(self, questions: Sequence[str]) -> Floats:
        """How much of each question each article has: by words and by pieces of them.

        Less where much of the question stands in no article: that is a sign of another subject.
        """
        words, pieces = self._words.asked(questions), self._pieces.asked(questions)
        found = self._words.scores(words) + self._pieces.scores(pieces)
        found = (found + KINDRED * self._kindred.scores(questions)) / (2 + KINDRED)
        return np.asarray(found * np.sqrt(self._pieces.known(pieces, questions))[:, None])

    def _said(self, question: str | Sequence[str], article: int) -> tuple[str, ...]:
        questions = _plain(question)
        weight: dict[str, float] = defaultdict(float)
        for row in self._words.asked(questions):
            for said, name in self._words.shared(row, article):
                stems = stems_of(name)
                for stem in stems:
                    weight[stem] += said / len(stems)
        heaviest = sorted(weight, key=lambda stem: (-weight[stem], stem))
        return as_written(heaviest, " ".join(questions), WORDS)


def _plain(question: str | Sequence[str]) -> list[str]:
    return [plain(one) for one in ([question] if isinstance(question, str) else question)]
