"""Suppressions: who is not written to and why, with what follows for every account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.store.changes import tell_all

Connection = AsyncConnection[Any]

SUPPRESSED = """left join suppressions sa on sa.subject = 'address:' || lower(c.email)
          left join suppressions sd
            on sd.subject = 'domain:' || split_part(lower(c.email), '@', -1)"""
"""What is in force for contacts `c`, by their address and their domain."""

SUPPRESSED_HERE = f"""{SUPPRESSED}
          left join suppressions sc on sc.subject = 'account:' || m.account_id"""
"""The same for contacts as members `m`: the account may be suppressed, too."""

# The weightiest wins: a service notice goes to who is only unsubscribed.
_WEIGHTIEST = "case when sa.reason <> 'unsubscribed' then sa.reason else {rest} end"
REASON = _WEIGHTIEST.format(rest="coalesce(sd.reason, sa.reason)")
"""Why the contact is not written to, over SUPPRESSED; null when they are."""

REASON_HERE = _WEIGHTIEST.format(rest="coalesce(sd.reason, sc.reason, sa.reason)")
"""Why the member is not written to, over SUPPRESSED_HERE; null when they are."""

# One row a subject, with the weightiest of the reasons in force, the oldest of equals.
_SETTLE = """
with given as (select unnest(%(subjects)s::text[]) as subject),
     found as (
       select distinct on (e.subject) e.subject, e.reason
         from suppression_entries e join given g using (subject)
        where e.lifted_at is null
        order by e.subject, e.reason = 'unsubscribed', e.created_at, e.id),
     gone as (
       delete from suppressions s using given g
        where s.subject = g.subject
          and not exists (select from found f where f.subject = s.subject))
insert into suppressions as s (subject, reason) select subject, reason from found
on conflict (subject) do update set reason = excluded.reason where s.reason <> excluded.reason
"""


def address_subject(address: str) -> str:
    """The subject that stands for an address."""
    return f"address:{address.strip().lower()}"


def domain_subject(domain: str) -> str:
    """The subject that stands for all addresses of a domain."""
    return f"domain:{domain.strip().lower()}"


def account_subject(account_id: str) -> str:
    """The subject that stands for all people of an account, as people of this account."""
    return f"account:{account_id}"


async def add(
    connection: Connection, subjects: Sequence[str], reason: str, source: str, now: datetime,
    *, note: str = "", expires_at: datetime | None = None,
) -> list[str]:  # fmt: skip
    """Do not write to these subjects any more; wakes whoever would have. Call in a transaction.

    Returns the subjects for which this reason is new: a repeat changes nothing.
    """
    cursor = await connection.execute(
        "insert into suppression_entries (subject, reason, source, note, created_at, expires_at)"
        " select s, %(reason)s, %(source)s, %(note)s, %(now)s, %(expires_at)s"
        " from unnest(%(subjects)s::text[]) s order by s"
        " on conflict (subject, reason) where lifted_at is null do nothing returning subject",
        {
            "subjects": sorted(set(subjects)), "reason": reason, "source": source, "note": note,
            "now": now, "expires_at": expires_at,
        },
    )  # fmt: skip
    new = [row[0] for row in await cursor.fetchall()]
    await settle(connection, new)
    return new


async def settle(connection: Connection, subjects: Sequence[str]) -> None:
    """Derive what is in force from the entries of these subjects, and tell their accounts."""
    if not subjects:
        return
    await connection.execute(_SETTLE, {"subjects": list(subjects)})
    cursor = await connection.execute(
        "select distinct m.account_id from memberships m join contacts c on c.id = m.contact_id"
        " where m.left_at is null and (lower(c.email) = any(%(addresses)s)"
        "   or split_part(lower(c.email), '@', -1) = any(%(domains)s)"
        "   or m.account_id = any(%(accounts)s)) order by 1",
        {
            "addresses": _named(subjects, "address:"), "domains": _named(subjects, "domain:"),
            "accounts": _named(subjects, "account:"),
        },
    )  # fmt: skip
    await tell_all(connection, [row[0] for row in await cursor.fetchall()], ["contacts"])


def _named(subjects: Sequence[str], prefix: str) -> list[str]:
    return [each.removeprefix(prefix) for each in subjects if each.startswith(prefix)]


async def suppress(
    connection: Connection, contact_id: str, reason: str, source: str, now: datetime
) -> None:
    """Never write to this contact's address again, for this reason. Call it in a transaction."""
    cursor = await connection.execute(
        "select lower(email) from contacts where id = %s and email is not null", (contact_id,)
    )
    row = await cursor.fetchone()
    if row is not None:
        await add(connection, [address_subject(row[0])], reason, source, now)


async def suppress_address(
    connection: Connection, address: str, reason: str, source: str, now: datetime
) -> tuple[bool, list[str]]:
    """Never write to this address again, in none of its accounts. Call it in a transaction.

    Returns (whether that is new, the contacts it is of).
    """
    new = await add(connection, [address_subject(address)], reason, source, now)
    cursor = await connection.execute(
        "select id from contacts where lower(email) = lower(%s) order by id", (address,)
    )
    return bool(new), [row[0] for row in await cursor.fetchall()]


async def unsubscribe(
    connection: Connection, contact_id: str, source: str, now: datetime
) -> bool | None:
    """Never write to the address of this contact again, in none of its accounts.

    Returns whether that is new (a repeat wakes nobody), and None when there is no such contact.
    Call it in a transaction.
    """
    cursor = await connection.execute("select email from contacts where id = %s", (contact_id,))
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[0] is None:
        return False  # nothing was ever written to them
    new, _ = await suppress_address(connection, row[0], UNSUBSCRIBED, source, now)
    return new
