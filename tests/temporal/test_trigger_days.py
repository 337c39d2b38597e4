"""Triggers day by day, as feeds come: the engine fires as a backtest says afterwards."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta

import pytest

from digital_cs.domain.account import NO_HOLIDAYS
from digital_cs.store.rules import triggers
from digital_cs.temporal.triggers import backtest_trigger
from tests.temporal.live import DAY, TODAY, Live, trigger

BY_DAY = [
    trigger("drop", usage_drop={"event": "work", "at_least": 10}, cooldown="20 days",
            clear_for="3 days", only_if={"stage": "active"}),
    trigger("silence", silence={"for": "5 days"}, cooldown="7 days"),
    trigger("seldom", persists="3 days", cooldown="10 days", when={
        "usage": ["work", "look"], "measure": "days", "within": "7 days", "at_most": 2}),
    trigger("at-once", when={"usage": "work", "within": "3 days", "at_most": 1},
            cooldown="1 day", at_launch="fire"),
    trigger("again", silence={"for": "3 days"}, cooldown="4 days", re_arm=False),
    trigger("exported", event="export", cooldown="5 days", only_if={"stage": "active"}),
]  # fmt: skip


def a_company(seed: int, first: date, days: int) -> dict[date, list[tuple[str, str, int]]]:
    """Usage by day of accounts that work, pause, stop and come back, each in its own way."""
    chance = random.Random(seed)
    usage: dict[date, list[tuple[str, str, int]]] = {first + n * DAY: [] for n in range(days)}
    for number in range(16):
        busy, active = chance.random(), True
        for rows in usage.values():
            if chance.random() < 0.04:
                active = not active
            if active and chance.random() < busy:
                event = "work" if chance.random() < 0.8 else "look"
                rows.append((f"account-{number:02d}", event, chance.randint(1, 9)))
    return usage


@pytest.mark.parametrize("seed", [1, 2])
async def test_day_by_day_the_engine_fires_as_the_backtest_says_afterwards(
    live: Live, seed: int
) -> None:
    """The same company, once as it happens and once as history."""
    before, days = 75, 45
    first = TODAY
    usage = a_company(seed, first - before * DAY, before + days)
    chance = random.Random(seed)
    await live.account(*(f"account-{n:02d}" for n in range(14)))
    await live.account("account-14", "account-15", stage="trial")
    for day in sorted(usage)[:before]:
        await live.used(day, usage[day])
    live.clock.moment = datetime.combine(first, time(6), UTC)
    await live.publish(*BY_DAY)
    for day in sorted(usage)[before:]:
        live.clock.moment = datetime.combine(day, time(15), UTC)
        for account in sorted({account for account, event, n in usage[day] if n == 9}):
            await live.happens(account, "export")
        await live.keep()
        live.clock.moment = datetime.combine(day + DAY, time(), UTC)
        await live.keep()  # a new day, of which nothing is known yet
        live.clock.moment += timedelta(minutes=chance.randint(30, 600))
        await live.used(day, usage[day])
        await live.keep(moments=2)

    for each in BY_DAY:
        async with live.pool.connection() as connection:
            found = await triggers.firings(connection, trigger=each.trigger, most=10_000)
        live_days = sorted(
            (f.at.date() - (DAY if each.event is None else 0 * DAY), f.account) for f in found
        )
        afterwards = await backtest_trigger(
            live.gateway, each, first, first + (days - 1) * DAY, NO_HOLIDAYS
        )
        expected = sorted((firing.day, firing.account) for firing in afterwards.firings)
        if each.at_launch == "fire":  # published in the morning: what it fires for is of this day
            live_days = sorted((max(day, first), account) for day, account in live_days)
        assert live_days == expected, each.trigger
        assert len(expected) > 3, each.trigger
