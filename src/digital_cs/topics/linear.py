"""A row of weights for each topic, learned from texts as rows, and how sure it makes one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from digital_cs.topics.confidence import UNLEARNED, Confidence, Floats

FOLDS = 4
FEWEST_FOR_STRANGERS = 3
"""With so many topics, some are kept back too, to learn how a text of an unknown one looks."""


def fit(rows: csr_matrix, of: NDArray[np.int64]) -> tuple[NDArray[np.float32], Floats]:
    """The weights of each topic, in the order of their numbers, and its offset."""
    fitted = LinearSVC(random_state=0).fit(rows, of)
    weights, offsets = fitted.coef_.astype(np.float32), fitted.intercept_
    if len(weights) == 1:  # of two topics, one row tells for the second against the first
        weights, offsets = np.vstack([-weights, weights]), np.array([-offsets[0], offsets[0]])
    return weights, np.asarray(offsets, dtype=np.float64)


def scores_of(rows: csr_matrix, weights: NDArray[np.float32], offsets: Floats) -> Floats:
    """What each text scores for each topic."""
    return np.asarray(rows @ weights.T, dtype=np.float64) + offsets


def how_sure(rows: csr_matrix, of: NDArray[np.int64]) -> Confidence:
    """Learn from most texts and most topics, and see how the others stand, in turn.

    of: the topic of each text, numbered from 0. Costs four times what `fit` does.
    """
    counts = np.bincount(of)
    place = np.empty(len(of), dtype=np.int64)
    place[np.argsort(of, kind="stable")] = np.concatenate([np.arange(count) for count in counts])
    scores: list[Floats] = []
    right: list[NDArray[np.bool_]] = []
    for fold in range(FOLDS):
        held = place % FOLDS == fold
        strange = (of % FOLDS == fold) & (len(counts) >= FEWEST_FOR_STRANGERS)
        learned = ~held & ~strange
        known = np.unique(of[learned])
        if len(known) < 2 or not held.any():
            continue
        found = scores_of(rows[held], *fit(rows[learned], of[learned]))
        scores.append(found)
        right.append(known[found.argmax(axis=1)] == of[held])
    if not scores:
        return UNLEARNED
    return Confidence.learn(scores, right)
