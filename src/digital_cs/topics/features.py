"""Texts as rows of numbers: a column for each pair of words, and for each piece of a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from digital_cs.topics.words import plain, together

PIECES = (2, 5)
"""Letters of a piece of a word. Pieces forgive typing errors, endings and compounds."""

RAREST = 2
"""What stands in one text alone teaches nothing, and may be somebody's name."""


def _by_pairs(**known: Any) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=together, sublinear_tf=True, dtype=np.float32, **known)


def _by_pieces(**known: Any) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=PIECES, lowercase=False, sublinear_tf=True,
        dtype=np.float32, **known,
    )  # fmt: skip


class Features:
    """The columns that some texts have, each with its weight: the rarer, the heavier."""

    def __init__(self, pairs: TfidfVectorizer, pieces: TfidfVectorizer) -> None:
        self._both = (pairs, pieces)

    @classmethod
    def learn(cls, texts: Sequence[str]) -> tuple[Features, csr_matrix]:
        """The columns of these texts, and the texts as rows. Raises ValueError where none is."""
        read = [plain(text) for text in texts]
        rarest = min(RAREST, len(read))
        both = (_by_pairs(min_df=rarest), _by_pieces(min_df=rarest))
        rows = hstack([one.fit_transform(read) for one in both], format="csr")
        return cls(*both), rows

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """Texts as rows. One that has none of the columns is a row of zeros."""
        read = [plain(text) for text in texts]
        return hstack([one.transform(read) for one in self._both], format="csr")

    @property
    def pairs(self) -> list[str]:
        """The names of the first columns: stems, and two stems with a space between."""
        return list(self._both[0].get_feature_names_out())

    def state(self) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        """Names and weights of the columns, by which `restore` makes the same again."""
        names = [[str(name) for name in one.get_feature_names_out()] for one in self._both]
        return names, [one.idf_ for one in self._both]

    @classmethod
    def restore(cls, names: list[list[str]], weights: Sequence[NDArray[np.float32]]) -> Features:
        """What `state` told."""
        both = (_by_pairs(vocabulary=names[0]), _by_pieces(vocabulary=names[1]))
        for one, weight in zip(both, weights, strict=True):
            one.idf_ = weight.astype(np.float32)
        return cls(*both)
