"""Articles by their passages, for questions that one place of a long article answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.feature_extraction.text import CountVectorizer

from digital_cs.topics.fields import Floats
from digital_cs.topics.words import single

WORDS = 80
"""Words of a passage. The next one begins in its middle, so that no sentence is torn for good."""

BEST = 3
"""Passages of an article that count, on average: one alone is often found by chance."""

_BY_LENGTH = 0.5
_SATURATED = 1.0


class Passages:
    """The titles, headings, questions and passages of articles, searched one by one (BM25)."""

    def __init__(self, articles: Sequence[tuple[str, ...]]) -> None:
        """articles: plain texts, one a field: title, headings, body, questions; all but the body
        have one a line. Raises ValueError if none has a word."""
        parts = [_passages(fields) or [""] for fields in articles]
        self._first = np.cumsum([0, *(len(each) for each in parts)])[:-1]
        self._article = np.repeat(np.arange(len(parts)), [len(each) for each in parts])
        self._counter = CountVectorizer(analyzer=single, dtype=np.float64)
        rows = self._counter.fit_transform(part for each in parts for part in each)
        length = np.asarray(rows.sum(axis=1)).ravel()
        scale = 1 - _BY_LENGTH + _BY_LENGTH * length / max(1.0, float(length.mean()))
        held = (diags(1 / scale) @ rows).tocsr()
        held.data = held.data / (held.data + _SATURATED)
        self._rarity = _rarity(rows, self._article, len(parts))
        self._held = (held @ diags(self._rarity)).T.tocsr()

    def scores(self, questions: Sequence[str]) -> Floats:
        """How much of each plain question the best passages of each article have, from 0 to 1."""
        rows = self._counter.transform(questions)
        rows.data[:] = 1.0
        asked = np.maximum(rows @ self._rarity, 1e-9)
        return np.array([
            self._best((row @ self._held).toarray().ravel()) / whole
            for row, whole in zip(rows, asked, strict=True)
        ]).reshape(len(questions), len(self._first))  # fmt: skip

    def _best(self, found: Floats) -> Floats:
        """Of each article what its best passages score, on average."""
        order = np.lexsort((-found, self._article))
        place = np.arange(len(found)) - self._first[self._article]
        counts = place < BEST
        each = np.where(counts, found[order], 0.0)
        return np.asarray(np.add.reduceat(each, self._first) / np.add.reduceat(counts, self._first))


def _passages(fields: tuple[str, ...]) -> list[str]:
    title, headings, body, questions = fields
    words = body.split()
    step = WORDS // 2
    cut = [
        " ".join(words[start : start + WORDS])
        for start in range(0, max(1, len(words) - step), step)
    ]
    whole = [title, *headings.splitlines(), *questions.splitlines(), *cut]
    return [part for part in whole if part.strip()]


def _rarity(rows: csr_matrix, article: NDArray[np.int64], count: int) -> Floats:
    """How rare each word is among articles, not passages: else long articles would decide."""
    of = csr_matrix((np.ones(len(article)), (article, np.arange(len(article)))))
    with_it = np.diff((of @ (rows > 0)).tocsc().indptr)
    return np.asarray(np.log(1 + (count - with_it + 0.5) / (with_it + 0.5)))
