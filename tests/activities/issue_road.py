"""An issue on its way to real mailboxes: half of its readers are in London, half in Los Angeles."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.broadcasts import BroadcastActivities
from digital_cs.domain.newsletters.issue import State
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.messages.broadcast import ChunkRequest, LookRequest
from digital_cs.store.content import reviews
from tests import rig
from tests.activities import broadcast_house
from tests.activities.issue_house import OPENING, IssueHouse, day, opened

LONDON = day(12, 1, 9)
LOS_ANGELES = day(12, 1, 17)
"""When it is nine there, on the day of sending."""


@dataclass
class Road:
    """A desk of newsletters, and a worker that sends what leaves it."""

    desk: IssueHouse
    activities: BroadcastActivities

    async def leave(
        self, newsletter: Newsletter | None = None, accounts: int = 6, text: str = OPENING
    ) -> str:
        """An issue that began to go out, and whose audience is fixed; the second half of the
        accounts, so many if there are none yet, is in Los Angeles."""
        desk = self.desk
        known = await desk.rows("select id from accounts order by id")
        found = [row["id"] for row in known] or await desk.accounts(accounts)
        await desk.rows(
            "update contacts set zone = case when id < %s then 'Europe/London'"
            " else 'America/Los_Angeles' end", found[len(found) // 2],
        )  # fmt: skip
        id = await desk.publish(newsletter)
        await desk.write(id, text)
        return await self.go(id, day(11, 26, 12), day(11, 30, 18))

    async def go(self, id: str, frozen_at: Any, leaves_at: Any) -> str:
        """Put it together, approve it, and let it begin to go out."""
        desk = self.desk
        await desk.advance(id, frozen_at)
        await desk.approve(id)
        await desk.advance(id, leaves_at + timedelta(minutes=50))
        await desk.advance(id, leaves_at + timedelta(minutes=61))
        assert (await desk.issue(id)).state is State.SENDING
        await self.send(id)
        return id

    async def send(self, id: str, at: Any = None) -> None:
        """What the workflow of its broadcast does at a moment, until it would sleep."""
        if at is not None:
            self.desk.clock.moment = at
        environment = ActivityEnvironment()
        for _ in range(50):
            reply = await environment.run(self.activities.look, LookRequest(id))
            if not reply.chunks:
                return
            await asyncio.gather(
                *(environment.run(self.activities.send_chunk, ChunkRequest(id, each))
                  for each in reply.chunks)
            )  # fmt: skip
        raise AssertionError("it does not come to rest")

    async def block(self, item: str) -> None:
        async with self.desk.pool.connection() as connection, connection.transaction():
            now = self.desk.clock.now()
            assert await reviews.block(connection, item, "The price is wrong.", "priya", now)

    def readers(self) -> dict[str, str]:
        """The text that each reader got, by the account; nobody gets two."""
        found: dict[str, str] = {}
        for mail in self.desk.mails():
            to = str(mail["To"].addresses[0].addr_spec)
            if to.endswith(f"@{rig.MAIL_DOMAIN}"):
                body = mail.get_body(("plain",))
                assert body is not None
                assert to.partition("@")[0] not in found
                found[to.partition("@")[0]] = body.get_content()
        return found

    async def why(self, id: str, account: str) -> list[str]:
        """What was decided about a reader of an issue, in order."""
        rows = await self.desk.rows(
            "select words from decisions where broadcast_id = %s and account_id = %s order by id",
            id, account,
        )  # fmt: skip
        return [row["words"] for row in rows]


@contextlib.asynccontextmanager
async def on_the_road(database: str, folder: Path) -> AsyncIterator[Road]:
    """The parts on a migrated database; `folder` takes the mail."""
    async with opened(database, folder) as desk:
        made, _, lines = broadcast_house.build(
            desk.pool, desk.clock, desk.library, desk.sink.port, set_size=2
        )
        yield Road(desk, made)
        for line in lines:
            await line.close()
