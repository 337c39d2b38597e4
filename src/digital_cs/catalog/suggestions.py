"""Finds the word that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most like `word`, in whatever case it was written, or None."""
    by_folded = {each.casefold().replace("_", "-"): each for each in known}
    wanted = word.casefold().replace("_", "-").replace(" ", "-")
    close = difflib.get_close_matches(wanted, by_folded, n=1, cutoff=cutoff)
    return by_folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """ "Did you mean 'send'?" """
    found = nearest(word, known)
    return f"Did you mean '{found}'?" if found is not None else None


def one_of(known: Iterable[str]) -> str:
    """ "It is one of: low, normal, high." """
    return f"It is one of: {', '.join(known)}."
