"""A segment: a rule with a name and an owner; and which segments rest on which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from digital_cs.domain.grammar import Name
from digital_cs.domain.rules.condition import Condition, SegmentIs, UsageChange, leaves

NEW_ACCOUNT = "account"
"""The key of an account that was not there before: every rule looks at it once."""


class Segment(BaseModel):
    """One segment: one file in content/segments."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    segment: Name = Field(description="Id of the segment; the file has the same name.")
    name: str = Field(description="In words, for people.", min_length=1)
    about: str = Field("", description="What it is for, for a colleague who never saw it.")
    owner: str = Field(description="Who answers for the rule.", min_length=1)
    backup: str | None = Field(None, description="Who answers when the owner is away.")
    when: Condition = Field(description="Who belongs.")


def keys_of(condition: Any) -> frozenset[str]:
    """The keys on a change of which an account must be looked at again."""
    keys = {NEW_ACCOUNT, *condition.listens()}
    if any(isinstance(leaf, UsageChange) for leaf in leaves(condition)):
        keys.add("country")  # its holidays are taken out of what is compared
    return frozenset(keys)


def segments_named(condition: Any) -> frozenset[str]:
    """The segments that a condition rests on."""
    return frozenset(leaf.segment for leaf in leaves(condition) if isinstance(leaf, SegmentIs))


def cycle(rests_on: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """One way round on which a name comes back to itself, like (a, b, a); None if there is none.

    `rests_on` gives the names that each one rests on; a name without an entry rests on nothing.
    """
    done: set[str] = set()
    for start in sorted(rests_on):
        found = _round(rests_on, start, done)
        if found is not None:
            return found
    return None


def _round(
    rests_on: Mapping[str, Iterable[str]], start: str, done: set[str]
) -> tuple[str, ...] | None:
    """Go down from one name without recursion: a chain may be longer than Python's stack."""
    if start in done:
        return None
    way, ahead = [start], [iter(sorted(rests_on.get(start, ())))]
    while way:
        name = next(ahead[-1], None)
        if name is None:
            done.add(way.pop())
            ahead.pop()
        elif name in way:
            return (*way[way.index(name) :], name)
        elif name not in done:
            way.append(name)
            ahead.append(iter(sorted(rests_on.get(name, ()))))
    return None


def in_order(rests_on: Mapping[str, Iterable[str]]) -> list[str]:
    """The names, each after all that it rests on, as far as they are among them.

    Names that rest on each other in a circle come last, in no order that would mean anything.
    """
    left = {name: {n for n in names if n in rests_on} for name, names in rests_on.items()}
    readers: dict[str, set[str]] = {}
    for name, names in left.items():
        for other in names:
            readers.setdefault(other, set()).add(name)
    free = sorted((name for name, names in left.items() if not names), reverse=True)
    found: list[str] = []
    while free:
        name = free.pop()
        found.append(name)
        for reader in sorted(readers.get(name, ()), reverse=True):
            left[reader].discard(name)
            if not left[reader]:
                free.append(reader)
    return [*found, *sorted(set(left) - set(found))]


def all_below(names: Iterable[str], rests_on: Mapping[str, Collection[str]]) -> set[str]:
    """These names with everything that they rest on, near or far."""
    found: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(rests_on.get(name, ()))
    return found
