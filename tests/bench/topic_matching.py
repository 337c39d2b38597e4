"""How well articles are found for questions and topics, and how well "none answers" is said."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from digital_cs.domain.content.freshness import State
from digital_cs.domain.support.topic_coverage import Article, Standing, coverage
from digital_cs.topics.articles import ArticleMatcher, ArticleText
from tests.bench.topic_sets import QuestionSet

Figures = dict[str, Any]

HIDDEN = 2
"""Every second article is hidden, to see how often its questions are said to have no answer."""
OF_A_TOPIC = 3
"""Questions to one article, at least, to be taken for the tickets of a topic."""


def matching(asked: QuestionSet) -> Figures:
    """Recall of our matcher and of plain TF-IDF, and how well "none answers" is said."""
    answered = [(question, article) for question, article in asked.questions if article]
    start = time.perf_counter()
    matcher = ArticleMatcher(asked.articles)
    ranks = [[one.id for one in matcher.rank(question)] for question, _ in answered]
    seconds = time.perf_counter() - start
    truth = [article for _, article in answered]
    plain = _plain_ranks(asked.articles, [question for question, _ in answered])
    figures = {
        "articles": len(asked.articles),
        "questions": len(answered),
        "recall_1": _recall(ranks, truth, 1),
        "recall_5": _recall(ranks, truth, 5),
        "plain_recall_1": _recall(plain, truth, 1),
        "plain_recall_5": _recall(plain, truth, 5),
        "seconds": seconds,
    }
    return {**figures, **saying_none(asked)}


def saying_none(asked: QuestionSet) -> Figures:
    """By the questions that no article answers; where there are none, by hiding each half in turn.

    `none_precision`, `none_recall`: of what is said to have no answer, and of what has none.
    `lost`: share of what has an answer and is said to have none. With `topic_` before them, they
    are of topics, each the questions to one article, by the rule that the month's list goes by.
    """
    shelves = [asked.articles]
    if all(article for _, article in asked.questions):
        shelves = [
            tuple(one for place, one in enumerate(asked.articles) if place % HIDDEN != left_out)
            for left_out in range(HIDDEN)
        ]
    each = [_of_shelf(articles, asked.questions) for articles in shelves]
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]}


def _of_shelf(
    articles: Sequence[ArticleText], questions: Sequence[tuple[str, str | None]]
) -> Figures:
    there = {article.id for article in articles}
    matcher = ArticleMatcher(articles)
    answered = np.array([article in there for _, article in questions])
    sure = [matcher.sure(question) for question, _ in questions]
    found = [[(one.id, one.score) for one in matcher.match(question)] for question, _ in questions]
    told = np.array([not each for each in found])
    figures = {"none_auc": float(roc_auc_score(answered, sure)), **_none("", answered, told)}
    topics: dict[str, list[list[tuple[str, float]]]] = defaultdict(list)
    for (_, article), each in zip(questions, found, strict=True):
        if article is not None:
            topics[article].append(each)
    asked = {name: each for name, each in topics.items() if len(each) >= OF_A_TOPIC}
    if not asked:
        return figures
    shelf = {one.id: Article(one.id, one.title, State.FRESH) for one in articles}
    missing = [
        coverage(name, bug=False, answers=each, articles=shelf).standing is Standing.MISSING
        for name, each in asked.items()
    ]
    return {
        **figures,
        "topics": len(asked),
        **_none("topic_", np.array([name in there for name in asked]), np.array(missing)),
    }


def _none(of: str, yes: NDArray[np.bool_], none: NDArray[np.bool_]) -> Figures:
    """yes: whether there is an answer; none: whether it was said that there is none."""
    return {
        f"{of}none_precision": float((none & ~yes).sum() / max(1, none.sum())),
        f"{of}none_recall": float((none & ~yes).sum() / max(1, (~yes).sum())),
        f"{of}lost": float((none & yes).sum() / max(1, yes.sum())),
    }


def _plain_ranks(articles: Sequence[ArticleText], questions: Sequence[str]) -> list[list[str]]:
    counter = TfidfVectorizer()
    texts = [f"{one.title}\n{' '.join(one.headings)}\n{one.body}" for one in articles]
    scores = (counter.fit_transform(texts) @ counter.transform(questions).T).toarray().T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    return [[articles[place].id for place in row] for row in order]


def _recall(ranks: Sequence[Sequence[str]], truth: Sequence[str], most: int) -> float:
    return sum(one in rank[:most] for rank, one in zip(ranks, truth, strict=True)) / len(truth)
