"""Text that many messages share, with gaps for what is of one message only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

# Neither a template nor a value holds these (tags.tokenize, filters.one_line).
_OPEN, _CLOSE = "\x02", "\x03"
_PLACE = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


class Frame:
    """Texts with a gap after each; the very same object in many messages.

    `raw` are the texts in UTF-8, with room for what is in the gaps. `wire` is for whoever puts
    messages into another form: what the texts are there.
    """

    __slots__ = ("raw", "texts", "wire")

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.raw = [b""] * (2 * len(texts))
        self.raw[::2] = [text.encode() for text in texts]
        self.wire: Any = None


class Filled(NamedTuple):
    """The text of one message: frames one after the other, and what is in all their gaps."""

    frames: Sequence[Frame]
    gaps: Sequence[str]

    def __str__(self) -> str:
        texts = chain.from_iterable(frame.texts for frame in self.frames)
        return "".join(chain.from_iterable(zip(texts, self.gaps, strict=True)))

    def raw(self) -> list[bytes]:
        """The text in UTF-8, in pieces."""
        pieces: list[bytes] = []
        for frame in self.frames:
            pieces += frame.raw
        pieces[1::2] = map(str.encode, self.gaps)
        return pieces


def filled(text: str) -> Filled:
    """A text that no other message has."""
    return Filled((Frame((text,)),), ("",))


class Draft:
    """Text as it is written down, with the number of what is to come into each gap."""

    def __init__(self) -> None:
        self.texts = [""]
        self.gaps: list[int] = []

    def say(self, text: str) -> None:
        """Text that is the same for all; at each of its places (see `place`) there is a gap."""
        for nth, piece in enumerate(_PLACE.split(text)):
            if nth % 2:
                self.leave(int(piece))
            else:
                self.texts[-1] += piece

    def leave(self, gap: int) -> None:
        """A gap."""
        self.gaps.append(gap)
        self.texts.append("")


class Slots:
    """Text with places, to be filled as a whole."""

    __slots__ = ("_pieces", "numbers")

    def __init__(self, text: str) -> None:
        self._pieces = _PLACE.split(text)
        self.numbers = [int(number) for number in self._pieces[1::2]]

    def filled(self, values: Sequence[str]) -> str:
        """The text with these values in it."""
        return self.said(values[number] for number in self.numbers)

    def said(self, each: Iterable[str]) -> str:
        """The text with one of these at each place."""
        pieces = self._pieces.copy()
        pieces[1::2] = each
        return "".join(pieces)


def picker(numbers: Sequence[int]) -> Callable[[Sequence[T]], tuple[T, ...]]:
    """Takes from a sequence what has these numbers."""
    match numbers:
        case []:
            return lambda _: ()
        case [number]:
            return lambda known: (known[number],)
    return itemgetter(*numbers)


def place(number: int) -> str:
    """Stands in a text for the value of this number."""
    return f"{_OPEN}{number}{_CLOSE}"


def has_places(text: str) -> bool:
    """Whether there is a place in it."""
    return _OPEN in text


def most_uses(text: str) -> int:
    """How many places the value has that has most of them; at least 1."""
    numbers = _PLACE.findall(text)
    return max(map(numbers.count, numbers), default=1)
