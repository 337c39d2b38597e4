"""The composition root: settings in, everything else out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from psycopg import Error as DatabaseError
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.calls import Calls
from activities.claiming import Gate
from activities.enrollments import CalendarShelf, EnrollmentActivities, Workspace
from activities.letters import Sender
from activities.mailing import Mailing
from activities.programs import ProgramShelf
from digital_cs import logs
from digital_cs.background import running
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.channels.webhook import WebhookChannel
from digital_cs.channels.zendesk import ZendeskClient
from digital_cs.clock import Clock
from digital_cs.config import Settings
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import DigitalCsError, SettingsError
from digital_cs.ingest.content.evidence_days import EvidenceDays
from digital_cs.ingest.content.link_rounds import LinkRounds
from digital_cs.ingest.rules.calendars import load_business_calendar
from digital_cs.ingest.rules.entries import Entries
from digital_cs.ingest.rules.membership import Membership
from digital_cs.ingest.support.zendesk_pull import ZendeskPull
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.store.database import pool as pools
from digital_cs.store.people.accounts import countries
from digital_cs.store.programs import alerts
from digital_cs.store.sending import holds
from digital_cs.temporal.broadcast_watch import BroadcastWatch
from digital_cs.temporal.client import connect
from digital_cs.temporal.keeper import Keeper
from digital_cs.temporal.newsletter_parts import Newsletters, open_newsletters
from digital_cs.temporal.reconciler import Reconciler
from digital_cs.temporal.relay import Relay
from digital_cs.temporal.review_parts import Reviews, open_reviews
from digital_cs.temporal.worker import build_worker

log = logs.get(__name__)

RELOAD_SECONDS = 2.0
SMTP_MARGIN = 2.0
"""A claim outlives the longest SMTP dialogue by this, in real seconds."""


@dataclass(frozen=True)
class Engine:
    """Everything that one worker process runs."""

    settings: Settings
    clock: Clock
    pool: AsyncConnectionPool[Any]
    client: Client
    channel: SmtpChannel
    library: EmailLibrary
    calendar: CalendarShelf
    activities: EnrollmentActivities
    relay: Relay
    keeper: Keeper
    reconciler: Reconciler
    zendesk: ZendeskPull | None
    links: LinkRounds
    reviews: Reviews
    newsletters: Newsletters

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is under way is finished first."""
        worker = build_worker(
            self.client, self.settings.task_queue,
            [self.activities.advance, self.reviews.activities.advance,
             self.reviews.activities.send_digests, self.newsletters.activities.advance],
            concurrency=self.settings.worker_concurrency,
        )  # fmt: skip
        helpers = [self.relay.run(), self.keeper.run(), self._watch_content()]
        if self.zendesk is not None:
            helpers.append(self.zendesk.run())
        if self.settings.content_links == "check":
            helpers.append(self.links.run())
        async with running(stop.wait(), *helpers) as (stopping, *helping), worker:
            log.info(logs.WORKER_STARTED, task_queue=self.settings.task_queue)
            done, _ = await asyncio.wait([stopping, *helping], return_when=asyncio.FIRST_COMPLETED)
            for part in done - {stopping}:
                part.result()  # a helper never ends by itself: this raises what broke it
        log.info("worker.stopped")

    async def _watch_content(self) -> None:
        """Take up changed e-mails and holidays while running; wake whom a mended text held."""
        seen = content_stamp(self.settings.content_dir)
        year = self.clock.now().year
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            stamp = await asyncio.to_thread(content_stamp, self.settings.content_dir)
            if stamp == seen and year == self.clock.now().year:
                continue
            try:
                await asyncio.to_thread(self.library.load)
                await asyncio.to_thread(self.reviews.reload_team, self.settings)
                async with self.pool.connection() as connection:
                    known = await countries(connection)
                    self.calendar.current = await asyncio.to_thread(
                        load_business_calendar, self.settings.content_dir, self.clock.now(), known
                    )
                    await alerts.close_and_wake(connection, "template", self.clock.now())
                    # What its author wants with stale content may be what changed.
                    await holds.wake_for_content(connection, self.clock.now())
            except DatabaseError as error:
                log.warning("content.nobody_woken", error=type(error).__name__)
                continue  # from the start again: whom a mended text held must not be forgotten
            except (DigitalCsError, OSError) as error:
                log.error("content.not_reloaded", error=str(error))
            seen, year = stamp, self.clock.now().year


