"""An engine without workers: what a keeper does is done when a test says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.programs.program import Program
from digital_cs.domain.rules.trigger import Trigger
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.store.product.usage import UsageRecord
from digital_cs.store.rules import triggers
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.triggers import publish_triggers
from tests import rig
from tests.activities.house import StoppedClock

DAY = timedelta(days=1)
TODAY = rig.MONDAY.date()
SILENCE: dict[str, Any] = {"silence": {"for": "7 days"}, "cooldown": "10 days"}


def trigger(name: str = "quiet", **parts: Any) -> Trigger:
    return Trigger.model_validate({"trigger": name, "name": name, "owner": "maya", **parts})


@dataclass
class Live:
    """An engine without workers: what a keeper does is done when a test says so."""

    pool: AsyncConnectionPool[Any]
    clock: StoppedClock
    gateway: Gateway

    def another(self) -> Live:
        """A second worker on the same database."""
        entries = Entries(self.pool, self.clock, "UTC")
        return Live(self.pool, self.clock, Gateway(self.pool, self.clock, entries))

    async def publish(self, *wanted: Trigger) -> None:
        await publish_triggers(self.gateway, wanted)

    async def keep(self, *, moments: int = 1) -> None:
        """What a keeper does in one tick, or in several."""
        for _ in range(moments):
            await self.gateway.membership.look()
            await self.gateway.membership.turn()
            await self.gateway.entries.triggers.judge()

    async def account(self, *ids: str, **facts: Any) -> None:
        facts.setdefault("stage", "active")
        await self.gateway.intake.save_accounts([AccountRecord(id, id, **facts) for id in ids])

    async def used(self, day: date, usage: Sequence[tuple[str, str, int]]) -> None:
        """The usage feed of a day arrives, with (account, event, how often)."""
        records = [UsageRecord(account, day, event, n) for account, event, n in usage]
        await self.gateway.intake.save_usage(records, day)

    async def happens(self, account: str, event: str) -> None:
        now = self.clock.now()
        record = EventRecord(f"{account} {event} {now}", account, event, now)
        await self.gateway.intake.record_events([record])

    async def quiet(self, *ids: str) -> None:
        """These are seen today, then nobody is for eight days, and the feed says so."""
        await self.used(TODAY, [(id, "login", 1) for id in ids])
        await self.keep()
        self.clock.moment = rig.MONDAY + 8 * DAY
        await self.used(TODAY + 7 * DAY, [])

    async def fired(self, **asked: Any) -> list[tuple[str, str]]:
        async with self.pool.connection() as connection:
            return [(f.trigger, f.account) for f in await triggers.firings(connection, **asked)]

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            found: list[dict[str, Any]] = await (await cursor.execute(query)).fetchall()
            return found


def a_program(**parts: Any) -> Program:
    return rig.program("help", [{"wait": "30 days"}, {"send": "welcome-trial-1"}], **parts)
