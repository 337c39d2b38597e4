"""The entries of the programs on a database of their own, and what happens in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.programs.program import Program
from digital_cs.ingest.rules.entries import Entries
from digital_cs.ingest.rules.membership import Looked, Membership
from digital_cs.store.people import accounts
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.product import events
from digital_cs.store.product.events import EventRecord
from digital_cs.store.rules import changes
from tests import rig
from tests.activities.house import StoppedClock


@dataclass
class Door:
    """Short words for publishing, for accounts that change, and for who entered."""

    pool: AsyncConnectionPool[Any]
    clock: StoppedClock
    entries: Entries

    def __post_init__(self) -> None:
        self.membership = Membership(self.entries)

    async def publish(self, id: str = "p", **enter: Any) -> Program:
        wanted = rig.program(id, [{"wait": "30 days"}], enter=enter)
        async with self.pool.connection() as connection:
            await rig.publish(connection, wanted, self.clock.now())
        return wanted

    async def account(self, id: str = "acme", stage: str | None = "trial", **rest: Any) -> None:
        record = AccountRecord(id, id.title(), stage=stage, traits=rest.pop("traits", {}), **rest)
        async with self.pool.connection() as connection, connection.transaction():
            saved = await accounts.save_accounts(connection, [record], self.clock.now())
            await changes.tell(connection, saved)

    async def look(self) -> Looked:
        """One round of the keeper: what is new, whose day it is, and what changed."""
        turned = await self.membership.turn()
        looked = await self.membership.look()
        return Looked(
            looked.verdicts, turned.sets,
            turned.entered + looked.entered, turned.left + looked.left,
        )  # fmt: skip

    async def sweep(self) -> int:
        """One round of the keeper; how many entered programs by it."""
        before = len(await self.ids())
        await self.look()
        return len(await self.ids()) - before

    async def happens(
        self, *names: str, account: str = "acme", days_ago: int = 0
    ) -> tuple[str, ...]:
        """Events that come in now; returns the accounts that entered."""
        now = self.clock.now()
        at = now - timedelta(days=days_ago)
        records = [EventRecord(f"{account}-{n}-{at}", account, n, at) for n in names]
        async with self.pool.connection() as connection, connection.transaction():
            fresh = await events.record_events(connection, records, now)
            return (await self.entries.by_events(connection, fresh)).enrolled

    async def entered(self) -> list[tuple[str, str]]:
        """(enrollment, its source) of everybody who ever entered, in order."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute("select id, source from enrollments order by id")
            return [(row[0], row[1]) for row in await cursor.fetchall()]

    async def ids(self) -> list[str]:
        return [id for id, _ in await self.entered()]

    async def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        async with self.pool.connection() as connection:
            rows: list[tuple[Any, ...]] = await (await connection.execute(query, values)).fetchall()
            return rows

    async def everybody_leaves(self) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(
                "update enrollments set ended_at = %s where ended_at is null", (self.clock.now(),)
            )

    def later(self, **span: float) -> datetime:
        self.clock.moment += timedelta(**span)
        return self.clock.moment
