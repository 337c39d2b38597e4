"""Caps: a program sends no more than its day has room for, until somebody says so."""

from __future__ import annotations

import asyncio
import random
from datetime import date, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.sending.policy import DayShare
from digital_cs.store.database.pool import opened
from digital_cs.store.programs.alerts import open_alerts
from digital_cs.store.sending import caps
from digital_cs.store.sending.caps import Day, allow, open_day
from digital_cs.store.sending.rates import meet
from tests import rig
from tests.store.claiming_many import due, resting_at_a_send, resting_elsewhere, woken

Connection = AsyncConnection[Any]

TODAY = rig.MONDAY.date()
WORKERS = 8


async def the_day(connection: Connection, day: date = TODAY) -> Day:
    [found] = await caps.list_days(connection, day)
    return found


@pytest.mark.parametrize(
    ("own", "share", "cap"),
    [
        (7, DayShare(share=50, at_least=1), 7), (None, DayShare(share=50, at_least=1), 2),
        (None, DayShare(share=1, at_least=100), 100), (None, None, None), (7, None, 7),
    ],
)  # fmt: skip
async def test_a_day_opens_with_what_the_program_says_or_its_share_of_all_accounts(
    connection: Connection, own: int | None, share: DayShare | None, cap: int | None
) -> None:
    """Of six accounts one churned and one is deleted: half of the others are two."""
    accounts = await rig.people(connection, 6, rig.MONDAY)
    for stage, account in (("churned", accounts[0]), ("deleted", accounts[1])):
        await connection.execute("update accounts set stage = %s where id = %s", (stage, account))

    opened_day = await open_day(connection, "welcome", TODAY, own, share)

    assert opened_day == Day("welcome", TODAY, 0, cap)
    assert await open_day(connection, "welcome", TODAY, 1, None) == opened_day, "once a day"


async def test_eight_workers_claim_exactly_what_the_day_has_room_for(
    database: str, connection: Connection
) -> None:
    """Each has a connection, and so a process of the server, of its own."""
    messages = await due(connection, 120)
    await open_day(connection, "welcome", TODAY, 50, None)
    async with opened(database, WORKERS) as pool:

        async def worker(number: int) -> int:
            mine = messages[number::WORKERS]
            async with pool.connection() as own:
                return sum([await each.claim(own) is not None for each in mine])

        claimed = await asyncio.gather(*(worker(number) for number in range(WORKERS)))

    assert sum(claimed) == 50
    assert (await the_day(connection)).sent == 50
    cursor = await connection.execute("select count(*) from messages where state = 'claimed'")
    assert await cursor.fetchall() == [(50,)]


@pytest.mark.timeout(120)
async def test_caps_and_rates_together_are_exact_and_never_wait_for_each_other(
    database: str, connection: Connection
) -> None:
    """Three programs in mixed order, with rates that all of them share, on a day that begins."""
    programs = ("welcome", "renewal", "adoption")
    messages = [each for program in programs for each in await due(connection, 60, program)]
    random.Random(4).shuffle(messages)
    rates = {f"program:{program}": 1e7 for program in programs} | {"fleet": 1e7, "domain:a": 1e7}
    await meet(connection, rates)
    async with opened(database, WORKERS) as pool:

        async def worker(number: int) -> int:
            claimed, known = 0, set[str]()
            async with pool.connection() as own:
                for nth, message in enumerate(messages[number::WORKERS]):
                    scopes = {name: rates[name] for name in
                              ("domain:a", "fleet", f"program:{message.program}")}  # fmt: skip
                    first = message.program not in known or nth % 3 == 0
                    known.add(message.program)
                    done = await message.claim(own, scopes=scopes, opening=20 if first else None)
                    claimed += done is not None
            return claimed

        assert sum(await asyncio.gather(*(worker(number) for number in range(WORKERS)))) == 60

    assert [day.sent for day in await caps.list_days(connection, TODAY)] == [20, 20, 20]


