"""Which texts are like which, and groups of texts that are more like each other than others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize

NEIGHBOURS = 10
GROUPS = (2, 3, 4, 6, 8, 11, 16, 22, 32, 45, 64, 90, 128)
"""Numbers of groups that are tried. The quality between two of them hardly differs."""

FEWEST_A_GROUP = 10
"""Texts a group has on average, at least: so many groups are tried as there is room for."""

_BLOCK = 250
_DENSE = 1_000

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def graph_of(rows: csr_matrix, tell: Callable[[int], None]) -> csr_matrix:
    """Each text tied to its ten nearest, by cosine: symmetric, without self-ties.

    rows: unit length. tell: told how many texts are done. Costs the square of the number of texts:
    10,000 short ones 4 s.
    """
    count = rows.shape[0]
    nearest = min(NEIGHBOURS, count - 1)
    across = rows.T.tocsr()
    found: list[NDArray[np.int64]] = []
    likeness: list[Floats] = []
    for start in range(0, count, _BLOCK):
        block = (rows[start : start + _BLOCK] @ across).toarray()
        own = np.arange(len(block))
        block[own, own + start] = -1.0
        # A copy: the slice alone would hold on to the whole block.
        places = np.argpartition(-block, nearest - 1, axis=1)[:, :nearest].copy()
        found.append(places)
        likeness.append(np.take_along_axis(block, places, axis=1))
        tell(start + len(block))
    columns, values = np.concatenate(found), np.concatenate(likeness)
    one_way = csr_matrix(
        (np.maximum(values, 0).ravel(), columns.ravel(), np.arange(count + 1) * nearest),
        shape=(count, count),
    )
    one_way.eliminate_zeros()
    return ((one_way + one_way.T) / 2).tocsr()


def group(graph: csr_matrix, tell: Callable[[int, int], None]) -> Labels:
    """The group of each text: as many groups as lie best apart from each other.

    Spectral clustering: the first eigenvectors of the graph, then k-means. The number of groups
    is the one whose groups keep most of their ties to themselves (modularity).
    """
    count = graph.shape[0]
    tried = [number for number in GROUPS if number * FEWEST_A_GROUP <= count] or [1]
    vectors = _eigenvectors(graph, tried[-1])
    best, labels = -1.0, np.zeros(count, dtype=np.int64)
    for done, number in enumerate(tried):
        tell(done, len(tried))
        place = normalize(vectors[:, :number])
        found = KMeans(number, n_init=1, random_state=0).fit(place).labels_.astype(np.int64)
        apart = modularity(graph, found)
        if apart > best:
            best, labels = apart, found
    return labels


def modularity(graph: csr_matrix, labels: Labels) -> float:
    """Share of the ties that stay within groups, less what would if they fell by chance."""
    between = (ties(graph, labels).T @ _members(labels)).toarray()
    total = between.sum()
    if not total:
        return 0.0
    return float(np.trace(between) / total - ((between.sum(axis=1) / total) ** 2).sum())


def ties(graph: csr_matrix, labels: Labels) -> csr_matrix:
    """Of each text, how strongly it is tied to each group."""
    return graph @ _members(labels)


def _members(labels: Labels) -> csr_matrix:
    count = len(labels)
    return csr_matrix((np.ones(count), (np.arange(count), labels)))


def _eigenvectors(graph: csr_matrix, number: int) -> Floats:
    """The first eigenvectors of the graph, each text weighed against how many ties it has."""
    degree = np.asarray(graph.sum(axis=1)).ravel()
    scale = diags(1 / np.sqrt(np.maximum(degree, 1e-9)))
    even = scale @ graph @ scale
    if graph.shape[0] <= _DENSE:
        values, vectors = np.linalg.eigh(even.toarray())
    else:
        # A fixed start: the same texts give the same groups.
        values, vectors = eigsh(even, k=number, which="LA", v0=np.ones(graph.shape[0]))
    return np.asarray(vectors[:, np.argsort(-values, kind="stable")[:number]])
