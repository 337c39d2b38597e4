"""What of a text counts: words cut short, pairs of them, and pieces of words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

READ = 1_000
"""Characters of a text that are read: what somebody wants stands at the beginning."""

SHORT = 2
"""Letters of a word that tells people nothing: "it", "my", "to"."""

STEM = 6
"""Letters by which a word is known: "delivery" and "delivered" are one, in most languages."""

NEAR = 12
"""Words so far apart still make a pair. Of a short question, all do."""

Item = TypeVar("Item")

_NOT_WORDS = re.compile(
    r"\S+@\S+|(?:https?://|www\.)\S+|<[^<>]{0,200}>"
    r"|\[(?:name|address|number|code|link)\]"  # what `scrub` left in their place
)
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"\w+")


def plain(text: str, most: int = READ) -> str:
    """The first characters in small letters, without addresses and links, every digit a 0.

    So an amount is an amount and no number of an order is ever learned.
    """
    read = unicodedata.normalize("NFKC", text[:most]).casefold().replace("’", "'")
    return _DIGIT.sub("0", _NOT_WORDS.sub(" ", read))


def words(text: str) -> list[str]:
    """The words of a plain text, whole, in their order."""
    return _WORD.findall(text)


def stem(word: str) -> str:
    """A word by its beginning."""
    return word[:STEM]


def single(text: str) -> list[str]:
    """The stems of a plain text."""
    return [stem(word) for word in words(text)]


def in_a_row(text: str) -> list[str]:
    """The stems of a plain text, and each two that follow each other."""
    stems = single(text)
    return stems + [f"{one}>{two}" for one, two in pairwise(stems)]


def together(text: str, near: int = NEAR) -> list[str]:
    """The stems of a plain text, each two in a row, and each two near each other in any order."""
    stems = single(text)
    found = in_a_row(text)
    for place, one in enumerate(stems):
        for two in stems[place + 1 : place + 1 + near]:
            found.append(f"{one} {two}" if one < two else f"{two} {one}")
    return found


def stems_of(name: str) -> list[str]:
    """The one or two stems in the name of a column."""
    return name.replace(">", " ").split(" ")


def as_written(stems: Sequence[str], text: str, most: int) -> tuple[str, ...]:
    """The first words of a plain text that these stems stand for, in the order of the stems."""
    first = {stem(word): word for word in reversed(words(text))}
    found = [first[one] for one in stems if one in first and len(one) > SHORT]
    return tuple(found[:most])


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of them, evenly from the first to the last."""
    count = min(len(items), most)
    return [items[place * len(items) // count] for place in range(count)]
