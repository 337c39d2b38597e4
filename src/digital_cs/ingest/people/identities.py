"""Identity by hand: two ids are one person, or a person works for another account now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.events.collector_follow import follow
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import accounts, identity, people
from digital_cs.store.people.identity import ContactView, Moved
from digital_cs.store.product import events, usage, usage_sums
from digital_cs.store.rules import changes

Connection = AsyncConnection[Any]

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did: `changed` is False where the two were one already. `events`: how many
    found their account by it, after they had waited for somebody to say whose they are."""

    contact: str
    changed: bool
    accounts: tuple[str, ...] = ()
    events: int = 0


class Identities:
    """Each call is one transaction, with all that follows: wakes, milestones, segments."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock, entries: Entries) -> None:
        self._pool = pool
        self._clock = clock
        self._entries = entries

    async def contact(self, id: str) -> ContactView:
        """A contact by an id, also a former one. Raises NotFoundError."""
        async with self._pool.connection() as connection:
            return await _known(connection, id)

    @again_after_deadlock
    async def merge(self, alias: str, into: str) -> Merged:
        """Say once for all that `alias` (a contact, or an anonymous id) is another id of `into`.

        Raises NotFoundError for an id that nobody was ever seen with, and UsageError for one that
        is another person's already, or for one person twice.
        """
        now = self._clock.now()
        async with self._pool.connection() as connection, connection.transaction():
            await people.change(connection)
            kept = (await _known(connection, into)).id
            is_already = (await people.known_as(connection, [alias])).get(alias)
            if is_already == kept and alias != kept:
                return Merged(kept, changed=False)
            await _refuse(connection, alias, kept, is_already)
            where = {
                *await people.accounts_ever(connection, [alias, kept]),
                *await events.accounts_of_visitor(connection, alias),
            }
            await accounts.lock(connection, where)
            await people.merge(connection, alias, kept, now, OPERATOR, now)
            keys: dict[str, set[str]] = {}
            for account, event in await usage_sums.rename_user(connection, where, alias, kept):
                keys.setdefault(account, set()).update(changes.usage_keys(event, past=False))
            homes = await people.accounts_of(connection, [kept])
            for account in homes:
                keys.setdefault(account, set()).add("contacts")
            found = await events.assign_waiting(connection, [kept])
            await usage_sums.add(connection, found, {alias: kept}, now.astimezone(UTC).date())
            last = {id: date.fromisoformat(day) for id, day in found.last_days().items()}
            active = await usage.move_last_active(connection, last, now)
            await follow(connection, self._entries, found, active, keys, now)
        return Merged(kept, True, tuple(homes), sum(each.n for each in found.values()))

    @again_after_deadlock
    async def move(self, contact: str, from_: str, to: str) -> Moved:
        """Let a contact leave an account and join another, with the same roles.

        Raises NotFoundError for an unknown contact or account.
        """
        now = self._clock.now()
        async with self._pool.connection() as connection, connection.transaction():
            await people.change(connection)
            id = (await _known(connection, contact)).id
            there = await accounts.lock(connection, (from_, to))
            for account in (from_, to):
                if account not in there:
                    raise NotFoundError(
                        f"There is no account '{account}'. `digital-cs account list` finds them."
                    )
            if from_ == to:
                raise UsageError(f"'{from_}' is the same account twice: name where they go.")
            moved = await identity.move(connection, id, from_, to, now)
            if moved.left:
                keys = {account: {"contacts"} for account in (from_, to)}
                await follow(connection, self._entries, usage_sums.Sums(), (), keys, now)
        return moved


async def _known(connection: Connection, id: str) -> ContactView:
    found = await identity.contact(connection, id)
    if found is not None:
        return found
    same = await identity.with_address(connection, id)
    hint = f" With that address there is: {', '.join(same)}." if same else ""
    raise NotFoundError(f"There is no contact with the id '{id}'.{hint}")


async def _refuse(connection: Connection, alias: str, kept: str, is_already: str | None) -> None:
    if is_already is not None and is_already != kept:
        raise UsageError(
            f"'{alias}' is another id of '{is_already}' already, and that stays so. If they are"
            f" one person, merge '{is_already}' into '{kept}'."
        )
    if alias == kept:
        raise UsageError(f"'{alias}' is that contact already: name the id that is to go.")
    if await identity.contact(connection, alias) is None and not await identity.seen(
        connection, alias
    ):
        raise NotFoundError(
            f"There is no contact '{alias}', and nobody did anything under that id. Check it."
        )
