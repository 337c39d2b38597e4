"""Groups of tickets that no topic catches: known again from one run to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

ALIKE = 0.5
"""The share of the smaller group's tickets that both must have to be the same group.

Of a group that was decided on, it is the share of what is found: a small group that was refused
must not take a large one with it that it is only a part of.
"""
SAME_WORDS = 0.6
"""Without a ticket in common, the share of all their words that both must have."""


class ProposalState(StrEnum):
    """What became of a group. GONE: its tickets are of topics by now, or their texts forgotten."""

    OPEN = "open"
    NAMED = "named"
    MERGED = "merged"
    REFUSED = "refused"
    GONE = "gone"


_UNDECIDED = {ProposalState.OPEN: 1, ProposalState.GONE: 2}


@dataclass(frozen=True, slots=True)
class Group:
    """Tickets that are alike, found in one run. `typical` are the ids that show it best."""

    tickets: tuple[str, ...]
    words: tuple[str, ...]
    typical: tuple[str, ...] = ()
    cohesion: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A group of an earlier run, with its number."""

    id: int
    state: ProposalState
    tickets: frozenset[str]
    words: frozenset[str]


def recognize(found: Sequence[Group], known: Iterable[KnownGroup]) -> dict[int, int]:
    """Which found group (by its place) is which known one (by its number).

    Those that share most come first; each is taken once. Who was decided on goes before who is
    only open, so that a refused group stays refused when a part of it comes again; but only where
    most of what is found was decided on. Who is gone comes last: people know the open ones.
    """
    earlier = {each.id: each for each in known}
    pairs = sorted(
        (
            (_UNDECIDED.get(earlier[id].state, 0), -likeness, id, place)
            for place, group in enumerate(found)
            for id, likeness in _alike(group, earlier).items()
        ),
        key=lambda pair: pair,
    )
    taken: dict[int, int] = {}
    for _, _, id, place in pairs:
        if place not in taken and id not in taken.values():
            taken[place] = id
    return taken


def _alike(group: Group, known: Mapping[int, KnownGroup]) -> dict[int, float]:
    """How alike the known groups are that may be this one; by tickets they are surer than 1."""
    tickets, words = frozenset(group.tickets), frozenset(group.words)
    found: dict[int, float] = {}
    for id, each in known.items():
        both = len(tickets & each.tickets)
        smaller = min(len(tickets), len(each.tickets))
        whole = smaller if each.state in _UNDECIDED else len(tickets)
        if smaller and both >= ALIKE * whole:
            found[id] = 1 + both / whole
        elif words and len(words & each.words) >= SAME_WORDS * len(words | each.words):
            found[id] = len(words & each.words) / len(words | each.words)
    return found