async def test_a_message_counts_once_however_often_it_is_tried(connection: Connection) -> None:
    message, other = await due(connection, 2)
    await open_day(connection, "welcome", TODAY, 2, None)

    assert await message.claim(connection) == 1
    assert await message.claim(connection) == 1, "the answer may have been lost"
    await connection.execute("update messages set state = 'planned'")
    assert await message.claim(connection, token="another") == 2

    assert (await the_day(connection)).sent == 1
    assert await other.claim(connection) == 1


async def test_a_claim_that_comes_to_nothing_does_not_count(connection: Connection) -> None:
    (message,) = await due(connection, 1)
    await open_day(connection, "welcome", TODAY, 2, None)
    await connection.execute("update contacts set active = false")

    assert await message.claim(connection) is None
    assert (await the_day(connection)).sent == 0


async def test_a_new_utc_day_has_room_again_and_other_programs_have_their_own(
    connection: Connection,
) -> None:
    first, second, third = await due(connection, 3)
    tomorrow = rig.MONDAY + timedelta(days=1)
    await open_day(connection, "welcome", TODAY, 1, None)
    await open_day(connection, "welcome", tomorrow.date(), 1, None)
    await open_day(connection, "renewal", TODAY, 0, None)

    assert await first.claim(connection) == 1
    last_moment = rig.MONDAY.replace(hour=23, minute=59, second=59)
    assert await second.claim(connection, now=last_moment) is None
    assert await second.claim(connection, now=tomorrow) == 1
    assert await third.claim(connection, now=tomorrow) is None


async def test_a_person_may_allow_more_and_who_waited_goes_on_at_once(
    connection: Connection,
) -> None:
    first, second, elsewhere = await due(connection, 3)
    (other,) = await due(connection, 1, program="renewal")
    await open_day(connection, "welcome", TODAY, 1, None)
    await first.claim(connection)
    assert await second.claim(connection) is None
    await resting_at_a_send(connection, second, other)
    await resting_elsewhere(connection, first, elsewhere)
    for program in ("welcome", "renewal"):
        await caps.tell_owner(connection, program, "maya", rig.MONDAY)

    async with connection.transaction():
        done, wakes = await allow(connection, "welcome", TODAY, "jonas", 2, rig.MONDAY)

    assert done == Day("welcome", TODAY, 1, 2, "jonas")
    assert wakes == 1
    assert await woken(connection) == [second.enrollment]
    assert [alert["program"] for alert in await open_alerts(connection)] == ["renewal"]
    assert await second.claim(connection) == 1
    assert await elsewhere.claim(connection) is None, "two were allowed"

    async with connection.transaction():
        done, _ = await allow(connection, "welcome", TODAY, "jonas", None, rig.MONDAY)
    assert done.cap is None
    assert await elsewhere.claim(connection) == 1
    assert (await the_day(connection)).sent == 3


async def test_what_was_allowed_before_the_first_message_holds(connection: Connection) -> None:
    (message,) = await due(connection, 1)
    async with connection.transaction():
        await allow(connection, "welcome", TODAY, "jonas", 0, rig.MONDAY)

    assert (await open_day(connection, "welcome", TODAY, 100, None)).cap == 0
    assert await message.claim(connection) is None


async def test_the_owner_is_told_once_while_it_lasts_and_tomorrow_it_is_over(
    connection: Connection,
) -> None:
    for minute in range(3):
        at = rig.MONDAY + timedelta(minutes=minute)
        await caps.tell_owner(connection, "welcome", "maya", at)

    (alert,) = await open_alerts(connection)
    assert (alert["kind"], alert["owner"], alert["times"]) == ("cap", "maya", 3)
    assert "digital-cs program allow welcome" in alert["words"]

    assert await caps.end_yesterday(connection, rig.MONDAY.replace(hour=23)) == 0
    assert await caps.end_yesterday(connection, rig.MONDAY + timedelta(hours=15)) == 1
    assert await open_alerts(connection) == []
