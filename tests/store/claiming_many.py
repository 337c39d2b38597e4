"""A program with many accounts inside, whose messages are claimed by workers side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.messages.keys import message_key
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.sending import caps, claims, locks
from tests import rig
from tests.store.touching import an_act

Connection = AsyncConnection[Any]

NO_LIMIT: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is due: of this account, in this program."""

    account: str
    program: str = "welcome"

    @property
    def enrollment(self) -> str:
        return f"{self.program}:{self.account}:1"

    @property
    def key(self) -> str:
        return message_key(self.enrollment, 1, f"{self.account}-c1")

    async def claim(
        self, connection: Connection, *, now: datetime = rig.MONDAY, token: str = "worker",
        scopes: Mapping[str, float] = NO_LIMIT, opening: int | None = None,
    ) -> int | None:  # fmt: skip
        """Claim it as the gate does: in a transaction, under the locks.

        `opening`: it is the first of its day, and this is the cap.
        """
        act = an_act(f"{self.account}-c1")
        async with connection.transaction():
            await connection.execute(
                locks.TO_CLAIM, {"account": self.account, "contact": act.contact_id}
            )
            if opening is not None:
                await caps.open_day(connection, self.program, now.date(), opening, None)
            claimed = await claims.claim(
                connection, key=self.key, enrollment_id=self.enrollment, revision=0, act=act,
                now=now, claim_seconds=60, token=token, message_id=f"<{self.key}@test>",
                content_hash="hash", scopes=scopes,
            )  # fmt: skip
        return (await claims.attempt_of(claimed)).number


async def due(connection: Connection, count: int, program: str = "welcome") -> list[Due]:
    """So many accounts inside a program, with no wish left to start them."""
    await rig.publish(connection, rig.drip(program, 2, "3 days"), rig.MONDAY)
    accounts = await rig.people(connection, count, rig.MONDAY)
    await enroll(connection, program, accounts, source="test", now=rig.MONDAY, again="never")
    await connection.execute("delete from outbox")
    return [Due(account, program) for account in accounts]


async def resting_at_a_send(connection: Connection, *messages: Due) -> None:
    """These wait for what keeps their message back, with days before they would look again."""
    await connection.execute(
        "update enrollments set listens = '{calendar,contacts,sending,tickets}', wake_at = %s"
        " where id = any(%s)",
        (rig.MONDAY + timedelta(days=7), [each.enrollment for each in messages]),
    )


async def resting_elsewhere(connection: Connection, *messages: Due) -> None:
    """These wait for something that has nothing to do with sending."""
    await connection.execute(
        "update enrollments set listens = '{event:login}', wake_at = %s where id = any(%s)",
        (rig.MONDAY + timedelta(days=7), [each.enrollment for each in messages]),
    )


async def woken(connection: Connection) -> list[str]:
    """Who is wished to be woken, in the order in which it will be; forgotten then."""
    cursor = await connection.execute(
        "with gone as (delete from outbox where kind = 'wake' returning id, enrollment_id)"
        " select enrollment_id from gone order by id"
    )
    return [row[0] for row in await cursor.fetchall()]
