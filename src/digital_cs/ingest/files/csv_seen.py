"""Which rows of a file came before: eight bytes of each, in a table that never grows too large."""

from __future__ import annotations

import hashlib
from array import array
from typing import NamedTuple

FIRST_SLOTS = 1 << 12
MOST_SLOTS = 1 << 22
"""What a slot holds is 16 bytes: so at most 64 MB, for 2.9 million rows."""
_FULL = 0.7


class Before(NamedTuple):
    """An earlier row of the same key: where it stands, and whether it said the same."""

    line: int
    same: bool


class Seen:
    """Keys of rows, each with its last line and a print of what it said.

    Open addressing in plain arrays: a dict of the same rows takes fifteen times the memory. Of
    keys only a hash is kept; the chance that any two of three million meet is 1 in 4 million.
    When it is full, later keys are not remembered: their repeats are harmless, and not told.
    """

    def __init__(self, most: int = MOST_SLOTS) -> None:
        self._most = most
        self._count = 0
        self._make(min(FIRST_SLOTS, most))

    def _make(self, slots: int) -> None:
        self._mask = slots - 1
        self._keys = array("Q", bytes(8 * slots))
        self._lines = array("I", bytes(4 * slots))
        self._prints = array("I", bytes(4 * slots))

    def __len__(self) -> int:
        return self._count

    def put(self, key: str, said: str, line: int, *, keep_first: bool = False) -> Before | None:
        """Remember a row; returns the one of the same key before it, if there was one.

        With `keep_first`, the earlier row stays the one that later ones are compared with.
        """
        hashed = _hash(key)
        printed = _hash(said) & 0xFFFFFFFF
        slot = self._find(hashed)
        if self._keys[slot]:
            before = Before(self._lines[slot], self._prints[slot] == printed)
            if not keep_first:
                self._lines[slot], self._prints[slot] = line & 0xFFFFFFFF, printed
            return before
        if self._count >= _FULL * len(self._keys):
            if len(self._keys) * 2 > self._most:
                return None
            self._grow()
            slot = self._find(hashed)
        self._keys[slot] = hashed
        self._lines[slot], self._prints[slot] = line & 0xFFFFFFFF, printed
        self._count += 1
        return None

    def _find(self, hashed: int) -> int:
        keys, mask = self._keys, self._mask
        slot = hashed & mask
        while keys[slot] and keys[slot] != hashed:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        keys, lines, prints = self._keys, self._lines, self._prints
        self._make(2 * len(keys))
        for old, hashed in enumerate(keys):
            if hashed:
                slot = self._find(hashed)
                self._keys[slot] = hashed
                self._lines[slot], self._prints[slot] = lines[old], prints[old]


def _hash(text: str) -> int:
    """64 bits, never 0 (which marks a free slot). Not `hash()`: that is not alike everywhere."""
    data = text.encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") or 1
