"""A late feed is known to be late: when, by how much, and what waits for it (P9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from digital_cs.domain.source import Source, late_sources, length_words
from tests.rig import MONDAY as NOW

HOUR = timedelta(hours=1)


def source(
    name: str = "api", kind: str = "api", lag: timedelta | None = HOUR, **rest: Any
) -> Source:
    through = None if lag is None else NOW - lag
    feeds = rest.pop("feeds", ("usage",))
    return Source(name, kind, feeds, through, NOW - HOUR, 1, 0, 0.0, **rest)


@pytest.mark.parametrize(
    ("found", "late"),
    [
        (source(lag=26 * HOUR), False),
        (source(lag=26 * HOUR + timedelta(seconds=1)), True),
        (source(kind="csv", lag=40 * HOUR), False),
        (source(kind="csv", lag=49 * HOUR), True),
        (source(kind="zendesk", lag=3 * HOUR), True),
        (source(lag=3 * HOUR, expected_every=2 * HOUR), True),
        (source(lag=99 * HOUR, expected_every=100 * HOUR), False),
        (source(lag=99 * HOUR, retired_at=NOW), False),
        (source(lag=None), False),  # it came an hour ago for the first time
        (source(lag=None, expected_every=HOUR / 2), True),
        (source("csv:accounts", lag=None, feeds=("accounts",), expected_every=HOUR / 2), False),
        (source("crm", lag=3 * HOUR, feeds=("accounts",), expected_every=HOUR / 2), True),
        (source(lag=-HOUR), False),  # its clock is ahead of ours
    ],
)
def test_p9_a_source_is_late_when_its_data_is_older_than_expected(
    found: Source, late: bool
) -> None:
    assert found.late(NOW) is late


def test_p9_the_one_that_nobody_knows_and_then_the_oldest_come_first() -> None:
    found = [source("a", lag=30 * HOUR), source("b", lag=90 * HOUR), source("c", lag=HOUR),
             source("d", lag=None, expected_every=HOUR / 2)]  # fmt: skip
    assert [each.name for each in late_sources(found, NOW)] == ["d", "b", "a"]


def test_a_late_source_is_told_in_one_sentence() -> None:
    assert source(lag=30 * HOUR).late_words(NOW) == (
        "The source api is 30 hours behind, and 26 hours are expected at most; what is judged by"
        " usage waits for it."
    )
    assert source("csv:usage", lag=None).late_words(NOW) == (
        "The source csv:usage has not said yet how far it is complete; what is judged by usage"
        " waits for it."
    )


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=9), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_a_length_is_told_as_people_say_it(length: timedelta, words: str) -> None:
    assert length_words(length) == words
