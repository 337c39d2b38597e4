"""The look at all evidence: what speaks against each item, and what it was good for (P24)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as time_of_day
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content import evidence_words as words
from digital_cs.domain.content import helpfulness
from digital_cs.domain.content.content_policy import ContentPolicy, Signals
from digital_cs.domain.content.evidence import Evidence, Signal
from digital_cs.domain.content.item_names import ItemNames
from digital_cs.domain.content.rising import Rise, rise
from digital_cs.domain.content.team import Team
from digital_cs.domain.links.link_health import State
from digital_cs.ingest.content.feedback import Read, read_feedback
from digital_cs.store.content import evidence, feedback, library
from digital_cs.store.content import evidence_readers as readers
from digital_cs.store.content import evidence_signals as signals
from digital_cs.store.content.evidence import Pass, Settled
from digital_cs.store.content.evidence_signals import BadLink
from digital_cs.store.sending.holds import wake_for_content

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a look did. `renewed`: items whose date moved; `woken`: those who waited for
    content, of which some is no longer stale."""

    settled: Settled
    read: Read
    renewed: int
    woken: int
    seconds: float


async def refresh(
    connection: Connection, policy: ContentPolicy, team: Team, now: datetime,
    items: Sequence[str] | None = None,
) -> Refreshed:  # fmt: skip
    """Look at all evidence, about these items or None: all of the library. Opens transactions.

    Events and texts of tickets are read only when it is about all. Looking again changes nothing;
    what does not hold any more ends, and stays as history. Memory is that of the names of items.
    """
    started = time.monotonic()
    names = ItemNames(await library.names(connection, items))
    read = Read()
    if items is None:
        last = await evidence.last_pass(connection)
        read = await read_feedback(
            connection, names, policy.feedback, last.at if last else None, now
        )
    async with connection.transaction():
        await evidence.take_turns(connection)
        await evidence.begin(connection, items)
        renewed = await feedback.renew(connection, now, items)
        look = _Look(connection, policy.signals, now)
        await look.at_links()
        await look.at_pages()
        await look.at_releases()
        await look.at_tickets()
        await look.at_votes()
        await look.at_clicks(names)
        await look.at_owners(team)
        settled = await evidence.settle(connection, now)
        woken = await wake_for_content(connection, now) if renewed or settled.recovered else 0
        seconds = time.monotonic() - started
        if items is None:
            done = Pass(now, settled.items, settled.open, settled.stale, seconds)
            await evidence.record_pass(connection, done)
    return Refreshed(settled, read, len(renewed), woken, seconds)


class _Look:
    """One look: asks signal by signal, and says what was found in words."""

    def __init__(self, connection: Connection, weights: Signals, now: datetime) -> None:
        self._connection = connection
        self._weights = weights
        self._now = now

    def _evidence(self, signal: Signal, since: datetime, told: str, about: str = "") -> Evidence:
        weight: float = getattr(self._weights, signal)
        return Evidence(signal, since, told, weight, about)

    async def at_links(self) -> None:
        async for found in signals.bad_links(self._connection):
            await evidence.put(
                self._connection, [(each.item, self._of_link(each)) for each in found]
            )

    def _of_link(self, link: BadLink) -> Evidence:
        broken = link.health.state is State.BROKEN
        if link.own_page and broken:
            told = words.page_gone(link.url, link.health)
            return self._evidence(Signal.PAGE_GONE, link.since, told)
        told = words.link(link.url, link.line, link.health, own_page=link.own_page)
        signal = Signal.LINK_BROKEN if broken else Signal.LINK_MOVED
        return self._evidence(signal, link.since, told, link.url)

    async def at_pages(self) -> None:
        await signals.verify_answered_pages(self._connection)
        async for found in signals.changed_pages(self._connection):
            told = [
                (page.item, words.page_changed(
                    page.url, page.changed_at, page.verified_at, page.change
                ), page.changed_at)
                for page in found
            ]  # fmt: skip
            await evidence.put(
                self._connection,
                [(item, self._evidence(Signal.PAGE_CHANGED, at, said)) for item, said, at in told],
            )

    async def at_releases(self) -> None:
        async for found in signals.releases(self._connection, self._now.date()):
            await evidence.put(
                self._connection,
                [
                    (each.item, self._evidence(
                        Signal.RELEASE, datetime.combine(each.on, time_of_day(), UTC),
                        words.release(each.title, each.on, each.area, each.reviewed_on), each.note,
                    ))
                    for each in found
                ],
            )  # fmt: skip

    async def at_tickets(self) -> None:
        rising: dict[tuple[str, int], Rise] = {}
        for asked in await readers.asked(self._connection, self._now):
            found = rise(asked.recent, asked.before, asked.others, asked.others_before)
            if found is not None and found.rising:
                rising[asked.topic, asked.days] = found
        if not rising:
            return
        async for about in readers.about_topics(self._connection, self._now, rising):
            await evidence.put(
                self._connection,
                [
                    (item, self._evidence(
                        Signal.TICKETS_RISING, self._now,
                        words.tickets_rising(topic, days, rising[key, days]),
                    ))
                    for item, topic, key, days in about
                ],
                lasting=True,
            )  # fmt: skip

    async def at_votes(self) -> None:
        async for found in readers.votes(self._connection, self._now, helpfulness.FEWEST):
            await evidence.put(
                self._connection,
                [
                    (each.item, self._evidence(
                        Signal.NOT_HELPFUL, each.last, words.not_helpful(each.against, each.votes)
                    ))
                    for each in found
                    if helpfulness.speaks_against(each.against, each.votes)
                ],
                lasting=True,
            )  # fmt: skip

    async def at_clicks(self, names: ItemNames) -> None:
        async for found in readers.asked_after_reading(self._connection, self._now, names.of_page):
            await evidence.put(
                self._connection,
                [
                    (each.item, self._evidence(
                        Signal.CLICK_THEN_TICKET, each.asked_at,
                        words.click_then_ticket(
                            each.topic, each.account, each.read_at, each.asked_at
                        ),
                        each.account,
                    ))
                    for each in found
                ],
            )  # fmt: skip

    async def at_owners(self, team: Team) -> None:
        async for found in signals.owners(self._connection):
            gone = []
            for item, owner, backup in found:
                for signal, name in ((Signal.OWNER_GONE, owner), (Signal.BACKUP_GONE, backup)):
                    person = team.find(name)
                    if person is None or person.gone is None or person.there(self._now.date()):
                        continue
                    told = words.gone(name or "", person.gone, backup=signal is Signal.BACKUP_GONE)
                    since = datetime.combine(person.gone, time_of_day(), UTC)
                    gone.append((item, self._evidence(signal, since, told)))
            await evidence.put(self._connection, gone)
