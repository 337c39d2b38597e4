"""What is learned from the texts of tickets without their names, in threads that can be ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from digital_cs.domain.support.topic_proposal import Group
from digital_cs.domain.support.topic_suggestion import Member, Stranger, Suggestion, suggest
from digital_cs.errors import DigitalCsError
from digital_cs.ingest.support.ticket_samples import without_names
from digital_cs.store.support.ticket_texts import Placed, WithText

T = TypeVar("T")
Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""

_NAMES = "leaving out names"
_SOME = 100


class StoppedError(DigitalCsError):
    """The work was stopped before its end. Nothing was changed; start it again."""


def unheard(_what: str, _done: int, _of: int) -> None:
    """For who wants to be told nothing."""


async def in_thread(work: Callable[[Tell], T], tell: Tell) -> T:
    """Do work that tells how far it is, in a thread.

    A thread cannot be ended from outside, and the process would wait for it: so when who waits
    is cancelled, the work is ended where it tells next.
    """
    stopped = threading.Event()

    def told(what: str, done: int, of: int) -> None:
        if stopped.is_set():
            raise StoppedError
        tell(what, done, of)

    try:
        return await asyncio.to_thread(work, told)
    except asyncio.CancelledError:
        stopped.set()
        raise


def learned(taught: Sequence[WithText], keep: Collection[str], tell: Tell) -> bytes | None:
    """What tickets teach about their topics; None where that is too little.

    keep, here and below: words of the product, which are left in the texts.
    """
    from digital_cs.topics.errors import TooLittleError
    from digital_cs.topics.model import TopicModel

    texts = _without_names(taught, keep, tell)
    tell("learning", 0, len(texts))
    try:
        pairs = [(text, each.topic or "") for each, text in zip(taught, texts, strict=True)]
        return TopicModel.learn(pairs).to_bytes()
    except TooLittleError:
        return None


def groups(found: Sequence[WithText], keep: Collection[str], tell: Tell) -> tuple[list[Group], int]:
    """Groups of tickets that say the same, and how many tickets are like no other."""
    from digital_cs.topics.proposals import propose

    texts = _without_names(found, keep, tell)
    ids = [each.id for each in found]
    proposals = propose(list(zip(ids, texts, strict=True)), tell=tell)
    grouped = [
        Group(each.ids, each.words, each.typical, each.cohesion) for each in proposals.groups
    ]
    return grouped, len(proposals.left)


def suggested(
    inside: Iterable[WithText], outside: Iterable[Placed], keep: Collection[str], precision: float
) -> Suggestion | None:
    """A rule that catches a group and hardly others, of words that are nobody's name."""
    return suggest(
        [Member(without_names(each, keep), each.tags, each.account or each.id) for each in inside],
        [Stranger(each.text, each.tags, each.of) for each in outside],
        precision,
    )


def _without_names(found: Sequence[WithText], keep: Collection[str], tell: Tell) -> list[str]:
    texts = []
    for place, each in enumerate(found):
        if place % _SOME == 0:
            tell(_NAMES, place, len(found))
        texts.append(without_names(each, keep))
    return texts
