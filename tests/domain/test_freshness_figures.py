"""The figures of freshness, to the last one, on a library that one can count by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from digital_cs.domain.content.content_item import ContentItem, Mark
from digital_cs.domain.content.freshness import Interval, State
from digital_cs.domain.content.freshness_figures import (
    Figures,
    Mailing,
    Part,
    ReviewCounts,
    figures,
    state_then,
)
from digital_cs.domain.content.review_policy import Kind

MONTH = Interval.parse("30 days")


def item(id: str, **rest: Any) -> ContentItem:
    values = {"added_on": date(2026, 1, 1), "review_every": MONTH, **rest}
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return ContentItem(id, "content", id, Kind.BLOCK, id, edited_at=at, **values)


def march(day: int) -> date:
    return date(2026, 3, day)


def found(
    *items: ContentItem, past: list[Mailing] | None = None, ahead: list[Mailing] | None = None,
    reviewed: dict[str, list[date]] | None = None,
) -> Figures:  # fmt: skip
    shows = {"one": ["a", "b"], "two": ["b", "unknown"]}
    return figures(
        items, march(20), shows=shows, reviewed=reviewed or {}, past=past or [], ahead=ahead,
        reviews=ReviewCounts(4, 3, 5, 1),
    )  # fmt: skip


def test_what_was_fresh_on_the_day_that_it_was_sent_counts_once_a_reader_and_item() -> None:
    """`a` is reviewed on 1 February and 10 March: stale from 3 until 9 March. `b` is fresh."""
    told = found(
        item("a", reviewed_on=march(10)), item("b", reviewed_on=march(1)),
        reviewed={"a": [date(2026, 2, 1), march(10)]},
        past=[
            Mailing("one", march(2), 10),  # a and b fresh: 20 of 20
            Mailing("one", march(3), 5),  # the due date is overdue: 5 of 10
            Mailing("one", march(9), 1),  # 1 of 2
            Mailing("one", march(10), 3),  # 6 of 6
            Mailing("two", march(9), 4),  # only b is of this library: 4 of 4
            Mailing("three", march(9), 100),  # shows nothing of it
        ],
    )  # fmt: skip
    assert told.past == Part(36, 42)
    assert told.past.share == pytest.approx(36 / 42)
    assert told.ahead is None


def test_what_will_be_fresh_goes_by_what_is_known_now() -> None:
    told = found(
        item("a", reviewed_on=march(1)), item("b", reviewed_on=date(2026, 2, 1)),
        ahead=[Mailing("one", march(25), 10), Mailing("one", march(31), 2)],
    )  # fmt: skip
    assert told.ahead == Part(10, 24)


def test_the_median_is_of_what_is_stale_from_the_day_it_is_due() -> None:
    items = [item(f"i{n}", reviewed_on=day) for n, day in enumerate(
        (date(2026, 2, 18), date(2026, 2, 10), date(2026, 1, 10), march(15)))]  # fmt: skip
    told = found(*items)
    assert (told.overdue, told.median_overdue) == (3, 8.0)
    blocked = item("x", reviewed_on=march(1), blocked=Mark("Wrong.", "ada", _at(2)))
    assert (found(blocked).overdue, found(blocked).median_overdue) == (0, None)
    even = found(item("a", reviewed_on=date(2026, 2, 18)), item("b", reviewed_on=date(2026, 2, 17)))
    assert even.median_overdue == 0.5


def test_of_nothing_there_is_no_share() -> None:
    assert found().past == Part(0, 0)
    assert Part(0, 0).share is None


def _at(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


class TestThen:
    def test_a_later_review_was_not_known(self) -> None:
        kept = item("a", reviewed_on=march(10))
        assert state_then(kept, [march(10)], march(9)) is State.STALE
        assert state_then(kept, [march(10)], march(10)) is State.DUE_SOON

    def test_before_it_came_nothing_was_known_of_it(self) -> None:
        kept = item("a", added_on=march(5), reviewed_on=march(10))
        assert state_then(kept, [march(10)], march(4)) is None
        assert state_then(kept, [march(10)], march(5)) is State.DUE_SOON
        assert state_then(kept, [march(1), march(10)], march(4)) is State.DUE_SOON

    def test_a_block_and_evidence_count_from_when_they_came(self) -> None:
        kept = item("a", reviewed_on=march(1), blocked=Mark("Wrong.", "ada", _at(8)))
        assert state_then(kept, [], march(7)) is State.DUE_SOON
        assert state_then(kept, [], march(8)) is State.BLOCKED
        doubted = item("a", reviewed_on=march(1), stale_on=march(6), stale_because="Broken links.")
        assert state_then(doubted, [], march(5)) is State.DUE_SOON
        assert state_then(doubted, [], march(6)) is State.STALE

    def test_what_helped_later_did_not_renew_it_yet(self) -> None:
        kept = item("a", reviewed_on=date(2026, 2, 1), renewed_on=march(10))
        assert state_then(kept, [], march(9)) is State.STALE
        assert state_then(kept, [], march(10)) is State.DUE_SOON
