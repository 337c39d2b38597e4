"""Groups texts that no topic catches into proposals of topics, for a person to name or refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from digital_cs.topics.features import RAREST, Features
from digital_cs.topics.linear import fit, how_sure, scores_of
from digital_cs.topics.model import TopicModel
from digital_cs.topics.neighbours import Floats, Labels, graph_of, group, ties
from digital_cs.topics.words import READ, SHORT, evenly, in_a_row, plain, stem, words

MOST_GROUPED = 15_000
MOST_CHARACTERS = 3_000_000
"""So much is grouped by likeness, and the rest put to the groups: a bound on time and memory."""

SURE = 0.5
"""A text is caught by a known topic if it rather has it than not: a new topic hides in the rest."""

FEWEST = 5
"""Texts of a proposal, at least. Its words stand in as many texts."""

BELONGS = 0.4
"""Share of its ties that a text has within its group, at least: else it is left alone."""

LIKE = 0.12
"""Likeness to its neighbours, at least: else a text is like nothing and is left alone."""

WORDS = 8
TYPICAL = 5
_BATCH = 500

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much. What it raises ends the work.

It is called at least every ten seconds or so, on a machine that does nothing else.
"""


def unheard(_what: str, _done: int, _of: int) -> None:
    """For who wants to be told nothing."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Texts that belong together. `words`: the most telling first. `typical`: ids of up to five.

    `cohesion`: share of what is like these texts that is among them, from 0 to 1.
    """

    ids: tuple[str, ...]
    words: tuple[str, ...]
    typical: tuple[str, ...]
    cohesion: float


@dataclass(frozen=True, slots=True)
class Proposals:
    """The biggest group first; the texts that known topics caught; the texts left alone."""

    groups: tuple[Proposal, ...]
    caught: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Grouped:
    """Texts as unit rows, the group of each (-1: alone), and the share of its ties within it."""

    rows: csr_matrix
    labels: Labels
    within: Floats


def propose(
    texts: Sequence[tuple[str, str]], *, known: TopicModel | None = None, tell: Tell = unheard
) -> Proposals:
    """Group texts, each given as id and text. What `known` assigns is not grouped again.

    The same texts in the same order give the same groups. 10,000 short texts take about 15 s,
    100,000 of 2,000 characters about three minutes and 0.9 GB.
    """
    caught, texts = _parted(texts, known)
    if len(texts) < FEWEST:
        return Proposals((), caught, tuple(one for one, _ in texts))
    sample = _sample([text for _, text in texts])
    read = [texts[place][1] for place in sample]
    grouped = _group(read, tell)
    labels = np.full(len(texts), -1, dtype=np.int64)
    labels[sample] = grouped.labels
    rest = sorted(set(range(len(texts))).difference(sample))
    labels[rest] = _put(read, grouped.labels, [texts[place][1] for place in rest], tell)
    telling = _telling(read, grouped.labels)
    groups = [
        Proposal(
            ids=tuple(texts[place][0] for place in _where(labels == number)),
            words=telling[number],
            typical=tuple(texts[sample[place]][0] for place in _typical(read, grouped, number)),
            cohesion=round(float(grouped.within[grouped.labels == number].mean()), 3),
        )
        for number in range(len(telling))
    ]
    groups.sort(key=lambda one: (-len(one.ids), one.ids[0]))
    alone = tuple(texts[place][0] for place in _where(labels < 0))
    return Proposals(tuple(groups), caught, alone)


def _parted(
    texts: Sequence[tuple[str, str]], known: TopicModel | None
) -> tuple[tuple[str, ...], Sequence[tuple[str, str]]]:
    """The ids of the texts that a known topic catches, and the other texts."""
    if known is None:
        return (), texts
    sure = [one.sure >= SURE for one in known.assign_all([text for _, text in texts])]
    pairs = list(zip(texts, sure, strict=True))
    return tuple(id for (id, _), is_ in pairs if is_), [text for text, is_ in pairs if not is_]


def _where(which: NDArray[np.bool_]) -> list[int]:
    found: list[int] = np.flatnonzero(which).tolist()
    return found


def _sample(texts: Sequence[str]) -> list[int]:
    """The texts that are grouped by likeness, evenly from first to last."""
    length = sum(len(text[:READ]) for text in texts)
    most = min(MOST_GROUPED, len(texts), int(len(texts) * MOST_CHARACTERS / max(1, length)))
    return evenly(range(len(texts)), max(FEWEST, most))


