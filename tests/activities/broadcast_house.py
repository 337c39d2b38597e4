"""A worker of broadcasts with real parts: Postgres, the playbook's e-mails, SMTP to the sink.

Only the clock is not real, and nobody but the test calls the activities: it does what the
workflow does.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import ActivityEnvironment

from activities.broadcast_sending import BroadcastSending
from activities.broadcast_texts import BroadcastTexts, Writers
from activities.broadcasts import TURN_SECONDS, BroadcastActivities
from activities.enrollments import CalendarShelf
from activities.letters import Sender
from digital_cs.channels.bulk import BulkLine
from digital_cs.channels.sink import FaultMode, Faults, Sink, SinkEntry, read_index
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.domain.sending.broadcast import Broadcast, BroadcastPlan
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.broadcast import ChunkReply, ChunkRequest, LookReply, LookRequest
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.database import pool as pools
from digital_cs.store.programs import alerts
from tests import rig
from tests.activities.house import SIGNING_KEY, StoppedClock
from tests.store.broadcast_worlds import a_plan

ID = "spring"


@dataclass
class BroadcastHouse:
    """Everything around the two activities, and short words for what tests do to it."""

    pool: AsyncConnectionPool[Any]
    clock: StoppedClock
    sink: Sink
    content: Path
    texts: BroadcastTexts
    library: EmailLibrary
    activities: BroadcastActivities
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    async def people(self, count: int) -> list[str]:
        """So many accounts with one champion each."""
        async with self.pool.connection() as connection:
            return await rig.people(connection, count, self.clock.now())

    async def start(self, id: str = ID, *, approve: bool = True, **parts: Any) -> Broadcast:
        """A broadcast of a playbook's e-mail that is approved and started."""
        plan: BroadcastPlan = a_plan(**parts)
        now = self.clock.now()
        async with self.pool.connection() as connection:
            draft = await broadcasts.save_draft(
                connection, id, "Spring release", "maya", plan, None, "test", now
            )
            assert draft is not None
            if approve:
                await self.approve(id)
            started = await broadcasts.start(connection, id, plan, "test", now)
            assert started is not None
            return started

    async def approve(self, id: str = ID) -> None:
        async with self.pool.connection() as connection:
            found = await broadcasts.get(connection, id)
            assert found is not None
            texts = await self.texts.of(connection, found)
            assert texts.hash is not None, texts.fault
            await broadcasts.approve(connection, id, texts.hash, "test", self.clock.now())

    async def say(self, what: Any, id: str = ID, *values: Any) -> None:
        """Pause, resume, cancel: what a person does."""
        async with self.pool.connection() as connection:
            assert await what(connection, id, *values, "test", self.clock.now()) is not None

    async def look(self, id: str = ID) -> LookReply:
        return await self.environment.run(self.activities.look, LookRequest(id))

    async def chunk(self, chunk: int, id: str = ID) -> ChunkReply:
        return await self.environment.run(self.activities.send_chunk, ChunkRequest(id, chunk))

    async def until_rest(self, id: str = ID) -> LookReply:
        """What the workflow does until it would sleep, or is at its end."""
        for _ in range(200):
            reply = await self.look(id)
            if not reply.chunks:
                return reply
            found = await asyncio.gather(*(self.chunk(each, id) for each in reply.chunks))
            if all(each.rest_seconds for each in found):
                return LookReply(sleep_seconds=max(each.rest_seconds for each in found))
        raise AssertionError("it does not come to rest")

    def misbehave(self, mode: FaultMode, **how: Any) -> None:
        Faults(mode, **how).write(self.sink.folder)

    def letters(self) -> list[SinkEntry]:
        return read_index(self.sink.folder)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

    async def states(self, id: str = ID) -> Counter[str]:
        """How many recipients are in which state; with the reason where they are not sent to."""
        rows = await self.rows(
            "select case when state in ('planned', 'skipped') and reason is not null"
            "  then state || ' ' || reason else state end as state from messages"
            " where broadcast_id = %s", id,
        )  # fmt: skip
        return Counter(row["state"] for row in rows)

    async def found(self, id: str = ID) -> Broadcast:
        async with self.pool.connection() as connection:
            found = await broadcasts.get(connection, id)
        assert found is not None
        return found

    async def open_alerts(self) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            return await alerts.open_alerts(connection)


def build(
    pool: AsyncConnectionPool[Any], clock: Any, library: EmailLibrary, port: int, *,
    lines: int = 2, set_size: int = 20, smtp_timeout: float = 2.0, turn: float = TURN_SECONDS,
) -> tuple[BroadcastActivities, BroadcastTexts, list[BulkLine]]:  # fmt: skip
    """The activities of one worker, with lines of its own."""
    server = SmtpChannel(host="127.0.0.1", port=port, tls="none").server
    bulk = [BulkLine(server, depth=set_size, timeout=smtp_timeout) for _ in range(lines)]
    sender = Sender(
        f"Company <hello@{rig.MAIL_DOMAIN}>", rig.MAIL_DOMAIN, "Company", "1 Road, Town",
        "http://127.0.0.1:8088", "https://app.test", smtp_timeout,
    )  # fmt: skip
    texts = BroadcastTexts(library)
    sending = BroadcastSending(
        pool=pool, clock=clock, lines=bulk, timeout=smtp_timeout,
        writers=Writers(sender, Signer(SIGNING_KEY), LinkSigner(SIGNING_KEY)),
    )  # fmt: skip
    made = BroadcastActivities(
        pool=pool, clock=clock, texts=texts, sending=sending, set_size=set_size,
        calendar=CalendarShelf(BusinessCalendar()), workspace_zone="UTC",
        mail_domain=rig.MAIL_DOMAIN, turn=turn,
    )  # fmt: skip
    return made, texts, bulk


@contextlib.asynccontextmanager
async def opened(
    database: str, folder: Path, *, set_size: int = 20, lines: int = 2
) -> AsyncIterator[BroadcastHouse]:
    """A house on a migrated database; `folder` takes the mail and a copy of the content."""
    content = folder / "content"
    shutil.copytree(rig.ROOT / "content", content)
    clock = StoppedClock()
    library = EmailLibrary(content)
    async with Sink(folder / "mail") as sink, pools.opened(database, 8) as pool:
        made, texts, bulk = build(pool, clock, library, sink.port, set_size=set_size, lines=lines)
        yield BroadcastHouse(pool, clock, sink, content, texts, library, made)
        for line in bulk:
            await line.close()
