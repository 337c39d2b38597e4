"""The composition root of a worker of broadcasts: settings in, everything else out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from psycopg import Error as DatabaseError
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.broadcast_sending import BroadcastSending
from activities.broadcast_texts import BroadcastTexts, Writers
from activities.broadcasts import BroadcastActivities
from activities.enrollments import CalendarShelf
from activities.letters import Sender
from digital_cs import logs
from digital_cs.background import running
from digital_cs.bootstrap import (
    RELOAD_SECONDS,
    SMTP_MARGIN,
    content_stamp,
    open_pool,
    smtp_channel,
)
from digital_cs.channels.bulk import BulkLine
from digital_cs.clock import Clock
from digital_cs.config import Settings
from digital_cs.errors import DigitalCsError
from digital_cs.ingest.rules.calendars import load_business_calendar
from digital_cs.messages.broadcast import queue_of
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.store.people.accounts import countries
from digital_cs.temporal.broadcast_relay import BroadcastRelay
from digital_cs.temporal.client import connect
from digital_cs.temporal.worker import build_worker

log = logs.get(__name__)

SETS_A_LINE = 2
"""While one set is on the wire the next is claimed, so that no line waits for the database."""

BESIDE_LINES = 2
"""Activities beside those that send: looks at broadcasts, which must not wait for a line."""


@dataclass(frozen=True)
class BroadcastEngine:
    """Everything that one worker process of broadcasts runs."""

    settings: Settings
    clock: Clock
    pool: AsyncConnectionPool[Any]
    client: Client
    library: EmailLibrary
    calendar: CalendarShelf
    activities: BroadcastActivities
    relay: BroadcastRelay

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; the sets that are under way are finished first."""
        queue = queue_of(self.settings.task_queue)
        worker = build_worker(
            self.client, queue, [self.activities.look, self.activities.send_chunk],
            concurrency=SETS_A_LINE * self.settings.broadcast_connections + BESIDE_LINES,
        )  # fmt: skip
        helpers = (self.relay.run(), self._watch_content())
        async with running(stop.wait(), *helpers) as (stopping, *helping), worker:
            log.info(logs.WORKER_STARTED, task_queue=queue)
            done, _ = await asyncio.wait([stopping, *helping], return_when=asyncio.FIRST_COMPLETED)
            for part in done - {stopping}:
                part.result()  # a helper never ends by itself: this raises what broke it
        log.info("worker.stopped")

    async def _watch_content(self) -> None:
        """Take up changed e-mails and holidays while running. A text that was changed since it was
        approved holds its broadcast (P21)."""
        folder, seen, year = self.settings.content_dir, None, self.clock.now().year
        while True:
            stamp = await asyncio.to_thread(content_stamp, folder)
            if seen is not None and (stamp, self.clock.now().year) != (seen, year):
                try:
                    await asyncio.to_thread(self.library.load)
                    async with self.pool.connection() as connection:
                        known = await countries(connection)
                    self.calendar.current = await asyncio.to_thread(
                        load_business_calendar, folder, self.clock.now(), known
                    )
                except DatabaseError as error:
                    log.warning("content.not_reloaded", error=type(error).__name__)
                    stamp = seen  # from the start again
                except (DigitalCsError, OSError) as error:
                    log.error("content.not_reloaded", error=str(error))
            seen, year = stamp, self.clock.now().year
            await asyncio.sleep(RELOAD_SECONDS)


@contextlib.asynccontextmanager
async def open_broadcast_engine(
    settings: Settings, pool: AsyncConnectionPool[Any] | None = None
) -> AsyncIterator[BroadcastEngine]:
    """Build a worker of broadcasts; everything is closed at the end, but a given pool."""
    clock = settings.clock()
    library = EmailLibrary(settings.content_dir, settings.app_url)
    library.load()
    server = smtp_channel(settings).server
    lines = [
        BulkLine(server, depth=settings.broadcast_in_flight, timeout=settings.smtp_timeout)
        for _ in range(settings.broadcast_connections)
    ]
    async with contextlib.nullcontext(pool) if pool else open_pool(settings) as opened:
        client = await connect(settings)
        async with opened.connection() as connection:
            known = await countries(connection)
        calendar = CalendarShelf(load_business_calendar(settings.content_dir, clock.now(), known))
        sending = BroadcastSending(
            pool=opened, clock=clock, lines=lines, timeout=settings.smtp_timeout,
            writers=Writers(
                sender_of(settings), Signer(*settings.link_keys()),
                LinkSigner(*settings.link_keys()),
            ),
        )  # fmt: skip
        try:
            yield BroadcastEngine(
                settings=settings, clock=clock, pool=opened, client=client, library=library,
                calendar=calendar,
                activities=BroadcastActivities(
                    pool=opened, clock=clock, texts=BroadcastTexts(library), sending=sending,
                    set_size=settings.broadcast_in_flight, calendar=calendar,
                    workspace_zone=settings.workspace_zone, mail_domain=settings.mail_domain,
                ),
                relay=BroadcastRelay(
                    pool=opened, client=client, workspace=settings.workspace,
                    task_queue=settings.task_queue,
                ),
            )  # fmt: skip
        finally:
            await asyncio.gather(*(line.close() for line in lines))


def sender_of(settings: Settings) -> Sender:
    """Who writes, as the settings say."""
    return Sender(
        settings.mail_from, settings.mail_domain, settings.mail_from.split("<")[0].strip(),
        settings.mail_footer, settings.public_url, settings.app_url,
        settings.smtp_timeout + SMTP_MARGIN,
        clicks=settings.clicks == "record", opens=settings.opens == "record",
        postmark=(settings.smtp_host or "").endswith("postmarkapp.com"),
    )  # fmt: skip
