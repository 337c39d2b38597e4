"""The intake: facts about accounts that come in, kept together with all that follows from them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.ingest.events.collector_follow import follow
from digital_cs.ingest.events.collector_sources import SLACK
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import accounts, contacts, people, subscriptions
from digital_cs.store.product import (
    events,
    milestones,
    partitions,
    sources,
    usage,
    usage_rows,
    usage_sums,
)
from digital_cs.store.product.usage_rows import Folded
from digital_cs.store.programs import enrollments
from digital_cs.store.programs.enrollments import Enrolled
from digital_cs.store.rules import changes
from digital_cs.store.support import tickets

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of product events."""

    new: int = 0
    known_already: int = 0
    unknown_accounts: tuple[str, ...] = ()
    enrolled: int = 0
    too_old: tuple[str, ...] = ()
    """Ids of events that are not kept: their day is too long ago, or its events were dropped."""


class Intake:
    """Each call is one transaction: what is kept, who is woken by it and who enters through it.

    A repeat changes nothing. Of two records of the same thing in one call, the last one counts.
    """

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock, entries: Entries,
        *, oldest_days: int = 400,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._entries = entries
        self._oldest_days = oldest_days

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    @again_after_deadlock
    async def save_accounts(
        self, records: Sequence[accounts.AccountRecord]
    ) -> dict[str, list[str]]:
        """Insert or update accounts and wake whoever listens; changed keys by account id."""
        unique = list({record.id: record for record in records}.values())
        async with self._transaction() as connection:
            await accounts.lock(connection, (record.id for record in unique))
            changed = await accounts.save_accounts(connection, unique, self._clock.now())
            await changes.tell(connection, changed)
        return changed

    @again_after_deadlock
    async def save_contacts(
        self, records: Sequence[contacts.ContactRecord], source: str = ""
    ) -> contacts.SavedContacts:
        """Insert or update contacts and wake the enrollments of accounts where one changed."""
        unique = list({(record.id, record.account_id): record for record in records}.values())
        now = self._clock.now()
        async with self._transaction() as connection:
            await people.change(connection)
            await accounts.lock(connection, (record.account_id for record in unique))
            saved = await contacts.save_contacts(connection, unique, now, source)
            await self._count_waiting(connection, saved, {record.id for record in unique}, now)
        return saved

    async def _count_waiting(
        self, connection: Connection, saved: contacts.SavedContacts, ids: set[str], now: datetime
    ) -> None:
        """Give contacts who joined an account what they did before anybody knew that."""
        sums = await events.assign_waiting(connection, ids)
        await usage_sums.add(connection, sums, {}, now.astimezone(UTC).date())
        last = {account: date.fromisoformat(day) for account, day in sums.last_days().items()}
        moved = await usage.move_last_active(connection, last, now)
        keys = {account: {"contacts"} for account in saved.changed}
        await follow(connection, self._entries, sums, moved, keys, now)

    @again_after_deadlock
    async def record_events(
        self, records: Sequence[events.EventRecord], source: str = "api", *, history: bool = False
    ) -> Recorded:
        """Keep product events, each once, with all that follows from them, in one transaction:
        usage, milestones reached, enrollments woken, accounts entering programs.

        `history`: somebody brings in what happened before, however long ago.
        """
        now = self._clock.now()
        oldest = now.astimezone(UTC).date() - timedelta(days=self._oldest_days)
        if history:
            oldest = date.min
        async with self._transaction() as connection:
            await people.look(connection)
            known = await accounts.lock(connection, (record.account_id for record in records))
            gone = await partitions.dropped(connection, (record.day for record in records))
            late = {r.id for r in records if r.day < oldest or r.day in gone}
            wanted = [record for record in records if record.id not in late]
            fresh = await events.record_events(connection, wanted, now, source)
            days: dict[tuple[str, str], date] = {}
            for event in fresh:
                key = event.account_id, event.name
                days[key] = min(event.day, days.get(key, event.day))
            keys = changes.of_usage(days, now.astimezone(UTC).date())
            reached = await milestones.reach(connection, days)
            for account, milestone in reached:
                keys[account].add(f"milestone:{milestone}")
            await accounts.mark_changed(connection, (account for account, _ in reached), now)
            await changes.tell(connection, keys)
            entered = await self._entries.by_events(connection, fresh) if fresh else Enrolled()
        unknown = {r.account_id for r in records if r.account_id not in known}
        kept = sum(record.account_id in known for record in wanted)
        return Recorded(
            len(fresh), kept - len(fresh), tuple(sorted(unknown)), len(entered.enrolled),
            tuple(sorted(late)),
        )  # fmt: skip

    async def note_events(
        self, source: str, received: int, newest: datetime | None, problems: Sequence[str]
    ) -> None:
        """Note what a source of events brought: how many were kept, the moment of the newest of
        them, and why each of the others was not.

        Verdicts on usage do not wait for it: who sends an event now and then would hold them.
        """
        now = self._clock.now()
        async with self._transaction() as connection:
            await sources.note(
                connection, source, kind="api", feeds=["events"], at=now, received=received,
                refused=len(problems), error=problems[-1] if problems else None,
                complete_through=None if newest is None else min(newest, now) - SLACK,
            )  # fmt: skip

    @again_after_deadlock
    async def save_subscriptions(
        self, records: Sequence[subscriptions.SubscriptionRecord], source: str
    ) -> subscriptions.SavedSubscriptions:
        """Insert or replace subscriptions of known accounts, and tell whoever reads them."""
        async with self._transaction() as connection:
            await accounts.lock(connection, (record.account_id for record in records))
            saved = await subscriptions.save_subscriptions(
                connection, records, self._clock.now(), source
            )
            await changes.tell_all(connection, saved.changed_accounts, ["subscriptions"])
        return saved

    @again_after_deadlock
    async def save_milestones(self, rows: Sequence[tuple[str, str, datetime]]) -> int:
        """Keep (account, milestone, reached at) as somebody states it, the earliest of each.

        Returns how many are new, or earlier than was known.
        """
        async with self._transaction() as connection:
            await accounts.lock(connection, (account for account, _, _ in rows))
            given = await milestones.give(connection, rows)
            keys: dict[str, set[str]] = {}
            for account, name in given:
                keys.setdefault(account, set()).add(f"milestone:{name}")
            await accounts.mark_changed(connection, keys, self._clock.now())
            await changes.tell(connection, keys)
        return len(given)

    @again_after_deadlock
    async def save_tickets(
        self, records: Sequence[tickets.TicketRecord], *, text_days: int
    ) -> tickets.SavedTickets:
        """Insert or update tickets, give them to accounts, and tell whoever reads them."""
        async with self._transaction() as connection:
            return await tickets.save_tickets(
                connection, records, self._clock.now(), text_days=text_days
            )

    @again_after_deadlock
    async def save_usage(
        self, records: Sequence[usage.UsageRecord], through: date | None,
        source: str = "csv:usage", *, parts: Sequence[usage_rows.UsageRow] = (),
    ) -> int:  # fmt: skip
        """Keep usage by day, complete up to `through` (None: more is to come); wake listeners.

        `parts` are rows that their source knows by an id: a day is what its parts come to.
        Returns for how many accounts the last active day moved.
        """
        async with self._transaction() as connection:
            ids = {record.account_id for record in records}
            await accounts.lock(connection, ids | {row.part.account_id for row in parts})
            folded = await usage_rows.fold(connection, source, parts) if parts else Folded()
            unique = list(
                {(r.account_id, r.day, r.event): r for r in (*records, *folded.days)}.values()
            )
            now = self._clock.now()
            saved = await usage.save_usage(connection, unique, now)
            days: dict[tuple[str, str], date] = {}
            for record in saved.changed:
                pair = record.account_id, record.event
                days[pair] = min(record.day, days.get(pair, record.day))
            keys = changes.of_usage(days, now.astimezone(UTC).date())
            for account in saved.moved:
                keys[account].add("usage")
            reached = await milestones.reach(connection, days)
            for account, milestone in reached:
                keys[account].add(f"milestone:{milestone}")
            await accounts.mark_changed(connection, (account for account, _ in reached), now)
            await changes.tell(connection, keys)
            complete = None
            if through is not None:
                complete = datetime.combine(through + timedelta(days=1), time(), UTC)
            await sources.note(
                connection,
                source,
                kind="csv",
                feeds=["usage"],
                received=len(records) + len(parts),
                at=now,
                complete_through=complete,
            )
            if through is not None:
                await enrollments.wake_by_feed(connection, "usage")
        return len(saved.moved)

    async def known_accounts(self, ids: Iterable[str]) -> set[str]:
        """Those of these ids that are accounts."""
        async with self._pool.connection() as connection:
            return await accounts.known(connection, ids)
