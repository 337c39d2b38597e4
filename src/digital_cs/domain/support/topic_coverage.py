"""Whether the library answers a topic: with which article, whether that is fresh, and what else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from digital_cs.domain.content.freshness import State

ENOUGH = 0.3
"""The share of a topic's questions that an article must answer to be the article of the topic.

Each question votes. Measured against the mean of what all score (`make bench-topics`), that says
"none" as well where one article answers, and still finds the article where two share a topic.
"""


class Standing(StrEnum):
    """How a topic stands to the library."""

    FRESH = "covered and fresh"
    STALE = "covered but stale"
    MISSING = "not covered"
    BUG = "a bug"


@dataclass(frozen=True, slots=True)
class Article:
    """An article of the library as it stands today. `topic`: the one it states to be about."""

    id: str
    title: str
    state: State
    url: str | None = None
    owner: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the library has for a topic. `answers`: the share of the questions it answers.

    `stated`: the article says itself that it is about this topic.
    """

    standing: Standing
    article: Article | None = None
    answers: float = 0.0
    stated: bool = False

    def words(self) -> str:
        """What follows from it; of an article that was only found, how far it is to be believed."""
        if self.standing is Standing.STALE and self.article is not None:
            found = "" if self.stated else f" ({self._found_by()})"
            return f"“{self.article.title}” needs a review first{found}"
        if self.standing is Standing.FRESH and self.article is not None:
            only_if = "" if self.stated else f", if it answers this: {self._found_by()}"
            return f"“{self.article.title}” can be shown{only_if}"
        if self.standing is Standing.MISSING:
            return "an article is to be written"
        return "to be mended, not explained"

    def _found_by(self) -> str:
        return f"found by {self.answers:.0%} of the questions, and states none of the topics"


def coverage(
    topic: str, *, bug: bool, answers: Sequence[Sequence[tuple[str, float]]],
    articles: Mapping[str, Article],
) -> Coverage:  # fmt: skip
    """How a topic stands, from what was found for each of its questions.

    `answers`: for each question the articles that may answer it, with a score from 0 to 1, the
    best first; empty where none does. An article that states the topic needs no question, and one
    that states another is never taken for this one: somebody said what it is about.
    """
    if bug:
        return Coverage(Standing.BUG)
    stated = [each for each in articles.values() if each.topic == topic and _there(each)]
    shares = _shares(answers)
    likely = [
        articles[id]
        for id, share in shares.items()
        if share >= ENOUGH and _there(articles.get(id)) and articles[id].topic is None
    ]
    for found, says_so in ((stated, True), (likely, False)):
        best = _best(found, shares)
        if best is not None:
            fresh = best.state in (State.FRESH, State.DUE_SOON)
            standing = Standing.FRESH if fresh else Standing.STALE
            return Coverage(standing, best, shares.get(best.id, 0.0), says_so)
    return Coverage(Standing.MISSING)


def _shares(answers: Sequence[Sequence[tuple[str, float]]]) -> dict[str, float]:
    """The share of the questions whose best answer each article is."""
    votes: dict[str, int] = defaultdict(int)
    for found in answers:
        if found:
            votes[found[0][0]] += 1
    return {id: count / len(answers) for id, count in sorted(votes.items())}


def _there(article: Article | None) -> bool:
    return article is not None and article.state is not State.RETIRED


def _best(found: Iterable[Article], shares: Mapping[str, float]) -> Article | None:
    """A fresh one before a stale one, then the one that answers most."""
    return min(
        found,
        key=lambda each: (
            each.state in (State.STALE, State.BLOCKED), -shares.get(each.id, 0.0), each.id
        ),
        default=None,
    )  # fmt: skip
