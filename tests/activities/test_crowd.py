"""Budgets are exact, whoever claims at the same moment in whatever process (P17)."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from psycopg import AsyncConnection

from activities.claiming import Claimed, Refused
from digital_cs.domain.sending.reason import Reason
from digital_cs.store.database.pool import opened
from tests import rig
from tests.activities.crowd import Crowd, settle_in

Connection = AsyncConnection[Any]

PROCESSES = 8
CLAIMS = 10_000
ACCOUNTS = 50
OF_AN_ACCOUNT = 60
OF_A_PERSON = 40


async def test_ten_thousand_claims_from_eight_processes_keep_every_budget_to_the_last_one(
    database: str, connection: Connection
) -> None:
    """No deadlock, no serialization error reaches anybody, and no room is left unused either."""
    await settle_in(connection, ACCOUNTS, person=OF_A_PERSON, account=OF_AN_ACCOUNT)
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.activities.crowd", database, str(number),
            str(CLAIMS // PROCESSES), cwd=rig.ROOT, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    done: Counter[str] = Counter()
    for worker in workers:
        out, trouble = await worker.communicate()
        assert worker.returncode == 0, trouble.decode()
        done.update(json.loads(out.decode().splitlines()[-1]))

    assert done.total() == CLAIMS
    assert done["claimed"] == ACCOUNTS * OF_AN_ACCOUNT
    assert set(done) <= {"claimed", Reason.BUDGET_PERSON, Reason.BUDGET_ACCOUNT}
    cursor = await connection.execute(
        "select count(*) from messages where state = 'claimed' group by account_id"
    )
    assert [row[0] for row in await cursor.fetchall()] == [OF_AN_ACCOUNT] * ACCOUNTS
    cursor = await connection.execute(
        "select max(n) from (select count(*) as n from messages group by contact_id) x"
    )
    row = await cursor.fetchone()
    assert row is not None
    assert row[0] <= OF_A_PERSON


TRIES = 2_000


async def test_two_programs_at_the_same_minute_cannot_both_slip_through(
    database: str, connection: Connection
) -> None:
    """One message is left of the budget, two workers want it for different programs, at once:
    tried thousands of times."""
    accounts = await settle_in(connection, 40, person=1, account=None)
    async with opened(database, 8) as pool:
        one, other = Crowd(pool, "one"), Crowd(pool, "other")

        async def both(account: str, visit: int) -> list[Any]:
            contact = f"{account}-c1"
            return await asyncio.gather(
                one.claim("p0", account, contact, visit),
                other.claim("p1", account, contact, visit),
            )

        for start in range(0, TRIES, len(accounts)):
            answers = await asyncio.gather(*(both(each, start + 1) for each in accounts))
            for pair in answers:
                claimed = [each for each in pair if isinstance(each, Claimed)]
                refused = [each for each in pair if isinstance(each, Refused)]
                assert (len(claimed), len(refused)) == (1, 1)
                assert refused[0].ruling.reason is Reason.BUDGET_PERSON
            await connection.execute("truncate messages")


async def test_who_is_more_important_gets_the_room_even_if_it_comes_a_little_later(
    database: str, connection: Connection
) -> None:
    """P17: what is due within the look-ahead is known."""
    (account,) = await settle_in(connection, 1, person=1, account=None)
    await connection.execute(
        "update enrollments set plans_at = %s, plans_priority = 'high', plans_contact = %s,"
        " plans_email = 'renewal-7' where program_id = 'p1'",
        (rig.MONDAY.replace(hour=20), f"{account}-c1"),
    )
    async with opened(database, 2) as pool:
        crowd = Crowd(pool, "one")
        early = await crowd.claim("p0", account, f"{account}-c1", 1)
        assert isinstance(early, Refused)
        assert early.ruling.reason is Reason.RESERVED
        assert early.ruling.until == rig.MONDAY.replace(hour=20, minute=15)

        later = rig.MONDAY.replace(hour=20)
        assert isinstance(
            await crowd.claim("p1", account, f"{account}-c1", 1, priority="high", now=later),
            Claimed,
        )
        again = await crowd.claim(
            "p0", account, f"{account}-c1", 1, now=rig.MONDAY.replace(hour=20, minute=15)
        )
        assert isinstance(again, Refused)
        assert again.ruling.reason is Reason.BUDGET_PERSON


async def test_the_same_person_in_two_accounts_has_one_budget_and_gets_a_message_once(
    database: str, connection: Connection
) -> None:
    """P2: by address, even where the two are different contacts."""
    one, other = await settle_in(connection, 2, person=2, account=None)
    await connection.execute(
        "update contacts set email = upper((select email from contacts where id = %s))"
        " where id = %s", (f"{one}-c1", f"{other}-c1"),
    )  # fmt: skip
    async with opened(database, 2) as pool:
        crowd = Crowd(pool, "one")
        assert isinstance(await crowd.claim("p0", one, f"{one}-c1", 1), Claimed)
        twin = await crowd.claim("p0", other, f"{other}-c1", 1)
        assert isinstance(twin, Refused)
        assert twin.ruling.reason is Reason.SAME_PERSON
        assert "already got it for Company acct-00000" in twin.ruling.words
        assert isinstance(await crowd.claim("p1", other, f"{other}-c1", 2), Claimed)
        third = await crowd.claim("p2", other, f"{other}-c1", 3)
        assert isinstance(third, Refused)
        assert third.ruling.reason is Reason.BUDGET_PERSON
