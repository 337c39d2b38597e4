"""Suppressions by hand: who is not written to any more, who may be again, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.sending.suppression import Kind, Why, parts_of, subject_of
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import accounts, identity, people, suppression_lists, suppressions
from digital_cs.store.people.suppression_lists import EntryView

Connection = AsyncConnection[Any]

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What an addition did: `new`, or made it last `longer`; `contacts` of that address."""

    subject: str
    new: bool
    longer: bool
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was taken back, and every entry by which they are still not written to."""

    subject: str
    reasons: tuple[str, ...]
    left: list[EntryView]


class Suppressing:
    """Each change is one transaction, in force for the next claim of a message (P16)."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    @again_after_deadlock
    async def add(
        self, subject: str, reason: Why = Why.MANUAL, source: str = OPERATOR, *, note: str = "",
        expires_at: datetime | None = None,
    ) -> Suppressed:  # fmt: skip
        """Do not write to a subject any more. Of several ends of one reason the latest counts.

        Raises NotFoundError for an account that nobody knows, and UsageError for an end that has
        passed.
        """
        kind, name = parts_of(subject)
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise UsageError("It would be over already: name a day that is still to come.")
        async with self._pool.connection() as connection, connection.transaction():
            if kind is Kind.ACCOUNT and not await accounts.known(connection, [name]):
                raise NotFoundError(
                    f"There is no account '{name}'. `digital-cs account list` finds them."
                )
            entry = suppressions.Entry(subject, reason.value, note, expires_at)
            added = await suppressions.add_entries(connection, [entry], source, now)
            contacts = await identity.with_address(connection, name) if "@" in name else []
        return Suppressed(subject, bool(added.new), bool(added.longer), tuple(contacts))

    @again_after_deadlock
    async def lift(self, subject: str, reason: Why | None, by: str = OPERATOR) -> Lifted:
        """Take back one reason, or all of them. Nothing to take back is no error."""
        async with self._pool.connection() as connection, connection.transaction():
            lifted = await suppressions.lift(
                connection, subject, reason.value if reason else None, by, self._clock.now()
            )
            left = await suppression_lists.history(connection, await _bearing(connection, subject))
        return Lifted(subject, tuple(lifted), [each for each in left if each.lifted_at is None])

    async def history(self, subject: str) -> list[EntryView]:
        """All that was ever said of a subject, the oldest first; of an address, also what is said
        of its domain and of the accounts where it belongs."""
        async with self._pool.connection() as connection:
            return await suppression_lists.history(connection, await _bearing(connection, subject))


async def _bearing(connection: Connection, subject: str) -> Sequence[str]:
    """The subjects that decide about this one."""
    kind, name = parts_of(subject)
    if kind is not Kind.ADDRESS:
        return [subject]
    contacts = await identity.with_address(connection, name)
    homes = await people.accounts_of(connection, contacts)
    domain = subject_of(Kind.DOMAIN, name.rpartition("@")[2])
    return [subject, domain, *(subject_of(Kind.ACCOUNT, each) for each in homes)]
