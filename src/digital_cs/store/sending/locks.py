"""Locks that make claims, and what must stop them, wait for each other; held by a transaction.

The order is always: sending, account, person. Nobody waits for a lock while holding a later one,
so no two can wait for each other. Two names of one number only wait in vain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.database.arrays import text_array

Connection = AsyncConnection[Any]

TO_CLAIM = """
select pg_advisory_xact_lock_shared(hashtextextended('sending', 0)),
       pg_advisory_xact_lock(hashtextextended('account:' || %(account)s, 0)),
       pg_advisory_xact_lock(hashtextextended('person:' || coalesce(
         (select lower(c.email) from contacts c where c.id = %(contact)s), %(contact)s), 0))
"""
"""What a claim for a contact of an account takes: one claim at a time for each of the two."""


# Counted, so that none is left out as not needed; each step waits for the one before.
_TO_CLAIM_MANY = """
with gate as materialized (
       select count(pg_advisory_xact_lock_shared(hashtextextended('sending', 0))) as n),
     accounts as materialized (
       select count(pg_advisory_xact_lock(hashtextextended('account:' || name, 0))) as n
         from (select unnest(%(accounts)s::text[]) as name from gate where n > 0 order by 1) x)
select count(pg_advisory_xact_lock(hashtextextended('person:' || name, 0)))
  from (select unnest(%(persons)s::text[]) as name from accounts where n > 0 order by 1) x
"""


async def claim_many(
    connection: Connection, accounts: Iterable[str], persons: Iterable[str]
) -> None:
    """What claims for many take at once, in the order of everybody else. In a transaction.

    A person is a lower-case address, or the id of a contact without one. Sorted by the database,
    whose order of names need not be Python's.
    """
    await connection.execute(
        _TO_CLAIM_MANY,
        {"accounts": text_array(set(accounts)), "persons": text_array(set(persons))},
    )


async def stop_claims(connection: Connection) -> None:
    """Wait for all claims that are under way, and let none begin until this transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('sending', 0))")


async def stop_claims_for(
    connection: Connection, *, accounts: Iterable[str] = (), addresses: Iterable[str] = ()
) -> None:
    """The same for some accounts and addresses only. Repeating a lock that one holds is free."""
    for kind, names in (("account", accounts), ("person", (each.lower() for each in addresses))):
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s || ':' || name, 0))"
            " from (select unnest(%s::text[]) as name order by 1) x",
            (kind, sorted(set(names))),
        )
