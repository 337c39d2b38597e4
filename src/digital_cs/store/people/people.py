"""People as events tell of them: contacts, the accounts they belong to, the ids they go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.store.database.arrays import text_array

Connection = AsyncConnection[Any]

LOCK = 0x64637070
"""Who asks where people belong shares it, who says something new of that has it alone.

So an event that waits for its user's account and the news of that account never miss each other.
"""


@dataclass(slots=True)
class PersonRecord:
    """What is said of a person. None, and a trait that is not given, stays as it is known."""

    id: str
    email: str | None = None
    first_name: str | None = None
    full_name: str | None = None
    zone: str | None = None
    language: str | None = None
    traits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Joining:
    """A contact joins an account."""

    contact_id: str
    account_id: str
    at: datetime


async def look(connection: Connection) -> None:
    """Hold still, until the transaction ends, who is whom and belongs where."""
    await connection.execute("select pg_advisory_xact_lock_shared(%s)", (LOCK,))


async def change(connection: Connection) -> None:
    """Be the only one, until the transaction ends, who changes who is whom and belongs where.

    Ask for it first of all in a transaction, and not after `look`: two would wait for each other.
    """
    await connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))


_KNOWN_AS = "select alias, contact_id from identities where alias = any(%s::text[])"


async def known_as(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The contacts by those of these ids that are other names of somebody."""
    return (await names_and_homes(connection, ids, ()))[0]


_HOMES = """
select g.id, m.account_id
  from unnest(%s::text[]) as g(id)
  left join identities i on i.alias = g.id
  join lateral (select account_id from memberships
                 where contact_id = coalesce(i.contact_id, g.id) and left_at is null
                 order by joined_at desc, account_id limit 1) m on true
"""


