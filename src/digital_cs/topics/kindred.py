"""Articles by what goes together in them, for questions that lack the words of their article."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

DIRECTIONS = 30


class Kindred:
    """Articles in the few directions in which they differ most (latent semantic analysis).

    A library of fewer articles is taken as it is: in two or three directions all is alike.
    """

    def __init__(
        self, articles: Sequence[tuple[str, ...]], cut: Callable[[str], list[str]]
    ) -> None:
        """articles: plain texts, one a field, the title first. Raises ValueError without words."""
        self._counter = TfidfVectorizer(analyzer=cut, sublinear_tf=True)
        rows = self._counter.fit_transform(" ".join((*each[:1] * 2, *each)) for each in articles)
        self._directions = None
        if min(rows.shape) > DIRECTIONS:
            with threadpool_limits(1):  # threads that wait for each other take longer than one
                self._directions = TruncatedSVD(DIRECTIONS, random_state=0).fit(rows)
        self._articles = self._turned(rows)

    def scores(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """How alike each plain question and each article are, 0 to 1: a column an article."""
        alike = csr_matrix(self._turned(self._counter.transform(questions)) @ self._articles.T)
        return np.asarray(np.maximum(alike.toarray(), 0.0))

    def _turned(self, rows: csr_matrix) -> csr_matrix:
        """Rows of unit length, in the few directions where there are."""
        if self._directions is None:
            return rows
        return csr_matrix(normalize(self._directions.transform(rows)))
