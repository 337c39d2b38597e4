"""Backtests: what a trigger would have done on history, against a computation of its own."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from digital_cs.domain.rules.trigger import Trigger
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar
from digital_cs.ingest.rules import backtest
from digital_cs.ingest.rules.backtest import Backtest
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.product.events import EventRecord, record_events
from digital_cs.store.product.usage import UsageRecord, save_usage
from digital_cs.store.support.tickets import TicketRecord, save_tickets
from tests import rig
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


# What a small company shows


async def company_of(connection: Connection, *ids: str, **facts: Any) -> None:
    facts.setdefault("stage", "active")
    await save_accounts(connection, [AccountRecord(id, id, **facts) for id in ids], NOW)


async def works(connection: Connection, account: str, first: date, days: int, n: int = 5) -> None:
    rows = [UsageRecord(account, first + k * DAY, "work", n) for k in range(days)]
    await save_usage(connection, rows, NOW)


async def works_at_nine(connection: Connection, account: str, first: date, days: int) -> None:
    moments = [datetime(*(first + k * DAY).timetuple()[:3], 9, tzinfo=UTC) for k in range(days)]
    events = [EventRecord(f"{account}-{at:%j}", account, "work", at) for at in moments]
    await record_events(connection, events, NOW, "api")


MARCH = date(2026, 3, 2)
QUIET = trigger("quiet", silence={"for": "7 days"}, cooldown="10 days")


async def test_days_of_which_the_feed_is_late_are_held_and_told(connection: Connection) -> None:
    """P9: after the last complete day nothing is a drop, and nothing is silence."""
    await company_of(connection, "stops", "works")
    await works(connection, "stops", MARCH, 10)
    await works(connection, "works", MARCH, 30)
    last = MARCH + 12 * DAY
    await rig.usage_complete(connection, last)
    late = await run(connection, QUIET, MARCH, MARCH + 29 * DAY)
    assert fired(late) == []
    assert late.usage_through == last
    assert min(late.unknown) == MARCH + 16 * DAY
    await rig.usage_complete(connection, MARCH + 16 * DAY)
    assert fired(await run(connection, QUIET, MARCH, MARCH + 29 * DAY)) == [
        (MARCH + 16 * DAY, "stops")
    ]

    drop = trigger("drop", usage_drop={"over": "1 week", "against": "1 week", "at_least": 5})
    await rig.usage_complete(connection, MARCH + 14 * DAY)
    held = await run(connection, drop, MARCH + 13 * DAY, MARCH + 29 * DAY)
    assert fired(held) == []
    assert set(held.unknown.values()) == {2}
    assert set(held.waiting.values()) == {1}


async def test_events_are_taken_by_day_with_what_else_must_hold(connection: Connection) -> None:
    await company_of(connection, "acme")
    await company_of(connection, "trial", stage="trial")
    for account in ("acme", "trial"):
        await works_at_nine(connection, account, MARCH, 9)
    await rig.usage_complete(connection, MARCH + 20 * DAY)
    wanted = trigger("worked", event="work", cooldown="4 days", only_if={"stage": "active"})
    result = await run(connection, wanted, MARCH, MARCH + 20 * DAY)
    assert fired(result) == [(MARCH + n * DAY, "acme") for n in (0, 4, 8)]
    assert {each.words for each in result.firings} == {"work happened."}


async def test_a_mere_count_of_a_day_fires_nothing_as_it_fires_nothing_when_it_is_loaded(
    connection: Connection,
) -> None:
    await company_of(connection, "acme")
    await works(connection, "acme", MARCH, 9)
    result = await run(connection, trigger("worked", event="work"), MARCH, MARCH + 20 * DAY)
    assert fired(result) == []


async def test_tickets_and_milestones_are_those_of_the_day(connection: Connection) -> None:
    """What is solved by now was open then, and what was reached too late was missed."""
    await company_of(connection, "acme", traits={"started_on": MARCH.isoformat()})
    opened = datetime(2026, 3, 5, 9, tzinfo=UTC)
    solved = opened + 3 * DAY
    ticket = TicketRecord("desk", "1", "solved", opened, solved, account_given="acme",
                          solved_at=solved)  # fmt: skip
    await save_tickets(connection, [ticket], NOW, text_days=30)
    await connection.execute(
        "insert into milestones (account_id, name, reached_at) values ('acme', 'sent', %s)",
        (datetime(2026, 3, 15, tzinfo=UTC),),
    )
    await rig.usage_complete(connection, MARCH + 30 * DAY)
    await connection.execute(
        "insert into sources (name, kind, feeds, complete_through)"
        " values ('desk', 'zendesk', '{tickets}', %s)",
        (NOW + 900 * DAY,),
    )
    waits = trigger("waits", when={"tickets": "open"}, persists="2 days")
    result = await run(connection, waits, MARCH, MARCH + 30 * DAY)
    assert fired(result) == [(date(2026, 3, 7), "acme")]
    assert result.firings[0].words.endswith("open at least 1 (1 open).")
    slow = trigger("slow", when={"tickets": "open"}, persists="3 days")
    assert fired(await run(connection, slow, MARCH, MARCH + 30 * DAY)) == []

    missed = trigger("missed", milestone_missed={"milestone": "sent", "within": "7 days",
                                                 "of": "started_on"})  # fmt: skip
    (firing,) = (await run(connection, missed, MARCH, MARCH + 30 * DAY)).firings
    assert (firing.day, firing.words) == (
        MARCH + 7 * DAY,
        "The milestone sent was not reached within 7 days of started_on: not reached, due before"
        " 10 March 2026.",
    )


async def test_people_are_chosen_by_the_roles_of_the_programs_that_listen(
    connection: Connection,
) -> None:
    await company_of(connection, "acme", "globex")
    for account in ("acme", "globex"):
        await works(connection, account, MARCH, 3)
    await save_contacts(
        connection,
        [ContactRecord(f"{role}", "acme", f"{role}@acme.test", role, role, (role,))
         for role in ("champion", "admin", "billing")],
        NOW,
    )  # fmt: skip
    await rig.usage_complete(connection, MARCH + 20 * DAY)

    async def people() -> Backtest:
        return await run(connection, QUIET, MARCH, MARCH + 20 * DAY)

    usual = await people()
    assert (usual.programs, usual.chains) == ((), (("champion", "admin", "any"),))
    assert (usual.people, usual.nobody, usual.accounts) == (1, 1, 2)
    assert [each.contacts for each in usual.firings] == [("champion",), ()]

    steps: list[dict[str, Any]] = [
        {"send": "welcome-trial-1"}, {"send": "welcome-trial-2", "to": ["billing"]}
    ]  # fmt: skip
    listens = rig.program("help", steps, to=["admin"], enter={"when": [{"trigger": "quiet"}]})
    await rig.publish(connection, listens, NOW)
    chosen = await people()
    assert chosen.programs == ("help",)
    assert (chosen.people, chosen.firings[0].contacts) == (2, ("admin", "billing"))


async def test_it_leaves_no_trace_and_says_the_same_again(connection: Connection) -> None:
    """Whatever order accounts are kept in, and whatever is asked in between."""
    chance = random.Random(3)
    await company_of(connection, *(f"account-{number}" for number in range(12)))
    for number in range(12):
        await works(connection, f"account-{number}", MARCH, chance.randint(1, 20))
    await rig.usage_complete(connection, MARCH + 40 * DAY)
    first = await run(connection, QUIET, MARCH, MARCH + 40 * DAY)
    assert len(first.firings) == 12
    assert fired(first) == sorted(fired(first))
    await connection.execute("update accounts set name = id || '!' where id > 'account-4'")
    await connection.execute("cluster accounts using pk_accounts")
    assert await run(connection, QUIET, MARCH, MARCH + 40 * DAY) == first
    for table in ("trigger_states", "trigger_firings", "triggers", "outbox", "segments"):
        cursor = await connection.execute(f"select count(*) from {table}")
        assert await cursor.fetchone() == (0,)
    cursor = await connection.execute("select 'accounts'::regclass = 'public.accounts'::regclass")
    assert await cursor.fetchone() == (True,)
