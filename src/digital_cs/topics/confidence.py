"""How sure an assignment is, learned from texts that were kept back while learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

KEPT = 0.99
"""Share of the right answers that stay; the less sure ones give way to "none"."""

MOST_NEEDED = 0.5
"""What is rather right than wrong always stays."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Confidence:
    """From how high the best topic stands, and how far above the second, to how sure that is.

    `needed`: who is less sure is of no topic.
    """

    base: float
    height: float
    lead: float
    needed: float

    def sure(self, scores: Floats) -> Floats:
        """How sure the best column of each row is, from 0 to 1."""
        return self._sure(_standing(scores))

    def _sure(self, standing: Floats) -> Floats:
        log_odds = self.base + standing @ np.array([self.height, self.lead])
        return np.asarray(1 / (1 + np.exp(-log_odds)))

    @classmethod
    def learn(cls, scores: Sequence[Floats], right: Sequence[NDArray[np.bool_]]) -> Confidence:
        """From scores of texts not learned from, and whether their best topic was the right one."""
        standing = np.concatenate([_standing(one) for one in scores])
        answers = np.concatenate(list(right))
        learned = UNLEARNED
        if answers.any() and not answers.all():
            fitted = LogisticRegression(C=100.0).fit(standing, answers)
            height, lead = fitted.coef_[0].tolist()
            learned = cls(float(fitted.intercept_[0]), height, lead, needed=0.0)
        if not answers.any():
            return learned
        kept = float(np.quantile(learned._sure(standing[answers]), 1 - KEPT))
        return replace(learned, needed=min(kept, MOST_NEEDED))


UNLEARNED = Confidence(base=-1.2, height=1.8, lead=2.5, needed=0.0)
"""Where there is nothing to learn it from: as it came out for the 77 topics of a bank."""


def _standing(scores: Floats) -> Floats:
    """Of each row the highest score, and its lead over the second."""
    two = np.partition(scores, -2, axis=1)[:, -2:]
    return np.column_stack([two[:, 1], two[:, 1] - two[:, 0]])
