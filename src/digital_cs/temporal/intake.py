"""The intake: facts about accounts that come in, kept together with all that follows from them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.ingest.entries import Entries
from digital_cs.store import accounts, enrollments, milestones
from digital_cs.store.deadlock import again_after_deadlock
from digital_cs.store.enrollments import Enrolled

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of product events."""

    new: int = 0
    known_already: int = 0
    unknown_accounts: tuple[str, ...] = ()
    enrolled: int = 0


class Intake:
    """Each call is one transaction: what is kept, who is woken by it and who enters through it.

    A repeat changes nothing. Of two records of the same thing in one call, the last one counts.
    """

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock, entries: Entries) -> None:
        self._pool = pool
        self._clock = clock
        self._entries = entries

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
            by_keys: dict[tuple[str, ...], list[str]] = {}
            for id, keys in changed.items():
                by_keys.setdefault(tuple(sorted(keys)), []).append(id)
            for heard, ids in by_keys.items():
                await enrollments.wake_listeners(connection, ids, heard)
        return changed

    @again_after_deadlock
    async def save_contacts(
        self, records: Sequence[accounts.ContactRecord]
    ) -> accounts.SavedContacts:
        """Insert or update contacts and wake the enrollments of accounts where one changed."""
        unique = list({record.id: record for record in records}.values())
        async with self._transaction() as connection:
            await accounts.lock(connection, (record.account_id for record in unique))
            saved = await accounts.save_contacts(connection, unique, self._clock.now())
            await enrollments.wake_listeners(connection, saved.changed, ["contacts"])
        return saved

    @again_after_deadlock
    async def record_events(self, records: Sequence[accounts.EventRecord]) -> Recorded:
        """Keep product events, each once, with all that follows from them, in one transaction:
        milestones reached, enrollments woken, accounts entering programs."""
        now = self._clock.now()
        async with self._transaction() as connection:
            known = await accounts.lock(connection, (record.account_id for record in records))
            counted = await milestones.names(connection)
            fresh = await accounts.record_events(connection, records, now, counted)
            by_name: dict[str, set[str]] = {}
            for event in fresh:
                by_name.setdefault(event.name, set()).add(event.account_id)
            for name, ids in sorted(by_name.items()):
                keys = [f"event:{name}", f"milestone:{name}"]
                await enrollments.wake_listeners(connection, sorted(ids), keys)
                if name in counted:  # rules of entry look at milestones
                    await accounts.mark_changed(connection, ids, now)
            entered = await self._entries.by_events(connection, fresh) if fresh else Enrolled()
        unknown = {r.account_id for r in records if r.account_id not in known}
        kept = sum(record.account_id in known for record in records)
        return Recorded(
            len(fresh), kept - len(fresh), tuple(sorted(unknown)), len(entered.enrolled)
        )

    @again_after_deadlock
    async def save_usage(
        self, records: Sequence[accounts.UsageRecord], through: date | None
    ) -> int:
        """Keep usage by day, complete up to `through` (None: more is to come); wake listeners.

        Returns for how many accounts the last active day moved.
        """
        unique = list({(r.account_id, r.day, r.event): r for r in records}.values())
        async with self._transaction() as connection:
            await accounts.lock(connection, (record.account_id for record in unique))
            moved = await accounts.save_usage(connection, unique, through, self._clock.now())
            await enrollments.wake_listeners(connection, moved, ["usage"])
            if through is not None:
                await enrollments.wake_by_usage(connection)
        return len(moved)

    async def known_accounts(self, ids: Iterable[str]) -> set[str]:
        """Those of these ids that are accounts."""
        async with self._pool.connection() as connection:
            return await accounts.known(connection, ids)

    async def suppress(self, address: str, reason: str, source: str) -> tuple[bool, list[str]]:
        """Never write to an address again; (whether that is new, ids of the contacts it is of)."""
        async with self._transaction() as connection:
            return await accounts.suppress_address(
                connection, address, reason, source, self._clock.now()
            )
