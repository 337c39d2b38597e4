"""Backtests: what a trigger would have done on history, against a computation of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from digital_cs.domain.business_calendar import EVERYWHERE, BusinessCalendar
from digital_cs.domain.trigger import Trigger
from digital_cs.ingest import backtest
from digital_cs.ingest.backtest import Backtest
from digital_cs.stack.postgres import PostgresServer
from tests.ingest import crm_usage

Connection = AsyncConnection[Any]
DAY = timedelta(days=1)
NOW = datetime(2025, 2, 1, tzinfo=UTC)
FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)
OFF = frozenset({date(2024, 7, 4), date(2024, 11, 28), date(2024, 12, 25)})
CALENDAR = BusinessCalendar(holidays={EVERYWHERE: OFF})


def trigger(name: str = "t", **parts: Any) -> Trigger:
    return Trigger.model_validate({"trigger": name, "name": name, "owner": "maya", **parts})


DROP = trigger(
    usage_drop={"over": "2 weeks", "against": "8 weeks", "falls_by": "50%", "at_least": 20},
    cooldown="60 days", clear_for="7 days",
)  # fmt: skip


async def run(connection: Connection, wanted: Trigger, first: date, last: date) -> Backtest:
    return await backtest.run(connection, wanted, first, last, CALENDAR)


def fired(result: Backtest) -> list[tuple[date, str]]:
    return [(each.day, each.account) for each in result.firings]


# Against a computation of its own


def by_hand(sample: crm_usage.Sample) -> list[tuple[date, str]]:
    """The same trigger, written down once more without anything of ours."""
    used: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in sample.rows:
        used[row.account_id][row.day] += row.n
    days = [FIRST + n * DAY for n in range(-70, (LAST - FIRST).days + 1)]
    works = [day.weekday() < 5 and day not in OFF for day in days]
    found = []
    for account, on in used.items():
        counts = [on.get(day, 0) for day in days]
        held_for, ready, fired_on, calm_for = 0, True, date.min, 0
        for at, day in enumerate(days[70:], start=70):
            recent, before = slice(at - 13, at + 1), slice(at - 69, at - 13)
            work = sum(works[recent]), sum(works[before])
            lately, was = sum(counts[recent]), sum(counts[before])
            expected = Fraction(was * work[0], work[1])
            if expected >= 20 and 2 * lately <= expected:
                held_for, calm_for = held_for + 1, 0
                if ready and held_for > 2 and (day - fired_on).days >= 60:
                    found.append((day, account))
                    ready, fired_on = False, day
            else:
                held_for, calm_for = 0, calm_for + 1
                ready = ready or calm_for > 7
    return sorted(found)


@pytest.fixture(scope="module")
def sample() -> crm_usage.Sample:
    return crm_usage.sample()


@pytest.fixture(scope="module")
def company(
    postgres: PostgresServer, template_database: str, sample: crm_usage.Sample
) -> Iterator[str]:
    """The sample in a database that these tests only read."""
    url = postgres.createdb("crm", template=template_database)

    async def fill() -> None:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await crm_usage.load(connection, sample, NOW)

    asyncio.run(fill())
    yield url
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute('drop database if exists "crm" with (force)')


def caught(found: list[tuple[date, str]], sample: crm_usage.Sample) -> tuple[int, int]:
    """How many of those who left were noticed by two weeks after, and how many there are."""
    left = {a: ends for a, ends in sample.ended.items() if ends <= LAST - 14 * DAY}
    noticed = {a for day, a in found if a in left and -60 <= (day - left[a]).days <= 14}
    return len(noticed), len(left)


async def test_a_drop_over_a_year_fires_for_whom_a_computation_by_hand_says(
    company: str, sample: crm_usage.Sample
) -> None:
    """Usage there does not fade, it stops: a week without any row counts as zero."""
    expected = by_hand(sample)
    async with await AsyncConnection.connect(company, autocommit=True) as connection:
        result = await run(connection, DROP, FIRST, LAST)
    assert len(expected) == 96
    assert sorted(fired(result)) == expected
    assert (result.unknown, result.passed_over) == ({}, 0)
    assert sum(result.by_week().values()) == len(expected)
    assert result.firings[0].words == (
        "Usage fell to 29 in 2 weeks, where 304.8 were to be expected."
    )
    assert caught(expected, sample) == (29, 34)


async def test_silence_over_months_fires_once_for_each_gap(
    company: str, sample: crm_usage.Sample
) -> None:
    """The last active day is the one that was known on that day, not the one of now."""
    first = date(2024, 9, 1)
    used = defaultdict(set)
    for row in sample.rows:
        used[row.account_id].add(row.day)
    expected, silent_already = [], 0
    for account, days in used.items():
        ordered = sorted(days)
        for day, following in pairwise([*ordered, date.max]):
            noticed = day + 10 * DAY
            silent_already += noticed < first <= following
            if noticed < following and first <= noticed <= LAST:
                expected.append((noticed, account))
    async with await AsyncConnection.connect(company, autocommit=True) as connection:
        wanted = trigger(silence={"for": "10 days"}, cooldown="1 day")
        result = await run(connection, wanted, first, LAST)
    assert sorted(fired(result)) == sorted(expected)
    assert result.passed_over == silent_already > 0
    gone = {each for each in sample.ended if first <= sample.ended[each] <= LAST - 14 * DAY}
    assert gone <= {account for _, account in expected}
