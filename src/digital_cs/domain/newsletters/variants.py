"""A few variants for many accounts: each gets what suits it, and a person can read them all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

Wish = tuple[str, ...]
"""What would suit an account, and nothing else may be shown to it: the best first."""

_PLAIN = "plain"
_WITH_MESSAGES = re.compile(r"(.+)-m\d+")

MOST_CONSIDERED = 400
"""So many different wishes, the most frequent ones, are looked at for variants of their own."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One text, the best item first, and how many accounts get it. `name` is "" for the plain one,
    which has nothing of its own."""

    name: str
    items: tuple[str, ...]
    accounts: int


@dataclass(frozen=True, slots=True)
class Odd:
    """Accounts that would have been shown more, had they a variant of their own."""

    wish: Wish
    variant: str
    accounts: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The variants, the most read first, and which of them a wish gets."""

    variants: tuple[Variant, ...]
    of: Mapping[Wish, str]
    odd: tuple[Odd, ...]


def with_messages(variant: str, number: int) -> str:
    """The name of a variant with a set of messages that go along with it."""
    return f"{variant or _PLAIN}-m{number}"


def without_messages(variant: str) -> str | None:
    """The name of the variant without them; None: it has none."""
    found = _WITH_MESSAGES.fullmatch(variant)
    if found is None:
        return None
    return "" if found[1] == _PLAIN else found[1]


def choose(wishes: Mapping[Wish, int], most: int) -> Choice:
    """At most so many variants for wishes, given with their numbers of accounts.

    Nobody is shown what they did not wish for, so the plain variant, without anything, is always
    one of them: it suits everybody. The others are taken one by one, each time the one that adds
    most: the first item of a wish counts most, each after it half of the one before. Among equals
    the first in order of names, so that the same wishes give the same variants.

    Raises ValueError if `most` is less than one.
    """
    if most < 1:
        raise ValueError("there is at least one variant")
    ranked = sorted(wishes.items(), key=lambda each: (-each[1], each[0]))
    own = {wish for wish in wishes if wish}
    all_fit = len(own) < most
    candidates = own if all_fit else _candidates(wish for wish, _ in ranked[:MOST_CONSIDERED])
    suits = {
        variant: [(wish, gain) for wish in wishes if (gain := _worth(wish, variant)) is not None]
        for variant in candidates
    }
    best: dict[Wish, tuple[float, tuple[str, ...]]] = dict.fromkeys(wishes, (0.0, ()))
    chosen: list[tuple[str, ...]] = [()]
    while len(chosen) < most and suits:
        gains = {
            variant: sum(wishes[wish] * max(gain - best[wish][0], 0.0) for wish, gain in found)
            for variant, found in suits.items()
        }
        variant = min(gains, key=lambda each: (-gains[each], each))
        if gains[variant] <= 0:
            break
        for wish, gain in suits.pop(variant):
            if gain > best[wish][0]:
                best[wish] = (gain, variant)
        chosen.append(variant)
    return _choice(wishes, best, chosen)


def _choice(
    wishes: Mapping[Wish, int],
    best: Mapping[Wish, tuple[float, tuple[str, ...]]],
    chosen: Sequence[tuple[str, ...]],
) -> Choice:
    reach = Counter[tuple[str, ...]]()
    for wish, count in wishes.items():
        reach[best[wish][1]] += count
    read = sorted((v for v in chosen if v and reach[v]), key=lambda each: (-reach[each], each))
    names = {(): ""} | {variant: f"v{place}" for place, variant in enumerate(read, start=1)}
    variants = [Variant(names[each], each, reach[each]) for each in (*read, ())]
    odd = [
        Odd(wish, names[best[wish][1]], count)
        for wish, count in wishes.items()
        if len(best[wish][1]) < len(wish)
    ]
    odd.sort(key=lambda each: (-each.accounts, each.wish))
    return Choice(
        tuple(variants), {wish: names[variant] for wish, (_, variant) in best.items()}, tuple(odd)
    )


def _candidates(wishes: Iterable[Wish]) -> set[tuple[str, ...]]:
    """Every part of every wish, in the wish's order; of long ones only what they begin with."""
    found: set[tuple[str, ...]] = set()
    for wish in wishes:
        if wish in found:
            continue
        if len(wish) > 6:
            found.update(wish[:length] for length in range(1, len(wish) + 1))
            continue
        for length in range(1, len(wish) + 1):
            found.update(combinations(wish, length))
    return found


def _worth(wish: Wish, variant: tuple[str, ...]) -> float | None:
    """What a variant is worth to a wish; None where it has something that was not wished for."""
    places = _places(wish)
    try:
        return sum(0.5 ** places[item] for item in variant)
    except KeyError:
        return None


@lru_cache(maxsize=4096)
def _places(wish: Wish) -> Mapping[str, int]:
    return {item: place for place, item in enumerate(wish)}