def content_stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells one state of the content folder from another."""
    found = []
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                status = path.stat()
                found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def database_url(settings: Settings) -> str:
    """The database that commands use. Raises SettingsError when there is none."""
    if settings.database_url is None:
        raise SettingsError(
            "No database: set DATABASE_URL, or start the embedded one with `digital-cs up`."
        )
    return settings.database_url.get_secret_value()


def smtp_channel(settings: Settings, connections: int | None = None) -> SmtpChannel:
    """The channel to the mail server of the settings, with its own number of connections."""
    if settings.smtp_host is None:
        raise SettingsError(
            "No mail server: set SMTP_HOST, or use the built-in sink of `digital-cs up`."
        )
    password = settings.smtp_password
    return SmtpChannel(
        host=settings.smtp_host, port=settings.smtp_port, tls=settings.smtp_tls,
        user=settings.smtp_user, password=password.get_secret_value() if password else None,
        connections=connections or settings.smtp_connections, timeout=settings.smtp_timeout,
    )  # fmt: skip


def sender_of(settings: Settings) -> Sender:
    """Who writes, by the settings."""
    return Sender(
        settings.mail_from, settings.mail_domain, settings.mail_from.split("<")[0].strip(),
        settings.mail_footer, settings.public_url, settings.app_url,
        settings.smtp_timeout + SMTP_MARGIN,
        clicks=settings.clicks == "record", opens=settings.opens == "record",
        postmark=(settings.smtp_host or "").endswith("postmarkapp.com"),
    )  # fmt: skip


@contextlib.asynccontextmanager
async def open_pool(settings: Settings) -> AsyncIterator[AsyncConnectionPool[Any]]:
    """The pool of this process; closed at the end."""
    async with pools.opened(database_url(settings), settings.database_pool) as opened:
        yield opened


@contextlib.asynccontextmanager
async def open_zendesk(
    settings: Settings, pool: AsyncConnectionPool[Any], **client_options: Any
) -> AsyncIterator[ZendeskPull | None]:
    """The pull of tickets from the Zendesk of the settings, None where they name none.

    `client_options` go to ZendeskClient. Raises SettingsError when they name it only half.
    """
    if settings.zendesk_url is None:
        yield None
        return
    if settings.zendesk_email is None or settings.zendesk_token is None:
        raise SettingsError(
            "ZENDESK_URL needs ZENDESK_EMAIL and ZENDESK_TOKEN: an admin of that Zendesk, and an"
            " API token of theirs."
        )
    client = ZendeskClient(
        url=settings.zendesk_url, user=settings.zendesk_email,
        token=settings.zendesk_token.get_secret_value(), **client_options,
    )  # fmt: skip
    try:
        yield ZendeskPull(
            pool=pool, clock=settings.clock(), client=client, text_days=settings.ticket_text_days,
            every=timedelta(seconds=settings.zendesk_every),
        )  # fmt: skip
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def open_engine(
    settings: Settings, pool: AsyncConnectionPool[Any] | None = None
) -> AsyncIterator[Engine]:
    """Build the engine of a worker process; everything is closed at the end, but a given pool."""
    if settings.smtp_timeout + SMTP_MARGIN + 2 > settings.touch_timeout:
        raise SettingsError(
            f"TOUCH_TIMEOUT ({settings.touch_timeout:g} s) must be at least 4 seconds more than"
            f" SMTP_TIMEOUT ({settings.smtp_timeout:g} s): a touch must not be given to another"
            " worker while this one may still be handing it over."
        )
    clock = settings.clock()
    signing_key = settings.signing_key.get_secret_value()
    library = EmailLibrary(settings.content_dir, settings.app_url)
    library.load()
    channel = smtp_channel(settings)
    webhooks = WebhookChannel(
        signing_key=signing_key, allow_private=settings.webhooks_to_private_networks
    )
    async with (
        contextlib.nullcontext(pool) if pool else open_pool(settings) as opened,
        open_zendesk(settings, opened) as zendesk,
    ):
        client = await connect(settings)
        async with opened.connection() as connection:
            known = await countries(connection)
        calendar = CalendarShelf(load_business_calendar(settings.content_dir, clock.now(), known))
        mailing = Mailing(
            pool=opened, library=library, channel=channel,
            connections=settings.smtp_connections,
            sender=sender_of(settings),
            signer=Signer(*settings.link_keys()), links=LinkSigner(*settings.link_keys()),
            gate=Gate(clock),
        )  # fmt: skip
        reconciler = Reconciler(
            pool=opened, client=client, clock=clock, workspace=settings.workspace,
            touch_timeout=settings.touch_timeout,
        )  # fmt: skip

        async def current() -> BusinessCalendar:
            return calendar.current

        entries = Entries(opened, clock, settings.workspace_zone, current)
        inside = smtp_channel(settings, 1)
        reviews = open_reviews(
            settings, opened, client, clock, calendar, inside, sender_of(settings)
        )
        newsletters = open_newsletters(
            settings, opened, client, clock, calendar, library, reviews.team, reviews.colleagues,
            sender_of(settings),
        )  # fmt: skip
        engine = Engine(
            settings=settings, clock=clock, pool=opened, client=client, channel=channel,
            library=library, calendar=calendar, reconciler=reconciler,
            zendesk=zendesk, links=LinkRounds(pool=opened, clock=clock, settings=settings),
            reviews=reviews, newsletters=newsletters,
            activities=EnrollmentActivities(
                pool=opened, clock=clock, programs=ProgramShelf(opened), calendar=calendar,
                mailing=mailing, calls=Calls(opened, webhooks),
                workspace=Workspace(
                    settings.workspace_zone, settings.dispatch_grace, settings.catchup_spread
                ),
            ),
            relay=Relay(
                pool=opened, client=client, workspace=settings.workspace,
                task_queue=settings.task_queue, touch_timeout=settings.touch_timeout,
                rate=settings.relay_rate,
            ),
            keeper=Keeper(
                pool=opened, database_url=database_url(settings), clock=clock,
                membership=Membership(entries), triggers=entries.triggers, reconciler=reconciler,
                grace=settings.dispatch_grace, text_days=settings.ticket_text_days,
                events_kept_days=settings.events_kept_days,
                evidence=EvidenceDays(
                    pool=opened, clock=clock, content_dir=settings.content_dir
                ),
                reviews=reviews.keeper, newsletters=newsletters.keeper,
                broadcasts=BroadcastWatch(
                    pool=opened, client=client, clock=clock, task_queue=settings.task_queue,
                    workspace_zone=settings.workspace_zone,
                ),
            ),
        )  # fmt: skip
        try:
            yield engine
        finally:
            await channel.close()
            await inside.close()
            await webhooks.close()
