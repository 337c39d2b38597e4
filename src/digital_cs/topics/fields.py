"""Articles by their fields, ranked for questions as a search engine does (BM25F)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.feature_extraction.text import CountVectorizer

FIELDS = 4
"""Title, headings, body, and the questions that people confirmed it answers."""

_WEIGHT = (3.0, 2.0, 1.0, 1.0)
_BY_LENGTH = (0.3, 0.6, 0.9, 0.7)
"""How far a long field counts less, a word each, than a short one: 0 not at all, 1 wholly."""

_SATURATED = 2.0
"""How soon a further occurrence of a word adds little."""

Floats = NDArray[np.float64]


class Fields:
    """The columns of one way to cut texts, and how much each article has of each."""

    def __init__(
        self, articles: Sequence[tuple[str, ...]], cut: Callable[[str], list[str]]
    ) -> None:
        """articles: plain texts, one a field. Raises ValueError if none has a word."""
        self._counter = CountVectorizer(analyzer=cut, dtype=np.float64)
        self._counter.fit(text for article in articles for text in article)
        self.names: NDArray[np.str_] = self._counter.get_feature_names_out()
        held = sum(
            _weighed(self._counter.transform([article[field] for article in articles]), field)
            for field in range(FIELDS)
        ).tocsr()
        with_it = np.diff(held.tocsc().indptr)
        count = len(articles)
        self.rarity: Floats = np.log(1 + (count - with_it + 0.5) / (with_it + 0.5))
        self._unknown = float(np.log(1 + (count + 0.5) / 0.5))
        held.data = held.data / (held.data + _SATURATED)
        self._held = (held @ diags(self.rarity)).tocsr()
        self._cut = cut

    def asked(self, questions: Sequence[str]) -> csr_matrix:
        """Plain questions as rows: 1 for each column they have."""
        rows = self._counter.transform(questions)
        rows.data[:] = 1.0
        return rows

    def scores(self, rows: csr_matrix) -> Floats:
        """For each question how much of it each article has, from 0 to 1: a column an article."""
        found = (rows @ self._held.T).toarray()
        return np.asarray(found / np.maximum(rows @ self.rarity, 1e-9)[:, None])

    def known(self, rows: csr_matrix, questions: Sequence[str]) -> Floats:
        """Share of each question, rare words counting more, that stands in any article at all."""
        inside = np.asarray(rows @ self.rarity)
        outside = [
            self._unknown * (len(set(self._cut(question))) - rows.indptr[place + 1]
                             + rows.indptr[place])
            for place, question in enumerate(questions)
        ]  # fmt: skip
        return np.asarray(inside / np.maximum(inside + np.array(outside), 1e-9))

    def shared(self, row: csr_matrix, article: int) -> list[tuple[float, str]]:
        """The columns that a question has in common with an article, the weightiest first."""
        held = self._held[article].multiply(row).tocoo()
        found = zip(held.data, self.names[held.col], strict=True)
        return sorted(((float(weight), str(name)) for weight, name in found), reverse=True)


def _weighed(rows: csr_matrix, field: int) -> csr_matrix:
    """How often each column stands in a field, its length and the field's weight allowed for."""
    length = np.asarray(rows.sum(axis=1)).ravel()
    usual = length[length > 0].mean() if length.any() else 1.0
    share = _BY_LENGTH[field]
    return diags(_WEIGHT[field] / (1 - share + share * length / usual)) @ rows