async def homes(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The account of each of these users, by any id of theirs; of several, the one joined last."""
    return (await names_and_homes(connection, (), ids))[1]


async def names_and_homes(
    connection: Connection, ids: Iterable[str], homeless: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """`known_as` of some ids and `homes` of others: one round trip within a pipeline."""
    asked, names, homes = [], list(ids), list(homeless)
    for query, some in ((_KNOWN_AS, names), (_HOMES, homes)):
        asked.append(await connection.execute(query, (text_array(some),)) if some else None)
    found = [dict(await cursor.fetchall()) if cursor else {} for cursor in asked]
    return found[0], found[1]


async def members(connection: Connection, contacts: Iterable[str]) -> set[tuple[str, str]]:
    """(contact, account) of all accounts that these contacts belong to now."""
    cursor = await connection.execute(
        "select contact_id, account_id from memberships"
        " where contact_id = any(%s::text[]) and left_at is null",
        (text_array(contacts),),
    )
    return {(row[0], row[1]) for row in await cursor.fetchall()}


async def accounts_by_domain(connection: Connection, domains: Iterable[str]) -> dict[str, str]:
    """The account of each of these e-mail domains, where exactly one account has it."""
    cursor = await connection.execute(
        "select d.domain, min(a.id) from unnest(%s::text[]) as d(domain)"
        " join accounts a on a.domains @> array[d.domain] group by 1 having count(*) = 1",
        (text_array(domains),),
    )
    return dict(await cursor.fetchall())


# A repeat of what is known writes nothing: SDKs identify a user at every login.
_SAVE = """
insert into contacts as c (id, email, first_name, full_name, zone, language, traits, created_at,
       updated_at)
select g.id, g.email, coalesce(g.first_name, ''), coalesce(g.full_name, ''), g.zone, g.language,
       g.traits, %(now)s, %(now)s
  from jsonb_to_recordset(%(rows)s) as g(id text, email text, first_name text, full_name text,
       zone text, language text, traits jsonb)
 order by g.id
on conflict (id) do update
   set email = coalesce(excluded.email, c.email),
       first_name = coalesce(nullif(excluded.first_name, ''), c.first_name),
       full_name = coalesce(nullif(excluded.full_name, ''), c.full_name),
       zone = coalesce(excluded.zone, c.zone), language = coalesce(excluded.language, c.language),
       traits = c.traits || excluded.traits, updated_at = excluded.updated_at
 where (c.email, c.first_name, c.full_name, c.zone, c.language, c.traits) is distinct from
       (coalesce(excluded.email, c.email), coalesce(nullif(excluded.first_name, ''), c.first_name),
        coalesce(nullif(excluded.full_name, ''), c.full_name), coalesce(excluded.zone, c.zone),
        coalesce(excluded.language, c.language), c.traits || excluded.traits)
returning id
"""


async def save(connection: Connection, people: Sequence[PersonRecord], now: datetime) -> set[str]:
    """Insert or complete contacts, of each only one record; returns ids of those that changed."""
    if not people:
        return set()
    rows = [
        {
            "id": p.id, "email": p.email, "first_name": p.first_name, "full_name": p.full_name,
            "zone": p.zone, "language": p.language, "traits": p.traits,
        }
        for p in people
    ]  # fmt: skip
    cursor = await connection.execute(_SAVE, {"rows": Jsonb(rows), "now": now})
    return {row[0] for row in await cursor.fetchall()}


# What is older than the end of a membership is an old message sent again: it opens nothing anew.
_JOIN = """
insert into memberships (contact_id, account_id, joined_at, source)
select distinct on (1, 2) g.contact_id, g.account_id, g.at, %(source)s
  from unnest(%(contacts)s::text[], %(accounts)s::text[], %(moments)s::timestamptz[])
    as g(contact_id, account_id, at)
 where not exists (select from memberships m where m.contact_id = g.contact_id
                      and m.account_id = g.account_id and m.left_at >= g.at)
 order by 1, 2, 3
on conflict do nothing
returning contact_id, account_id
"""


async def join(
    connection: Connection, joinings: Sequence[Joining], source: str
) -> set[tuple[str, str]]:
    """Make known contacts members of known accounts; returns (contact, account) where that is new.

    Needs `change`, and the events that wait for them assigned afterwards.
    """
    if not joinings:
        return set()
    cursor = await connection.execute(
        _JOIN,
        {
            "contacts": [each.contact_id for each in joinings],
            "accounts": [each.account_id for each in joinings],
            "moments": [each.at for each in joinings], "source": source,
        },
    )  # fmt: skip
    return {(row[0], row[1]) for row in await cursor.fetchall()}


async def give_roles(
    connection: Connection, roles: Mapping[tuple[str, str | None], Sequence[str]]
) -> set[str]:
    """Give contacts these roles in an account, or in all that they belong to where none is named.

    Returns the contacts of whom that is new.
    """
    if not roles:
        return set()
    rows = [
        {"contact_id": contact, "account_id": account, "roles": list(given)}
        for (contact, account), given in roles.items()
    ]
    cursor = await connection.execute(
        "update memberships m set roles = g.roles from jsonb_to_recordset(%s)"
        " as g(contact_id text, account_id text, roles text[])"
        " where m.contact_id = g.contact_id and m.left_at is null and m.roles <> g.roles"
        " and m.account_id = coalesce(g.account_id, m.account_id) returning m.contact_id",
        (Jsonb(rows),),
    )
    return {row[0] for row in await cursor.fetchall()}


# Nothing is deleted: memberships of the former id end, and begin for the one that is left. What
# either of them did not want, nobody wants.
_MERGE = """
with former as (
       update contacts set active = false, updated_at = %(now)s where id = %(alias)s
       returning email, first_name, full_name, zone, language, quiet_until, fewer, traits),
     kept as (
       update contacts c set email = coalesce(c.email, f.email),
              first_name = coalesce(nullif(c.first_name, ''), f.first_name),
              full_name = coalesce(nullif(c.full_name, ''), f.full_name),
              zone = coalesce(c.zone, f.zone), language = coalesce(c.language, f.language),
              quiet_until = greatest(c.quiet_until, f.quiet_until), fewer = c.fewer or f.fewer,
              traits = f.traits || c.traits, updated_at = %(now)s
         from former f where c.id = %(contact)s),
     wanted as (
       insert into preferences as p (contact_id, topic, wanted, source, changed_at)
       select %(contact)s, topic, wanted, source, changed_at from preferences
        where contact_id = %(alias)s
       on conflict (contact_id, topic) do update set wanted = p.wanted and excluded.wanted),
     left_ as (
       update memberships set left_at = greatest(joined_at, %(now)s)
        where contact_id = %(alias)s and left_at is null
       returning account_id, joined_at, roles, source),
     moved as (
       insert into memberships (contact_id, account_id, joined_at, roles, source)
       select %(contact)s, account_id, joined_at, roles, source from left_
       on conflict do nothing),
     roles_too as (
       update memberships m
          set roles = m.roles || array(select r from unnest(l.roles) r where r <> all(m.roles))
         from left_ l
        where m.contact_id = %(contact)s and m.account_id = l.account_id and m.left_at is null),
     others as (
       update identities set contact_id = %(contact)s where contact_id = %(alias)s)
insert into identities (alias, contact_id, kind, at, source)
values (%(alias)s, %(contact)s,
        case when exists (select from former) then 'merged' else 'anonymous' end,
        %(at)s, %(source)s)
on conflict do nothing
"""


async def merge(
    connection: Connection, alias: str, contact: str, at: datetime, source: str, now: datetime
) -> None:
    """Say once for all that `alias` is another id of this contact, who must be known.

    Where the alias is a contact itself, that one is merged into the other. Needs `change`, and the
    events that wait for them assigned afterwards.
    """
    await connection.execute(
        _MERGE, {"alias": alias, "contact": contact, "at": at, "source": source, "now": now}
    )


async def accounts_ever(connection: Connection, contacts: Iterable[str]) -> list[str]:
    """Every account that these contacts belong to, or belonged to."""
    cursor = await connection.execute(
        "select distinct account_id from memberships where contact_id = any(%s::text[]) order by 1",
        (text_array(contacts),),
    )
    return [row[0] for row in await cursor.fetchall()]


async def accounts_of(connection: Connection, contacts: Iterable[str]) -> list[str]:
    """Every account that one of these contacts belongs to now."""
    cursor = await connection.execute(
        "select distinct account_id from memberships"
        " where contact_id = any(%s::text[]) and left_at is null order by 1",
        (text_array(contacts),),
    )
    return [row[0] for row in await cursor.fetchall()]
