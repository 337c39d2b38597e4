"""Learns topics from texts that have one, and says of other texts which they have, or none."""

from __future__ import annotations

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digital_cs.topics.confidence import Confidence, Floats
from digital_cs.topics.errors import TooLittleError, UnreadableModelError
from digital_cs.topics.features import Features
from digital_cs.topics.linear import FOLDS, fit, how_sure, scores_of
from digital_cs.topics.words import READ, as_written, evenly, plain, stems_of

MOST_OF_A_TOPIC = 300
"""Texts of a topic that are learned from. More add minutes, and next to nothing."""

MOST_CHARACTERS = 4_000_000
"""Characters that are learned from, of all texts: what keeps learning within 1.5 GB."""

WORDS = 5
_FORMAT = 1
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a text is about. `topic` is None where the model is not sure enough of `nearest`.

    `sure`: about how often it is right when it is this sure, from 0 to 1. `words`: those of the
    text that spoke most for `nearest` against the next topic, the heaviest first.
    """

    topic: str | None
    sure: float
    words: tuple[str, ...]
    nearest: str


class TopicModel:
    """Which words and pieces of words speak for which topic. Holds words, never a text."""

    def __init__(
        self,
        topics: tuple[str, ...],
        features: Features,
        weights: NDArray[np.float32],
        offsets: Floats,
        confidence: Confidence,
    ) -> None:
        self.topics = topics
        self._features = features
        self._weights = weights
        self._offsets = offsets
        self._confidence = confidence
        self._pairs = features.pairs

    @classmethod
    def learn(cls, labelled: Sequence[tuple[str, str]]) -> TopicModel:
        """Learn from texts, each with its topic. The same pairs give the same model.

        10,000 short texts of 77 topics take about 20 s and 500 MB.
        Raises TooLittleError for fewer than two topics, or where no word stands in two texts.
        """
        texts, of, topics = _chosen(labelled)
        if len(topics) < 2:
            raise TooLittleError
        try:
            features, rows = Features.learn(texts)
        except ValueError:
            raise TooLittleError from None
        confidence = how_sure(rows, of)
        weights, offsets = fit(rows, of)
        # Stored in half the precision, and used as stored: to_bytes loses nothing.
        exact = weights.astype(np.float16).astype(np.float32)
        return cls(topics, features, exact, offsets, confidence)

    def assign(self, text: str) -> Assigned:
        """What one text is about. For many, `assign_all` is much faster."""
        return self.assign_all([text])[0]

    def assign_all(self, texts: Sequence[str]) -> list[Assigned]:
        """What each text is about, in their order. About 10,000 short texts in 2 s."""
        found: list[Assigned] = []
        for start in range(0, len(texts), _BATCH):
            found += self._assign_batch(texts[start : start + _BATCH])
        return found

    def _assign_batch(self, texts: Sequence[str]) -> list[Assigned]:
        rows = self._features.rows(texts)
        scores = scores_of(rows, self._weights, self._offsets)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :2]
        sure = self._confidence.sure(scores)
        # Of a text without a single known column nothing can be said.
        sure[np.diff(rows.indptr) == 0] = 0.0
        enough = (sure >= self._confidence.needed) & (sure > 0)
        return [
            Assigned(
                topic=self.topics[best] if enough[place] else None,
                sure=round(float(sure[place]), 4),
                words=self._words(rows[place], best, second, text),
                nearest=self.topics[best],
            )
            for place, (text, (best, second)) in enumerate(zip(texts, order, strict=True))
        ]

    def _words(self, row: csr_matrix, best: int, second: int, text: str) -> tuple[str, ...]:
        """The words of the text that lifted one topic above another. Of a pair, half to each."""
        columns = row.indices
        spoke = row.data * (self._weights[best, columns] - self._weights[second, columns])
        weight: dict[str, float] = defaultdict(float)
        for column, said in zip(columns, spoke, strict=True):
            if column < len(self._pairs):
                stems = stems_of(self._pairs[column])
                for stem in stems:
                    weight[stem] += said / len(stems)
        heaviest = sorted((-said, stem) for stem, said in weight.items() if said > 0)
        return as_written([stem for _, stem in heaviest], plain(text), WORDS)

    def to_bytes(self) -> bytes:
        """The model as it is kept: names as JSON, numbers as plain arrays. 77 topics are 7 MB."""
        names, inverse = self._features.state()
        told = {
            "format": _FORMAT,
            "topics": self.topics,
            "columns": names,
            "confidence": asdict(self._confidence),
        }
        file = io.BytesIO()
        np.savez_compressed(
            file,
            told=np.frombuffer(json.dumps(told).encode(), dtype=np.uint8),
            pairs=inverse[0],
            pieces=inverse[1],
            weights=self._weights.astype(np.float16),
            offsets=self._offsets,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> TopicModel:
        """What `to_bytes` kept. Nothing in it is run. Raises UnreadableModelError."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                told = json.loads(kept["told"].tobytes())
                if told["format"] != _FORMAT:
                    raise UnreadableModelError
                return cls(
                    tuple(told["topics"]),
                    Features.restore(told["columns"], [kept["pairs"], kept["pieces"]]),
                    kept["weights"].astype(np.float32),
                    kept["offsets"],
                    Confidence(**told["confidence"]),
                )
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise UnreadableModelError from error


def _chosen(
    labelled: Sequence[tuple[str, str]],
) -> tuple[list[str], NDArray[np.int64], tuple[str, ...]]:
    """Not too many texts of each topic, evenly from first to last; and their topics."""
    by_topic: dict[str, list[str]] = defaultdict(list)
    for text, topic in labelled:
        by_topic[topic].append(text)
    topics = tuple(sorted(by_topic))
    parts = [evenly(by_topic[topic], MOST_OF_A_TOPIC) for topic in topics]
    share = MOST_CHARACTERS / max(1, sum(len(text[:READ]) for part in parts for text in part))
    if share < 1:
        parts = [evenly(part, max(FOLDS, int(len(part) * share))) for part in parts]
    of = np.repeat(np.arange(len(topics)), [len(part) for part in parts])
    return [text for part in parts for text in part], of, topics
