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
from digital_cs.topics.passages import Passages
from digital_cs.topics.words import as_written, plain, stems_of, together

ANSWERS = 0.5
"""So sure that an article answers one must be to offer it. More, and more is said to be missing."""

_OTHERS = 1.5
_USUAL = 0.1
_USUAL_ONES = 3
"""How much any article has in common with a question differs from library to library, and is told
by the others. In a small library there are few others, so a few usual ones are added."""

_SURE = (-1.35, 3.7, 2.2)
"""How sure one is without anything, for each point above the others, and for the lead.

Fitted on the samples of `make bench-topics`, half of whose articles were hidden, so that as many
questions had an answer as had none; and tried on each sample with the others alone.
"""

KINDRED = 0.3
PASSAGES = 0.7
"""What likeness without common words, and the best passages, count beside the common words of the
whole article and pieces of them, which count 1 each."""

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
    """The articles of a library, ready to be asked. 1,000 short articles take about
    15 s and 500 MB; of 14,000 characters each, 90 s and 800 MB."""

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
                    "\n".join(article.headings),
                    article.body,
                    "\n".join(" ".join(each.split()) for each in asked[article.id]),
                )
            )
            for article in articles
        ]
        pieces = CountVectorizer(analyzer="char_wb", ngram_range=PIECES, lowercase=False)
        try:
            self._words = Fields(texts, partial(together, near=NEAR))
            self._pieces = Fields(texts, pieces.build_analyzer())
            self._kindred = Kindred(texts, pieces.build_analyzer())
            self._passages = Passages(texts)
        except ValueError:  # not a word in all of them
            self.ids = ()

    def match(self, question: str | Sequence[str], most: int = 5) -> list[Match]:
        """The articles that answer, the best first; empty where none does.

        Of several questions of one topic, the articles that answer them on the whole.
        """
        scores = self._mean_scores(question)
        return self._best(question, scores, most) if _sure(scores) >= ANSWERS else []

    def sure(self, question: str | Sequence[str]) -> float:
        """How likely any article answers, from 0 to 1, where half of what is asked has an answer.

        Words alone cannot tell well: see docs/decisions/0025. Several questions tell much better.
        """
        return _sure(self._mean_scores(question))

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
        found = found + KINDRED * self._kindred.scores(questions)
        found = (found + PASSAGES * self._passages.scores(questions)) / (2 + KINDRED + PASSAGES)
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


def _sure(scores: Floats) -> float:
    """How likely the best article answers, by how far it stands out from the others."""
    best = float(scores.max(initial=0.0))
    if not best:
        return 0.0
    others = (float(scores.sum()) - best + _USUAL_ONES * _USUAL) / (len(scores) - 1 + _USUAL_ONES)
    second = max(_USUAL, float(np.partition(scores, -2)[-2])) if len(scores) > 1 else _USUAL
    base, above, lead = _SURE
    odds = base + above * (best - _OTHERS * others) + lead * (best - second) / best
    return float(1 / (1 + np.exp(-odds)))


def _plain(question: str | Sequence[str]) -> list[str]:
    return [plain(one) for one in ([question] if isinstance(question, str) else question)]
