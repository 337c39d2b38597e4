"""Long work on texts tells how far it is, and ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading

import pytest

from digital_cs.ingest.support.topic_texts import StoppedError, Tell, groups, in_thread, learned
from digital_cs.store.support.ticket_texts import WithText
from tests.ingest.topic_desk import THEMES


async def test_work_ends_where_it_tells_next_once_who_waits_is_cancelled() -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(tell: Tell) -> None:
        try:
            while True:
                tell("going round", 0, 1)
                begun.set()
        except StoppedError:
            ended.set()
            raise

    waiting = asyncio.create_task(in_thread(endless, lambda *_: None))
    assert await asyncio.to_thread(begun.wait, 30)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(ended.wait, 30)


def test_each_step_of_grouping_and_learning_is_told() -> None:
    found = [
        WithText(f"{theme}-{place}", text, (), theme)
        for theme, texts in THEMES.items()
        for place, text in enumerate(texts * 3)
    ]
    told: list[tuple[str, int, int]] = []
    groups(found, frozenset(), lambda *each: told.append(each))
    learned(found, frozenset(), lambda *each: told.append(each))
    assert all(0 <= done <= of for _, done, of in told)
    assert list(dict.fromkeys(what for what, _, _ in told)) == [
        "leaving out names", "reading", "comparing", "trying how many groups", "learning"
    ]  # fmt: skip