def _group(texts: Sequence[str], tell: Tell) -> _Grouped:
    """Group by likeness, leaving alone what is like little, or torn between groups."""
    tell("reading", 0, len(texts))
    try:
        rows = normalize(Features.learn(texts)[1])
    except ValueError:  # not a word stands in two of them
        rows = csr_matrix((len(texts), 1), dtype=np.float32)
    with threadpool_limits(1):  # more threads win little, and sums would hang on their number
        graph = graph_of(rows, lambda done: tell("comparing", done, len(texts)))
        labels = group(graph, lambda done, of: tell("trying how many groups", done, of))
    degree = np.asarray(graph.sum(axis=1)).ravel()
    own = ties(graph, labels)[np.arange(len(texts)), labels]
    within = np.asarray(own).ravel() / np.maximum(degree, 1e-9)
    nearest = np.diff(graph.indptr)
    alone = (within < BELONGS) | (degree < LIKE * np.maximum(nearest, 1))
    enough = np.bincount(labels[~alone], minlength=labels.max() + 1) >= FEWEST
    number = np.where(enough, np.cumsum(enough) - 1, -1)
    return _Grouped(rows, np.where(alone, -1, number[labels]), within)


def _put(texts: Sequence[str], labels: Labels, rest: Sequence[str], tell: Tell) -> list[int]:
    """The groups of further texts, learned from those that are in one.

    By words and words in a row alone: ten times as fast as by all that tells texts apart, which is
    what makes a hundred thousand long texts possible, and as good where groups are as broad.
    """
    inside = _where(labels >= 0)
    if not rest or labels.max() < 1:
        return [-1] * len(rest)
    tell("putting the rest into groups", 0, len(rest))
    columns = TfidfVectorizer(
        analyzer=_in_a_row, sublinear_tf=True, min_df=RAREST, dtype=np.float32
    )
    rows, of = columns.fit_transform([texts[place] for place in inside]), labels[inside]
    weights, offsets = fit(rows, of)
    confidence = how_sure(rows, of)
    found: list[int] = []
    for start in range(0, len(rest), _BATCH):
        batch = columns.transform(rest[start : start + _BATCH])
        scores = scores_of(batch, weights, offsets)
        sure = confidence.sure(scores)
        enough = (sure >= confidence.needed) & (np.diff(batch.indptr) > 0)
        found += np.where(enough, scores.argmax(axis=1), -1).tolist()
        tell("putting the rest into groups", len(found), len(rest))
    return found


def _in_a_row(text: str) -> list[str]:
    return in_a_row(plain(text))


def _typical(texts: Sequence[str], grouped: _Grouped, number: int) -> list[int]:
    """Of the texts of a group those nearest to its middle, no two of them alike."""
    members = _where(grouped.labels == number)
    rows = grouped.rows[members]
    near = rows @ np.asarray(rows.mean(axis=0)).ravel()
    chosen: dict[str, int] = {}
    for nearest in np.argsort(-near, kind="stable"):
        chosen.setdefault(plain(texts[members[nearest]]), members[nearest])
        if len(chosen) == TYPICAL:
            break
    return list(chosen.values())


def _telling(texts: Sequence[str], labels: Labels) -> list[tuple[str, ...]]:
    """Of each group the words that stand in it much more often than elsewhere."""
    groups = range(int(labels.max()) + 1)
    counter = CountVectorizer(analyzer=_long_words, binary=True)
    try:
        stands = counter.fit_transform(texts)
    except ValueError:  # not a word in all of them
        return [() for _ in groups]
    everywhere = np.asarray(stands.mean(axis=0)).ravel()
    names = counter.get_feature_names_out()
    return [_words_of(stands[labels == number], everywhere, names) for number in groups]


def _words_of(stands: csr_matrix, everywhere: Floats, names: NDArray[np.str_]) -> tuple[str, ...]:
    often = np.asarray(stands.sum(axis=0)).ravel()
    share = often / stands.shape[0]
    weight = np.where(often >= FEWEST, share * np.log(np.maximum(share, 1e-9) / everywhere), 0.0)
    by_stem: dict[str, str] = {}
    for place in np.argsort(-weight, kind="stable"):
        if weight[place] <= 0 or len(by_stem) == WORDS:
            break
        by_stem.setdefault(stem(names[place]), str(names[place]))
    return tuple(by_stem.values())


def _long_words(text: str) -> list[str]:
    return [word for word in words(plain(text)) if len(word) > SHORT]
