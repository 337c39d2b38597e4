"""Pulling tickets from Zendesk: what changed since the last time, kept page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg import Error as DatabaseError
from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.channels.zendesk import Page, ZendeskAwayError, ZendeskClient, ZendeskRefusedError
from digital_cs.clock import Clock
from digital_cs.ingest.support.zendesk_shapes import SOURCE, Directory, ShapeError, read_ticket
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.product import sources
from digital_cs.store.programs import enrollments
from digital_cs.store.support import ticket_matches
from digital_cs.store.support.tickets import SavedTickets, TicketRecord, save_tickets

log = logs.get(__name__)

Connection = AsyncConnection[Any]

LOCK = 0x6463737A
EXPORT = "/api/v2/incremental/tickets/cursor.json"
ORGANIZATIONS = "/api/v2/organizations.json"
BESIDE: dict[str, str | int] = {"include": "users,organizations,metric_sets", "per_page": 500}
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""Where the first pull begins: before the first ticket of the first Zendesk."""

LEFT_OUT = timedelta(minutes=1)
"""Zendesk keeps the last minute back, and says end of stream without it."""

LISTS_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull brought. `complete`: it came to the end; else somebody else is pulling."""

    pages: int = 0
    tickets: int = 0
    new: int = 0
    updated: int = 0
    refused: int = 0
    unmatched: int = 0
    complete: bool = False
    problems: tuple[str, ...] = ()

    def plus(self, saved: SavedTickets, problems: tuple[str, ...], *, end: bool) -> Pulled:
        """This and one page more."""
        total = saved.new + saved.updated + saved.stale + saved.same
        return Pulled(
            self.pages + 1, self.tickets + total, self.new + saved.new,
            self.updated + saved.updated, self.refused + len(problems),
            self.unmatched + saved.unmatched, end, (*self.problems, *problems)[:20],
        )  # fmt: skip


class ZendeskPull:
    """Pulls once, or again and again. One of the fleet at a time: a lock says who."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, client: ZendeskClient,
        text_days: int, every: timedelta,
    ) -> None:  # fmt: skip
        """`every`: real time between the ends of two pulls."""
        self._pool = pool
        self._clock = clock
        self._client = client
        self._text_days = text_days
        self._every = every
        self._listed_at: datetime | None = None

    async def run(self) -> None:
        """Pull until cancelled. What goes wrong is noted with the source, and tried again."""
        while True:
            try:
                await self.once(only_when_due=True)
            except (ZendeskAwayError, ZendeskRefusedError, DatabaseError, OSError) as error:
                log.warning("zendesk.not_pulled", error=type(error).__name__)
            await asyncio.sleep(min(60.0, self._every.total_seconds()))

    async def once(
        self, *, only_when_due: bool = False, since: datetime | None = None,
        on_page: Callable[[Pulled], None] = lambda pulled: None,
    ) -> Pulled:  # fmt: skip
        """Pull all that is new up to now; `since` begins there instead of where the last ended.

        Each page is one transaction with the place of the next: whoever is interrupted goes on
        from there. Raises ZendeskAwayError, ZendeskRefusedError.
        """
        async with self._pool.connection() as connection:
            if not await _lock(connection):
                return Pulled()
            try:
                if only_when_due and not await self._is_due(connection):
                    return Pulled()
                return await self._pull(connection, since, on_page)
            except (ZendeskAwayError, ZendeskRefusedError) as error:
                await self._note(connection, error=str(error))
                raise
            finally:
                if not connection.closed:
                    await connection.execute("select pg_advisory_unlock(%s)", (LOCK,))

    async def _is_due(self, connection: Connection) -> bool:
        source = await sources.get(connection, SOURCE)
        if source is None or source.complete_through is None:
            return True
        age = self._clock.now() - source.complete_through
        return age >= LEFT_OUT + self._every * self._clock.speed

    async def _pull(
        self, connection: Connection, since: datetime | None, on_page: Callable[[Pulled], None]
    ) -> Pulled:
        place = None if since else await sources.cursor(connection, SOURCE)
        pulled, beside = Pulled(), Directory()
        listed: set[str] = set()
        while not pulled.complete:
            start = (
                {"cursor": place} if place else {"start_time": int((since or FIRST).timestamp())}
            )
            asked_at = self._clock.now()
            page = await self._client.get(EXPORT, {**BESIDE, **start})
            await self._look_beside(page, beside, listed)
            records, problems = _understand(page, beside)
            end, after = page.get("end_of_stream") is True, page.get("after_cursor")
            if not end and (not isinstance(after, str) or not after or after == place):
                raise ZendeskAwayError("Zendesk does not say where its next page is. Pull again.")
            place = after if isinstance(after, str) and after else place
            saved = await self._keep(
                connection, records, len(problems), place, asked_at - LEFT_OUT if end else None
            )
            pulled = pulled.plus(saved, problems, end=end)
            on_page(pulled)
        await self._match_waiting(connection)
        return pulled

    @again_after_deadlock
    async def _keep(
        self, connection: Connection, records: list[TicketRecord], refused: int,
        place: str | None, through: datetime | None,
    ) -> SavedTickets:  # fmt: skip
        async with connection.transaction():
            now = self._clock.now()
            saved = await save_tickets(connection, records, now, text_days=self._text_days)
            await self._note(connection, len(records), refused, through)
            if place is not None:
                await sources.set_cursor(connection, SOURCE, place)
        return saved

    async def _note(
        self, connection: Connection, received: int = 0, refused: int = 0,
        through: datetime | None = None, error: str | None = None,
    ) -> None:  # fmt: skip
        further = await sources.note(
            connection, SOURCE, kind="zendesk", feeds=["tickets"], at=self._clock.now(),
            received=received, refused=refused, complete_through=through, error=error,
        )  # fmt: skip
        if further:
            await enrollments.wake_by_feed(connection, "tickets")

    async def _look_beside(self, page: Page, beside: Directory, listed: set[str]) -> None:
        """What came with the page; or, where nothing did, the lists that it would come from."""
        inside = any(isinstance(t, dict) and "metric_set" in t for t in _tickets(page))
        for given, name, known, add in (
            (page.get("users"), "users", beside.addresses, beside.add_users),
            (page.get("organizations"), "organizations", beside.organizations,
             beside.add_organizations),
            ([] if inside else page.get("metric_sets"), "ticket_metrics", beside.solved,
             beside.add_metrics),
        ):  # fmt: skip
            if isinstance(given, list):
                known.clear()  # what came with earlier pages: a first pull has millions of them
                add(given)
            elif name not in listed:
                listed.add(name)
                try:
                    async for found in self._client.pages(f"/api/v2/{name}.json", name):
                        add(found)
                except ZendeskRefusedError:
                    self._client.tell(f"Zendesk gives no list of {name}: it is done without.")

    async def _match_waiting(self, connection: Connection) -> None:
        """Give waiting tickets to accounts that are known by now, by what Zendesk now says of
        their organizations too: one that gets an external id changes none of its tickets."""
        now = datetime.now(UTC)
        if self._listed_at is None or now - self._listed_at >= LISTS_EVERY:
            waiting = await ticket_matches.waiting_organizations(connection, SOURCE)
            if waiting:
                beside = Directory()
                async for found in self._client.pages(ORGANIZATIONS, "organizations"):
                    beside.add_organizations(found)
                await ticket_matches.describe_organizations(
                    connection, SOURCE,
                    {id: (found.account, found.domains)
                     for id, found in beside.organizations.items() if id in waiting},
                )  # fmt: skip
            self._listed_at = now
        async with connection.transaction():
            await ticket_matches.match_waiting(connection)


async def _lock(connection: Connection) -> bool:
    cursor = await connection.execute("select pg_try_advisory_lock(%s)", (LOCK,))
    row = await cursor.fetchone()
    return bool(row and row[0])


def _tickets(page: Page) -> list[Any]:
    found = page.get("tickets")
    if not isinstance(found, list):
        raise ZendeskAwayError("Zendesk's answer has no tickets in it. Pull again later.")
    return found


def _understand(page: Page, beside: Directory) -> tuple[list[TicketRecord], tuple[str, ...]]:
    """The tickets of a page, and what is wrong with those that are none."""
    records, problems = [], []
    for raw in _tickets(page):
        try:
            records.append(read_ticket(raw, beside))
        except ShapeError as error:
            problems.append(str(error))
    return records, tuple(problems)
