"""Many workers at the same accounts: each claims what is due, through the gate that workers use.

As a program: `python -m tests.activities.crowd URL WORKER COUNT` makes so many claims and prints a
line of JSON with what became of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection, AsyncCursor
from psycopg_pool import AsyncConnectionPool

from activities.claiming import Claimed, Gate, Refused
from digital_cs.clock import SystemClock
from digital_cs.domain.programs.enrollment import SendMessage
from digital_cs.domain.programs.program import Window
from digital_cs.domain.programs.program_graph import send_window
from digital_cs.domain.sending.eligibility import Request
from digital_cs.domain.sending.policy import Budget, Damage, Limits, Policy
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.keys import message_key
from digital_cs.store.database.pool import insist, opened
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.sending import claims, policies
from digital_cs.store.sending.standing import Asked
from tests import rig

Connection = AsyncConnection[Any]

NOW = rig.MONDAY
PROGRAMS = tuple(f"p{number}" for number in range(4))
WINDOW = send_window(Window(days="every day", hours="00:00-24:00", holidays="ignore"))
CALENDAR = BusinessCalendar()


def limits(number: int | None) -> Limits | None:
    return None if number is None else Limits(low=number, normal=number, high=number)


async def settle_in(
    connection: Connection, accounts: int, *, person: int | None, account: int | None
) -> list[str]:
    """So many accounts with two people each in all programs, under these budgets."""
    policy = Policy(
        budget=Budget(person=limits(person), account=limits(account)), holdout=0,
        damage=Damage(program_a_day=None),
    )  # fmt: skip
    await policies.publish(connection, policy, NOW)
    ids = await rig.people(connection, accounts, NOW)
    await save_contacts(
        connection,
        [ContactRecord(f"{id}-c2", id, f"{id}-two@{rig.MAIL_DOMAIN}", "Bob", "Bob", ("admin",))
         for id in ids],
        NOW,
    )  # fmt: skip
    for program in PROGRAMS:
        await rig.publish(connection, rig.drip(program, 2, "3 days"), NOW)
        await enroll(connection, program, ids, source="test", now=NOW, again="never")
    await connection.execute("delete from outbox")
    return ids


class Crowd:
    """One worker, with a gate of its own."""

    def __init__(self, pool: AsyncConnectionPool[Any], name: str) -> None:
        self.pool = pool
        self.name = name
        self.gate = Gate(SystemClock())

    async def claim(
        self, program: str, account: str, contact: str, visit: int, *, priority: str = "normal",
        now: datetime = NOW,
    ) -> Claimed | Refused | None:  # fmt: skip
        """Claim one message as a touch does."""
        enrollment = f"{program}:{account}:1"
        key = message_key(enrollment, visit, contact)
        act = SendMessage(
            step="touch-1", visit=visit, email=f"mail-{visit}", contact_id=contact,
            priority=priority, kind="marketing", due_at=now, useful_until=now + timedelta(days=30),
            zone="UTC", zone_source="workspace",
        )  # fmt: skip
        request = Request(
            program=program, account_id=account, contact_id=contact, email=act.email,
            kind=act.kind, priority=priority, useful_until=act.useful_until, window=WINDOW,
            zone=ZoneInfo("UTC"),
        )  # fmt: skip

        async def write(
            connection: Connection, policy: int, scopes: Mapping[str, float]
        ) -> AsyncCursor[Any]:
            return await claims.claim(
                connection, key=key, enrollment_id=enrollment, revision=0, act=act, now=now,
                claim_seconds=60, token=f"{self.name}-{key}", message_id=f"<{key}@test>",
                content_hash="hash", policy=policy, scopes=scopes,
            )  # fmt: skip

        asked = Asked(key, enrollment, program, account, contact, act.email)
        return await insist(
            self.pool,
            lambda connection: self.gate.pass_through(
                connection, asked, request, CALENDAR, now, write
            ),
            asyncio.get_running_loop().time() + 60,
        )


async def work(url: str, name: str, count: int) -> Counter[str]:
    """Make so many claims for accounts in any order, several at a time."""
    chance = random.Random(name)
    done: Counter[str] = Counter()
    async with opened(url, 4) as pool:
        crowd = Crowd(pool, name)
        async with pool.connection() as connection:
            cursor = await connection.execute("select id from accounts order by id")
            accounts = [row[0] for row in await cursor.fetchall()]
        turns = iter(range(count))

        async def hand() -> None:
            for turn in turns:
                account = accounts[turn % len(accounts)]
                contact = f"{account}-c{chance.choice((1, 2))}"
                visit = int(name) * count + turn + 1
                passed = await crowd.claim(chance.choice(PROGRAMS), account, contact, visit)
                if isinstance(passed, Refused):
                    done[passed.ruling.reason] += 1
                else:
                    done["claimed" if passed is not None else "nothing"] += 1

        await asyncio.gather(*(hand() for _ in range(4)))
    return done


if __name__ == "__main__":
    url, name, count = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(work(url, name, int(count)))) + "\n")
