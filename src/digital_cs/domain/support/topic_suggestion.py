"""A rule for a group of tickets: tags and phrases that they have, and that hardly others have."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from digital_cs.domain.support.topic import Terms, TopicRule
from digital_cs.domain.support.topic_words import END, stem, tag_key, written

PRECISE = 0.9
"""Of all tickets that a suggested rule catches, the share that is of the group, at least."""
MOST_TERMS = 8
LONGEST = 3
"""Words of a phrase."""
FEWEST_ACCOUNTS = 3
"""What fewer accounts write may be one customer's way of speaking."""
LEAST_MORE = 0.05
"""The share of the group that each tag or phrase must add to what the ones before it catch: a rule
of a few plain terms is read and kept, one of twenty odd ones is not."""
TELLING = 2
"""How many times as often as others the group must use the words a phrase begins and ends with."""

_LEFT_OUT = re.compile(r"\[(?:name|address|number|code|link)\]")
_Key = str | tuple[str, ...]
"""A tag, or a phrase by its stems."""


@dataclass(frozen=True, slots=True)
class Member:
    """A ticket of the group, its text without names. `asker` is the account, or the ticket."""

    text: str
    tags: Sequence[str] = ()
    asker: str = ""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Another ticket, as it is written. `of`: its topic, its proposal as "#7", or None."""

    text: str
    tags: Sequence[str] = ()
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule, how many of the group's tickets it catches, and which others, the most first."""

    rule: TopicRule
    caught: int
    group: int
    others: Mapping[str | None, int]

    @property
    def precision(self) -> float:
        """The share of what it catches that is of the group."""
        return self.caught / (self.caught + sum(self.others.values()))


@dataclass(slots=True)
class _Term:
    """A tag or phrase as it is written first, and the places of the tickets that have it."""

    written: str
    here: set[int] = field(default_factory=set)
    there: set[int] = field(default_factory=set)


def suggest(
    members: Sequence[Member], strangers: Sequence[Stranger], precision: float = PRECISE
) -> Suggestion | None:
    """The rule that catches most of a group while `precision` (0 to 1) holds; None if none does.

    Each tag or phrase stands in tickets of three accounts or more, and is as precise by itself.
    Costs a look at each text: 20,000 of 1,000 characters take some seconds.
    """
    least = max(1.0, LEAST_MORE * len(members))
    terms, used = _candidates(members, least)
    usual = _look_for(terms, strangers)
    fit = {
        key: term
        for key, term in terms.items()
        if len(term.here) >= precision * (len(term.here) + len(term.there))
        and (isinstance(key, str) or _is_telling(key, used, len(members), usual, len(strangers)))
    }
    chosen = _cover(fit, precision, least)
    if not chosen:
        return None
    here = set[int]().union(*(fit[key].here for key in chosen))
    there = set[int]().union(*(fit[key].there for key in chosen))
    rule = TopicRule(
        any=Terms(
            tags=tuple(fit[key].written for key in chosen if isinstance(key, str)),
            phrases=tuple(fit[key].written for key in chosen if not isinstance(key, str)),
        )
    )
    others = Counter(strangers[place].of for place in there)
    return Suggestion(rule, len(here), len(members), dict(others.most_common()))


def _candidates(members: Sequence[Member], least: float) -> tuple[dict[_Key, _Term], Counter[str]]:
    """What enough of the group write, and how many of its texts have each word."""

    def usual(term: _Term) -> bool:
        askers = {members[place].asker or place for place in term.here}
        return len(term.here) >= least and len(askers) >= FEWEST_ACCOUNTS

    tags: dict[_Key, _Term] = {}
    texts = [written(_LEFT_OUT.sub(". ", member.text)) for member in members]
    stems = [tuple(map(stem, words)) for words in texts]
    for place, member in enumerate(members):
        for tag in member.tags:
            tags.setdefault(tag_key(tag), _Term(tag)).here.add(place)
    kept = {key: term for key, term in tags.items() if usual(term)}
    for size in range(1, LONGEST + 1):
        found: dict[_Key, _Term] = {}
        for place, (words, keys) in enumerate(zip(texts, stems, strict=True)):
            for at in range(len(words) - size + 1):
                part, key = words[at : at + size], keys[at : at + size]
                # No phrase is more usual than its parts, and of most, a part is not usual enough.
                known = key[1:] in kept and key[:-1] in kept if size > 1 else part[0].isalpha()
                if known:
                    found.setdefault(key, _Term(" ".join(part))).here.add(place)
        kept |= {key: term for key, term in found.items() if usual(term)}
    return kept, Counter(word for keys in stems for word in set(keys))


def _look_for(terms: Mapping[_Key, _Term], strangers: Iterable[Stranger]) -> Counter[str]:
    """Note for each term where else it stands; how many of these texts have each word."""
    sizes: dict[str, set[int]] = defaultdict(set)
    for key in terms:
        if not isinstance(key, str):
            sizes[key[0]].add(len(key))
    usual = Counter[str]()
    for place, stranger in enumerate(strangers):
        words = [word if word == END else stem(word) for word in written(stranger.text)]
        usual.update(set(words))
        keys: set[_Key] = {tag_key(tag) for tag in stranger.tags}
        for at, word in enumerate(words):
            keys.update(tuple(words[at : at + size]) for size in sizes.get(word, ()))
        for key in keys & terms.keys():
            terms[key].there.add(place)
    return usual


def _is_telling(
    phrase: tuple[str, ...], used: Counter[str], members: int, usual: Counter[str], strangers: int
) -> bool:
    """Whether it begins and ends with words of the group: no "of the", no "account but it"."""
    return all(
        used[word] * strangers >= TELLING * usual[word] * members
        for word in (phrase[0], phrase[-1])
    )


def _cover(fit: Mapping[_Key, _Term], precision: float, least: float) -> list[_Key]:
    """Terms that together catch most, each time the one that adds most and costs least.

    Each is precise enough; together they may not be, where they catch the same of the group and
    different others.
    """
    chosen: list[_Key] = []
    here, there = set[int](), set[int]()
    left = dict(fit)
    while len(chosen) < MOST_TERMS:
        # What adds too little now never adds more later.
        left = {key: term for key, term in left.items() if len(term.here - here) >= least}
        if not left:
            break
        best = min(
            left,
            key=lambda key: (
                len(left[key].there - there) - len(left[key].here - here),
                not isinstance(key, str), -len(key), left[key].written,
            ),
        )  # fmt: skip
        term = left.pop(best)
        caught, others = len(here | term.here), len(there | term.there)
        if caught >= precision * (caught + others):
            chosen.append(best)
            here |= term.here
            there |= term.there
    return chosen
