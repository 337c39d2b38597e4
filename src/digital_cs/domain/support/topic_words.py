"""The words of a text as rules of topics compare them, and phrases found among them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

GAP = "…"
"""In a phrase: up to three words may stand here."""
WIDEST_GAP = 3

END = "\n"
"""Where a sentence ends: no phrase goes on after it."""

_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
"""Scripts written without spaces: each of their characters is a word."""
_TOKEN = re.compile(
    rf"(?P<end>[.!?;:](?=\s|$)|[\u3002\uff01\uff1f]|\n\s*\n)"
    rf"|[{_NO_SPACES}]|(?:(?![{_NO_SPACES}_])\w)+(?:['\u2019](?:(?![{_NO_SPACES}_])\w)+)*"
)
_ONE_LETTER = re.compile(r"\b([a-z])-(?=[a-z])")  # e-mail is email
_PLAIN = re.compile(r"[a-z]+")
_VOWEL = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")
_AS_THEY_ARE = frozenset({"news", "status", "always", "plus", "sms", "dns", "https", "css", "rss"})


def tokens(text: str) -> list[str]:
    """The words of a text in their order, without case and the endings of English words."""
    return [each if each == END else stem(each) for each in written(text)]


def written(text: str) -> list[str]:
    """The same with their endings, as somebody wrote them; END where a sentence ends."""
    plain = _ONE_LETTER.sub(r"\1", unicodedata.normalize("NFKC", text).casefold())
    return [
        END if found["end"] else found[0].replace("\u2019", "'") for found in _TOKEN.finditer(plain)
    ]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word in small letters without the usual English ending: importing, imports -> import.

    Cruder than what dictionaries know, and the same for rule and ticket, which is all it takes.
    """
    word = word.removesuffix("'s")
    if not _PLAIN.fullmatch(word) or len(word) < 4 or word in _AS_THEY_ARE:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ied", "ing", "ed"):
        if word.endswith(ending):
            rest = word[: -len(ending)] + ("y" if ending == "ied" else "")
            if len(rest) >= 3 and _VOWEL.search(rest):
                word = _DOUBLED.sub(r"\1", rest)
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def parts_of(phrase: str) -> tuple[tuple[str, ...], ...]:
    """The words of a phrase, in parts between its gaps; none if there is no word in it."""
    parts = (tokens(part) for part in re.split(rf"\.\.\.|{GAP}", phrase))
    kept = (tuple(word for word in part if word != END) for part in parts)
    return tuple(part for part in kept if part)


def size(phrase: str) -> int:
    """How many words a phrase has."""
    return sum(map(len, parts_of(phrase)))


def tag_key(tag: str) -> str:
    """A tag as tags are compared: case, spaces, underscores and hyphens make no difference."""
    return re.sub(r"[\s_-]+", "_", unicodedata.normalize("NFKC", tag).casefold().strip())


class Phrases:
    """Finds many phrases in a text at once: each word is looked up, not each phrase."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_word: dict[str, list[tuple[str, tuple[tuple[str, ...], ...]]]] = {}
        for phrase in dict.fromkeys(phrases):
            parts = parts_of(phrase)
            if parts:
                self._by_word.setdefault(parts[0][0], []).append((phrase, parts))

    def within(self, text: str) -> frozenset[str]:
        """The phrases that stand in a text, as they were given."""
        return frozenset(self._found(tokens(text)))

    def _found(self, words: Sequence[str]) -> Iterator[str]:
        for place, word in enumerate(words):
            for phrase, parts in self._by_word.get(word, ()):
                if _stands(parts, words, place):
                    yield phrase


def _stands(parts: tuple[tuple[str, ...], ...], words: Sequence[str], place: int) -> bool:
    """Whether the parts stand there, the first at `place`, each other soon after the one before.

    Tries every place of a gap: the first fit of one part may leave no room for the next.
    """
    first, *others = parts
    if tuple(words[place : place + len(first)]) != first:
        return False
    if not others:
        return True
    after = place + len(first)
    for start in range(after, after + WIDEST_GAP + 1):
        if _stands(tuple(others), words, start):
            return True
        if start >= len(words) or words[start] == END:
            return False
    return False
