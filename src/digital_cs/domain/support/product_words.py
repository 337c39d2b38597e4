"""Words of the product: those that the library writes with a capital, again and again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

TITLES = 2
"""Titles that a word stands in, at least: a person who is told of once is no word of a product."""

_SHORTEST = 3
_WORD = re.compile(r"(?<![\w'’-])[A-Za-z]\w*(?![\w'’-])", re.ASCII)
"""Plain words only: what has an accent or an apostrophe may be a name that is written otherwise."""


def product_words(titles: Iterable[str], areas: Iterable[str]) -> frozenset[str]:
    """In small letters: words with a capital in two titles or more, and the words of areas.

    Who keeps them in texts of customers must take out the names of people and accounts first.
    """
    stands = Counter(
        word for title in titles for word in set(_WORD.findall(title)) if word[0].isupper()
    )
    often = {word.lower() for word, count in stands.items() if count >= TITLES}
    named = {word.lower() for area in areas for word in re.split(r"[\s_-]+", area)}
    return frozenset(
        word for word in often | named if len(word) >= _SHORTEST and _WORD.fullmatch(word)
    )
