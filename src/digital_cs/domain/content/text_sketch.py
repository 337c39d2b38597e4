"""A small sketch of a text, by which it is known again after it was moved and edited."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

SIZE = 48
_SHORTEST = 4


def content_hash(title: str, body: str) -> str:
    """The hash of what a reader reads: title and text, not dates, owners or line ends."""
    text = f"{title.strip()}\n\n{body.strip()}".replace("\r\n", "\n")
    return blake2b(text.encode(), digest_size=16).hexdigest()


def sketch(body: str) -> tuple[int, ...]:
    """The smallest hashes of its different lines: at most 48 signed 64-bit numbers, ascending.

    Empty for a text of a line or two, by which nothing can be known again.
    """
    lines = {" ".join(line.split()) for line in body.splitlines()}
    hashes = sorted(
        int.from_bytes(blake2b(line.encode(), digest_size=8).digest(), "big", signed=True)
        for line in lines
        if len(line) >= _SHORTEST
    )
    return tuple(hashes[:SIZE]) if len(hashes) > 2 else ()


def likeness(one: Sequence[int], other: Sequence[int]) -> float:
    """About which share of the lines of both stands in both, from 0 to 1."""
    union = sorted({*one, *other})[:SIZE]
    if not union:
        return 0.0
    both = set(one) & set(other)
    return sum(value in both for value in union) / len(union)
