"""Suppressions: who is not written to and why, with what follows for every account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.domain.sending.suppression import Kind, parts_of, subject_of
from digital_cs.store.rules.changes import tell_all
from digital_cs.store.sending import locks

Connection = AsyncConnection[Any]

MOST_AT_ONCE = 500
"""Subjects of one transaction, for each holds a lock."""

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

# A row that was only changed has its former version's end in xmax.
_ADD = """
insert into suppression_entries as e (subject, reason, source, note, created_at, expires_at)
select g.subject, g.reason, %(source)s, g.note, %(now)s, g.expires_at
  from jsonb_to_recordset(%(rows)s)
    as g(subject text, reason text, note text, expires_at timestamptz)
 order by g.subject, g.reason
on conflict (subject, reason) where lifted_at is null do update
   set expires_at = excluded.expires_at, note = coalesce(nullif(excluded.note, ''), e.note)
 where e.expires_at is not null
   and (excluded.expires_at is null or excluded.expires_at > e.expires_at)
returning subject, reason, xmax = 0
"""

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


# Each part by an index of its own: "or" between them would read all contacts.
_CONCERNED = """
select m.account_id from contacts c join memberships m on m.contact_id = c.id and m.left_at is null
 where lower(c.email) = any(%(addresses)s)
union
select m.account_id from contacts c join memberships m on m.contact_id = c.id and m.left_at is null
 where split_part(lower(c.email), '@', -1) = any(%(domains)s)
union
select id from accounts where id = any(%(accounts)s)
 order by 1
"""


def address_subject(address: str) -> str:
    """The subject that stands for an address."""
    return subject_of(Kind.ADDRESS, address)


@dataclass(frozen=True, slots=True)
class Entry:
    """One reason not to write to a subject; without `expires_at` it lasts until it is lifted."""

    subject: str
    reason: str
    note: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """The entries that are new, and those in force before that now last longer."""

    new: list[tuple[str, str]]
    longer: list[tuple[str, str]]


async def hold(connection: Connection, subjects: Iterable[str]) -> None:
    """Keep claims from being made about these subjects, until this transaction ends.

    Every claim is either over before what is said here is in force, or it sees it (P16). And of
    two who say something of one subject, none settles it without having seen the other.
    """
    names: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for subject in subjects:
        kind, name = parts_of(subject)
        names[kind].append(name)
    if names[Kind.DOMAIN]:
        await locks.stop_claims(connection)  # whose addresses are of it, nobody can name
    await locks.stop_claims_for(
        connection, accounts=names[Kind.ACCOUNT], addresses=names[Kind.ADDRESS]
    )


async def add(
    connection: Connection, subjects: Sequence[str], reason: str, source: str, now: datetime,
    *, note: str = "", expires_at: datetime | None = None,
) -> list[str]:  # fmt: skip
    """Do not write to these subjects any more; wakes whoever would have. Call in a transaction.

    Returns the subjects for which this reason is new: a repeat changes nothing.
    """
    entries = [Entry(subject, reason, note, expires_at) for subject in subjects]
    return [subject for subject, _ in (await add_entries(connection, entries, source, now)).new]


async def add_entries(
    connection: Connection, entries: Sequence[Entry], source: str, now: datetime
) -> Added:
    """Put these entries in force; wakes whoever would have been written to. In a transaction.

    A repeat changes nothing, but that of two ends the later one counts: who says "never" must not
    be overruled by what was said before, with an end.
    """
    if not entries:
        return Added([], [])
    unique = {(entry.subject, entry.reason): entry for entry in entries}
    rows = [
        {
            "subject": entry.subject, "reason": entry.reason, "note": entry.note,
            "expires_at": entry.expires_at.isoformat() if entry.expires_at else None,
        }
        for entry in unique.values()
    ]  # fmt: skip
    await hold(connection, (entry.subject for entry in entries))
    cursor = await connection.execute(_ADD, {"rows": Jsonb(rows), "source": source, "now": now})
    new: list[tuple[str, str]] = []
    longer: list[tuple[str, str]] = []
    for subject, why, fresh in await cursor.fetchall():
        (new if fresh else longer).append((subject, why))
    await settle(connection, [subject for subject, _ in new])
    return Added(new, longer)


async def lift(
    connection: Connection, subject: str, reason: str | None, by: str, now: datetime
) -> list[str]:
    """Take back one reason, or all of them; wakes whoever may be written to again.

    Returns the reasons that were in force. Call in a transaction.
    """
    await hold(connection, [subject])
    cursor = await connection.execute(
        "update suppression_entries set lifted_at = %(now)s, lifted_by = %(by)s"
        " where subject = %(subject)s and lifted_at is null"
        " and reason = coalesce(%(reason)s, reason) returning reason",
        {"subject": subject, "reason": reason, "by": by, "now": now},
    )
    lifted = sorted(row[0] for row in await cursor.fetchall())
    await settle(connection, [subject] if lifted else [])
    return lifted


async def expire(connection: Connection, now: datetime) -> int:
    """Lift what has reached its end, some of it at a time; returns how many entries.

    Call in a transaction.
    """
    cursor = await connection.execute(
        "select distinct subject from suppression_entries where lifted_at is null"
        " and expires_at <= %s order by subject limit %s",
        (now, MOST_AT_ONCE),
    )
    subjects = [row[0] for row in await cursor.fetchall()]
    if not subjects:
        return 0
    await hold(connection, subjects)
    # Somebody may have made one last longer, before they were held.
    cursor = await connection.execute(
        "update suppression_entries set lifted_at = %(now)s, lifted_by = 'its end'"
        " where subject = any(%(subjects)s) and lifted_at is null and expires_at <= %(now)s",
        {"subjects": subjects, "now": now},
    )
    await settle(connection, subjects)
    return cursor.rowcount


async def settle(connection: Connection, subjects: Sequence[str]) -> None:
    """Derive what is in force from the entries of these subjects, and tell their accounts."""
    if not subjects:
        return
    await connection.execute(_SETTLE, {"subjects": list(subjects)})
    cursor = await connection.execute(
        _CONCERNED,
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


async def unsubscribe(
    connection: Connection, contact_id: str, source: str, now: datetime
) -> bool | None:
    """Never write to the address of this contact again, in none of its accounts.

    A link that is older than a merge names the former id: what is asked then holds for both.
    Returns whether that is new (a repeat wakes nobody), and None when there is no such contact.
    Call it in a transaction.
    """
    found = await addresses_of(connection, contact_id)
    if found is None:
        return None
    return bool(await add(connection, [*map(address_subject, found)], UNSUBSCRIBED, source, now))


async def resubscribe(
    connection: Connection, contact_id: str, by: str, now: datetime
) -> bool | None:
    """Take back what a contact said with `unsubscribe`, and no other reason.

    Returns whether there was anything to take back; None when there is no such contact. Call it
    in a transaction.
    """
    found = await addresses_of(connection, contact_id)
    if found is None:
        return None
    lifted = [
        await lift(connection, subject, UNSUBSCRIBED, by, now)
        for subject in sorted(map(address_subject, found))
    ]
    return any(lifted)


async def addresses_of(connection: Connection, contact_id: str) -> list[str] | None:
    """The addresses of a contact and of who they became by a merge; None: no such contact."""
    cursor = await connection.execute(
        "select distinct lower(email) from contacts where id = %(id)s"
        " or id = (select contact_id from identities where alias = %(id)s)",
        {"id": contact_id},
    )
    rows = await cursor.fetchall()
    return sorted(row[0] for row in rows if row[0] is not None) if rows else None
