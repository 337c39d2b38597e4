"""A set is decided as each of its recipients would be decided alone, one after the other."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection

from activities.broadcast_deciding import Deciding
from digital_cs.domain.sending.broadcast import Broadcast
from digital_cs.domain.sending.eligibility import Answer, Request, decide
from digital_cs.domain.sending.policy import Budget, Limits, Policy
from digital_cs.domain.timing.business_calendar import BusinessCalendar, Freeze
from digital_cs.store.broadcasts import broadcast_audience, broadcast_claims, broadcast_standing
from tests.store.broadcast_worlds import NOW, a_plan, disturb, populate, start

Connection = AsyncConnection[Any]


async def _read(
    connection: Connection, seed: int, policy: Policy, **plan: Any
) -> tuple[Broadcast, broadcast_standing.Set]:
    accounts = await populate(connection, seed)
    await disturb(connection, seed, accounts)
    broadcast = await start(connection, a_plan(to=("everybody",), **plan))
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")
    due = await broadcast_claims.due(connection, "spring", 0, NOW)
    async with connection.transaction():
        return broadcast, await broadcast_standing.read(connection, "spring", due, policy, NOW)


@pytest.mark.parametrize("seed", range(8))
async def test_one_after_the_other_with_the_same_reasons(connection: Connection, seed: int) -> None:
    chance = random.Random(seed)
    policy = Policy(budget=Budget(account=Limits(low=1, normal=1, high=1)))
    window = {"days": "every day", "hours": "08:00-12:00", "holidays": "skip"}
    broadcast, found = await _read(connection, seed, policy, send_window=window)
    calendar = BusinessCalendar(
        holidays={"DE": frozenset({NOW.date()})} if seed % 2 else {},
        freezes=(Freeze("audit", date(2026, 3, 1), date(2026, 3, 4), chance.choice(
            found.recipients).account_id),),
    )  # fmt: skip
    late = chance.choice(found.recipients)
    found.recipients[:] = [
        replace(each, useful_until=NOW) if each is late else each for each in found.recipients
    ]
    decided = Deciding(
        broadcast, broadcast.plan.window, "newsletter", policy, calendar, NOW
    ).decide(found)

    people: Counter[str] = Counter()
    accounts: Counter[str] = Counter()
    sendable, reasons = [], {}
    for each in found.recipients:
        standing = found.standings[each.key]
        standing = replace(
            standing, person=[*standing.person, *[NOW] * people[each.person]],
            account=[*standing.account, *[NOW] * accounts[each.account_id]],
        )  # fmt: skip
        ruling = decide(
            Request(
                program="spring", account_id=each.account_id, contact_id=each.contact_id,
                email="welcome-trial-1", kind="marketing", priority="normal",
                useful_until=each.useful_until, window=broadcast.plan.window,
                zone=ZoneInfo(each.zone), topic="newsletter", country=each.country,
            ),
            standing, policy, calendar, NOW,
        )  # fmt: skip
        if ruling.answer is Answer.SEND:
            sendable.append(each.key)
            people[each.person] += 1
            accounts[each.account_id] += 1
        else:
            reasons[each.key] = ruling.reason
    assert [each.key for each in decided.sendable] == sendable
    assert {each.key: each.reason for each in decided.put_off} == reasons
    assert len(set(reasons.values())) > 2


async def test_who_is_held_is_looked_at_again_soon_and_told_once(connection: Connection) -> None:
    policy = Policy()
    broadcast, found = await _read(connection, 3, policy)
    deciding = Deciding(
        broadcast, broadcast.plan.window, "newsletter", policy, BusinessCalendar(), NOW
    )
    held = [each for each in deciding.decide(found).put_off if each.verdict == "held"]
    assert held
    assert all(each.until == NOW + timedelta(minutes=15) and each.tell for each in held)
    reasons = {each.key: each.reason for each in held}
    found.recipients[:] = [replace(each, told=reasons.get(each.key)) for each in found.recipients]
    again = {each.key: each.tell for each in deciding.decide(found).put_off}
    assert not any(again[key] for key in reasons)


async def test_an_account_that_left_since_the_freeze_gets_nothing(connection: Connection) -> None:
    """P3."""
    broadcast, found = await _read(connection, 4, Policy())
    found.recipients[:] = [replace(each, stage="suspended") for each in found.recipients]
    decided = Deciding(
        broadcast, broadcast.plan.window, "newsletter", Policy(), BusinessCalendar(), NOW
    ).decide(found)
    assert not decided.sendable
    assert {each.words for each in decided.put_off} == {"The account is suspended."}
